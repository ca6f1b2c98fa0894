"""Every fault a venue can show, in one account of three, on the way in and on the way out.

Whatever happens, the desk's fills are the broker's own, nothing is sent twice, nothing is oversold, hedges come first
and leave last, the other accounts finish as if nothing were wrong, and after the exit everything is flat.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import count

import pytest

from app.execution.states import FINAL
from tests.engine.desks import TestDesk
from tests.engine.proving import (
    HEALTHY,
    RESTING,
    SPLIT_FLY,
    assert_flat,
    assert_proven,
    orders_of,
    part_state,
    proving_desk,
    told,
    until_part,
    until_settled,
)
from tests.waiting import until

numbers = count(1)
PLACE = {"endpoint": "placeorder"}


@dataclass(frozen=True)
class Case:
    """Faults of one account; how its entry ends with them, and whether it is still stuck when the others are done."""

    faults: tuple[dict, ...]
    entry: str = "open"
    is_stuck: bool = False
    heals: bool = False  # it cannot end before somebody repairs the venue


def one(kind: str, **more: object) -> tuple[dict, ...]:
    return ({"kind": kind, **more},)


LOST_ANSWER = {"kind": "lost", "how": "reset", **PLACE, "next": 1}
CASES = {
    "a slow and trembling network": Case(one("latency", ms=450, jitter_ms=200), is_stuck=True),
    "answers slower than the patience": Case(one("latency", ms=1500, where="after", **PLACE), is_stuck=True),
    "an answer that never comes": Case(one("lost", seconds=3, **PLACE, next=1), is_stuck=True),
    "a reset after the order was taken": Case((LOST_ANSWER,)),
    "a reset of every answer": Case(one("lost", how="reset", **PLACE, next=4)),
    "an order lost on its way": Case(one("lost", how="reset", placed=False, **PLACE, next=1), "closed", is_stuck=True),
    "a server error before the order": Case(one("error", status=500, **PLACE, next=1), "closed", is_stuck=True),
    "a server error after the order": Case(one("error", status=500, placed=True, **PLACE, next=2)),
    "an error text with 201 after the order": Case(one("error", status=201, placed=True, **PLACE, next=1)),
    "a success without an id": Case(one("null_orderid", **PLACE, next=1), "closed", is_stuck=True),
    "a success without an id, placed": Case(one("null_orderid", placed=True, **PLACE, next=2)),
    "a proxy's page before the order": Case(one("html", status=502, **PLACE, next=1), "closed", is_stuck=True),
    "a proxy's page after the order": Case(one("html", status=200, placed=True, **PLACE, next=1)),
    "the server's rate limit": Case(one("rate_limit", **PLACE, next=3)),
    "the broker's rate limit": Case(one("broker_rate_limit", **PLACE, next=1), "closed", is_stuck=True),
    "the first order rejected": Case(one("reject", nth=1), "closed"),
    "the third order rejected": Case(one("reject", nth=3), "closed"),
    "the last slice rejected": Case(one("reject", nth=8), "closed"),
    "the second order refused at the door": Case(one("reject", nth=2, at_gateway=True), "closed"),
    "slow fills": Case(one("slow_fills", ms=1200), is_stuck=True),
    "fills in parts": Case(one("partial_fills", fraction=0.3)),
    "silent order updates": Case(one("order_silent")),
    "dropped order updates": Case(one("order_drop", next=3)),
    "doubled order updates": Case(one("order_duplicate")),
    "swapped order updates": Case(one("order_reorder")),
    "silent updates and a failing order book": Case(
        (*one("order_silent"), *one("error", endpoint="orderbook", next=6)), is_stuck=True
    ),
    "a lost answer and a failing order book": Case(
        (LOST_ANSWER, *one("error", endpoint="orderbook", next=6)), is_stuck=True
    ),
    "a lost answer and an empty order book": Case(
        (LOST_ANSWER, *one("empty_book", endpoint="orderbook", next=30)), is_stuck=True
    ),
    "a lost answer and a late order book": Case((LOST_ANSWER, *one("late_book", ms=1200)), is_stuck=True),
    "silent updates and a failing trade book": Case(
        (*one("order_silent"), *one("error", endpoint="tradebook", next=8)), is_stuck=True
    ),
    "a lost answer and a failing trade book": Case((LOST_ANSWER, *one("error", endpoint="tradebook"))),
    "a status of the broker's own": Case(one("raw_status", ms=1000)),
    "silent prices": Case((*one("market_silent"), *one("market_drop"))),
    "a login that is missing": Case(one("logged_out"), "failed", heals=True),
    "a dead token behind a living server": Case(one("dead_token"), "failed", heals=True, is_stuck=True),
    "a server that queues for approval": Case(one("semi_auto", **PLACE, next=1), "closed"),
}
ENDS = ("open", "closed", "failed")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestDesk]:
    with proving_desk(tmp_path_factory.mktemp("faults")) as made:
        yield made


@pytest.fixture(scope="module")
def strategy(desk: TestDesk) -> str:
    return desk.strategy(SPLIT_FLY)


@pytest.fixture(autouse=True)
def healed(desk: TestDesk) -> Iterator[None]:
    """Every case starts from a venue that works and a desk that knows it."""
    desk.paper.heal()
    until(lambda: all(member.attendant.stream_state == "live" for member in desk.engine.crew), 20)
    yield
    desk.paper.heal()


def strike(desk: TestDesk, case: Case) -> None:
    for fault in case.faults:
        desk.paper.fault(**fault, broker="beta")


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.entry != "open"])
def test_an_entry_that_cannot_be_completed_is_closed(desk: TestDesk, strategy: str, name: str) -> None:
    case = CASES[name]
    run_id = enter(desk, strategy, case)
    assert part_state(desk, run_id, "beta") in ("closed", "failed"), told(desk, run_id, "beta")
    desk.paper.heal()
    exit_and_prove(desk, run_id)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.entry == "open"])
def test_an_entry_and_its_exit_survive(desk: TestDesk, strategy: str, name: str) -> None:
    case = CASES[name]
    run_id = enter(desk, strategy, case)
    assert part_state(desk, run_id, "beta") == "open", told(desk, run_id, "beta")
    desk.paper.heal()
    leave(desk, run_id, case)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.entry != "open"])
def test_an_exit_survives_what_an_entry_cannot(desk: TestDesk, strategy: str, name: str) -> None:
    run_id = desk.run(strategy, f"exit {next(numbers)}")
    desk.until_state(run_id, "open")
    leave(desk, run_id, CASES[name])


def enter(desk: TestDesk, strategy: str, case: Case) -> str:
    """The run, when the faulty account has come to an end of its entry and the others long before it."""
    strike(desk, case)
    run_id = desk.run(strategy, f"entry {next(numbers)}")
    for broker in HEALTHY:
        assert until_part(desk, run_id, broker, *ENDS) == "open"
    if case.heals:
        desk.paper.heal()
    until_part(desk, run_id, "beta", *ENDS)
    if case.is_stuck and case.entry != "failed":
        assert_nobody_waited(desk, run_id)
    return run_id


def assert_nobody_waited(desk: TestDesk, run_id: str) -> None:
    """The healthy accounts were done before the faulty one."""
    stuck = last_end(desk, run_id, "beta")
    assert all(last_end(desk, run_id, broker) < stuck for broker in HEALTHY)


def last_end(desk: TestDesk, run_id: str, broker: str) -> datetime:
    return max(order.ended_at for order in orders_of(desk, run_id, broker))


def leave(desk: TestDesk, run_id: str, case: Case) -> None:
    """The exit with the fault, to the flat end."""
    strike(desk, case)
    desk.exit(run_id)
    for broker in HEALTHY:
        assert until_part(desk, run_id, broker, "closed")
    if case.heals:
        desk.paper.heal()
    until_settled(desk, run_id)
    if case.is_stuck:
        assert_nobody_waited(desk, run_id)
    assert_proven(desk, run_id)
    assert_flat(desk)


CANCELS = {
    "a cancel whose answer is lost": one("lost", how="reset", endpoint="cancelorder", next=1),
    "a cancel lost on its way": one("lost", how="reset", placed=False, endpoint="cancelorder", next=1),
    "a cancel that hangs": one("lost", placed=False, seconds=3, endpoint="cancelorder", next=1),
    "a cancel met by a server error": one("error", status=500, endpoint="cancelorder", next=2),
    "a cancel met by the rate limit": one("rate_limit", endpoint="cancelorder", next=2),
    "a slow cancel": one("slow_cancel", ms=800),
    "a cancel nobody tells about": one("order_silent"),
    "a cancel while the login is missing": one("error", status=403, endpoint="cancelorder", next=3),
}


@pytest.mark.parametrize("name", CANCELS)
def test_a_resting_order_is_cancelled_through(desk: TestDesk, name: str) -> None:
    run_id = desk.run(desk.strategy(RESTING, name), name)
    until(lambda: [o.state for o in orders_of(desk, run_id)] == ["open"] * 3)
    for fault in CANCELS[name]:
        desk.paper.fault(**fault, broker="beta")
    desk.exit(run_id)
    for broker in HEALTHY:
        assert until_part(desk, run_id, broker, "failed")
    until_settled(desk, run_id)
    assert_proven(desk, run_id)
    assert_flat(desk)


def test_an_entry_stuck_in_a_part_fill_is_exited_with_what_it_holds(desk: TestDesk, strategy: str) -> None:
    desk.paper.fault("partial_fills", broker="beta", fraction=0.4, rest="never")
    run_id = desk.run(strategy, f"stuck {next(numbers)}")
    for broker in HEALTHY:
        until_part(desk, run_id, broker, "open")
    until(lambda: sum(o.filled_quantity > 0 for o in orders_of(desk, run_id, "beta")) == 4)
    assert part_state(desk, run_id, "beta") == "entering"
    desk.paper.heal()
    exit_and_prove(desk, run_id)
    assert all(o.filled_quantity == 0 for o in orders_of(desk, run_id, "beta") if o.side == "SELL" and o.wave == 2
               and o.purpose == "entry")  # fmt: skip


def test_a_login_lost_between_the_waves_ends_with_nothing_held(desk: TestDesk, strategy: str) -> None:
    desk.paper.fault("slow_fills", broker="beta", ms=4000)
    run_id = desk.run(strategy, f"mid {next(numbers)}")
    until(lambda: sum(o.state == "open" for o in orders_of(desk, run_id, "beta")) == 4)
    desk.paper.fault("logged_out", broker="beta")
    for broker in HEALTHY:
        until_part(desk, run_id, broker, "open")
    assert part_state(desk, run_id, "beta") == "entering"
    desk.paper.heal()
    until_part(desk, run_id, "beta", *ENDS)
    exit_and_prove(desk, run_id)


def exit_and_prove(desk: TestDesk, run_id: str) -> None:
    if desk.run_row(run_id).state not in ("closed", "failed"):
        desk.exit(run_id)
    until_settled(desk, run_id)
    assert all(order.state in FINAL for order in orders_of(desk, run_id))
    assert_proven(desk, run_id)
    assert_flat(desk)
