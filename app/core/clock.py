"""Time is read once, at the edge, and passed on: aware UTC for facts, monotonic seconds for waiting."""

import time
from datetime import UTC, date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

INDIA = ZoneInfo("Asia/Kolkata")


class Clock(Protocol):
    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards, for intervals only."""
        ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


def day_in_india(moment: datetime) -> date:
    """The calendar day there: what counts for Indian exchanges, whatever day it is in London."""
    return moment.astimezone(INDIA).date()


def epoch_ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
