"""Who may do what: the strictest standing wins, and a way out never closes."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.accounts.states import TradingState
from app.risk.states import WHOLE_DESK, Effect, Extent, Kind, Standing, effect_of, passes, refusal, strictest

A, R, H = TradingState
ORDER = {A: 0, R: 1, H: 2}
STANDINGS = some.builds(
    Standing, some.builds(Extent, some.sampled_from(Kind), some.just("x")), state=some.sampled_from(TradingState)
)


@pytest.mark.parametrize(
    ("state", "effect", "may"),
    [
        (A, Effect.OPENS, True), (A, Effect.LESSENS, True), (A, Effect.LEAVES, True), (A, Effect.CANCELS, True),
        (R, Effect.OPENS, False), (R, Effect.LESSENS, True), (R, Effect.LEAVES, True), (R, Effect.CANCELS, True),
        (H, Effect.OPENS, False), (H, Effect.LESSENS, False), (H, Effect.LEAVES, True), (H, Effect.CANCELS, True),
    ],
)  # fmt: skip
def test_i17_every_state_and_every_effect(state, effect, may):
    assert passes(state, effect) is may


@pytest.mark.parametrize("purpose", ["exit", "stop", "target"])
def test_i17_exits_leave_whatever_the_state(purpose):
    assert all(passes(state, effect_of(purpose)) for state in TradingState)


@pytest.mark.parametrize("purpose", ["entry", "manual", "quote", "adjust", "something new"])
def test_i17_whatever_is_no_exit_opens(purpose):
    assert not any(passes(state, effect_of(purpose)) for state in (R, H))


@given(some.lists(STANDINGS))
def test_the_strictest_of_all_wins(standings):
    worst = strictest(standings)
    if not standings:
        assert worst is None
    else:
        assert ORDER[worst.state] == max(ORDER[standing.state] for standing in standings)
        assert worst is next(standing for standing in standings if standing.state is worst.state)


@given(some.lists(STANDINGS))
def test_one_that_does_not_trade_is_enough_to_refuse(standings):
    assert (refusal(strictest(standings)) is None) == all(standing.is_active for standing in standings)


def test_the_refusal_names_what_stops_who_said_so_when_and_why():
    at = datetime(2026, 11, 20, 8, 33, tzinfo=UTC)
    account = Standing(Extent(Kind.ACCOUNT, "a"), "Zerodha main", R, "Asha", "by hand.", at)
    assert refusal(account) == "Zerodha main takes no new entries: reducing, set by Asha at 14:03, because: by hand."
    assert refusal(Standing(WHOLE_DESK, state=H)) == "The whole desk takes no new entries: halted."
    assert refusal(account, Effect.LESSENS) is None
    assert refusal(None) is None
