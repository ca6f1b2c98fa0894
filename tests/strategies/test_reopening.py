"""What was refused all night is asked for again when its exchange opens: once in each session, and nothing else is."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import event, select, update

from app.execution.desk import open_gate
from app.execution.models import Order
from app.strategies import reopening
from app.strategies.models import AccountRun, LegRun, Run, Strategy
from app.strategies.runner import Runner
from app.venues.types import OrderStatus, Side
from tests.execution.journaling import LOT, REFUSED, Journaling, row
from tests.execution.reports import OPTION

EVENING = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)  # 19:30 in India
NINE, QUARTER_PAST = datetime(2026, 11, 23, 3, 30, tzinfo=UTC), datetime(2026, 11, 23, 3, 45, tzinfo=UTC)  # a Monday
TRIES = 6


def opened(exchange: str, now: datetime) -> datetime | None:
    """On the Monday MCX opens at nine and all others a quarter past; the days before are over."""
    opens = NINE if exchange == "MCX" else QUARTER_PAST
    return opens if opens <= now < opens + timedelta(hours=6) else None


class Held:
    """A run of which the first account holds legs, one lot each, asked to leave in the evening."""

    def __init__(self, desk: Journaling) -> None:
        self.desk = desk
        desk.clock.time = EVENING
        self.runner = Runner(desk.db, desk.writer, desk.clock, open_gate)
        both = {"owner_id": "u1", "name": "s", "legs": [], "on_failure": "hold", "venue_kind": "openalgo"}
        with desk.db.write() as session:
            session.add(Strategy(id="s1", created_at=EVENING, updated_at=EVENING, **both))
            session.flush()
            session.add(Run(
                id="r1", strategy_id="s1", key="k", version=1, accounts=[], state="open", requested_at=EVENING, **both
            ))  # fmt: skip
            session.flush()
            session.add(AccountRun(
                id="part", run_id="r1", owner_id="u1", account_id="a1", multiplier=1, on_failure="hold", state="open",
                started_at=EVENING,
            ))  # fmt: skip

    def leg(self, name: str = "leg", exchange: str = "NFO") -> None:
        with self.desk.db.write() as session:
            session.add(LegRun(
                id=name, account_run_id="part", number=1, exchange=exchange, symbol=OPTION.name, side="BUY", lots=1,
                lot_size=LOT, tick=Decimal("0.05"), quantity=LOT, product="NRML", price_type="MARKET",
            ))  # fmt: skip
        self.desk.sent(f"entry {name}", account_run_id="part", leg_run_id=name)
        self.desk.push(row(OrderStatus.FILLED, filled=65))
        with self.desk.db.write() as session:  # the next one is another order at the venue
            session.execute(update(Order).where(Order.leg_run_id == name).values(venue_order_id=f"v {name}"))

    def leave(self, model: type = Run, row_id: str = "r1") -> None:
        with self.desk.db.write() as session:
            change = {"exit_reason": "time of 19:30", "exit_by": "risk", "exit_at": self.desk.clock.now()}
            session.execute(update(model).where(model.id == row_id).values(**change))

    def refuse(self) -> None:
        """Every exit there is, as often as it is tried."""
        for _ in range(TRIES + 2):
            self.runner.step(["part"])
            for order in self.exits("new"):
                assert self.desk.claim(order.id)
                self.desk.answer(order.id, REFUSED)
            self.desk.clock.pass_by(60)

    def exits(self, state: str = "") -> list[Order]:
        with self.desk.db.read() as session:
            found = session.scalars(select(Order).where(Order.purpose == "exit").order_by(Order.id)).all()
        return [order for order in found if order.state == state or not state]

    def renew(self, at: datetime) -> list[str]:
        self.desk.clock.time = at
        with self.desk.db.write() as session:
            return reopening.renew(session, opened, at)

    def asked_at(self, model: type = Run, row_id: str = "r1") -> datetime | None:
        with self.desk.db.read() as session:
            return session.get_one(model, row_id).exit_at


@pytest.fixture
def held(any_desk) -> Held:
    return Held(any_desk)


def given_up(held: Held) -> None:
    held.leg()
    held.leave()
    held.refuse()
    assert len(held.exits()) == TRIES
    held.runner.step(["part"])
    assert held.exits("new") == [], "it was left to a person"


def test_an_exit_that_gave_up_at_night_is_asked_for_again_once_its_exchange_opens(held) -> None:
    given_up(held)
    asked = held.asked_at()
    assert held.renew(EVENING + timedelta(hours=1)) == []
    assert held.renew(QUARTER_PAST - timedelta(seconds=1)) == []
    assert held.asked_at() == asked
    assert held.renew(QUARTER_PAST) == ["part"]
    assert held.asked_at() == QUARTER_PAST
    held.runner.step(["part"])
    (order,) = held.exits("new")
    assert (order.quantity, Side(order.side)) == (LOT, Side.SELL)


def test_in_one_session_it_is_asked_for_once_however_often_it_is_looked_at(held) -> None:
    given_up(held)
    assert held.renew(QUARTER_PAST + timedelta(minutes=40)) == ["part"]  # the desk was down until then
    held.refuse()
    assert len(held.exits()) == 2 * TRIES, "and then a person is asked, as before"
    assert held.renew(held.desk.clock.now()) == []


@pytest.mark.parametrize(("model", "row_id"), [(Run, "r1"), (AccountRun, "part"), (LegRun, "leg")])
def test_it_is_asked_for_where_it_was_decided(held, model, row_id) -> None:
    held.leg()
    held.leave(model, row_id)
    held.refuse()
    assert held.renew(QUARTER_PAST) == ["part"]
    everything = [(Run, "r1"), (AccountRun, "part"), (LegRun, "leg")]
    assert [one for one in everything if held.asked_at(*one) == QUARTER_PAST] == [(model, row_id)]
    held.runner.step(["part"])
    assert len(held.exits("new")) == 1


def test_each_exchange_of_a_run_has_its_own_opening(held) -> None:
    held.leg("metal", "MCX")
    held.leg("index", "NFO")
    held.leave()
    held.refuse()
    assert len(held.exits()) == 2 * TRIES
    assert held.renew(NINE) == ["part"]
    held.refuse()  # the index's market is still closed
    assert held.renew(NINE + timedelta(minutes=14)) == []
    assert held.renew(QUARTER_PAST) == ["part"]
    held.runner.step(["part"])
    assert "index" in {order.leg_run_id for order in held.exits("new")}


def test_what_was_asked_for_since_the_opening_is_left_alone(held) -> None:
    held.leg()
    held.desk.clock.time = QUARTER_PAST + timedelta(minutes=5)
    held.leave()
    held.refuse()
    assert held.renew(held.desk.clock.now()) == []


def test_what_is_flat_or_over_or_asked_of_nobody_is_left_alone(held) -> None:
    held.leg()
    assert held.renew(QUARTER_PAST) == [], "nobody wants it out"
    held.desk.clock.time = EVENING
    held.leave()
    held.refuse()
    with held.desk.db.write() as session:
        session.execute(update(AccountRun).values(state="closed"))
    assert held.renew(QUARTER_PAST) == []
    with held.desk.db.write() as session:
        session.execute(update(AccountRun).values(state="open"))
        (last,) = session.scalars(select(Order.id).where(Order.purpose == "exit").order_by(Order.id.desc()).limit(1))
        session.execute(update(Order).where(Order.id == last).values(filled_quantity=LOT, state="filled"))
    assert held.renew(QUARTER_PAST) == [], "its last exit filled"


def test_the_usual_look_is_one_statement_and_writes_nothing(held) -> None:
    held.leg()
    held.leave()
    told: list[str] = []
    event.listen(held.desk.db.writer, "before_cursor_execute", lambda *what: told.append(what[2]))
    held.desk.clock.time = QUARTER_PAST
    with held.desk.db.write() as session:
        assert reopening.renew(session, opened, QUARTER_PAST) == []
    assert [line.split()[0] for line in told if "leg_runs" in line] == ["SELECT"]
    assert not [line for line in told if line.startswith("UPDATE")]
