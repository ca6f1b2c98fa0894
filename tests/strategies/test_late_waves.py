"""Legs that are entered later than the others: they hold nobody up, and nobody's failure enters them."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from app.strategies.part_views import AccountRunState, LegView, OnFailure
from app.strategies.waves import decide
from app.venues.types import Side
from tests.strategies.test_waves import NOW, R, S, exit_order, leg, order, part

FILLED = order("b1", S.FILLED)
REFUSED = order("x", S.REJECTED, failure="refused", reason="margin")


def late(name: str, side: Side, *orders, **more) -> LegView:
    return replace(leg(name, side, *orders), is_late=True, **more)


def test_a_part_is_open_without_the_leg_that_waits_and_ends_with_an_exit() -> None:
    view = part(leg("b", Side.BUY, FILLED), late("w", Side.SELL, waits=True))
    assert decide(view, NOW).state is R.OPEN
    alone = part(late("w", Side.SELL, waits=True))
    assert decide(alone, NOW).state is R.OPEN
    assert decide(replace(alone, state=R.OPEN, is_exit_wanted=True), NOW).state is R.CLOSED
    assert decide(replace(alone, state=R.OPEN, stopped="The kill switch was pressed."), NOW).state is R.CLOSED
    never = part(late("w", Side.SELL, is_never=True), state=R.OPEN)
    assert decide(never, NOW).state is R.CLOSED
    taken_out = part(replace(late("w", Side.SELL, waits=True), is_exit_wanted=True), state=R.OPEN)
    assert decide(taken_out, NOW).state is R.CLOSED


def test_a_late_sale_waits_for_the_purchases_of_the_entry_and_for_late_ones() -> None:
    sale = late("s", Side.SELL, order("s1", S.NEW))
    entering = part(leg("b", Side.BUY, order("b1", S.OPEN)), sale)
    assert decide(entering, NOW).release == ()
    assert decide(part(leg("b", Side.BUY, FILLED), sale), NOW).release == ("s1",)
    both = part(late("b", Side.BUY, order("b1", S.NEW)), sale, state=R.OPEN)
    assert decide(both, NOW).release == ("b1",)


def test_a_late_entry_that_fails_unwinds_or_is_told_as_the_strategy_says() -> None:
    legs = (leg("b", Side.BUY, FILLED), late("w", Side.BUY, REFUSED))
    unwound = decide(part(*legs, state=R.OPEN), NOW)
    assert unwound.unwind and unwound.state is R.EXITING
    held = decide(part(*legs, state=R.OPEN, on_failure=OnFailure.HOLD), NOW)
    assert held.state is R.OPEN and not held.unwind and "margin" in held.trouble
    again = decide(part(legs[0], replace(legs[1], is_again=True), state=R.OPEN), NOW)
    assert again.state is R.OPEN and not again.unwind and "margin" in again.trouble


def test_a_late_sale_is_withdrawn_when_its_late_hedge_failed() -> None:
    view = part(
        late("b", Side.BUY, REFUSED), late("s", Side.SELL, order("s1", S.NEW)), leg("o", Side.BUY, FILLED),
        state=R.OPEN, on_failure=OnFailure.HOLD,
    )  # fmt: skip
    decision = decide(view, NOW)
    assert decision.release == () and decision.withdraw == ("s1",)


def test_what_was_stopped_enters_nothing_more() -> None:
    view = part(leg("b", Side.BUY, FILLED), late("w", Side.BUY, order("w1", S.NEW)), state=R.OPEN)
    decision = decide(replace(view, stopped="The kill switch was pressed."), NOW)
    assert decision.release == () and decision.withdraw == ("w1",)


def test_a_part_stays_open_while_its_only_leg_comes_again_and_ends_when_it_does_not() -> None:
    gone = replace(leg("b", Side.BUY, FILLED, exit_order("e1", S.FILLED)), is_exit_wanted=True)
    assert decide(part(gone, state=R.EXITING), NOW).state is R.CLOSED
    back = replace(gone, returns=True)
    assert decide(part(back, state=R.EXITING), NOW).state is R.OPEN
    assert decide(part(back, state=R.OPEN, exit_wanted=True), NOW).state is R.CLOSED
    followed = part(gone, late("b2", Side.BUY, order("n", S.NEW), is_again=True), state=R.OPEN)
    assert decide(followed, NOW).release == ("n",)
    refused = part(gone, late("b2", Side.BUY, is_never=True, is_again=True), state=R.OPEN)
    assert decide(refused, NOW).state is R.CLOSED


STATES = st.sampled_from([S.NEW, S.OPEN, S.FILLED, S.REJECTED, S.UNKNOWN, S.CANCELLED])


@settings(max_examples=80)
@given(
    prompt=STATES, states=st.lists(STATES, min_size=1, max_size=3), waits=st.booleans(), is_out=st.booleans(),
    state=st.sampled_from([R.ENTERING, R.OPEN]), sides=st.lists(st.sampled_from(Side), min_size=3, max_size=3),
)  # fmt: skip
def test_whatever_the_others_do_a_leg_that_waits_and_a_part_that_leaves_enter_nothing(
    prompt: S, states: list[S], waits: bool, is_out: bool, state: AccountRunState, sides: list[Side]
) -> None:
    others = [late(f"l{n}", sides[n], order(f"o{n}", each)) for n, each in enumerate(states)]
    waiting = late("w", Side.BUY, waits=waits, is_never=not waits)
    view = part(leg("p", Side.BUY, order("p1", prompt)), *others, waiting, state=state, exit_wanted=is_out)
    decision = decide(view, NOW)
    assert "w" not in {again.leg_id for again in decision.enter}
    assert not set(decision.release) & set(decision.withdraw)
    if is_out:
        assert decision.release == () and decision.enter == ()
    if state is R.ENTERING and prompt is not S.FILLED:
        assert not {f"o{n}" for n in range(len(others))} & set(decision.release)
    assert decision == decide(view, NOW)
