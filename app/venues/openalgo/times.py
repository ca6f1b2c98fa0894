"""Times and dates as OpenAlgo and the brokers behind it spell them. Pure.

A time without a zone is Indian time. A time of day without a date is no moment.
"""

from datetime import UTC, date, datetime
from functools import lru_cache

from app.core.clock import INDIA

MONTHS = {
    name: number
    for number, name in enumerate(
        ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"), start=1
    )
}
FORMATS = (
    "%d-%b-%Y %H:%M:%S",
    "%d-%m-%Y %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
    "%H:%M:%S %d-%m-%Y",
    "%d %b %Y %H:%M:%S",
)
EARLIEST, LATEST = 946_684_800.0, 4_102_444_800.0  # the years 2000 to 2100, in epoch seconds


def moment(value: object) -> datetime | None:
    """A venue's time as aware UTC; None where there is none or it can't be understood."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _epoch(float(value))
    return _written(value.strip()) if isinstance(value, str) else None


def _epoch(number: float) -> datetime | None:
    seconds = number / 1000 if number > LATEST else number
    return datetime.fromtimestamp(seconds, UTC) if EARLIEST <= seconds <= LATEST else None


@lru_cache(maxsize=4096)
def _written(text: str) -> datetime | None:
    if text.isdecimal():
        return _epoch(float(text)) if len(text) in (10, 13) else None
    parsed = _iso(text) or _by_format(text)
    if parsed is None or not 2000 <= parsed.year < 2100:
        return None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=INDIA)).astimezone(UTC)


def _iso(text: str) -> datetime | None:
    if len(text) < len("2026-11-21T07:37"):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _by_format(text: str) -> datetime | None:
    for form in FORMATS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=INDIA)
        except ValueError:
            continue
    return None


@lru_cache(maxsize=4096)
def expiry(text: str) -> date | None:
    """An expiry date: `24NOV26`, `24-NOV-26`, `24-Nov-2026` or ISO."""
    plain = text.strip().upper().replace("-", "")
    try:
        if plain.isdecimal():
            return date.fromisoformat(plain) if len(plain) == 8 else None
        day, month, year = int(plain[:2]), MONTHS.get(plain[2:5]), int(plain[5:])
        return date(year + 2000 if year < 100 else year, month, day) if month else None
    except ValueError:
        return None
