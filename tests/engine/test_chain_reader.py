"""Yesterday's open interest: the last bar before the session's day, read once a day and symbol."""

from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest

from app.engine.chain_reader import ClosingInterest, closing_interest, session_day
from app.instruments.trading_days import Hours, TradingDays
from app.venues.types import Candle, Symbol

ONE = Symbol("NFO", "NIFTY24NOV2626000CE")
THURSDAY, FRIDAY, MONDAY = date(2026, 11, 19), date(2026, 11, 20), date(2026, 11, 23)
HOURS = TradingDays({"NFO": [(date(2000, 1, 1), Hours(time(9, 15), time(15, 40), frozenset(range(5))))]}, {})


def bar(day, interest):
    price = Decimal(100)
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return Candle(start, price, price, price, price, Decimal(0), interest)


def test_it_is_that_of_the_last_bar_before_the_day():
    bars = [bar(THURSDAY, Decimal(650)), bar(FRIDAY, Decimal(1300)), bar(MONDAY, Decimal(1950))]

    assert closing_interest(bars, MONDAY) == 1300
    assert closing_interest([*bars[:1], bar(FRIDAY, None)], MONDAY) == 650
    assert closing_interest(bars[2:], MONDAY) is None
    assert closing_interest([], MONDAY) is None


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 11, 20, 5, 0, tzinfo=UTC), FRIDAY),  # 10:30 in India
        (datetime(2026, 11, 20, 14, 0, tzinfo=UTC), FRIDAY),
        (datetime(2026, 11, 21, 6, 0, tzinfo=UTC), FRIDAY),  # a Saturday
        (datetime(2026, 11, 23, 3, 0, tzinfo=UTC), FRIDAY),  # before the opening
        (datetime(2026, 11, 23, 4, 0, tzinfo=UTC), MONDAY),
    ],
)
def test_a_session_counts_until_the_next_one_opens(moment, day):
    assert session_day(HOURS, "NFO", moment) == day


def test_what_is_known_of_a_day_is_not_asked_again():
    interest = ClosingInterest()
    interest.tried(ONE, FRIDAY, 0.0, Decimal(1300))

    assert interest.missing([ONE], FRIDAY, 1.0) == []
    assert interest.missing([ONE], MONDAY, 601.0) == [ONE]
    assert interest.known == {}


def test_what_could_not_be_read_is_asked_again_in_ten_minutes():
    interest = ClosingInterest()
    interest.tried(ONE, FRIDAY, 0.0, None)

    assert interest.missing([ONE], FRIDAY, 599.0) == []
    assert interest.missing([ONE], FRIDAY, 600.0) == [ONE]
