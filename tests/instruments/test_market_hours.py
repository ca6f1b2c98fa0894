"""Whether a market is open and what comes next, whatever zone the machine is in."""

import time
from datetime import datetime, timedelta

import pytest

from app.core.clock import INDIA
from app.instruments.market_hours import State, phases
from app.web.market_view import Market, countdown
from tests.instruments.test_trading_days import days, india  # noqa: F401 - the fixture


@pytest.fixture(params=["UTC", "Asia/Kolkata", "America/New_York"], autouse=True)
def zone(request, monkeypatch):
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("exchange, day, clock, state, ends, then", [
    ("NFO", "2026-11-19", "08:59:59", "closed", "09:00", "pre_open"),
    ("NFO", "2026-11-19", "09:00", "pre_open", "09:15", "open"),
    ("NFO", "2026-11-19", "09:15", "open", "15:40", "closed"),
    ("NSE", "2026-11-19", "15:14", "open", "15:15", "closing_auction"),
    ("NSE", "2026-11-19", "15:20", "closing_auction", "15:35", "closed"),
    ("BFO", "2026-11-19", "15:39:59", "open", "15:40", "closed"),
    ("NFO", "2025-12-05", "09:05", "closed", "09:15", "open"),  # before there was a pre-open of futures
    ("MCX", "2026-11-24", "10:00", "closed", "17:00", "open"),  # the evening of a holiday
    ("NSE", "2026-02-01", "09:05", "closed", "09:15", "open"),  # the Sunday of the budget: no usual pre-open
])  # fmt: skip
def test_the_present_phase_and_the_next(days, exchange, day, clock, state, ends, then):  # noqa: F811 - the fixture
    now, after = phases(days, exchange, india(day, clock), 2)
    assert (now.state, after.state) == (state, then)
    assert f"{now.ends.astimezone(INDIA):%H:%M}" == ends


def test_over_a_holiday_the_next_opening_is_days_away_and_named(days):  # noqa: F811 - the fixture
    now, after = phases(days, "NFO", india("2026-11-24", "11:00"), 2)
    assert (now.state, now.note) == ("closed", "Prakash Gurpurb Sri Guru Nanak Dev")
    assert now.ends == after.begins == india("2026-11-25", "09:00")


def test_what_never_closes_counts_to_nothing(days):  # noqa: F811 - the fixture
    (only,) = phases(days, "CRYPTO", india("2026-11-22", "03:00"), 6)
    assert (only.state, only.ends) == (State.ALWAYS, None)
    market = Market("CRYPTO", "Crypto", [only], only.begins)
    assert (market.words, market.next_words) == ("always open", "")


def test_phases_follow_each_other_without_a_gap(days):  # noqa: F811 - the fixture
    moment = india("2026-11-20", "12:00")
    found = phases(days, "NSE", moment, 6)
    assert [one.state for one in found] == ["open", "closing_auction", "closed", "pre_open", "open", "closing_auction"]
    assert all(one.ends == after.begins for one, after in zip(found, found[1:], strict=False))


@pytest.mark.parametrize("left, text", [
    (timedelta(hours=6, minutes=3, seconds=59), "in 6\u00a0h 03\u00a0min"),
    (timedelta(minutes=59, seconds=9), "in 59:09"),
    (timedelta(0), "in 00:00"),
    (timedelta(seconds=-1), "in 00:00"),
])  # fmt: skip
def test_a_countdown_in_words(left, text):
    assert countdown(left) == text


def test_what_is_more_than_a_day_away_is_said_by_its_day(days):  # noqa: F811 - the fixture
    friday = india("2026-11-20", "16:00")
    market = Market("NFO", "NSE F&O", phases(days, "NFO", friday, 6), friday)
    assert (market.words, market.next_words) == ("closed", "pre-open Mon 09:00")
    open_now = Market(
        "NFO", "NSE F&O", phases(days, "NFO", friday - timedelta(hours=3), 6), friday - timedelta(hours=3)
    )
    assert open_now.next_words == "closes in 2\u00a0h 40\u00a0min"


def test_the_browser_is_told_the_same_words(days):  # noqa: F811 - the fixture
    moment: datetime = india("2026-11-19", "15:00")
    timeline = Market("NSE", "NSE shares", phases(days, "NSE", moment, 6), moment).timeline
    assert '"words":"open","note":"","next":1795081500000,"verb":"closing auction","when":"Thu 15:15"' in timeline
