"""Taking over what was done outside the desk, on both databases: many presses at once decide it once."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, update

from app.audit.trail import Trail
from app.core.errors import Denied, NotFound
from app.core.ids import new_id
from app.core.link import SilentLink
from app.execution.models import Order, VenueOrder
from app.instruments.service import InstrumentService
from app.portfolio.models import PositionDifference
from app.strategies.adopting import Adopting
from app.strategies.gone import gone
from app.strategies.models import AccountRun, LegRun, Run
from tests.core.test_db import together
from tests.portfolio.rows import NIFTY, NOW, Desk

PRESSES = 6


class Noon:
    def now(self):
        return NOW


@pytest.fixture
def desk(any_db) -> Desk:
    made = Desk(any_db)
    made.account("a1")
    return made


@pytest.fixture
def adopting(any_db) -> Adopting:
    return Adopting(any_db, Noon(), SilentLink(), Trail(any_db, Noon()), InstrumentService(any_db))


def differs(desk: Desk, ours: int, theirs: int) -> str:
    row = PositionDifference(
        id=new_id(), owner_id=desk.owner_id, account_id="a1", exchange="NFO", symbol=NIFTY, product="NRML",
        desk_quantity=Decimal(ours), venue_quantity=Decimal(theirs), looks=2, is_confirmed=True, reason="A guess.",
        first_seen_at=NOW, last_seen_at=NOW,
    )  # fmt: skip
    with desk.db.write() as session:
        session.add(row)
        return row.id


def pressed(act) -> str:
    """What the one who decided was given; the others were told that it is decided."""
    answers = together(PRESSES, lambda _: act())
    (won,) = [answer for answer in answers if isinstance(answer, str)]
    assert [type(a) for a in answers if a is not won and not isinstance(a, Denied | NotFound)] == []
    return won


def count(desk: Desk, model: type) -> int:
    with desk.db.read() as session:
        return len(session.scalars(select(model)).all())


def test_a_position_of_somebody_elses_making_becomes_one_run(desk, adopting):
    which = differs(desk, 0, 130)
    run_id = pressed(lambda: adopting.adopt_position(desk.owner_id, which, Decimal(130)))
    with desk.db.read() as session:
        assert [run.id for run in session.scalars(select(Run))] == [run_id]
        assert [leg.quantity for leg in session.scalars(select(LegRun))] == [130]
        assert [order.filled_quantity for order in session.scalars(select(Order))] == [130]
    assert count(desk, PositionDifference) == 0


def test_a_position_by_hand_that_is_gone_is_booked_as_closed_once(desk, adopting):
    desk.fill("a1", 130, 100)
    which = differs(desk, 130, 0)
    order_id = pressed(lambda: adopting.accept_position(desk.owner_id, which, Decimal(130)))
    with desk.db.read() as session:
        booked = session.get_one(Order, order_id)
        assert (booked.side, booked.filled_quantity) == ("SELL", 130)
    assert (count(desk, Order), count(desk, PositionDifference)) == (2, 0)


def test_a_leg_that_was_closed_elsewhere_is_booked_as_left_once(desk, adopting):
    which = differs(desk, 0, 130)
    run_id = adopting.adopt_position(desk.owner_id, which, Decimal(130))
    differs(desk, 130, 65)
    with desk.db.read() as session:
        leg_id = session.scalars(select(LegRun.id)).one()
    order_id = pressed(lambda: adopting.accept(desk.owner_id, leg_id, Decimal(65)))
    with desk.db.read() as session:
        booked = session.get_one(Order, order_id)
        part = session.scalars(select(AccountRun)).one()
    assert (booked.purpose, booked.leg_run_id, booked.filled_quantity) == ("exit", leg_id, 65)
    assert (part.run_id, count(desk, Order)) == (run_id, 2)


def test_a_look_says_nothing_of_what_was_entered_after_it(desk, adopting):
    """Or what an older run lacks would let the hedges of a newer one go before its shorts."""
    adopting.adopt_position(desk.owner_id, differs(desk, 0, 130), Decimal(130))
    which = differs(desk, 130, 0)
    with desk.db.read() as session:
        leg_id = session.scalars(select(LegRun.id)).one()
    for seconds, charged in ((-1, {}), (1, {leg_id: 130})):
        seen = {"first_seen_at": NOW - timedelta(minutes=1), "last_seen_at": NOW + timedelta(seconds=seconds)}
        with desk.db.write() as session:
            session.execute(update(PositionDifference).where(PositionDifference.id == which).values(**seen))
        with desk.db.read() as session:
            assert gone(session, ["a1"]) == charged


def test_a_foreign_order_is_adopted_once(desk, adopting):
    with desk.db.write() as session:
        session.add(
            VenueOrder(
                account_id="a1", venue_order_id="v1", exchange="NFO", symbol=NIFTY, side="BUY", quantity=Decimal(65),
                price_type="LIMIT", price=Decimal(90), product="NRML", status="open", filled_quantity=Decimal(0),
                first_seen_at=NOW, last_seen_at=NOW,
            )
        )  # fmt: skip
    pressed(lambda: adopting.adopt_order(desk.owner_id, "a1", "v1"))
    assert count(desk, Order) == 1


def test_another_number_than_was_shown_changes_nothing(desk, adopting):
    desk.fill("a1", 130, 100)
    which = differs(desk, 130, 0)
    with pytest.raises(Denied, match="It is 130 now, not 65"):
        adopting.accept_position(desk.owner_id, which, Decimal(65))
    assert count(desk, Order) == 1
