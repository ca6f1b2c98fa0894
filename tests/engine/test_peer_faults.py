"""The ways in which desks of this kind have lost or doubled their users' orders, each tried here on this one."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from itertools import count

import pytest

from app.accounts.states import TradingState
from app.core.errors import Denied
from app.execution.models import Order
from app.risk.service import Asker
from app.risk.states import Extent, Kind
from tests.engine.desks import TestDesk
from tests.engine.proving import (
    RESTING,
    SPLIT_FLY,
    assert_flat,
    assert_proven,
    orders_of,
    proving_desk,
    until_part,
    until_settled,
)
from tests.waiting import until

numbers = count(1)
SHORT = [{"action": "SELL", "kind": "CE", "underlying": "NIFTY", "strike": "OTM2", "lots": 2}]
LONG = [{"action": "BUY", "kind": "CE", "underlying": "NIFTY", "strike": "OTM2", "lots": 3}]
FIVE_SLICES = [{"action": "BUY", "kind": "CE", "underlying": "NIFTY", "strike": "OTM3", "lots": 27 * 4 + 5}]
HEDGED = [
    {"action": "BUY", "kind": "CE", "underlying": "NIFTY", "strike": "OTM4", "lots": 1},
    {"action": "SELL", "kind": "CE", "underlying": "NIFTY", "strike": "ATM", "lots": 1},
]
PLACE = {"endpoint": "placeorder"}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestDesk]:
    with proving_desk(tmp_path_factory.mktemp("peers"), ("alpha", "beta")) as made:
        yield made


@pytest.fixture(autouse=True)
def healed(desk: TestDesk) -> Iterator[None]:
    yield
    desk.paper.heal()


def opened(desk: TestDesk, legs: list[dict], **more: object) -> str:
    run_id = asked(desk, legs, **more)
    assert desk.until_state(run_id, "open", "closed", "failed") == "open"
    return run_id


def asked(desk: TestDesk, legs: list[dict], **more: object) -> str:
    number = next(numbers)
    return desk.run(desk.strategy(legs, f"peer {number}", **more), f"peer {number}")


def left(desk: TestDesk, run_id: str) -> None:
    desk.exit(run_id)
    until_settled(desk, run_id)
    assert_proven(desk, run_id)
    assert_flat(desk)


def of(desk: TestDesk, run_id: str, broker: str, purpose: str) -> list[Order]:
    return [order for order in orders_of(desk, run_id, broker) if order.purpose == purpose]


def filled(orders: list[Order]) -> Decimal:
    return sum((order.filled_quantity for order in orders), Decimal(0))


def at_once(work: object, times: int) -> list[object]:
    with ThreadPoolExecutor(times) as pool:
        return [future.result() for future in [pool.submit(work) for _ in range(times)]]  # type: ignore[arg-type]  # any callable will do


def test_peer_4_1_06_a_double_click_on_run_is_one_run(desk: TestDesk) -> None:
    strategy = desk.strategy(HEDGED, "double click")
    runs = set(at_once(lambda: desk.run(strategy, "the same click"), 6))
    assert len(runs) == 1
    (run_id,) = runs
    desk.until_state(run_id, "open")
    assert len(of(desk, run_id, "alpha", "entry")) == 2
    left(desk, run_id)


def test_two_clicks_with_keys_of_their_own_are_two_runs(desk: TestDesk) -> None:
    strategy = desk.strategy(HEDGED, "two clicks")
    keys = iter(["first", "second"])
    first, second = at_once(lambda: desk.run(strategy, next(keys)), 2)
    assert first != second
    for run_id in (first, second):
        desk.until_state(run_id, "open")
        assert filled(of(desk, run_id, "beta", "entry")) == 2 * 65
    for run_id in (first, second):
        desk.exit(run_id)
    for run_id in (first, second):
        until_settled(desk, run_id)
    assert_flat(desk)
    desk.assert_books_agree()


def test_d1a_peer_4_1_03_an_entry_whose_answer_is_late_is_exactly_one_order(desk: TestDesk) -> None:
    desk.paper.fault("latency", broker="beta", ms=1600, where="after", **PLACE, next=1)
    run_id = opened(desk, SHORT)
    assert len(of(desk, run_id, "beta", "entry")) == 1
    assert filled(of(desk, run_id, "beta", "entry")) == 130
    left(desk, run_id)


def test_d1b_peer_4_1_04_an_exit_whose_answer_is_late_never_reverses_the_position(desk: TestDesk) -> None:
    run_id = opened(desk, SHORT)
    desk.paper.fault("latency", broker="beta", ms=1600, where="after", **PLACE)
    left(desk, run_id)
    assert len(of(desk, run_id, "beta", "exit")) == 1


def test_peer_4_1_05_an_entry_in_doubt_is_found_and_its_exit_is_sent_once(desk: TestDesk) -> None:
    desk.paper.fault("lost", broker="beta", how="reset", **PLACE, next=1)
    run_id = opened(desk, SHORT)
    (entry,) = of(desk, run_id, "beta", "entry")
    assert (entry.state, entry.filled_quantity) == ("filled", 130)
    desk.paper.fault("lost", broker="beta", how="reset", **PLACE, next=1)
    left(desk, run_id)
    assert len(of(desk, run_id, "beta", "exit")) == 1


def test_peer_4_1_01_07_exits_from_many_tabs_at_once_are_one_exit(desk: TestDesk) -> None:
    run_id = opened(desk, SPLIT_FLY)

    def tab() -> bool:
        try:
            return desk.exit(run_id)
        except Denied:  # it had ended before this tab was heard
            return False

    assert at_once(tab, 8).count(True) == 1
    until_settled(desk, run_id)
    assert len(of(desk, run_id, "alpha", "exit")) == 8
    assert_proven(desk, run_id)
    assert_flat(desk)


def test_peer_4_1_08_an_exit_of_a_run_that_has_ended_says_so(desk: TestDesk) -> None:
    run_id = opened(desk, SHORT)
    left(desk, run_id)
    with pytest.raises(Denied, match="nothing to exit"):
        desk.exit(run_id)


def test_d8_peer_4_1_09_an_exit_counts_only_when_it_is_filled(desk: TestDesk) -> None:
    run_id = opened(desk, SHORT)
    desk.paper.fault("slow_fills", broker="beta", ms=5000)
    desk.exit(run_id)
    until_part(desk, run_id, "alpha", "closed")
    until(lambda: [order.state for order in of(desk, run_id, "beta", "exit")] == ["open"])
    assert desk.parts(run_id)["beta"].state == "exiting"
    until_settled(desk, run_id)
    assert_flat(desk)


def test_peer_4_1_10_a_part_fill_is_counted_and_only_that_is_exited(desk: TestDesk) -> None:
    desk.paper.fault("partial_fills", broker="beta", fraction=0.5, rest="never")
    run_id = asked(desk, SHORT)
    until(lambda: filled(of(desk, run_id, "beta", "entry")) == 65)
    left(desk, run_id)
    assert filled(of(desk, run_id, "beta", "exit")) == 65


def test_d2_every_slice_is_tracked_and_the_position_is_the_sum_of_their_fills(desk: TestDesk) -> None:
    desk.paper.fault("reject", broker="beta", nth=3)
    run_id = asked(desk, FIVE_SLICES, on_failure="hold")
    assert until_part(desk, run_id, "beta", "open", "failed", "closed") == "open"
    slices = of(desk, run_id, "beta", "entry")
    assert len(slices) == 5
    held = desk.paper.books("beta")["positions"]
    assert filled(slices) == sum(p["quantity"] for p in held) < sum(order.quantity for order in slices)
    assert "decide" in desk.parts(run_id)["beta"].trouble
    until_part(desk, run_id, "alpha", "open")
    left(desk, run_id)


def test_peer_4_1_11_the_lot_size_is_the_contracts_own(desk: TestDesk) -> None:
    legs = [leg | {"underlying": name} for name in ("NIFTY", "BANKNIFTY") for leg in LONG]
    legs[1] |= {"expiry": "current_month"}
    run_id = opened(desk, legs)
    legs_by_id = {leg.id: leg for leg in desk.services.strategies.leg_runs(desk.owner_id, run_id)}
    for order in of(desk, run_id, "alpha", "entry"):
        leg = legs_by_id[order.leg_run_id]
        assert order.quantity == leg.quantity == 3 * leg.lot_size
    assert len({leg.lot_size for leg in legs_by_id.values()}) == 2
    left(desk, run_id)


def test_peer_4_1_12_a_refused_exit_is_tried_again_then_handed_to_a_person_who_can_ask_again(desk: TestDesk) -> None:
    run_id = opened(desk, SHORT)
    desk.paper.fault("reject", broker="beta", at_gateway=True, reason="RMS: blocked")
    desk.exit(run_id)
    until(lambda: "A person must act" in desk.parts(run_id)["beta"].trouble, 80)
    assert desk.parts(run_id)["beta"].state == "exiting"
    tries = len(of(desk, run_id, "beta", "exit"))
    assert tries == 6
    desk.paper.heal()
    left(desk, run_id)
    assert len(of(desk, run_id, "beta", "exit")) == tries + 1


def test_peer_4_1_16_each_account_exits_what_it_holds_itself(desk: TestDesk) -> None:
    desk.paper.fault("partial_fills", broker="beta", fraction=0.5, rest="never")
    run_id = asked(desk, LONG)
    until_part(desk, run_id, "alpha", "open")
    until(lambda: filled(of(desk, run_id, "beta", "entry")) > 0)
    bought = {broker: filled(of(desk, run_id, broker, "entry")) for broker in ("alpha", "beta")}
    assert bought["alpha"] > bought["beta"] > 0
    left(desk, run_id)
    assert {broker: filled(of(desk, run_id, broker, "exit")) for broker in bought} == bought


def test_peer_4_1_14_the_second_run_of_a_strategy_starts_clean(desk: TestDesk) -> None:
    strategy = desk.strategy(HEDGED, "twice")
    for key in ("morning", "evening"):
        run_id = desk.run(strategy, key)
        assert desk.until_state(run_id, "open", "closed", "failed") == "open"
        assert desk.run_row(run_id).exit_reason is None
        left(desk, run_id)


def test_peer_4_1_15_an_account_that_holds_something_cannot_be_removed(desk: TestDesk) -> None:
    resting, holding = asked(desk, RESTING), opened(desk, SHORT)
    until(lambda: [order.state for order in orders_of(desk, resting)] == ["open"] * 2)
    for run_id in (resting, holding):
        with pytest.raises(Denied, match="You cannot remove"):
            desk.services.accounts.remove(desk.owner_id, desk.accounts["beta"])
        desk.exit(run_id)
        until_settled(desk, run_id)
    assert_flat(desk)


def test_d9_opposite_runs_on_one_symbol_leave_each_other_alone(desk: TestDesk) -> None:
    short, long = opened(desk, SHORT), opened(desk, LONG)
    desk.exit(short)
    until_settled(desk, short)
    for broker in desk.accounts:
        assert [p["quantity"] for p in desk.paper.books(broker)["positions"] if p["quantity"]] == [195]
        assert filled(of(desk, short, broker, "exit")) == 130
        assert of(desk, long, broker, "exit") == []
    left(desk, long)


def test_equal_runs_on_one_symbol_both_get_out_although_their_exits_look_alike(desk: TestDesk) -> None:
    runs = [opened(desk, SHORT), opened(desk, SHORT)]
    desk.paper.fault("lost", broker="beta", how="reset", **PLACE, next=1)
    for run_id in runs:
        desk.exit(run_id)
    for run_id in runs:
        until_settled(desk, run_id)
        assert filled(of(desk, run_id, "beta", "exit")) == 130
    assert_flat(desk)
    desk.assert_books_agree()


def test_d6_i16_a_rejected_hedge_lets_no_short_out(desk: TestDesk) -> None:
    desk.paper.fault("reject", broker="beta", action="BUY")
    run_id = asked(desk, HEDGED)
    assert until_part(desk, run_id, "beta", "failed", "closed", "open") == "failed"
    assert not any(order.venue_order_id for order in of(desk, run_id, "beta", "entry") if order.side == "SELL")
    until_part(desk, run_id, "alpha", "open")
    left(desk, run_id)


def test_d7_a_resting_limit_order_starves_nobody(desk: TestDesk) -> None:
    resting = asked(desk, RESTING)
    until(lambda: [order.state for order in orders_of(desk, resting)] == ["open"] * 2)
    desk.paper.fault("order_silent", broker="beta")
    run_id = opened(desk, SPLIT_FLY)
    assert all(order.state == "filled" for order in of(desk, run_id, "beta", "entry"))
    assert [order.state for order in orders_of(desk, resting)] == ["open"] * 2
    left(desk, run_id)
    desk.paper.heal()
    left(desk, resting)


def test_peer_4_3_11_a_run_that_no_account_can_enter_ends_at_once_and_says_why(desk: TestDesk) -> None:
    set_state(desk, TradingState.REDUCING)
    try:
        run_id = asked(desk, SHORT)
        assert desk.until_state(run_id, "failed") == "failed"
        assert all("takes no new entries" in part.trouble for part in desk.parts(run_id).values())
        assert desk.run_row(run_id).closed_at is not None
    finally:
        set_state(desk, TradingState.ACTIVE)


def set_state(desk: TestDesk, state: TradingState) -> None:
    for account_id in desk.accounts.values():
        desk.services.risk.set_state(Asker(desk.owner_id), Extent(Kind.ACCOUNT, account_id), state)


def test_a_rate_limited_slice_is_sent_again_and_the_rest_is_kept(desk: TestDesk) -> None:
    desk.paper.fault("rate_limit", broker="beta", **PLACE, next=1)
    run_id = opened(desk, FIVE_SLICES)
    entries = of(desk, run_id, "beta", "entry")
    assert len(entries) == 6
    assert filled(entries) == sum(order.quantity for order in of(desk, run_id, "alpha", "entry"))
    left(desk, run_id)
