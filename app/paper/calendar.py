"""Trading days, hours and expiries of the Indian exchanges, read from effective-dated data with its sources.

Hours are minutes since midnight in India, which keeps no daylight saving time: epoch arithmetic with one fixed
offset is exact. Years the data doesn't cover have weekends only.
"""

import json
from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

IST = ZoneInfo("Asia/Kolkata")
SATURDAY = 5
CLOSED_ON_HOLIDAYS = ("NSE", "BSE", "NFO", "BFO", "CDS", "BCD")

_DATA: dict[str, Any] = json.loads((Path(__file__).with_name("data") / "calendar.json").read_text("utf-8"))
_HOLIDAYS = {date.fromisoformat(day): (name, evening) for day, name, evening in _DATA["holidays"]}
_SPECIAL = {date.fromisoformat(row[0]): row for row in _DATA["special_sessions"]}
_KEPT_EXPIRIES = frozenset(date.fromisoformat(day) for day in _DATA["kept_expiries"])


def minute_of_day(clock: str) -> int:
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)


@lru_cache(maxsize=4096)
def hours(exchange: str, day: date) -> tuple[int, int] | None:
    """First and last (exclusive) minute of that day's session in India; None when the exchange is closed."""
    exchange = _DATA["follows"].get(exchange, exchange)
    if exchange == "CRYPTO":
        return 0, 24 * 60
    special = _SPECIAL.get(day)
    if special and exchange in special[4]:
        return minute_of_day(special[2]), minute_of_day(special[3])
    if day.weekday() >= SATURDAY or exchange not in _DATA["hours"]:
        return None
    return _holiday_hours(exchange, day) if day in _HOLIDAYS else regular_hours(exchange, day)


def regular_hours(exchange: str, day: date) -> tuple[int, int]:
    """Hours in force at that date, holidays aside."""
    rules = _DATA["hours"][exchange]
    _, opens, closes = rules[bisect_right([rule[0] for rule in rules], day.isoformat()) - 1]
    return minute_of_day(opens), minute_of_day(closes)


def _holiday_hours(exchange: str, day: date) -> tuple[int, int] | None:
    evening = _DATA["evening_session"].get(exchange)
    if not evening or _HOLIDAYS[day][1] == "closed":
        return None
    return minute_of_day(evening[0]), minute_of_day(evening[1])


def is_trading_day(exchange: str, day: date) -> bool:
    return hours(exchange, day) is not None


def session_on_or_before(exchange: str, day: date) -> date:
    while not is_trading_day(exchange, day):
        day -= timedelta(days=1)
    return day


def expiry_session(exchange: str, nominal: date) -> date:
    """The day a series really expires: its weekday, or the session before when that is a holiday."""
    return nominal if nominal in _KEPT_EXPIRIES else session_on_or_before(exchange, nominal)


def expiries(exchange: str, weekly: bool, start: date, count: int) -> list[date]:
    """The next `count` expiries on or after `start`, ascending; monthly: the month's last."""
    found: list[date] = []
    for nominal in _nominal_expiries(exchange, start):
        expiry = expiry_session(exchange, nominal)
        if expiry >= start and (weekly or _is_last_of_month(nominal)):
            found.append(expiry)
        if len(found) == count:
            break
    return found


def _nominal_expiries(exchange: str, start: date) -> Iterator[date]:
    day = start + timedelta(days=(_DATA["expiry_weekday"][exchange] - start.weekday()) % 7)
    while True:
        yield day
        day += timedelta(days=7)


def _is_last_of_month(day: date) -> bool:
    return (day + timedelta(days=7)).month != day.month


def epoch_ms(day: date, minute: int, zone: tzinfo = IST) -> int:
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    return int(midnight.timestamp() * 1000) + minute * 60_000


def timings(day: date, zone: tzinfo = IST) -> list[dict[str, Any]]:
    """Rows of OpenAlgo's `market/timings`, epoch ms. A server on a UTC host sends them with `zone=UTC`: 5 h 30 late."""
    rows = []
    for exchange in (*_DATA["hours"], "CRYPTO"):
        session = hours(exchange, day)
        if session:
            rows.append(_timing(exchange, day, session, zone))
    return rows


def _timing(exchange: str, day: date, session: tuple[int, int], zone: tzinfo = IST) -> dict[str, Any]:
    end = epoch_ms(day, session[1], zone)
    if exchange == "CRYPTO":
        end -= 1000  # the server sends 23:59:59 for a market that never closes
    return {"exchange": exchange, "start_time": epoch_ms(day, session[0], zone), "end_time": end}


def holidays(year: int) -> list[dict[str, Any]]:
    """Rows of OpenAlgo's `market/holidays`, ascending by date, epoch ms."""
    rows = [_holiday_row(day) for day in _HOLIDAYS if day.year == year]
    rows += [_special_row(day) for day in _SPECIAL if day.year == year]
    return sorted(rows, key=lambda row: str(row["date"]))


def _holiday_row(day: date) -> dict[str, Any]:
    name, evening = _HOLIDAYS[day]
    closed = [*CLOSED_ON_HOLIDAYS, "MCX"] if evening == "closed" else list(CLOSED_ON_HOLIDAYS)
    session = hours("MCX", day)
    opened = [_timing("MCX", day, session)] if session else []
    return _row(day, name, "TRADING_HOLIDAY", closed, opened)


def _special_row(day: date) -> dict[str, Any]:
    _, name, opens, closes, exchanges = _SPECIAL[day]
    session = minute_of_day(opens), minute_of_day(closes)
    return _row(day, name, "SPECIAL_SESSION", [], [_timing(exchange, day, session) for exchange in exchanges])


def _row(day: date, name: str, kind: str, closed: list[str], opened: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "date": day.isoformat(),
        "description": name,
        "holiday_type": kind,
        "closed_exchanges": closed,
        "open_exchanges": opened,
    }


def as_utc_midnight(day: date) -> int:
    """Epoch seconds OpenAlgo gives a daily candle: midnight UTC of that date."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
