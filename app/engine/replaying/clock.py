"""Time as the tape tells it."""

from datetime import datetime


class TapeClock:
    """Stands still until it is told to go on; it never goes back."""

    def __init__(self, at: datetime) -> None:
        self._began = self._now = at

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - self._began).total_seconds()

    def go(self, at: datetime) -> None:
        self._now = max(self._now, at)
