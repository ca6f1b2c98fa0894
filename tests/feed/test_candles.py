"""Bars from ticks, from smaller bars, and joined with what a venue told."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.feed.baskets import Basket, parse_basket
from app.feed.candles import (
    DAILY,
    INTERVALS,
    MINUTES,
    Day,
    Reading,
    TickBars,
    aggregate,
    anchored,
    bar_end,
    bar_start,
    combine,
    merge,
    midnight,
)
from app.paper.market import Market
from app.venues.types import Candle, Quote, Symbol

SBIN = Symbol("NSE", "SBIN")
OPENS = datetime(2026, 11, 20, 3, 45, tzinfo=UTC)  # 09:15 in India
CLOSES = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
DAY = Day(date(2026, 11, 20), OPENS, CLOSES, OPENS)
BEFORE_ALL = Reading(OPENS - timedelta(hours=1))
SECONDS = int((CLOSES - OPENS).total_seconds())

offsets = st.integers(min_value=-600, max_value=SECONDS + 600)
prices = st.integers(min_value=1, max_value=100_000).map(lambda ticks: Decimal(ticks) / 20)


def tick(seconds: float, price: Decimal | int, volume: int | None = None, **more) -> Quote:
    at = OPENS + timedelta(seconds=seconds)
    traded = None if volume is None else Decimal(volume)
    return Quote(SBIN, Decimal(price), more.pop("received_at", at), volume=traded, at=at, **more)


def bars_of(ticks, interval="1m", history=(), reading=BEFORE_ALL):
    made = TickBars()
    for one in ticks:
        made.take(one, DAY)
    return merge(list(history), made.bars(interval, DAY), interval, DAY, reading)


def candle(minute: int, prices=(10, 12, 9, 11), volume=5) -> Candle:
    return Candle(OPENS + timedelta(minutes=minute), *map(Decimal, prices), Decimal(volume))


@given(st.sampled_from(INTERVALS), st.integers(0, SECONDS - 1))
def test_every_moment_of_a_session_lies_in_one_bar(interval, seconds):
    moment = OPENS + timedelta(seconds=seconds)
    start = bar_start(interval, DAY, moment)
    end = bar_end(interval, DAY, start)
    if interval == DAILY:
        assert (start, end) == (midnight(DAY.day), CLOSES)
    else:
        assert start <= moment < end <= CLOSES
        assert (start - OPENS) % timedelta(minutes=MINUTES[interval]) == timedelta()
        assert bar_start(interval, DAY, end - timedelta(seconds=1)) == start


@pytest.mark.parametrize("moment", [OPENS - timedelta(seconds=1), CLOSES])
def test_before_the_opening_and_from_the_close_on_there_is_no_bar(moment):
    assert bar_start("5m", DAY, moment) is None


def test_hours_are_counted_from_the_opening_and_the_last_is_short():
    start = bar_start("1h", DAY, CLOSES - timedelta(minutes=1))
    assert (start, bar_end("1h", DAY, start)) == (CLOSES - timedelta(minutes=15), CLOSES)


@given(st.lists(st.tuples(offsets, prices), min_size=1, max_size=60), st.sampled_from(INTERVALS))
def test_bars_hold_exactly_the_prices_of_their_time(said, interval):
    bars = bars_of([tick(seconds, price) for seconds, price in said], interval)
    inside = [(bar_start(interval, DAY, OPENS + timedelta(seconds=at)), at, price) for at, price in said]
    inside = [one for one in inside if one[0] is not None]
    assert [bar.start for bar in bars] == sorted({start for start, _, _ in inside})
    for bar in bars:
        own = [(at, price) for start, at, price in inside if start == bar.start]
        assert (bar.high, bar.low) == (max(price for _, price in own), min(price for _, price in own))
        newest = max(at for at, _ in own)
        assert bar.close in [price for at, price in own if at == newest]
        assert bar.open in [price for at, price in own if at == min(at for at, _ in own)]


@given(st.lists(st.tuples(offsets, prices), min_size=1, max_size=40, unique_by=lambda one: one[0]), st.randoms())
def test_the_order_in_which_ticks_come_does_not_matter(said, random):
    ticks = [tick(seconds, price) for seconds, price in said]
    shuffled = random.sample(ticks, len(ticks))
    assert bars_of(shuffled) == bars_of(sorted(ticks, key=lambda one: one.at))


@given(st.lists(st.tuples(st.integers(0, SECONDS - 1), prices, st.integers(0, 1000)), min_size=1, max_size=60))
def test_the_volume_of_all_bars_is_what_traded_since_the_opening(said):
    total, ticks = 0, []
    for seconds, price, units in sorted(said, key=lambda one: one[0]):
        total += units
        ticks.append(tick(seconds, price, total))
    read = Reading(ticks[0].at)
    assert sum(bar.volume for bar in bars_of(ticks, reading=read)) == total
    assert [bar.volume for bar in bars_of(ticks, DAILY)] == [total]


@given(
    st.lists(st.tuples(st.integers(0, 374), prices, prices), min_size=1, max_size=80, unique_by=lambda one: one[0]),
    st.sampled_from(INTERVALS),
)
def test_bars_put_together_keep_the_extremes_the_ends_and_the_volume(said, interval):
    minutes = [candle(at, (a, max(a, b), min(a, b), b), 7) for at, a, b in sorted(said)]
    whole = aggregate(minutes, interval, lambda _moment: DAY)
    assert sum(one.volume for one in whole) == 7 * len(minutes)
    assert max(one.high for one in whole) == max(one.high for one in minutes)
    assert min(one.low for one in whole) == min(one.low for one in minutes)
    assert (whole[0].open, whole[-1].close) == (minutes[0].open, minutes[-1].close)


@given(st.lists(st.tuples(st.integers(0, SECONDS - 1), prices), min_size=2, max_size=60), st.sampled_from(INTERVALS))
def test_minutes_of_ticks_put_together_are_the_bars_of_the_interval(said, interval):
    ticks = [tick(seconds, price) for seconds, price in sorted(said, key=lambda one: one[0])]
    minutes = bars_of(ticks)
    assert [(one.start, one.open, one.high, one.low, one.close) for one in bars_of(ticks, interval)] == [
        (one.start, one.open, one.high, one.low, one.close) for one in aggregate(minutes, interval, lambda _: DAY)
    ]


def test_an_unfinished_bar_of_history_is_joined_with_the_ticks():
    reading = Reading(OPENS + timedelta(seconds=90), traded=Decimal(8))
    history = [candle(0, volume=5), candle(1, (11, 13, 10, 12), volume=3)]
    bars = bars_of([tick(70, 12, 7), tick(95, 15, 9), tick(100, 14, 12)], history=history, reading=reading)
    assert bars == [history[0], candle(1, (11, 15, 10, 14), volume=7)]


def test_a_bar_that_was_over_when_it_was_read_stays_as_the_venue_told_it():
    reading = Reading(OPENS + timedelta(seconds=200))
    assert bars_of([tick(1, 99, 50)], history=[candle(0)], reading=reading) == [candle(0)]


def test_a_bar_of_ticks_is_dropped_when_the_venue_has_none_of_that_time():
    reading = Reading(OPENS + timedelta(seconds=200))
    bars = bars_of([tick(70, 99)], history=[candle(0), candle(2)], reading=reading)
    assert [bar.start for bar in bars] == [candle(0).start, candle(2).start]


def test_a_bar_just_over_when_it_was_read_may_still_be_missing_trades():
    reading = Reading(OPENS + timedelta(seconds=61))
    assert bars_of([tick(59, 14, 6)], history=[candle(0)], reading=reading)[0].high == 14


def test_what_traded_between_an_old_history_and_the_first_tick_is_in_no_bar():
    reading = Reading(OPENS + timedelta(seconds=60))
    bars = bars_of([tick(1800, 10, 900), tick(1801, 10, 910)], history=[candle(0)], reading=reading)
    assert [bar.volume for bar in bars] == [5, 10]


def test_a_minute_without_ticks_has_no_bar():
    assert [bar.start for bar in bars_of([tick(5, 10), tick(130, 11)])] == [OPENS, OPENS + timedelta(minutes=2)]


def test_a_tick_that_was_a_little_late_belongs_to_the_time_it_was_made():
    late = tick(59, 20, received_at=OPENS + timedelta(seconds=61))
    assert [bar.high for bar in bars_of([tick(1, 10), tick(60, 11), late])] == [20, 11]


def test_a_venue_whose_clock_is_far_off_is_measured_by_ours():
    odd = tick(-19_800, 20, received_at=OPENS + timedelta(seconds=61))
    assert [bar.start for bar in bars_of([odd])] == [OPENS + timedelta(minutes=1)]


def test_a_price_that_is_only_repeated_makes_no_bar_of_its_own():
    again = tick(3, 10, 5, received_at=OPENS + timedelta(seconds=70))
    assert len(bars_of([tick(3, 10, 5), again])) == 1


def test_the_volume_begins_anew_where_a_venue_begins_a_new_day():
    ticks = [tick(1, 10, 900), tick(61, 10, 1000), tick(121, 10, 20)]
    assert [bar.volume for bar in bars_of(ticks, reading=Reading(OPENS))] == [900, 100, 20]


def test_bars_are_measured_by_the_venues_own():
    hours = [candle(0).start + timedelta(minutes=15)]
    day = anchored(DAY, "1h", [Candle(hours[0], *[Decimal(1)] * 4, Decimal(0))])
    assert bar_start("1h", day, OPENS + timedelta(minutes=80)) == OPENS + timedelta(minutes=75)
    assert bar_start("1h", day, OPENS + timedelta(minutes=5)) == OPENS


def test_a_sum_has_a_point_where_every_leg_has_a_bar():
    bars, missing = combine([([candle(0), candle(1)], Decimal(-1)), ([candle(1), candle(2)], Decimal(2))])
    assert ([(bar.start, bar.close) for bar in bars], missing) == ([(candle(1).start, Decimal(11))], 2)


@pytest.mark.parametrize(
    "text", ["5m:NSE:SBIN", "1D:NFO:NIFTY24NOV2626050CE*-1+NFO:NIFTY24NOV2626050PE*-1.5", "1m:NSE:M&M*2"]
)
def test_a_basket_is_spelled_and_read_again(text):
    assert parse_basket(text).key == text


@pytest.mark.parametrize("text", ["", "2m:NSE:SBIN", "5m:", "5m:NSE:", "5m:NSE:SBIN*0", "5m:NSE:SBIN*1e99", "5m:a:b+"])
def test_what_is_no_basket_is_none(text):
    assert parse_basket(text) is None


def test_one_contract_is_a_basket_of_its_own():
    assert Basket.of(SBIN, "5m").key == "5m:NSE:SBIN"


@pytest.mark.parametrize("exchange, symbol", [("NFO", "NIFTY24NOV2626050CE"), ("NSE", "SBIN")])
def test_bars_of_ticks_are_those_the_paper_market_tells_afterwards(exchange, symbol):
    """Every step of three minutes as a tick; then the market's own history of them."""
    now = [0.0]
    market = Market(
        7, datetime.fromisoformat("2026-11-20T10:00:00+05:30"), sessions="calendar", monotonic=lambda: now[0]
    )
    contract = market.universe.find(symbol, exchange)
    made, name = TickBars(), Symbol(exchange, symbol)
    while now[0] < 180:
        said = market.quote(contract)
        at = market.now().astimezone(UTC)
        quote = Quote(name, Decimal(str(said.ltp)), at, volume=Decimal(said.volume), at=at)
        made.take(quote, DAY)
        now[0] += 0.25
    rows = [row for row in market.history(contract, "1m", DAY.day, DAY.day) if row["timestamp"] >= at_ten()]
    ours = merge([], made.bars("1m", DAY), "1m", DAY, BEFORE_ALL)
    names = ("open", "high", "low", "close")
    theirs = [(row["timestamp"], *(Decimal(str(row[one])) for one in names)) for row in rows[:3]]
    assert [(int(one.start.timestamp()), one.open, one.high, one.low, one.close) for one in ours] == theirs
    assert [one.volume for one in ours[1:]] == [row["volume"] for row in rows[1:3]]


def at_ten() -> int:
    return int(datetime.fromisoformat("2026-11-20T10:00:00+05:30").timestamp())
