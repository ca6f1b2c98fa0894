from datetime import date, datetime, timedelta

import pytest

from app.paper.calendar import IST
from app.paper.candles import FIELDS, INTERVALS, MINUTES
from tests.paper.markets import FRIDAY_NOON, STEP, HandMarket

FRIDAY = date(2026, 11, 20)
MONDAY = date(2026, 11, 16)
ONE_OF_EACH = [
    ("NIFTY", "NSE_INDEX"),
    ("RELIANCE", "NSE"),
    ("NIFTY24NOV26FUT", "NFO"),
    ("NIFTY24NOV2626050CE", "NFO"),
    ("NIFTY24NOV2626050PE", "NFO"),
]


def today(market, contract, interval="1m"):
    day = market.now().date()
    return market.history(contract, interval, day, day)


def seconds(day, hour, minute):
    return int(datetime(day.year, day.month, day.day, hour, minute, tzinfo=IST).timestamp())


def as_prices(candle):
    return tuple(candle[name] for name in ("open", "high", "low", "close"))


def watch(market, contract, steps):
    """Open, high, low, close of what the quotes show over some steps, the present one first."""
    seen = []
    for step in range(steps):
        if step:
            market.run(STEP)
        seen.append(market.quote(contract).ltp)
    return seen[0], max(seen), min(seen), seen[-1]


@pytest.mark.parametrize("one", ONE_OF_EACH, ids=lambda one: one[0])
@pytest.mark.parametrize("sessions", ["always", "calendar"])
def test_a_candle_is_what_the_ticks_were(one, sessions):
    market = HandMarket(FRIDAY_NOON, sessions=sessions)
    contract = market.contract(*one)
    seen = watch(market, contract, 240)
    assert as_prices(today(market, contract)[-1]) == seen
    market.run(STEP)
    assert as_prices(today(market, contract)[-2]) == seen


@pytest.mark.parametrize("one", ONE_OF_EACH, ids=lambda one: one[0])
def test_the_running_candle_holds_what_was_seen_so_far(one):
    market = HandMarket(FRIDAY_NOON)
    contract = market.contract(*one)
    seen = watch(market, contract, 101)
    for interval in ("1m", "3m", "5m", "15m", "1h"):
        assert as_prices(today(market, contract, interval)[-1]) == seen


@pytest.mark.parametrize("one", ONE_OF_EACH, ids=lambda one: one[0])
def test_a_candle_in_which_something_was_moved_is_what_the_ticks_were(one):
    market = HandMarket(FRIDAY_NOON)
    contract = market.contract(*one)
    name = contract.name
    parts = [watch(market, contract, 40)]
    for move in (lambda: market.pin(name, 100.0 if name == "RELIANCE" else 25800.0), lambda: market.shift(name, 2.0)):
        market.run(STEP)
        move()
        market.pin("INDIAVIX", 19.0)
        parts.append(watch(market, contract, 60))
    market.run(STEP)
    market.pin(name, None)
    parts.append(watch(market, contract, 80))
    seen = parts[0][0], max(p[1] for p in parts), min(p[2] for p in parts), parts[-1][3]
    assert as_prices(today(market, contract)[-1]) == seen
    market.run(60)
    assert as_prices(today(market, contract)[-2]) == seen


@pytest.mark.parametrize("one", ONE_OF_EACH, ids=lambda one: one[0])
def test_the_days_candle_is_the_quotes_day(one):
    market = HandMarket(FRIDAY_NOON, sessions="calendar")
    contract = market.contract(*one)
    market.shift(contract.name, 1.5)
    market.run(400)
    quote, candle = market.quote(contract), today(market, contract, "D")[-1]
    assert as_prices(candle) == (quote.open, quote.high, quote.low, quote.ltp)
    assert (candle["volume"], candle["oi"]) == (quote.volume, quote.oi)


@pytest.mark.parametrize("interval", list(MINUTES))
def test_a_long_candle_is_its_minutes_together(interval):
    market = HandMarket(FRIDAY_NOON, sessions="calendar")
    size = MINUTES[interval]
    minutes = market.history(market.call, "1m", MONDAY, MONDAY)
    longs = market.history(market.call, interval, MONDAY, MONDAY)
    assert len(longs) == -(-len(minutes) // size)
    for index, candle in enumerate(longs):
        group = minutes[index * size : (index + 1) * size]
        assert candle == {
            "timestamp": group[0]["timestamp"],
            "open": group[0]["open"],
            "high": max(one["high"] for one in group),
            "low": min(one["low"] for one in group),
            "close": group[-1]["close"],
            "volume": sum(one["volume"] for one in group),
            "oi": group[-1]["oi"],
        }


def test_candles_begin_with_the_session_and_ascend():
    market = HandMarket(FRIDAY_NOON, sessions="calendar")
    candles = market.history(market.call, "1m", MONDAY, MONDAY)
    assert [candle["timestamp"] for candle in candles] == [seconds(MONDAY, 9, 15) + 60 * i for i in range(385)]
    assert tuple(candles[0]) == FIELDS
    assert len(market.history(market.nifty, "1m", MONDAY, MONDAY)) == 375


def test_daily_candles_carry_midnight_utc_and_skip_closed_days():
    market = HandMarket(datetime(2026, 11, 20, 18, 0, tzinfo=IST), sessions="calendar")
    days = market.history(market.nifty, "D", date(2026, 11, 6), FRIDAY)
    dates = [date(1970, 1, 1) + timedelta(seconds=candle["timestamp"]) for candle in days]
    assert all(candle["timestamp"] % 86400 == 0 for candle in days)
    assert len(dates) == 10
    assert date(2026, 11, 10) not in dates


def test_nothing_later_than_now_is_shown():
    market = HandMarket(FRIDAY_NOON, sessions="calendar")
    candles = market.history(market.nifty, "5m", FRIDAY, date(2026, 12, 31))
    assert candles[-1]["timestamp"] == seconds(FRIDAY, 12, 0)
    assert market.history(market.nifty, "5m", date(2026, 12, 1), date(2026, 12, 31)) == []


def test_a_market_that_is_always_open_has_real_sessions_before_its_first_day():
    market = HandMarket()
    candles = market.history(market.nifty, "1m", FRIDAY, date(2026, 11, 21))
    stamps = [candle["timestamp"] for candle in candles]
    assert stamps[0] == seconds(FRIDAY, 9, 15)
    assert stamps[375] == seconds(date(2026, 11, 21), 0, 0)
    assert stamps[-1] == seconds(date(2026, 11, 21), 10, 0)


def test_history_is_the_same_in_every_market_of_the_seed():
    one, two = HandMarket(), HandMarket()
    two.quote(two.call)
    two.run(4000)
    asked = ("5m", MONDAY, FRIDAY)
    assert one.history(one.call, *asked) == two.history(two.call, *asked)
    other = HandMarket(seed=8)
    assert one.history(one.call, *asked) != other.history(other.call, *asked)


def test_an_unknown_interval_is_refused():
    market = HandMarket()
    with pytest.raises(ValueError, match="interval"):
        market.history(market.nifty, "7m", MONDAY, FRIDAY)
    assert "2m" not in INTERVALS


def test_volumes_of_a_day_add_up_to_whole_lots():
    market = HandMarket(FRIDAY_NOON, sessions="calendar")
    candles = market.history(market.call, "15m", MONDAY, MONDAY)
    assert all(candle["volume"] >= 0 and candle["volume"] % 65 == 0 for candle in candles)
    assert sum(candle["volume"] for candle in candles) == market.history(market.call, "D", MONDAY, MONDAY)[0]["volume"]
