"""A Supertrend exit over candles: closed ones alone, late ones after all, and none where a leg has none."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import pytest

from app.feed.candles import Day
from app.risk.deltas import DeltaWatch, delta_of, is_beyond
from app.risk.rules import DeltaRule, SupertrendRule
from app.risk.turning import LATE, TrendWatch, closed, due, look, missing
from app.strategies.models import ENTERED, LegRun
from app.strategies.watching import Held, Money, trend_watch
from app.venues.types import Candle, Symbol

OPENS = datetime(2026, 11, 23, 3, 45, tzinfo=UTC)  # 09:15 in India
DAY = Day(OPENS.date(), OPENS, OPENS + timedelta(hours=6, minutes=15), OPENS)
NIFTY, CALL, PUT = Symbol("NSE_INDEX", "NIFTY"), Symbol("NFO", "CALL"), Symbol("NFO", "PUT")
FALLING = [100 - step for step in range(8)]
RISING = [*FALLING, 110, 120, 121]


def at(number: int) -> datetime:
    return OPENS + number * timedelta(minutes=5)


def bars(closes: list[int], first: int = 0) -> list[Candle]:
    return [
        Candle(at(first + number), D(close), D(close + 1), D(close - 1), D(close), D(0))
        for number, close in enumerate(closes)
    ]


def watch(when: str = "breakout", legs=((NIFTY, D(1)),), since: int = 0, **more) -> TrendWatch:
    rule = SupertrendRule.model_validate({"when": when, "period": 3, "multiplier": "1"} | more)
    return TrendWatch(rule, legs, at(since))


def test_a_close_past_the_line_turns_it_once_and_says_what_it_passed():
    found = look(watch(), {NIFTY: bars(RISING)})
    assert (found.turn.close, found.turn.at) == (110, at(9))
    assert found.turn.line < 110
    assert look(watch("breakdown"), {NIFTY: bars(RISING)}).turn is None


def test_a_turn_before_the_run_began_is_none_and_one_that_nobody_saw_still_is():
    assert look(watch(since=9), {NIFTY: bars(RISING)}).turn is None
    assert look(watch(since=8), {NIFTY: bars(RISING)}).turn.at == at(9)


def test_more_history_and_every_way_of_coming_by_it_give_the_same_turn():
    whole = bars([*range(140, 100, -1), *RISING])
    turns = {look(watch(since=40), {NIFTY: whole[first:]}).turn.at for first in (0, 10, 20)}
    assert turns == {at(49)}


def test_a_history_that_begins_after_the_run_turns_only_in_its_newer_half():
    longer = bars([*RISING, *range(122, 141)])
    assert look(watch(since=-1), {NIFTY: bars(RISING)}).turn.at == at(9), "the sixth of eleven and those after it"
    assert look(watch(since=-1), {NIFTY: longer}).turn is None, "in thirty it was looked at when it happened"
    assert look(watch(since=0), {NIFTY: longer}).turn.at == at(9), "a history that is as old as the run is whole"


def held(symbol: Symbol, entry: int = 1, came: int | None = None) -> Held:
    """Leg 1, whole; with `came` it was entered by itself at that candle."""
    late = {"waits": ENTERED, "entered_at": at(came)} if came is not None else {"waits": ""}
    return Held(LegRun(number=1, entry=entry, quantity=D(65), **late), symbol, D(0), D(65), D(65), D(100))


@pytest.mark.parametrize("of", [{"on": "leg", "leg": 1}, {"on": "premium"}], ids=["leg", "premium"])
@pytest.mark.parametrize(("legs", "turns"), [
    ([held(CALL)], True),
    ([held(CALL, came=8)], True), ([held(CALL, came=9)], False),
    ([held(PUT), held(CALL, 2, came=8)], True), ([held(PUT), held(CALL, 2, came=9)], False),
    ([held(CALL), held(CALL, 2, came=9)], True),  # it was looked at all the time
    ([held(CALL), held(PUT, 2, came=3), held(CALL, 3, came=9)], False),
])  # fmt: skip
def test_a_turn_from_before_a_leg_was_entered_in_this_contract_is_none(of, legs, turns):
    rule = SupertrendRule.model_validate({"when": "breakout", "period": 3, "multiplier": "1"} | of)
    found = look(trend_watch(rule, None, Money.of(legs), at(0), True), {CALL: bars(RISING), PUT: bars([100] * 11)})
    assert (found.turn is not None) is turns


def test_what_a_leg_came_for_later_does_not_matter_to_its_underlying():
    seen = {"1": {"exchange": NIFTY.exchange, "symbol": NIFTY.name}}
    made = trend_watch(watch().rule, seen, Money.of([held(CALL, came=9)]), at(0), True)
    assert look(made, {NIFTY: bars(RISING)}).turn.at == at(9)


def test_a_candle_that_runs_or_has_not_settled_is_no_candle_yet():
    candles = bars(RISING)
    end = at(len(RISING))
    for seconds, count in ((-1, 10), (0, 10), (4, 10), (5, 11)):
        assert len(closed(candles, "5m", DAY, end + timedelta(seconds=seconds))) == count
    assert len(closed(candles, "5m", None, end)) == 11, "without a session none is running"


def test_a_leg_without_its_candle_gives_no_signal_and_is_named():
    legs = ((CALL, D(1)), (PUT, D(1)))
    whole, gap = bars([one // 2 for one in RISING]), bars([one // 2 for one in RISING][:8])
    now = at(9) + LATE
    both = {CALL: whole[:9], PUT: gap}
    assert look(watch(legs=legs), both).turn is None
    assert missing(watch(legs=legs), both, DAY, now) == (at(8), [PUT])
    late = {CALL: whole[:9], PUT: whole[:9]}
    assert look(watch(legs=legs), late).turn.at == at(9), "a late candle is decided on when it comes"
    assert missing(watch(legs=legs), late, DAY, now) == (at(8), [])


def test_a_premium_that_is_sold_and_one_that_is_bought_are_weighed_with_their_sign():
    legs = ((CALL, D(1)), (PUT, D(-1)))
    flat = bars([10] * len(RISING))
    assert look(watch(legs=legs), {CALL: bars([one + 10 for one in RISING]), PUT: flat}).turn.close == 110


@pytest.mark.parametrize(("moment", "start"), [
    (OPENS, None), (at(1) + LATE - timedelta(seconds=1), None), (at(1) + LATE, at(0)), (at(2), at(0)),
    (DAY.closes + timedelta(hours=2), DAY.closes - timedelta(minutes=5)),
])  # fmt: skip
def test_the_candle_that_must_be_there_by_now(moment, start):
    assert due("5m", DAY, moment) == start


HELD = {CALL: D(-130), PUT: D(-65)}


@pytest.mark.parametrize(("deltas", "leg", "found"), [
    ({CALL: D("0.5"), PUT: D("-0.4")}, None, D("-0.6")),  # -2 × 0.5 + 0.4
    ({CALL: D("0.5"), PUT: None}, None, None), ({CALL: D("0.5")}, None, None),
    ({CALL: None, PUT: D("-0.4")}, PUT, D("-0.4")), ({}, PUT, None),
])  # fmt: skip
def test_a_net_delta_by_hand(deltas, leg, found):
    seen = DeltaWatch(DeltaRule(beyond=D("0.6")), HELD, D(65), leg)
    assert delta_of(seen, deltas) == found
    assert found is None or is_beyond(seen, found) == (abs(found) >= D("0.6"))
