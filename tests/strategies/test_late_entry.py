"""What a leg waits for, as prices: nothing is reached before the whole move was made, and never on the wrong side."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from app.engine.range_reader import PATIENCE, QUIET, Range, Span, range_of
from app.strategies.late_entry import Again, Breakout, Trigger, Wait, back_at, left, moved, span
from app.strategies.legs import Leg
from app.venues.types import Candle

TICK = Decimal("0.05")
CALL = {"action": "SELL", "kind": "CE", "underlying": "NIFTY", "lots": 1}
prices = st.integers(20, 2_000_000).map(lambda ticks: ticks * TICK)
NINE = datetime(2026, 11, 24, 3, 45, tzinfo=UTC)  # a quarter past nine in India


@settings(max_examples=60)
@given(
    reference=prices, price=prices, value=st.decimals("0.01", 99, places=2),
    unit=st.sampled_from(["points", "percent"]), way=st.sampled_from(["up", "down"]),
)  # fmt: skip
def test_a_move_is_reached_when_all_of_it_was_made_and_never_before(reference, price, value, unit, way):
    trigger = moved(Wait(value=value, unit=unit, way=way), reference, TICK)
    distance = value if unit == "points" else reference * value / 100
    if trigger is None:
        assert way == "down" and reference - distance < TICK
        return
    made = price - reference if way == "up" else reference - price
    assert not (trigger.is_reached(price) and made < distance)
    assert trigger.is_reached(price) or made < distance + TICK
    assert trigger.price % TICK == 0


@settings(max_examples=40)
@given(low=prices, high=prices, price=prices)
def test_a_range_is_left_only_beyond_its_edge(low, high, price):
    low, high = sorted((low, high))
    for side, is_out in (("above", price > high), ("below", price < low)):
        rule = Breakout(start="09:15", end="09:30", side=side)
        assert left(rule, low, high).is_reached(price) is is_out


@settings(max_examples=40)
@given(cost=prices, left_at=prices, path=st.lists(prices, max_size=8))
def test_a_price_comes_back_to_the_first_entry_from_where_it_was_left(cost, left_at, path):
    trigger = back_at(cost, left_at)
    assert trigger.is_reached(cost)
    assert not trigger.is_reached(left_at) or left_at == cost
    for before, after in pairwise([left_at, *path]):
        if trigger.is_reached(after) and not trigger.is_reached(before):
            assert min(before, after) <= cost <= max(before, after)


def test_what_is_waited_for_is_said_with_its_side():
    assert moved(Wait(value=2, unit="percent"), Decimal("178.95"), TICK).words == "at or above 182.55"
    assert Trigger(Decimal(100), False, True).words == "below 100"
    assert moved(Wait(value=200, way="down"), Decimal("176.1"), TICK) is None


@pytest.mark.parametrize(("after", "rule", "follows"), [
    ("stop", "stop", True), ("stop", "trailing stop", True), ("stop", "target", False), ("target", "target", True),
    ("target", "underlying stop", False), ("either", "underlying target", True), ("either", "square-off", False),
    ("either", "delta", False),
])  # fmt: skip
def test_only_a_stop_or_target_of_its_own_is_followed_by_an_entry(after, rule, follows):
    assert Again(after=after).follows(rule) is follows


@pytest.mark.parametrize("more", [
    {"wait": {"value": 0}}, {"wait": {"value": True}}, {"wait": {"value": 100, "unit": "percent", "way": "down"}},
    {"wait": {"value": 1}, "breakout": {"start": "09:15", "end": "09:30"}},
    {"breakout": {"start": "09:30", "end": "09:15"}}, {"breakout": {"start": 900, "end": "09:30"}},
    {"breakout": {"start": "09:15", "end": "09:30", "last": "09:20"}},
    {"breakout": {"start": "09:15:30", "end": "10:00"}},
    {"again": {"times": 2}}, {"again": {"times": 21}, "stop": {"value": 5}},
    {"again": {"times": True}, "stop": {"value": 5}},
    {"again": {"after": "target"}, "stop": {"value": 5}}, {"again": {}, "stop": {"value": 5, "unit": "price"}},
    {"again": {"how": "at_cost", "strike": "new"}, "stop": {"value": 5}},
])  # fmt: skip
def test_what_cannot_be_is_refused(more):
    with pytest.raises(ValidationError):
        Leg(**CALL | more)


def test_a_leg_says_when_it_is_entered():
    leg = Leg(**CALL | {"wait": {"value": "2", "unit": "percent"}, "stop": {"value": 20}, "again": {"times": 2}})
    assert leg.late_words == [
        "waits until its price moved 2 % up",
        "entered again at once after its stop, 2 times at most",
    ]
    late = Leg(**CALL | {"breakout": {"start": "09:15", "end": "09:30", "last": "11:00"}})
    assert late.late_words == ["waits until its underlying is above the high of 09:15 to 09:30, until 11:00"]
    assert Leg.model_validate(late.model_dump(mode="json")) == late


@pytest.mark.parametrize(("zone", "hour"), [("Asia/Kolkata", 3), ("America/New_York", 14), ("Europe/London", 9)])
def test_the_times_of_a_range_are_of_the_schedules_zone(zone, hour):
    starts, ends, last = span(Breakout(start="09:15", end="09:30", last="10:00"), date(2026, 11, 24), zone)
    assert (starts.hour, ends - starts, last - ends) == (hour, timedelta(minutes=15), timedelta(minutes=30))


def bars(*lows_and_highs: tuple[int, int], since: datetime = NINE) -> list[Candle]:
    return [
        Candle(since + timedelta(minutes=n), *map(Decimal, (low, high, low, high, 0)))
        for n, (low, high) in enumerate(lows_and_highs)
    ]


ENDS = NINE + timedelta(minutes=3)
SPAN = Span(NINE, ENDS, NINE)


def test_a_range_grows_with_its_candles_and_is_over_with_the_last_of_them():
    read_at = NINE + timedelta(minutes=2, seconds=10)
    seen = range_of(bars((100, 110), (95, 105)), SPAN, read_at, read_at)
    assert seen == Range(Decimal(95), Decimal(110))
    whole = bars((100, 110), (95, 105), (90, 120), (1, 999))
    over = range_of(whole, SPAN, ENDS, ENDS)
    assert over == Range(Decimal(90), Decimal(120), is_over=True)
    before = bars((1, 999), since=NINE - timedelta(minutes=1))
    assert range_of(before + whole, SPAN, ENDS, ENDS).high == 120


def test_a_range_whose_last_minute_had_no_trade_is_over_once_that_was_seen():
    some = bars((100, 110))
    assert not range_of(some, SPAN, ENDS + timedelta(seconds=5), ENDS + timedelta(seconds=9)).is_over
    assert range_of(some, SPAN, ENDS + QUIET, ENDS + QUIET).is_over


def test_a_range_that_cannot_be_read_is_given_up_and_none_is_made_of_a_part_of_it():
    late = ENDS + PATIENCE
    assert range_of([], SPAN, None, ENDS, "No history.") == Range()
    assert range_of([], SPAN, None, late, "No history.").lacks == "No history."
    assert range_of(bars((100, 110)), SPAN, NINE, late).lacks == "there are no candles of it"
    assert range_of([], SPAN, late, late).lacks == "there are no candles of it"
    asked_late = Span(NINE, ENDS, late)
    assert not range_of([], asked_late, None, late + timedelta(seconds=5)).lacks
