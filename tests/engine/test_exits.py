"""Exits that never wait: at a limit first and at market soon after, through slow entries, bursts and doubts."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from sqlalchemy import select, update

from app.accounts.models import Account
from app.accounts.states import TradingState
from app.core.clock import day_in_india
from app.execution.models import Order, OrderChange, OrderEvent
from app.instruments.checks import clean
from app.risk.service import Asker
from app.risk.states import Extent, Kind
from app.venues.types import Symbol
from tests.engine.desks import TestDesk
from tests.engine.proving import assert_flat, assert_proven, orders_of, proving_desk, told, until_settled
from tests.waiting import until

numbers = count(1)
LONG = [{"action": "BUY", "kind": "CE", "underlying": "NIFTY", "strike": "OTM2", "lots": 4}]
OTHER = [{"action": "BUY", "kind": "PE", "underlying": "NIFTY", "strike": "OTM2", "lots": 1}]
FAR = {"price_type": "LIMIT", "offset": "900", "convert_after": 1}  # ticks above the last price: it rests
NEAR = {"price_type": "LIMIT", "offset": "-15", "offset_unit": "percent", "convert_after": 1}  # it fills at once
MODIFY, PLACE = {"endpoint": "modifyorder"}, {"endpoint": "placeorder"}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestDesk]:
    patience = {"place_timeout_seconds": 4.0, "unknown_window_seconds": 5.0}
    with proving_desk(tmp_path_factory.mktemp("exits"), ("alpha", "beta"), **patience) as made:
        yield made


@pytest.fixture(autouse=True)
def healed(desk: TestDesk) -> Iterator[None]:
    yield
    desk.paper.heal()


def opened(desk: TestDesk, legs: list[dict[str, Any]] = LONG, **more: Any) -> str:
    number = next(numbers)
    run_id = desk.run(desk.strategy(legs, f"exit {number}", **more), f"exit {number}")
    assert desk.until_state(run_id, "open", "closed", "failed") == "open"
    until(lambda: all(is_priced(desk, order) for order in orders_of(desk, run_id)))
    return run_id


def is_priced(desk: TestDesk, order: Order) -> bool:
    """By a price that may decide something: young, and not in doubt."""
    means = desk.engine.runs._runner._means
    return means.quote(Symbol(order.exchange, order.symbol)) is not None


def exits_of(desk: TestDesk, run_id: str, broker: str) -> list[Order]:
    return [order for order in orders_of(desk, run_id, broker) if order.purpose == "exit"]


def changes_of(desk: TestDesk, orders: list[Order]) -> list[OrderChange]:
    with desk.services.db.read() as session:
        mine = OrderChange.order_id.in_([order.id for order in orders])
        return list(session.scalars(select(OrderChange).where(mine).order_by(OrderChange.id)))


def states_of(desk: TestDesk, order: Order) -> list[str]:
    """Every state it was in, as the journal tells it."""
    with desk.services.db.read() as session:
        events = select(OrderEvent.to_state).where(OrderEvent.order_id == order.id).order_by(OrderEvent.seq)
        return list(session.scalars(events))


def doubt_of(desk: TestDesk, run_id: str) -> Order:
    """The entry whose answer was lost."""
    (order,) = [one for one in orders_of(desk, run_id, "beta") if "unknown" in states_of(desk, one)]
    return order


def until_left(desk: TestDesk, run_id: str) -> None:
    """The fill may be told before the answer to the change that made it."""
    until_settled(desk, run_id, 60)
    until(lambda: all(change.ended_at for change in changes_of(desk, orders_of(desk, run_id))))


def left(desk: TestDesk, *run_ids: str) -> None:
    for run_id in run_ids:
        until_left(desk, run_id)
    for run_id in run_ids:
        assert_proven(desk, run_id)
    assert_flat(desk)


def test_an_exit_is_cut_by_what_its_venue_and_an_admin_let_one_order_carry_today(desk: TestDesk) -> None:
    means, account_id = desk.engine.runs._runner._means, desk.accounts["alpha"]
    contract = desk.services.instruments.listed("openalgo", "NFO", "NIFTY")[0]
    symbol, today = Symbol("NFO", contract.symbol), day_in_india(desk.services.clock.now())
    assert means.freeze(account_id, symbol) == desk.services.instruments.freeze_quantity(contract, today) > 900
    ruled = clean("freeze_quantity", "NFO", "NIFTY", "900", today.isoformat(), "A circular", "It was lowered")
    override = desk.services.overrides.set(ruled)
    try:
        assert means.freeze(account_id, symbol) == 900
    finally:
        desk.services.overrides.end(override.id, "The next test")
    assert means.freeze(account_id, Symbol("NFO", "NOTHING")) is None
    assert means.freeze("nobody", symbol) is None


def test_a_limit_exit_rests_and_then_goes_at_market_by_a_change_of_the_same_order(desk: TestDesk) -> None:
    run_id = opened(desk, exits=FAR)
    desk.exit(run_id)
    left(desk, run_id)
    for broker in desk.accounts:
        (order,) = exits_of(desk, run_id, broker)
        assert (order.state, order.price_type) == ("filled", "MARKET"), told(desk, run_id, broker)
        assert "open" in states_of(desk, order), "it did not rest"
        (change,) = changes_of(desk, [order])
        assert (change.state, change.by_desk) == ("done", True)
        assert (change.old_price_type, change.old_quantity) == ("LIMIT", 4 * 65)


def test_a_limit_exit_that_fills_is_left_alone(desk: TestDesk) -> None:
    run_id = opened(desk, exits=NEAR | {"convert_after": 20})
    desk.exit(run_id)
    left(desk, run_id)
    (order,) = exits_of(desk, run_id, "beta")
    assert (order.price_type, changes_of(desk, [order])) == ("LIMIT", [])


@pytest.mark.parametrize("fault", [
    {"kind": "lost", "how": "reset"}, {"kind": "error", "status": 500, "placed": True}, {"kind": "lost", "seconds": 6},
])  # fmt: skip
def test_a_conversion_whose_answer_is_lost_is_one_exit(desk: TestDesk, fault: dict[str, Any]) -> None:
    run_id = opened(desk, exits=FAR)
    desk.paper.fault(broker="beta", **MODIFY, next=1, **fault)
    desk.exit(run_id)
    left(desk, run_id)
    assert [order.state for order in exits_of(desk, run_id, "beta")] == ["filled"]


@pytest.mark.parametrize("fault", [
    {"kind": "lost", "how": "reset", "placed": False, "next": 1}, {"kind": "error", "status": 400, "next": 9},
    {"kind": "rate_limit", "next": 1},
])  # fmt: skip
def test_a_conversion_that_does_not_arrive_is_a_cancel_and_an_exit_at_market(
    desk: TestDesk, fault: dict[str, Any]
) -> None:
    run_id = opened(desk, exits=FAR)
    desk.paper.fault(broker="beta", **MODIFY, **fault)
    desk.exit(run_id)
    left(desk, run_id)
    first, second = exits_of(desk, run_id, "beta")
    assert (first.state, second.state, second.price_type) == ("cancelled", "filled", "MARKET")
    assert second.created_at >= first.ended_at, "the rest was sent before the cancel was proven"


def test_what_a_limit_exit_has_filled_is_not_sold_again(desk: TestDesk) -> None:
    run_id = opened(desk, exits=NEAR)
    desk.paper.fault("partial_fills", broker="beta", action="SELL", fraction=0.5, rest="never", next=1)
    desk.paper.fault("error", broker="beta", status=400, **MODIFY)
    desk.exit(run_id)
    left(desk, run_id)
    first, second = exits_of(desk, run_id, "beta")
    assert (first.filled_quantity, second.quantity, second.filled_quantity) == (130, 130, 130)


def test_an_exit_that_fills_while_it_is_converted_is_filled_once(desk: TestDesk) -> None:
    run_id = opened(desk, exits=FAR)
    desk.paper.fault("latency", broker="beta", ms=2000, where="before", **MODIFY, next=1)
    desk.exit(run_id)
    until(lambda: [c.state for c in changes_of(desk, exits_of(desk, run_id, "beta"))] == ["sending"], every=0.005)
    (order,) = exits_of(desk, run_id, "beta")
    status, _ = desk.paper["beta"].call(
        "modifyorder", strategy="elsewhere", orderid=order.venue_order_id, symbol=order.symbol, exchange="NFO",
        action="SELL", product="NRML", pricetype="MARKET", price=0, quantity=int(order.quantity), disclosed_quantity=0,
        trigger_price=0,
    )  # fmt: skip
    assert status == 200
    left(desk, run_id)
    assert [o.filled_quantity for o in exits_of(desk, run_id, "beta")] == [4 * 65]


def test_a_protected_account_exits_at_a_limit_that_crosses_the_book(desk: TestDesk) -> None:
    run_id = opened(desk)
    protect(desk, "beta", Decimal(3))
    try:
        desk.exit(run_id)
        left(desk, run_id)
    finally:
        protect(desk, "beta", None)
    (order,) = exits_of(desk, run_id, "beta")
    assert (order.price_type, order.state) == ("LIMIT", "filled")
    assert order.price < order.average_price
    (plain,) = exits_of(desk, run_id, "alpha")
    assert plain.price_type == "MARKET"


def protect(desk: TestDesk, broker: str, percent: Decimal | None) -> None:
    """And the engine has read it: it looks at its accounts once a second."""
    account_id = desk.accounts[broker]
    with desk.services.db.write() as session:
        session.execute(update(Account).where(Account.id == account_id).values(market_protection=percent))
    until(lambda: desk.engine.crew.get(account_id).account.market_protection == percent)


def test_without_a_fresh_price_an_exit_goes_at_market_at_once(desk: TestDesk) -> None:
    run_id = opened(desk, exits=FAR)
    means = desk.engine.runs._runner._means
    limit, means._limit = means._limit, -means._limit
    try:
        desk.exit(run_id)
        left(desk, run_id)
    finally:
        means._limit = limit
    assert [order.price_type for order in exits_of(desk, run_id, "alpha")] == ["MARKET"]


def test_an_exit_leaves_while_slow_entries_of_its_account_take_all_they_may(desk: TestDesk) -> None:
    run_id = opened(desk)
    desk.paper.fault("latency", broker="beta", ms=2000, where="after", action="BUY", **PLACE)
    many = [OTHER[0] | {"strike": f"OTM{n}"} for n in range(1, 13)]
    number = next(numbers)
    entering = desk.run(desk.strategy(many, f"slow {number}"), f"slow {number}")
    lane = desk.engine.crew.get(desk.accounts["beta"]).lane
    until(lambda: lane.load >= 10)
    desk.exit(run_id)
    until(lambda: [o.state for o in exits_of(desk, run_id, "beta")] == ["filled"])
    desk.paper.heal()
    desk.exit(entering)
    until_settled(desk, entering, 60)
    left(desk, run_id)
    (leaving,) = exits_of(desk, run_id, "beta")
    entries = [order for order in orders_of(desk, entering, "beta") if order.purpose == "entry" and order.sent_at]
    late = [order for order in entries if order.answered_at is None or order.answered_at > leaving.filled_at]
    assert late, "the entries were not slow enough to prove anything"


def test_an_entry_in_doubt_blocks_no_exit_of_another_leg_or_account(desk: TestDesk) -> None:
    run_id = opened(desk)
    desk.paper.fault("lost", broker="beta", how="reset", placed=False, action="BUY", **PLACE, next=1)
    number = next(numbers)
    doubtful = desk.run(desk.strategy(OTHER, f"doubt {number}", on_failure="hold"), f"doubt {number}")
    until(lambda: [o.state for o in orders_of(desk, doubtful, "beta")] == ["unknown"])
    desk.exit(run_id)
    until(lambda: all([o.state for o in exits_of(desk, run_id, b)] == ["filled"] for b in desk.accounts))
    desk.exit(doubtful)
    until_settled(desk, doubtful, 60)
    left(desk, run_id)
    resolved = doubt_of(desk, doubtful).ended_at
    assert all(order.filled_at < resolved for b in desk.accounts for order in exits_of(desk, run_id, b))


def test_of_a_position_with_an_entry_in_doubt_what_is_proven_can_be_exited(desk: TestDesk) -> None:
    """28 lots go in two slices; the answer of one is lost, and the exit asks for no more than what filled."""
    desk.paper.fault("lost", broker="beta", how="reset", placed=False, action="BUY", **PLACE, next=1)
    number = next(numbers)
    run_id = desk.run(desk.strategy([LONG[0] | {"lots": 28}], f"half {number}"), f"half {number}")
    until(lambda: sorted(o.state for o in orders_of(desk, run_id, "beta")) == ["filled", "unknown"])
    desk.exit(run_id)
    until(lambda: sum(o.filled_quantity for o in exits_of(desk, run_id, "beta")) > 0)
    entered = sum(o.filled_quantity for o in orders_of(desk, run_id, "beta") if o.purpose == "entry")
    assert sum(o.quantity for o in exits_of(desk, run_id, "beta")) <= entered
    left(desk, run_id)
    assert min(o.filled_at for o in exits_of(desk, run_id, "beta")) < doubt_of(desk, run_id).ended_at


@pytest.mark.parametrize("state", [TradingState.REDUCING, TradingState.HALTED])
def test_i17_exits_pass_in_every_state_by_a_person_and_by_a_rule(desk: TestDesk, state: TradingState) -> None:
    run_id, ruled = opened(desk, exits=FAR), opened(desk)
    extent = Extent(Kind.ACCOUNT, desk.accounts["beta"])
    asker, risk = Asker(desk.owner_id, for_all=True), desk.services.risk
    if state is TradingState.HALTED:
        risk.press(asker, extent, flatten=False, why="the news")
    else:
        risk.set_state(asker, extent, state, "the news")
    desk.exit(run_id)
    desk.services.strategies.exit_run(desk.owner_id, ruled, "stop loss", "desk")
    desk.engine.loops["runs"].nudge()
    left(desk, run_id, ruled)
    (order,) = exits_of(desk, run_id, "beta")
    assert (order.state, order.price_type) == ("filled", "MARKET"), "its conversion did not pass"
    if state is TradingState.HALTED:
        risk.release(asker, extent)
    else:
        risk.set_state(asker, extent, TradingState.ACTIVE)


def test_a_kill_switch_lets_no_exit_rest(desk: TestDesk) -> None:
    """Neither one that rests already nor one that it asks for itself."""
    slow = {**FAR, "convert_after": 600}
    resting, held = opened(desk, exits=slow), opened(desk, exits=slow)
    desk.exit(resting)
    until(lambda: [o.state for o in exits_of(desk, resting, "alpha")] == ["open"])
    asker = Asker(desk.owner_id)
    everything = Extent(Kind.USER, desk.owner_id)
    desk.services.risk.press(asker, everything, True, "a test")
    desk.engine.loops["runs"].nudge()
    left(desk, resting, held)
    for run_id in (resting, held):
        assert {order.price_type for order in exits_of(desk, run_id, "alpha") if order.filled_quantity} == {"MARKET"}
    desk.services.risk.release(asker, everything)
