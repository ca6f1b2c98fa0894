from datetime import UTC, date, datetime, timedelta

import pytest

from app.core.clock import INDIA


@pytest.fixture
def days(instruments):
    instruments.seed()
    return instruments.calendar(datetime(2026, 11, 19, tzinfo=UTC))


def india(day: str, clock: str) -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=INDIA).astimezone(UTC)


@pytest.mark.parametrize(
    ("exchange", "day", "clock", "is_open"),
    [
        ("NSE", "2026-11-19", "09:14:59", False),
        ("NSE", "2026-11-19", "09:15:00", True),
        ("NSE", "2026-11-19", "15:29:59", True),
        ("NSE", "2026-11-19", "15:30:00", False),
        ("NFO", "2026-07-31", "15:35:00", False),  # the last session before the change
        ("NFO", "2026-08-03", "15:35:00", True),
        ("BFO", "2026-08-03", "15:40:00", False),
        ("MCX", "2026-11-19", "23:54:00", True),
        ("MCX", "2026-10-30", "23:29:00", True),
        ("MCX", "2026-10-30", "23:31:00", False),  # the US had daylight saving time
        ("NSE", "2026-11-21", "11:00:00", False),  # Saturday
        ("NSE", "2026-02-01", "11:00:00", True),  # the Sunday of the budget
        ("MCX", "2026-02-01", "16:59:00", True),
        ("MCX", "2026-02-01", "17:00:00", False),
        ("NFO", "2026-11-24", "11:00:00", False),  # Guru Nanak Dev
        ("MCX", "2026-11-24", "11:00:00", False),
        ("MCX", "2026-11-24", "18:00:00", True),
        ("MCX", "2026-12-25", "18:00:00", False),
        ("CRYPTO", "2026-12-25", "03:00:00", True),
        ("GATE", "2026-11-22", "03:00:00", True),  # nothing on record: never held back
    ],
)
def test_hours_days_and_holidays(days, exchange, day, clock, is_open):
    assert days.is_open(exchange, india(day, clock)) is is_open


def test_the_next_opening_skips_the_night_the_weekend_and_the_holiday(days):
    assert days.next_open("NSE", india("2026-11-19", "08:00")) == india("2026-11-19", "09:15")
    assert days.next_open("NSE", india("2026-11-20", "15:30")) == india("2026-11-23", "09:15")
    assert days.next_open("NSE", india("2026-11-23", "16:00")) == india("2026-11-25", "09:15")


def test_an_exchange_that_never_closes_has_no_close(days):
    assert days.closes_at("CRYPTO", india("2026-11-19", "12:00")) is None
    assert days.closes_at("NFO", india("2026-11-19", "12:00")) == india("2026-11-19", "15:40")
    assert days.closes_at("NFO", india("2026-11-19", "16:00")) is None


def test_the_trading_date_turns_at_the_close_of_the_session(days):
    assert days.trading_date("NFO", india("2026-11-23", "15:39:59")) == date(2026, 11, 23)
    assert days.trading_date("NFO", india("2026-11-23", "15:40:00")) == date(2026, 11, 24)
    assert days.trading_date("NFO", india("2026-11-23", "00:05")) == date(2026, 11, 23)


def test_the_next_trading_day_and_the_name_of_a_holiday(days):
    assert days.next_trading_day("NSE", date(2026, 11, 23)) == date(2026, 11, 25)
    assert not days.is_trading_day("NSE", date(2026, 10, 20))
    assert days.holiday("NSE", date(2026, 10, 20)) == "Dussehra"


def test_no_moment_is_lost_between_two_sessions(days):
    """Over a month, every half hour is either in a session or has a next opening after it."""
    moment = india("2026-11-01", "00:00")
    while moment < india("2026-12-01", "00:00"):
        opening = days.next_open("NFO", moment)
        assert days.is_open("NFO", moment) or opening > moment
        moment += timedelta(minutes=30)
