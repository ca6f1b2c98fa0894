"""Supertrend and the other lines over candles, held to what other libraries make of the same bars."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.clock import INDIA
from app.feed.overlays import bollinger, ema, sma, vwap
from app.risk.supertrend import Direction, average_range, start, step, supertrend
from app.venues.types import Candle

GOLDEN = json.loads((Path(__file__).parents[1] / "data/indicators.json").read_text(encoding="utf-8"))
FROM = GOLDEN["compared_from"]
CANDLES = [Candle(datetime.fromtimestamp(at, UTC), *map(Decimal, more)) for at, *more in GOLDEN["bars"]]
CLOSES = [one.close for one in CANDLES]
LINES = {
    "supertrend 10 3": [trend and trend.line for trend in supertrend(CANDLES)],
    "atr 10": average_range(CANDLES, 10),
    "ema 20": ema(CLOSES, 20),
    "sma 20": sma(CLOSES, 20),
    "bollinger lower 20 2": bollinger(CLOSES, 20, Decimal(2))[0],
    "bollinger upper 20 2": bollinger(CLOSES, 20, Decimal(2))[2],
    "vwap": vwap(CANDLES, lambda one: one.start.astimezone(INDIA).date()),
}
CASES = [(line, library) for line in LINES for library in GOLDEN["lines"][line]]


@pytest.mark.parametrize("line, library", CASES)
def test_a_line_is_the_one_another_library_draws(line, library):
    theirs = GOLDEN["lines"][line][library]
    ours = [float(value) for value in LINES[line][FROM:]]
    assert len(theirs) == 200
    assert ours == pytest.approx(theirs, abs=1e-6)


@pytest.mark.parametrize("library, up", [("pandas-ta-classic", 1.0), ("openalgo", -1.0)])
def test_the_trend_turns_where_it_does_for_others(library, up):
    ours = [trend.direction is Direction.UP for trend in supertrend(CANDLES)[FROM:]]
    assert ours == [said == up for said in GOLDEN["lines"]["direction 10 3"][library]]
    assert len(set(ours)) == 2


def test_the_first_trend_is_down_and_comes_with_the_last_candle_of_the_seed():
    trends = supertrend(CANDLES[:11])
    assert trends[:9] == [None] * 9
    assert trends[9].direction is Direction.DOWN


@given(st.lists(st.tuples(*[st.integers(100, 4000)] * 4), min_size=1, max_size=60), st.integers(1, 15))
def test_a_band_only_moves_towards_the_price_until_a_close_passes_it(said, period):
    candles = [candle_of(*(Decimal(one) / 20 for one in prices)) for prices in said]
    trends = [one for one in supertrend(candles, period, Decimal(2)) if one is not None]
    assert len(trends) == max(0, len(candles) - period + 1)
    for before, after in zip(trends, trends[1:], strict=False):
        assert after.lower >= before.lower or before.close < before.lower
        assert after.upper <= before.upper or before.close > before.upper
        if after.direction is before.direction is Direction.UP:
            assert after.line >= before.line
        if after.direction is not before.direction:
            passed = after.close > after.upper if after.direction is Direction.UP else after.close < after.lower
            assert passed


@given(st.integers(11, 60))
def test_step_by_step_is_the_same_as_all_at_once(length):
    state = start()
    for candle in CANDLES[:length]:
        state = step(state, candle)
    assert state.trend == supertrend(CANDLES[:length])[-1]


def test_a_period_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        start(0)


def test_a_line_has_as_many_values_as_there_are_candles():
    assert ema(CLOSES[:3], 20) == sma(CLOSES[:3], 20) == [None] * 3
    still = Candle(CANDLES[0].start, *[Decimal(10)] * 4, Decimal(0))
    assert vwap([still], lambda _one: 1) == [None]
    assert bollinger([Decimal(7)] * 3, 2, Decimal(2)) == ([None, 7, 7], [None, 7, 7], [None, 7, 7])


def candle_of(a, b, c, d) -> Candle:
    return Candle(CANDLES[0].start, a, max(a, b, c, d), min(a, b, c, d), d, Decimal(1))
