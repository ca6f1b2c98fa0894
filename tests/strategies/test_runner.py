"""Moving runs on: an error in one account's part is its own."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from app.audit.trail import Trail
from app.core.link import SilentLink
from app.execution import journal
from app.execution.desk import open_gate
from app.execution.lanes import Room
from app.execution.models import Order, OrderChange
from app.execution.service import OrderService
from app.strategies.exit_prices import AnyMarket
from app.strategies.models import AccountRun, LegRun, Run, Strategy
from app.strategies.runner import ReadyToSend, Runner
from app.venues.types import OrderStatus, PriceType, Quote, Symbol
from tests.execution.journaling import DONE, LOT, UNKNOWN, Journaling, row
from tests.execution.reports import OPTION
from tests.portfolio.rows import NOW


@pytest.fixture
def desk(db):
    made = Journaling(db)
    yield made
    made.close()


def a_run(desk: Journaling, **states: str) -> None:
    """One run with a part without orders in each account, in the states given."""
    now = desk.clock.now()
    with desk.db.write() as session:
        both = {"owner_id": "u1", "name": "s", "legs": [], "on_failure": "unwind", "venue_kind": "openalgo"}
        session.add(Strategy(id="s1", created_at=now, updated_at=now, **both))
        session.flush()
        session.add(
            Run(id="r1", strategy_id="s1", key="k", version=1, accounts=[], state="entering", requested_at=now, **both)
        )
        session.flush()
        for account_id, state in states.items():
            session.add(
                AccountRun(
                    id=f"part-{account_id}", run_id="r1", owner_id="u1", account_id=account_id, multiplier=1,
                    on_failure="unwind", state=state, started_at=now, exit_reason="by hand", exit_at=now,
                )
            )  # fmt: skip


def state_of(desk: Journaling, part: str) -> str:
    with desk.db.read() as session:
        return session.get_one(AccountRun, part).state


def test_a_part_that_cannot_be_stepped_stops_no_other(desk):
    a_run(desk, a1="no such state", a2="exiting")
    Runner(desk.db, desk.writer, desk.clock, open_gate).step(["part-a1", "part-a2"])
    assert state_of(desk, "part-a1") == "no such state"
    assert state_of(desk, "part-a2") == "failed"


def test_parts_that_ended_at_their_start_end_the_run(desk):
    a_run(desk, a1="failed", a2="failed")
    Runner(desk.db, desk.writer, desk.clock, open_gate).step(["part-a1", "part-a2"])
    with desk.db.read() as session:
        run = session.get_one(Run, "r1")
    assert (run.state, run.closed_at) == ("failed", desk.clock.now())


def a_leg(desk: Journaling, quantity: int, **more: object) -> None:
    """One bought leg in the first account's part."""
    usual = {
        "id": "leg", "account_run_id": "part-a1", "number": 1, "exchange": OPTION.exchange, "symbol": OPTION.name,
        "side": "BUY", "lots": 1, "lot_size": LOT, "tick": Decimal("0.05"), "quantity": Decimal(quantity),
        "product": "NRML", "price_type": "MARKET",
    }  # fmt: skip
    with desk.db.write() as session:
        session.add(LegRun(**usual | more))


def exits(desk: Journaling) -> list[tuple[str, Decimal]]:
    with desk.db.read() as session:
        found = session.execute(select(Order.state, Order.quantity).where(Order.purpose == "exit").order_by(Order.id))
        return [(state, quantity) for state, quantity in found]


def test_an_exit_that_a_person_says_never_arrived_is_sent_again(desk):
    a_run(desk, a1="exiting")
    a_leg(desk, 65)
    entry = desk.sent("entry", account_run_id="part-a1", leg_run_id="leg")
    desk.push(row(OrderStatus.FILLED, filled=65))
    assert desk.order(entry).state == "filled"
    runner = Runner(desk.db, desk.writer, desk.clock, open_gate)
    runner.step(["part-a1"])
    with desk.db.read() as session:
        doubtful = session.scalar(select(Order.id).where(Order.purpose == "exit"))
    assert desk.claim(doubtful)
    desk.answer(doubtful, UNKNOWN)
    runner.step(["part-a1"])
    assert exits(desk) == [("unknown", LOT)]
    OrderService(desk.db, desk.clock, SilentLink(), Trail(desk.db, desk.clock)).give_up("u1", doubtful)
    runner.step(["part-a1"])
    assert exits(desk) == [("lost", LOT), ("new", LOT)]
    runner.step(["part-a1"])
    assert len(exits(desk)) == 2


def test_whoever_sends_an_exit_hears_of_it_before_anybody_else_does(desk):
    a_run(desk, a1="exiting")
    a_leg(desk, 65)
    desk.sent("entry", account_run_id="part-a1", leg_run_id="leg")
    desk.push(row(OrderStatus.FILLED, filled=65))
    runner = Runner(desk.db, desk.writer, desk.clock, open_gate)
    with desk.db.write() as session:
        told = [type(event) for event in runner.unit(["part-a1"], session).events]
    assert told[0] is ReadyToSend
    assert len(told) > 1 and ReadyToSend not in told[1:]


class Ample:
    """Claims under the desk's lease for lanes that have room."""

    def __init__(self, desk: Journaling, orders: int) -> None:
        self._desk, self._orders = desk, orders

    def room(self, _account_id: str) -> Room:
        return Room(self._orders, self._orders)

    def claim(self, session: Session, orders: Sequence[tuple[str, str]], now: datetime) -> set[str]:
        return journal.claim(session, [order_id for _, order_id in orders], self._desk.lease.claimant, now, now).result


def filled_parts(desk: Journaling, slices: int) -> list[str]:
    """One part in each of two accounts that holds so many slices, and is to leave."""
    a_run(desk, a1="exiting", a2="exiting")
    for name in ("a1", "a2"):
        part = {"account_run_id": f"part-{name}", "leg_run_id": f"leg-{name}"}
        a_leg(desk, 65 * slices, id=part["leg_run_id"], account_run_id=part["account_run_id"], freeze_quantity=LOT)
        taken = replace(DONE, venue_order_id=name)
        order_id = desk.sent(name, taken, account_id=name, quantity=LOT * slices, **part)
        done = replace(row(OrderStatus.FILLED, name, 65 * slices), quantity=LOT * slices)
        desk.intake.push(name, done)
        desk.settle()
        assert desk.order(order_id).state == "filled"
    return ["part-a1", "part-a2"]


@pytest.mark.parametrize(
    ("room", "told"),
    [
        (10, [("a1", 2, 0), ("a2", 2, 0), ("a1", 3, 0), ("a2", 3, 0)]),
        (2, [("a1", 2, 0), ("a2", 2, 0), ("a1", 0, 3), ("a2", 0, 3)]),
        (0, [("a1", 0, 5), ("a2", 0, 5)]),
    ],
)
def test_each_account_sends_its_first_orders_before_any_sends_the_rest(desk, room, told):
    parts = filled_parts(desk, 5)
    runner = Runner(desk.db, desk.writer, desk.clock, open_gate, Ample(desk, room))
    with desk.db.write(durable=True) as session:
        ready = [event for event in runner.unit(parts, session).events if isinstance(event, ReadyToSend)]
    assert [(each.account_id, len(each.claimed), len(each.place)) for each in ready] == told
    for account_id in ("a1", "a2"):
        sent = [o.id for each in ready if each.account_id == account_id for o in (*each.claimed, *each.place)]
        assert sent == sorted(set(sent))
        assert len(sent) == 5


class Venue(AnyMarket):
    """What an engine would know: a price, and the freeze quantity of today."""

    def __init__(self, last: int | None = None, freeze: int | None = None) -> None:
        self.last, self._freeze = last, freeze

    def quote(self, symbol: Symbol) -> Quote | None:
        return None if self.last is None else Quote(symbol, Decimal(self.last), NOW)

    def can_change(self, account_id: str) -> bool:
        return True

    def freeze(self, account_id: str, symbol: Symbol) -> Decimal | None:
        return None if self._freeze is None else Decimal(self._freeze)


@pytest.mark.parametrize(("days", "of_entry", "of_today", "cut"), [
    (0, 1800, 900, [1755]),
    (1, 1800, 900, [845, 845, 65]), (1, None, 900, [845, 845, 65]),
    (1, 1800, 2400, [1755]), (1, 1800, None, [1755]), (1, 900, 1800, [845, 845, 65]),
])  # fmt: skip
def test_what_was_entered_on_an_earlier_day_is_cut_by_the_freeze_quantity_of_today(desk, days, of_entry, of_today, cut):
    a_run(desk, a1="exiting")
    a_leg(desk, 1755, freeze_quantity=of_entry and Decimal(of_entry))
    desk.sent("entry", account_run_id="part-a1", leg_run_id="leg", quantity=27 * LOT)
    desk.push(replace(row(OrderStatus.FILLED, filled=1755), quantity=27 * LOT))
    desk.clock.pass_by(days * 86_400)
    Runner(desk.db, desk.writer, desk.clock, open_gate, means=Venue(freeze=of_today)).step(["part-a1"])
    assert [quantity for _, quantity in exits(desk)] == cut


def test_an_entry_that_is_due_at_market_rests_as_it_is_while_no_fresh_price_is_known(desk):
    a_run(desk, a1="entering")
    a_leg(desk, 65, price_type="LIMIT", price_from={"of": "ltp"}, chase={"times": 1, "every": 5, "then": "market"})
    with desk.db.write() as session:
        session.get_one(AccountRun, "part-a1").exit_reason = None
    limit = {"price_type": PriceType.LIMIT, "price": Decimal(90)}
    desk.sent("entry", account_run_id="part-a1", leg_run_id="leg", **limit)
    desk.push(row(OrderStatus.OPEN, **limit))
    desk.clock.pass_by(60)
    venue = Venue()
    runner = Runner(desk.db, desk.writer, desk.clock, open_gate, means=venue)
    runner.step(["part-a1"])
    assert changes(desk) == []
    venue.last = 100
    runner.step(["part-a1"])
    assert changes(desk) == [("LIMIT", 103)]


def changes(desk: Journaling) -> list[tuple[str, Decimal]]:
    with desk.db.read() as session:
        return [(one.price_type, one.price) for one in session.scalars(select(OrderChange))]


def test_a_fill_that_nobody_looked_at_is_found_again_and_its_part_told_to_decide(desk):
    a_run(desk, a1="exiting")
    a_leg(desk, 65)
    entry = desk.sent("entry", account_run_id="part-a1", leg_run_id="leg")
    with desk.db.write() as session:
        part = session.get_one(AccountRun, "part-a1")
        part.state, part.exit_reason = "closed", None
    desk.push(row(OrderStatus.FILLED, filled=65))  # and the engine died before it looked
    assert desk.order(entry).state == "filled"
    runner, now = Runner(desk.db, desk.writer, desk.clock, open_gate), desk.clock.now()
    assert runner.reopened(now + timedelta(seconds=1)) == []
    assert runner.reopened(now - timedelta(seconds=60)) == ["part-a1"]
    runner.step(["part-a1"])
    with desk.db.read() as session:
        part = session.get_one(AccountRun, "part-a1")
    assert part.state == "open"
    assert "Nobody has asked for its exit: decide." in part.trouble


def test_looking_for_such_fills_reads_by_index_what_came_lately(desk):
    asked = []

    def note(_connection, _cursor, statement, parameters, *_rest):
        asked.extend([(statement, parameters)] if statement.startswith("SELECT") else [])

    event.listen(desk.db.reader, "before_cursor_execute", note)
    Runner(desk.db, desk.writer, desk.clock, open_gate).reopened(desk.clock.now())
    event.remove(desk.db.reader, "before_cursor_execute", note)
    ((statement, parameters),) = asked
    with desk.db.reader.connect() as connection:
        plan = [line[3] for line in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    assert not any(line.startswith("SCAN") for line in plan), plan
    assert any("ix_orders_filled_at" in line for line in plan), plan
