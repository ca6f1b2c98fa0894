"""After each reading the rows of what differs follow the two books, on both databases."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import delete, select

from app.core.bus import Bus
from app.core.db import swap
from app.execution.models import Order, VenueOrder
from app.execution.writer import Writer, Written
from app.portfolio.comparing import Comparer, DifferenceChanged, DifferenceConfirmed
from app.portfolio.models import PositionDifference
from app.portfolio.service import PortfolioService
from app.portfolio.snapshots import Snapshots
from app.venues.types import PositionReport, Symbol
from tests.portfolio.rows import NIFTY, NOW, Desk


class Looking:
    """Reads the venue's book anew for each look, a second after the one before."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.at = NOW
        self.heard: list[object] = []
        bus = Bus()
        bus.subscribe(DifferenceChanged, self.heard.append)
        bus.subscribe(DifferenceConfirmed, self.heard.append)
        self.writer = Writer(desk.db, bus)
        self.disbelieved: Callable[[], list[str]] = list  # asked in the middle of each look
        service = PortfolioService(desk.db)
        self.comparer = Comparer(desk.db, self.writer, service, self, self.asked)

    def now(self) -> datetime:
        return self.at

    def asked(self) -> list[str]:
        return self.disbelieved()

    def look(self, quantity: int) -> bool:
        self.at += timedelta(seconds=1)
        reports = [PositionReport(Symbol("NFO", NIFTY), "NRML", Decimal(quantity))]
        Snapshots(self.desk.db).positions("a1", reports, self.at)
        return self.comparer.compare("a1")

    def rows(self) -> list[tuple[Decimal, Decimal, int, bool]]:
        with self.desk.db.read() as session:
            found = session.scalars(select(PositionDifference)).all()
        return [(row.desk_quantity, row.venue_quantity, row.looks, row.is_confirmed) for row in found]

    def first_seen_at(self) -> datetime:
        with self.desk.db.read() as session:
            return session.scalars(select(PositionDifference)).one().first_seen_at


@pytest.fixture
def looking(any_desk):
    any_desk.account("a1")
    any_desk.fill("a1", 130, 100)
    made = Looking(any_desk)
    yield made
    made.writer.close()


def test_a_difference_is_kept_after_one_look_proven_by_the_second_and_gone_when_they_agree(looking):
    assert looking.look(130) is False
    assert looking.rows() == []
    assert looking.look(65) is True
    assert looking.rows() == [(130, 65, 1, False)]
    assert looking.heard == []
    assert looking.look(65) is False
    assert looking.rows() == [(130, 65, 2, True)]
    (confirmed,) = [event for event in looking.heard if isinstance(event, DifferenceConfirmed)]
    assert (confirmed.desk, confirmed.venue, confirmed.lacking) == (130, 65, 65)
    assert looking.look(130) is True
    assert looking.rows() == [(130, 65, 2, True)]
    assert looking.look(130) is False
    assert looking.rows() == []
    assert isinstance(looking.heard[-1], DifferenceChanged)


def test_what_is_proven_stands_until_two_looks_in_a_row_say_otherwise(looking):
    """A fill that the desk has yet to hear of may be all that makes the books agree."""
    looking.look(0)
    looking.look(0)
    assert looking.look(130) is True
    looking.desk.fill("a1", 130, 100, at=looking.at)  # that was it
    assert looking.look(130) is False
    assert looking.rows() == [(260, 130, 3, True)]
    assert looking.look(65) is True
    assert looking.look(130) is False
    assert looking.look(65) is True
    assert looking.rows() == [(260, 130, 4, True)]
    since = looking.first_seen_at()
    assert looking.look(65) is False
    assert looking.rows() == [(260, 65, 2, True)]
    assert looking.first_seen_at() == since


def test_a_fill_that_the_book_told_and_nobody_wrote_down_yet_is_waited_for(looking):
    assert looking.look(0) is True

    def sold(session) -> Written:
        time.sleep(0.2)  # the journal is busy
        looking.desk.add(session, "a1", -130, 101, looking.at)
        return Written()

    looking.at += timedelta(seconds=1)
    looking.writer.submit(sold)
    assert looking.look(0) is False
    assert looking.rows() == []


def test_what_a_person_decides_during_a_look_is_not_undone_by_it(looking):
    looking.look(0)
    looking.look(0)

    def accepted(session) -> Written:
        session.execute(delete(PositionDifference))
        return Written()

    looking.disbelieved = lambda: looking.writer.write(accepted) or []
    looking.heard.clear()
    assert looking.look(0) is False
    assert looking.rows() == []
    assert looking.heard == []


def test_an_order_whose_end_was_shown_and_is_not_believed_yet_proves_nothing(looking):
    working = looking.desk.fill("a1", -130, 101)
    with looking.desk.db.write() as session:
        swap(session, Order, working, {}, {"state": "open", "filled_quantity": Decimal(0), "filled_at": None})
    looking.disbelieved = lambda: [working]
    for _ in range(3):
        assert looking.look(0) is False
    assert looking.rows() == []
    looking.disbelieved = list
    looking.look(0)
    looking.look(0)
    assert looking.rows() == [(130, 0, 2, True)]


def test_a_trade_made_elsewhere_proves_it_at_the_first_look(looking):
    at = looking.at
    with looking.desk.db.write() as session:
        session.add(
            VenueOrder(
                account_id="a1", venue_order_id="v1", exchange="NFO", symbol=NIFTY, side="SELL", quantity=Decimal(130),
                price_type="MARKET", product="NRML", status="filled", filled_quantity=Decimal(130),
                average_price=Decimal("99.5"), first_seen_at=at, last_seen_at=at,
            )
        )  # fmt: skip
    assert looking.look(0) is False
    with looking.desk.db.read() as session:
        row = session.scalars(select(PositionDifference)).one()
    assert (row.is_confirmed, row.foreign_order_id, row.foreign_price) == (True, "v1", Decimal("99.5"))
    assert row.reason.startswith("Traded outside the desk: SELL 130")


def test_a_book_that_was_not_read_since_the_last_fill_changes_no_row(looking):
    looking.look(65)
    looking.desk.fill("a1", 65, 100, at=looking.at + timedelta(seconds=5))
    assert looking.comparer.compare("a1") is False
    assert looking.rows() == [(130, 65, 1, False)]
