from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.paper import calendar
from app.paper.calendar import IST
from app.paper.sessions import Sessions
from tests.paper.markets import HandMarket

START = date(2026, 11, 21)


def clock(exchange, day):
    session = calendar.hours(exchange, day)
    return session and tuple(f"{minute // 60:02}:{minute % 60:02}" for minute in session)


def test_futures_and_options_trade_ten_minutes_longer_since_august_2026():
    assert clock("NFO", date(2026, 7, 31)) == ("09:15", "15:30")
    assert clock("NFO", date(2026, 8, 3)) == ("09:15", "15:40")
    assert clock("BFO", date(2026, 11, 20)) == ("09:15", "15:40")
    assert clock("NSE", date(2026, 11, 20)) == clock("NSE_INDEX", date(2026, 11, 20)) == ("09:15", "15:30")


def test_weekends_and_holidays_are_closed_and_a_special_sunday_is_open():
    assert clock("NSE", date(2026, 11, 21)) is None
    assert clock("NFO", date(2026, 12, 25)) is None
    assert clock("NSE", date(2026, 2, 1)) == ("09:15", "15:30")


def test_commodities_open_in_the_evening_of_most_holidays():
    assert clock("MCX", date(2026, 1, 15)) == ("17:00", "23:55")
    assert clock("MCX", date(2026, 1, 26)) is None


@pytest.mark.parametrize(
    ("exchange", "weekly", "expected"),
    [
        ("NFO", True, ["24NOV26", "01DEC26", "08DEC26", "15DEC26"]),
        ("NFO", False, ["24NOV26", "29DEC26", "25JAN27", "23FEB27"]),  # 26 January is Republic Day
        ("BFO", True, ["26NOV26", "03DEC26", "10DEC26", "17DEC26"]),
        ("BFO", False, ["26NOV26", "31DEC26", "28JAN27", "25FEB27"]),
    ],
)
def test_expiries_from_november_2026(exchange, weekly, expected):
    found = calendar.expiries(exchange, weekly, START, 4)
    assert [day.strftime("%d%b%y").upper() for day in found] == expected


@pytest.mark.parametrize(
    ("start", "expiry"),
    [
        (date(2026, 3, 25), date(2026, 3, 30)),  # Mahavir Jayanti on Tuesday 31 March
        (date(2026, 10, 14), date(2026, 10, 19)),  # Dussehra on Tuesday 20 October
        (date(2026, 11, 4), date(2026, 11, 9)),  # Balipratipada on Tuesday 10 November
        (date(2027, 4, 8), date(2027, 4, 13)),
    ],
)
def test_an_expiry_on_a_holiday_comes_a_session_earlier(start, expiry):
    assert calendar.expiries("NFO", True, start, 1) == [expiry]


def test_two_holidays_in_a_row_move_an_expiry_by_two_sessions():
    assert calendar.expiries("BFO", True, date(2027, 4, 9), 1) == [date(2027, 4, 13)]


def test_an_expiry_that_moved_before_the_start_is_not_listed():
    assert calendar.expiries("NFO", True, date(2026, 10, 20), 1) == [date(2026, 10, 27)]


@given(st.dates(date(2026, 1, 1), date(2027, 12, 1)), st.booleans(), st.sampled_from(["NFO", "BFO"]))
def test_expiries_ascend_and_fall_on_trading_days(start, weekly, exchange):
    found = calendar.expiries(exchange, weekly, start, 5)
    assert found == sorted(set(found))
    assert found[0] >= start
    kept = date(2026, 11, 24)
    assert all(calendar.is_trading_day(exchange, day) or day == kept for day in found)


def test_timings_of_a_weekday_are_epoch_milliseconds_in_india():
    rows = {row["exchange"]: row for row in calendar.timings(date(2026, 11, 20))}
    opened = datetime(2026, 11, 20, 9, 15, tzinfo=IST).timestamp() * 1000
    assert list(rows)[:4] == ["NSE", "BSE", "NFO", "BFO"]
    assert rows["NSE"] == {
        "exchange": "NSE",
        "start_time": opened,
        "end_time": datetime(2026, 11, 20, 15, 30, tzinfo=IST).timestamp() * 1000,
    }
    assert rows["NFO"]["end_time"] - rows["NSE"]["end_time"] == 600_000


def test_a_server_on_a_utc_host_sends_the_hours_late():
    assert calendar.timings(date(2026, 11, 20), UTC)[0]["start_time"] == 1795166100000
    assert calendar.timings(START, UTC) == [
        {"exchange": "CRYPTO", "start_time": 1795219200000, "end_time": 1795305599000}
    ]


def test_holidays_come_in_the_shape_of_the_server():
    rows = calendar.holidays(2026)
    assert len(rows) == 17
    assert rows[0] == {
        "date": "2026-01-15",
        "description": "Municipal Corporation Election - Maharashtra",
        "holiday_type": "TRADING_HOLIDAY",
        "closed_exchanges": ["NSE", "BSE", "NFO", "BFO", "CDS", "BCD"],
        "open_exchanges": [{"exchange": "MCX", "start_time": 1768476600000, "end_time": 1768501500000}],
    }
    assert rows[1]["closed_exchanges"] == ["NSE", "BSE", "NFO", "BFO", "CDS", "BCD", "MCX"]
    assert [row["date"] for row in rows] == sorted(row["date"] for row in rows)
    assert next(row for row in rows if row["holiday_type"] == "SPECIAL_SESSION")["date"] == "2026-02-01"
    assert calendar.holidays(2049) == []


@given(st.integers(0, 60 * 24 * 3600 * 4), st.sampled_from(["always", "calendar"]))
def test_a_place_inside_a_session_leads_back_to_its_step(steps, mode):
    sessions = Sessions(mode, START.toordinal(), 250)
    tick = int(datetime(2026, 10, 15, tzinfo=IST).timestamp() * 4) + steps
    place = sessions.place("NFO", tick)
    assert sessions.tick("NFO", place) <= tick
    if sessions.is_open("NFO", tick):
        assert sessions.tick("NFO", place) == tick


@pytest.mark.parametrize(("mode", "step_ms"), [("sometimes", 250), ("always", 700), ("always", 0)])
def test_impossible_settings_are_refused(mode, step_ms):
    with pytest.raises(ValueError, match=r"sessions|step_ms"):
        Sessions(mode, START.toordinal(), step_ms)


def test_a_market_on_the_calendar_opens_and_closes_on_time():
    market = HandMarket(datetime(2026, 11, 20, 15, 29, 59, tzinfo=IST), sessions="calendar")
    assert [market.is_open(exchange) for exchange in ("NSE", "NSE_INDEX", "NFO", "BFO")] == [True] * 4
    market.run(1)
    assert [market.is_open(exchange) for exchange in ("NSE", "NSE_INDEX", "NFO", "BFO")] == [False, False, True, True]
    market.run(600)
    assert not market.is_open("NFO")
    market.run(3 * 86400 - 6 * 3600 - 1500)
    assert market.now() == datetime(2026, 11, 23, 9, 15, tzinfo=IST)
    assert market.is_open("NSE")


def test_a_market_that_is_always_open_trades_on_saturday_night():
    market = HandMarket(datetime(2026, 11, 21, 23, 0, tzinfo=IST))
    assert market.is_open("NFO")
