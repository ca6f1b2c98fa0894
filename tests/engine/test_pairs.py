"""A leg's stop and target that rest at the broker: held there once, counted as an exit, and taken back before another.

One broker keeps such pairs and the other has none, so in the same run the one's are at the broker and the other's at
the desk.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from app.execution.models import Order
from app.execution.states import AT_VENUE
from app.strategies.models import LegRun
from app.wiring import build
from tests.engine.desks import TestDesk
from tests.engine.proving import assert_flat, assert_proven, orders_of, proving_desk, told, until_settled
from tests.engine.test_guard import (
    MOVE,
    NIFTY,
    SPOT,
    at_rest,  # noqa: F401 - a fixture: every test begins at the same price
    events_of,
    is_priced_now,
    move,
    seen,
)
from tests.waiting import until

KEEPS, HAS_NONE = "zerodha", "alpha"
numbers = count(1)
LEVELS = {"stop": {"value": "30"}, "target": {"value": "40"}, "at_broker": True}
LONG = {"action": "BUY", "kind": "CE", "underlying": "NIFTY", "strike": "ATM", "lots": 2} | LEVELS
SHORT = {"action": "SELL", "kind": "PE", "underlying": "NIFTY", "strike": "ATM", "lots": 2} | LEVELS


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestDesk]:
    with proving_desk(tmp_path_factory.mktemp("pairs"), (KEEPS, HAS_NONE)) as made:
        yield made


def pairs_of(desk: TestDesk, run_id: str, broker: str) -> list[Order]:
    """Of the leg, whatever became of them."""
    return [order for order in orders_of(desk, run_id, broker) if order.target_trigger is not None]


def kept_at(desk: TestDesk, broker: str = KEEPS) -> list[dict[str, Any]]:
    return desk.paper[broker].call("gttorderbook")[1]["data"]


def resting(desk: TestDesk, *legs: dict[str, Any]) -> str:
    """A run whose pairs are at the broker that keeps them, and were refused by the other."""
    number = next(numbers)
    run_id = desk.run(desk.strategy(legs or [LONG], f"pair {number}"), f"pair {number}")
    until_held(desk, run_id)
    until(lambda: [one.state in AT_VENUE for one in pairs_of(desk, run_id, KEEPS)] == [True] * max(1, len(legs)), 20)
    until(lambda: [one.state for one in pairs_of(desk, run_id, HAS_NONE)] == ["rejected"] * max(1, len(legs)), 20)
    return run_id


def until_held(desk: TestDesk, run_id: str) -> None:
    assert desk.until_state(run_id, "open", "closed", "failed") == "open"
    until(lambda: all(is_priced_now(desk, o) for o in orders_of(desk, run_id) if o.purpose == "entry"), 20)


def left(desk: TestDesk, run_id: str) -> None:
    until_settled(desk, run_id, 40)
    assert_proven(desk, run_id)
    assert_flat(desk)
    assert kept_at(desk) == [], told(desk, run_id, KEEPS)


def decided_by(desk: TestDesk, run_id: str) -> dict[str, str]:
    """By broker, who decided the exit of the leg."""
    with desk.services.db.read() as session:
        parts = desk.parts(run_id)
        rows = {row.account_run_id: row for row in session.query(LegRun)}
        return {name: f"{rows[part.id].exit_by}: {rows[part.id].exit_rule}" for name, part in parts.items()}


@pytest.mark.parametrize(("leg", "by", "rule"), [
    (LONG, MOVE, "target"), (LONG, -MOVE, "stop"), (SHORT, MOVE, "target"), (SHORT, -MOVE, "stop"),
])  # fmt: skip
def test_what_is_touched_leaves_once_held_at_the_broker_that_keeps_it_and_by_the_desk_elsewhere(
    desk: TestDesk, leg: dict[str, Any], by: int, rule: str
) -> None:
    run_id = resting(desk, leg)
    (row,) = kept_at(desk)
    assert row["trigger_type"] == "two-leg"
    move(desk, SPOT + by)
    left(desk, run_id)
    assert decided_by(desk, run_id) == {KEEPS: f"broker: {rule}", HAS_NONE: f"risk: {rule}"}, told(desk, run_id, KEEPS)
    (pair,) = pairs_of(desk, run_id, KEEPS)
    assert (pair.fired, pair.filled_quantity) == (rule, pair.quantity)
    touched = [event for event in events_of(desk, run_id) if event.decided]
    assert {event.rule for event in touched} == {rule} and len(touched) == 2


def test_an_exit_by_hand_takes_the_pair_back_first_and_sells_once(desk: TestDesk) -> None:
    run_id = resting(desk)
    desk.exit(run_id)
    left(desk, run_id)
    assert [(one.state, one.fired) for one in pairs_of(desk, run_id, KEEPS)] == [("cancelled", "")]
    assert [order.purpose for order in orders_of(desk, run_id, KEEPS)] == ["entry", "exit", "exit"]


def test_an_exit_by_hand_at_the_very_moment_of_the_touch_sells_once(desk: TestDesk) -> None:
    for _ in range(4):
        run_id = resting(desk)
        move(desk, SPOT - MOVE)
        desk.exit(run_id)
        left(desk, run_id)
        move(desk, SPOT)
        until(lambda: seen(desk, NIFTY) == SPOT)


def test_a_pair_whose_answer_was_lost_is_found_in_the_brokers_book_and_not_placed_twice(desk: TestDesk) -> None:
    desk.paper.fault("lost", broker=KEEPS, endpoint="placegttorder", next=1)
    number = next(numbers)
    run_id = desk.run(desk.strategy([LONG], f"pair {number}"), f"pair {number}")
    until_held(desk, run_id)
    until(lambda: [one.state in AT_VENUE for one in pairs_of(desk, run_id, KEEPS)] == [True], 30)
    assert len(kept_at(desk)) == 1
    move(desk, SPOT + MOVE)
    left(desk, run_id)
    assert decided_by(desk, run_id)[KEEPS] == "broker: target"


def test_a_pair_that_was_taken_back_at_the_broker_is_held_by_the_desk_from_then_on(desk: TestDesk) -> None:
    run_id = resting(desk)
    (row,) = kept_at(desk)
    assert desk.paper[KEEPS].call("cancelgttorder", strategy="by hand", trigger_id=row["trigger_id"])[0] == 200
    until(lambda: [one.state for one in pairs_of(desk, run_id, KEEPS)] == ["lost"], 40)
    move(desk, SPOT - MOVE)
    left(desk, run_id)
    assert decided_by(desk, run_id)[KEEPS] == "risk: stop"


def test_a_stop_that_was_touched_while_no_engine_ran_is_known_at_the_next_start(desk: TestDesk) -> None:
    run_id = resting(desk)
    desk.stop()
    move(desk, SPOT - MOVE)
    until(lambda: kept_at(desk) == [])
    desk.services = build(desk.settings, "engine")
    desk.start()
    left(desk, run_id)
    assert decided_by(desk, run_id)[KEEPS] == "broker: stop"


def test_what_an_order_that_came_of_a_pair_leaves_unfilled_goes_at_market(desk: TestDesk) -> None:
    run_id = resting(desk)
    desk.paper.fault("slow_fills", broker=KEEPS, ms=12_000, next=1)
    move(desk, SPOT + MOVE)
    until(lambda: pairs_of(desk, run_id, KEEPS)[0].fired == "target", 20)
    until(lambda: pairs_of(desk, run_id, KEEPS)[0].price_type == "MARKET", 20)
    left(desk, run_id)
    assert decided_by(desk, run_id)[KEEPS] == "broker: target"


def test_legs_that_leave_by_themselves_take_back_their_own_pair_alone(desk: TestDesk) -> None:
    run_id = resting(desk, LONG, SHORT)
    assert len(kept_at(desk)) == 2
    part = desk.parts(run_id)[KEEPS]
    legs = desk.services.strategies.leg_runs(desk.owner_id, run_id)
    short = max((leg for leg in legs if leg.account_run_id == part.id), key=lambda leg: leg.number)
    desk.services.strategies.exit_leg(desk.owner_id, short.id, "by hand", "trader")
    desk.engine.loops["runs"].nudge()
    until(lambda: [one.state for one in pairs_of(desk, run_id, KEEPS)][1] == "cancelled", 20)
    assert len(kept_at(desk)) == 1
    assert pairs_of(desk, run_id, KEEPS)[0].state in AT_VENUE
    desk.exit(run_id)
    left(desk, run_id)
