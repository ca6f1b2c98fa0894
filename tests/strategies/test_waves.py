from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from app.execution.states import AT_VENUE, FINAL, OrderState
from app.strategies.exit_rule import AT_MARKET
from app.strategies.waves import (
    ENTRY_TRIES,
    AccountRunState,
    AccountRunView,
    LegView,
    OnFailure,
    OrderView,
    decide,
)
from app.venues.types import Side

NOW = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)
S = OrderState
R = AccountRunState

EXIT_TRIES = AT_MARKET.tries


def order(name: str, state: OrderState, quantity: int = 65, filled: int | None = None, **more: object) -> OrderView:
    done = quantity if state is S.FILLED else 0
    base = OrderView(name, False, state, Decimal(quantity), Decimal(done if filled is None else filled))
    return replace(base, **more)  # type: ignore[arg-type]  # a test's shorthand


def exit_order(
    name: str, state: OrderState, quantity: int = 65, filled: int | None = None, **more: object
) -> OrderView:
    return replace(order(name, state, quantity, filled), is_exit=True, **more)  # type: ignore[arg-type]  # as above


def leg(name: str, side: Side, *orders: OrderView, exit_wanted: bool = False) -> LegView:
    return LegView(name, side, Decimal(65), exit_wanted, orders, name)


def part(
    *legs: LegView,
    state: AccountRunState = R.ENTERING,
    exit_wanted: bool = False,
    on_failure: OnFailure = OnFailure.UNWIND,
) -> AccountRunView:
    return AccountRunView(state, on_failure, exit_wanted, legs)


def test_buys_go_first_and_sells_wait() -> None:
    decision = decide(part(leg("b", Side.BUY, order("b1", S.NEW)), leg("s", Side.SELL, order("s1", S.NEW))), NOW)
    assert decision.release == ("b1",)
    assert decision.state is R.ENTERING


def test_sells_go_when_every_buy_is_filled_and_not_before() -> None:
    sell = leg("s", Side.SELL, order("s1", S.NEW))
    for state, filled in ((S.OPEN, 0), (S.PARTIALLY_FILLED, 60), (S.SENDING, 0), (S.UNKNOWN, 0)):
        assert decide(part(leg("b", Side.BUY, order("b1", state, 65, filled)), sell), NOW).release == ()
    assert decide(part(leg("b", Side.BUY, order("b1", S.FILLED)), sell), NOW).release == ("s1",)


def test_it_is_open_when_everything_is_filled() -> None:
    view = part(leg("b", Side.BUY, order("b1", S.FILLED)), leg("s", Side.SELL, order("s1", S.FILLED)))
    assert decide(view, NOW).state is R.OPEN


def test_a_rejected_buy_never_lets_a_sell_out_and_unwinds_what_filled() -> None:
    view = part(
        leg("b1", Side.BUY, order("x", S.FILLED)),
        leg("b2", Side.BUY, order("y", S.REJECTED, failure="refused", reason="margin")),
        leg("s", Side.SELL, order("z", S.NEW)),
    )
    decision = decide(view, NOW)
    assert decision.release == ()
    assert decision.withdraw == ("z",)
    assert "margin" in decision.unwind
    assert decision.state is R.EXITING


def test_with_hold_a_failed_entry_keeps_what_filled_and_says_so() -> None:
    view = part(
        leg("b1", Side.BUY, order("x", S.FILLED)),
        leg("b2", Side.BUY, order("y", S.REJECTED, failure="refused")),
        on_failure=OnFailure.HOLD,
    )
    decision = decide(view, NOW)
    assert decision.state is R.OPEN
    assert decision.trouble
    assert not decision.unwind


def test_an_order_that_provably_never_left_is_sent_again_as_a_new_one_a_few_times() -> None:
    gone = order("b1", S.REJECTED, failure="unavailable", ended_at=NOW - timedelta(seconds=60))
    again = decide(part(leg("b", Side.BUY, gone)), NOW).enter
    assert [(item.quantity, item.attempt) for item in again] == [(Decimal(65), 2)]
    at_once = replace(gone, ended_at=NOW)
    assert decide(part(leg("b", Side.BUY, at_once)), NOW).enter == ()
    worn_out = replace(gone, attempt=ENTRY_TRIES)
    assert decide(part(leg("b", Side.BUY, worn_out)), NOW).unwind


def test_covering_goes_before_selling_on_the_way_out() -> None:
    short, long = leg("s", Side.SELL, order("s1", S.FILLED)), leg("b", Side.BUY, order("b1", S.FILLED))
    first = decide(part(long, short, state=R.OPEN, exit_wanted=True), NOW)
    assert [item.leg_id for item in first.leave] == ["s"]
    covered = leg("s", Side.SELL, order("s1", S.FILLED), exit_order("s2", S.FILLED))
    second = decide(part(long, covered, state=R.EXITING, exit_wanted=True), NOW)
    assert [item.leg_id for item in second.leave] == ["b"]


def test_an_exit_counts_as_done_when_it_filled_and_not_when_it_was_accepted() -> None:
    held = order("b1", S.FILLED)
    working = part(leg("b", Side.BUY, held, exit_order("b2", S.OPEN)), state=R.EXITING, exit_wanted=True)
    assert decide(working, NOW).state is R.EXITING
    done = part(leg("b", Side.BUY, held, exit_order("b2", S.FILLED)), state=R.EXITING, exit_wanted=True)
    assert decide(done, NOW).state is R.CLOSED


def test_an_exit_in_doubt_is_not_asked_for_again() -> None:
    view = part(leg("b", Side.BUY, order("b1", S.FILLED), exit_order("b2", S.UNKNOWN)), exit_wanted=True)
    assert decide(view, NOW).leave == ()


def test_a_lost_exit_is_replaced_at_once() -> None:
    lost = exit_order("b2", S.LOST, failure="lost", ended_at=NOW)
    view = part(leg("b", Side.BUY, order("b1", S.FILLED), lost), exit_wanted=True)
    assert [(item.quantity, item.attempt) for item in decide(view, NOW).leave] == [(Decimal(65), 2)]


def test_a_refused_exit_is_tried_again_and_then_handed_to_a_person() -> None:
    def refused(attempt: int) -> AccountRunView:
        last = exit_order("e", S.REJECTED, failure="refused", reason="no margin", attempt=attempt, ended_at=NOW)
        return part(leg("b", Side.BUY, order("b1", S.FILLED), last), state=R.EXITING, exit_wanted=True)

    assert decide(refused(1), NOW).leave == ()
    assert decide(refused(1), NOW + timedelta(seconds=1)).leave
    given_up = decide(refused(EXIT_TRIES), NOW + timedelta(hours=1))
    assert given_up.leave == ()
    assert "no margin" in (given_up.trouble or "")


def test_a_fill_after_the_exit_was_decided_is_exited_too() -> None:
    view = part(
        leg("b", Side.BUY, order("b1", S.PARTIALLY_FILLED, 65, 40), exit_order("e", S.FILLED, 30)), exit_wanted=True
    )
    decision = decide(view, NOW)
    assert [item.quantity for item in decision.leave] == [Decimal(10)]
    assert decision.cancel == ("b1",)


def test_an_exit_during_the_entry_withdraws_what_was_not_sent() -> None:
    view = part(leg("b", Side.BUY, order("b1", S.FILLED)), leg("s", Side.SELL, order("s1", S.NEW)), exit_wanted=True)
    decision = decide(view, NOW)
    assert decision.withdraw == ("s1",)
    assert [item.leg_id for item in decision.leave] == []  # the short is withdrawn first, then the long goes
    settled = part(
        leg("b", Side.BUY, order("b1", S.FILLED)), leg("s", Side.SELL, order("s1", S.CANCELLED)), exit_wanted=True
    )
    assert [item.leg_id for item in decide(settled, NOW).leave] == ["b"]


def test_one_leg_leaves_and_the_others_stay() -> None:
    view = part(
        leg("b", Side.BUY, order("b1", S.FILLED)), leg("c", Side.BUY, order("c1", S.FILLED), exit_wanted=True),
        state=R.OPEN,
    )  # fmt: skip
    decision = decide(view, NOW)
    assert [item.leg_id for item in decision.leave] == ["c"]
    assert decision.state is R.OPEN


def test_an_entry_of_which_nothing_filled_ends_failed_when_it_is_exited() -> None:
    view = part(leg("b", Side.BUY, order("b1", S.REJECTED, failure="refused")), exit_wanted=True)
    assert decide(view, NOW).state is R.FAILED


def test_an_exit_order_is_released_even_while_the_rest_of_the_entry_fails() -> None:
    view = part(
        leg("c", Side.BUY, order("c1", S.FILLED), exit_order("c2", S.NEW), exit_wanted=True),
        leg("b", Side.BUY, order("b1", S.OPEN)),
        on_failure=OnFailure.HOLD,
    )
    assert decide(view, NOW).release == ("c2",)


orders = st.builds(
    lambda n, is_exit, state, quantity, share, failure: OrderView(
        f"o{n}", is_exit, state, Decimal(quantity),
        Decimal(quantity if state is S.FILLED else quantity * share // 4), failure, "", 1, NOW,
    ),
    st.integers(0, 10**12), st.booleans(), st.sampled_from(list(S)), st.integers(1, 100), st.integers(0, 3),
    st.sampled_from(["", "refused", "unavailable", "lost"]),
)  # fmt: skip
legs = st.builds(
    lambda n, side, target, wanted, items: LegView(f"l{n}", side, Decimal(target), wanted, tuple(items)),
    st.integers(0, 10**12), st.sampled_from(list(Side)), st.integers(1, 100), st.booleans(),
    st.lists(orders, max_size=5, unique_by=lambda o: o.id),
)  # fmt: skip
views = st.builds(
    AccountRunView,
    st.sampled_from([R.ENTERING, R.OPEN, R.EXITING]),
    st.sampled_from(list(OnFailure)),
    st.booleans(),
    st.lists(legs, min_size=1, max_size=4, unique_by=lambda leg: leg.id).map(
        lambda found: tuple(
            replace(item, orders=tuple(replace(o, id=f"{item.id}.{o.id}") for o in item.orders)) for item in found
        )
    ),
)


@settings(max_examples=150)
@given(views, st.integers(0, 3600))
def test_an_exit_never_asks_for_more_than_is_held_and_not_already_leaving(view: AccountRunView, later: int) -> None:
    decision = decide(view, NOW + timedelta(seconds=later))
    by_id = {item.id: item for item in view.legs}
    for again in decision.leave:
        held = by_id[again.leg_id]
        leaving = sum((o.quantity - o.filled for o in held.exits if o.state not in FINAL), Decimal(0))
        assert 0 < again.quantity <= held.entered - held.exited - leaving
    assert len({again.leg_id for again in decision.leave}) == len(decision.leave)


@settings(max_examples=150)
@given(views, st.integers(0, 3600))
def test_a_decision_only_names_orders_in_the_state_it_needs(view: AccountRunView, later: int) -> None:
    decision = decide(view, NOW + timedelta(seconds=later))
    states = {o.id: o.state for item in view.legs for o in item.orders}
    assert all(states[i] is S.NEW for i in (*decision.release, *decision.withdraw))
    assert all(states[i] in AT_VENUE for i in decision.cancel)
    assert not set(decision.release) & set(decision.withdraw)


@settings(max_examples=150)
@given(views)
def test_no_opening_sell_is_released_while_a_buy_is_not_filled(view: AccountRunView) -> None:
    decision = decide(view, NOW)
    unfilled = any(item.side is Side.BUY and item.entered < item.target for item in view.legs)
    opening = {o.id for item in view.legs if item.side is Side.SELL for o in item.entries}
    if unfilled:
        assert not opening & set(decision.release)
        assert all(
            view_leg.side is Side.BUY for view_leg in view.legs for a in decision.enter if a.leg_id == view_leg.id
        )


def test_a_slice_that_never_reached_the_venue_is_sent_again_although_another_filled_later() -> None:
    unsent = order("b1", S.REJECTED, 60, failure="unavailable", ended_at=NOW - timedelta(seconds=5))
    view = part(leg("b", Side.BUY, unsent, order("b2", S.FILLED, 5, ended_at=NOW - timedelta(seconds=1))))
    decision = decide(view, NOW)
    assert [(again.quantity, again.attempt) for again in decision.enter] == [(60, 2)]
    assert decision.state is R.ENTERING


def test_a_slice_that_was_refused_decides_although_another_was_never_sent() -> None:
    refused = order("b1", S.REJECTED, 60, failure="refused", reason="margin", ended_at=NOW - timedelta(seconds=5))
    unsent = order("b2", S.REJECTED, 5, failure="unavailable", ended_at=NOW)
    decision = decide(part(leg("b", Side.BUY, refused, unsent)), NOW)
    assert decision.enter == ()
    assert "margin" in decision.unwind


def test_a_cancel_that_had_no_effect_is_asked_again_after_a_pause() -> None:
    for seconds, cancels in ((1, ()), (3, ("b1",))):
        asked = NOW - timedelta(seconds=seconds)
        for state in (S.OPEN, S.CANCEL_PENDING):
            view = part(leg("b", Side.BUY, order("b1", state, cancel_at=asked)), exit_wanted=True)
            assert decide(view, NOW).cancel == cancels


def test_an_exit_that_cannot_reach_the_venue_is_tried_on_and_on() -> None:
    for tries in (EXIT_TRIES, EXIT_TRIES + 1, 5000):
        unsent = exit_order("x", S.REJECTED, failure="unavailable", attempt=tries, ended_at=NOW - timedelta(seconds=31))
        view = part(leg("s", Side.SELL, order("s1", S.FILLED), unsent), state=R.EXITING, exit_wanted=True)
        decision = decide(view, NOW)
        assert [again.attempt for again in decision.leave] == [tries + 1]
        assert "tried on and on" in (decision.trouble or "")


def test_an_exit_that_waits_for_a_login_never_gives_up() -> None:
    held = order("b1", S.FILLED)
    refused = [
        exit_order(f"x{n}", S.REJECTED, failure="login", attempt=n, ended_at=NOW - timedelta(seconds=31))
        for n in range(1, 3 * EXIT_TRIES)
    ]
    decision = decide(part(leg("b", Side.BUY, held, *refused), state=R.EXITING, exit_wanted=True), NOW)
    assert [again.attempt for again in decision.leave] == [3 * EXIT_TRIES]
    assert "A person must act" not in (decision.trouble or "")


def test_refusals_between_waits_for_a_login_still_count() -> None:
    tried = [
        exit_order(f"x{n}", S.REJECTED, failure="login" if n % 2 else "refused", attempt=n, ended_at=NOW)
        for n in range(1, 2 * EXIT_TRIES + 1)
    ]
    view = part(leg("b", Side.BUY, order("b1", S.FILLED), *tried), state=R.EXITING, exit_wanted=True)
    assert "A person must act" in (decide(view, NOW).trouble or "")
    assert decide(view, NOW).leave == ()


def test_an_exit_asks_for_no_more_than_the_venue_still_holds() -> None:
    held = replace(leg("b", Side.BUY, order("b1", S.FILLED)), gone=Decimal(25))
    decision = decide(part(held, state=R.OPEN, exit_wanted=True), NOW)
    assert [again.quantity for again in decision.leave] == [Decimal(40)]
    assert "at the broker 40 of 65 remain" in (decision.trouble or "")


def test_exits_that_would_sell_what_is_gone_are_taken_back() -> None:
    unsent = replace(leg("b", Side.BUY, order("b1", S.FILLED), exit_order("x", S.NEW)), gone=Decimal(65))
    decision = decide(part(unsent, state=R.EXITING, exit_wanted=True), NOW)
    assert decision.withdraw == ("x",)
    assert decision.release == ()
    working = replace(leg("b", Side.BUY, order("b1", S.FILLED), exit_order("x", S.OPEN)), gone=Decimal(65))
    assert decide(part(working, state=R.EXITING, exit_wanted=True), NOW).cancel == ("x",)


def test_a_hedge_leaves_although_a_person_has_yet_to_accept_that_its_short_is_gone() -> None:
    short = replace(leg("s", Side.SELL, order("s1", S.FILLED)), gone=Decimal(65))
    hedge = leg("b", Side.BUY, order("b1", S.FILLED))
    decision = decide(part(hedge, short, state=R.OPEN, exit_wanted=True), NOW)
    assert [again.leg_id for again in decision.leave] == ["b"]
    assert decision.state is R.EXITING


def test_a_fill_that_arrives_after_an_exit_has_ended_is_exited_too() -> None:
    for state in (R.CLOSED, R.FAILED):
        late = leg("b", Side.BUY, order("b1", S.FILLED))
        decision = decide(part(late, state=state, exit_wanted=True), NOW)
        assert decision.state is R.EXITING
        assert [again.quantity for again in decision.leave] == [Decimal(65)]


def test_a_fill_that_arrives_after_a_part_has_failed_waits_for_a_person() -> None:
    late = leg("b", Side.BUY, order("b1", S.CANCELLED, filled=25))
    decision = decide(part(late, state=R.FAILED, on_failure=OnFailure.HOLD), NOW)
    assert decision.state is R.OPEN
    assert decision.leave == ()
    assert "25 are held by a fill that arrived after this part had ended" in (decision.trouble or "")


def test_an_entry_that_works_again_after_its_part_was_exited_is_cancelled() -> None:
    back = leg("b", Side.BUY, order("b1", S.OPEN))
    decision = decide(part(back, state=R.CLOSED, exit_wanted=True), NOW)
    assert decision.cancel == ("b1",)
    assert decision.state is R.EXITING


def test_of_two_working_exits_one_is_cancelled() -> None:
    twice = leg("b", Side.BUY, order("b1", S.FILLED), exit_order("x1", S.OPEN), exit_order("x2", S.OPEN, attempt=2))
    decision = decide(part(twice, state=R.EXITING, exit_wanted=True), NOW)
    assert decision.cancel == ("x2",)
    assert decision.leave == ()


def test_an_exit_that_filled_twice_ends_the_part_and_is_told_in_numbers() -> None:
    twice = leg("b", Side.BUY, order("b1", S.FILLED), exit_order("x1", S.FILLED), exit_order("x2", S.FILLED))
    for state in (R.EXITING, R.CLOSED):
        decision = decide(part(twice, state=state, exit_wanted=True), NOW)
        assert decision.state is R.CLOSED
        assert decision.leave == decision.enter == ()
        assert "65 were bought and 130 sold, so the account is 65 short" in (decision.trouble or "")


def test_a_part_whose_legs_were_all_closed_outside_and_accepted_ends() -> None:
    accepted = leg("b", Side.BUY, order("b1", S.FILLED), exit_order("x", S.FILLED))
    assert decide(part(accepted, state=R.OPEN), NOW).state is R.CLOSED


def rested(name: str, state: OrderState = S.TRIGGER_PENDING, **more: object) -> OrderView:
    """A stop and a target that rest at the broker as one."""
    return exit_order(name, state, is_pair=True, attempt=0, **more)


def long_that_rests(*orders: OrderView, exit_wanted: bool = False) -> LegView:
    return replace(leg("b", Side.BUY, order("b1", S.FILLED), *orders, exit_wanted=exit_wanted), rests=True)


def test_a_stop_and_a_target_go_to_the_broker_once_all_of_the_leg_is_held():
    decision = decide(part(long_that_rests(), state=R.OPEN), NOW)
    assert [(one.leg_id, one.quantity, one.attempt) for one in decision.rest] == [("b", Decimal(65), 0)]
    assert decision.leave == ()
    half = replace(long_that_rests(), orders=(order("b1", S.CANCELLED, filled=30),))
    assert decide(part(half, state=R.OPEN), NOW).rest == ()


def test_whatever_became_of_them_they_are_not_sent_again():
    for state in S:
        decision = decide(part(long_that_rests(rested("p", state)), state=R.OPEN), NOW)
        assert (decision.rest, decision.leave, decision.cancel) == ((), (), ()), state
        assert decision.release == (("p",) if state is S.NEW else ()), state


def test_an_exit_takes_them_back_and_sells_when_they_are():
    leaving = decide(part(long_that_rests(rested("p")), state=R.OPEN, exit_wanted=True), NOW)
    assert (leaving.cancel, leaving.leave) == (("p",), ())
    assert decide(part(long_that_rests(rested("p", S.NEW)), state=R.OPEN, exit_wanted=True), NOW).withdraw == ("p",)
    for state in (S.CANCELLED, S.REJECTED, S.LOST, S.EXPIRED):
        decision = decide(part(long_that_rests(rested("p", state)), state=R.EXITING, exit_wanted=True), NOW)
        assert [(one.quantity, one.attempt, one.may_rest) for one in decision.leave] == [(Decimal(65), 1, True)], state


def test_while_they_are_in_doubt_nothing_else_is_sold():
    for state in (S.SENDING, S.UNKNOWN, S.CANCEL_PENDING):
        decision = decide(part(long_that_rests(rested("p", state)), state=R.EXITING, exit_wanted=True), NOW)
        assert decision.leave == (), state


def test_an_order_that_came_of_them_decides_the_exit_and_goes_at_market_when_it_does_not_fill():
    child = exit_order("p", S.OPEN, is_limit=True, fired="target", attempt=0, sent_at=NOW)
    assert decide(part(long_that_rests(child), state=R.OPEN), NOW).fired == (("b", "target"),)
    leaving = part(long_that_rests(child, exit_wanted=True), state=R.EXITING)
    assert decide(leaving, NOW).convert == ()
    assert decide(leaving, NOW + AT_MARKET.converts_after).convert == ("p",)
    assert decide(leaving, NOW + AT_MARKET.converts_after).leave == ()


def test_a_leg_closed_elsewhere_takes_its_pair_back():
    gone = replace(long_that_rests(rested("p")), gone=Decimal(65))
    assert decide(part(gone, state=R.OPEN), NOW).cancel == ("p",)
