"""What has expired weighs on no limit of a day: it is in the ledger until somebody accepts the broker's book, and no
price of it comes any more."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import event

from app.core.db import Database
from app.core.errors import Denied
from app.instruments.models import Instrument
from app.instruments.service import InstrumentService
from app.portfolio.service import PortfolioService
from app.risk.day_rules import DayRules, Limited
from app.risk.day_stakes import day_stake
from app.risk.expired import expired, settled
from app.venues.types import Symbol
from tests.execution.journaling import LOT
from tests.execution.reports import OPTION
from tests.portfolio.rows import Desk as Rows
from tests.risk.test_day_rows import FIRST, Days

TODAY = date(2026, 11, 20)
OVER, LAST_DAY = Symbol("NFO", "NIFTY19NOV2626000CE"), Symbol("NFO", "NIFTY20NOV2626000CE")
EXPIRIES = {OVER: date(2026, 11, 19), LAST_DAY: TODAY, OPTION: date(2026, 11, 24)}
A_DAY = timedelta(days=1)


class Fills(Rows):
    """Of an owner who is there already."""

    def __init__(self, db: Database) -> None:
        self.db, self.owner_id = db, "u1"


class Carrying(Days):
    """Orders that filled on other days, in contracts that are listed."""

    def listed(self) -> None:
        with self.made.db.write() as session:
            session.add_all(
                Instrument(
                    venue_kind="openalgo", exchange=symbol.exchange, symbol=symbol.name, name="NIFTY", kind="CE",
                    expiry=expiry, lot_size=LOT, tick=Decimal("0.05"), source="a test", synced_at=self.made.clock.now(),
                    active=expiry >= TODAY,
                )
                for symbol, expiry in EXPIRIES.items()
            )  # fmt: skip

    def filled(self, symbol: Symbol, quantity: int, price: object, ago: timedelta = A_DAY) -> None:
        Fills(self.made.db).fill("a1", quantity, price, self.made.clock.now() - ago, symbol=symbol.name)

    def stake(self):
        book = PortfolioService(self.made.db).held("u1", self.made.clock.now())
        gone = expired(InstrumentService(self.made.db, self.made.clock), [book], TODAY)
        rules = DayRules.model_validate({"max_loss": {"value": "20000"}})
        return day_stake(Limited(FIRST, "u1", "a1", rules, ("a1",)), settled(book, gone), TODAY, None)


@pytest.fixture
def days(any_desk) -> Carrying:
    made = Carrying(any_desk)
    made.listed()
    return made


def test_an_option_held_to_expiry_has_no_part_in_the_profit_of_the_next_day(days) -> None:
    days.filled(OVER, -65, 40)
    days.filled(OPTION, 65, 100, timedelta(0))
    stake = days.stake()
    assert dict(stake.held) == {OPTION: LOT}, "no price of the other decides any more"
    assert stake.cash == -6500
    assert not stake.carries, "the day begins at nought"


def test_on_its_last_day_it_still_counts_and_so_does_what_is_carried_and_lives(days) -> None:
    days.filled(LAST_DAY, 65, 40)
    days.filled(OPTION, 65, 100)
    stake = days.stake()
    assert dict(stake.held) == {LAST_DAY: LOT, OPTION: LOT}
    assert stake.carries


def test_what_is_booked_of_it_today_counts_at_its_price_and_not_at_none(days) -> None:
    days.filled(OVER, 130, 40)
    days.filled(OVER, -65, 50, timedelta(0))
    stake = days.stake()
    assert (dict(stake.held), stake.cash) == ({}, Decimal(650))
    days.filled(OVER, -65, None, timedelta(0))
    assert days.stake().cash == 0, "settled, at a price that nobody told"


def test_an_exposure_limit_refuses_no_entry_for_what_has_expired(days) -> None:
    days.gate.price_of = {OPTION: Decimal(100)}.get
    days.filled(OVER, 65, 40)
    days.limit(exposure={"value": "10000"}, underlying_exposure={"value": "10000"})
    assert days.enter("fits", quantity=LOT)
    with pytest.raises(Denied, match="exposure per underlying \\(NIFTY\\) may be 10000 and would be 13000"):
        days.enter("too much", quantity=LOT)


def test_what_was_carried_and_lives_still_needs_its_price(days) -> None:
    days.gate.price_of = {OPTION: Decimal(100)}.get
    days.filled(LAST_DAY, 65, 40)
    days.limit(exposure={"value": "10000"})
    with pytest.raises(Denied, match=f"no fresh price of {LAST_DAY.name}"):
        days.enter("blind", quantity=LOT)


def test_a_day_that_carries_nothing_asks_for_no_expiry(days) -> None:
    days.filled(OPTION, 65, 100, timedelta(0))
    book = PortfolioService(days.made.db).held("u1", days.made.clock.now())
    asked: list[str] = []
    for engine in (days.made.db.reader, days.made.db.writer):
        event.listen(engine, "before_cursor_execute", lambda *what: asked.append(what[2]))
    gone = expired(InstrumentService(days.made.db, days.made.clock), [book], TODAY)
    assert (gone, settled(book, gone), asked) == (frozenset(), book, [])
