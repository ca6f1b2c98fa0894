"""How often an account's books are read when nothing pushes them, and how many readings it may have in all. Pure.

Orders are outside of this: they have their own pace, and a reading for the screen gives way to them.
"""

from collections import deque
from dataclasses import dataclass
from datetime import timedelta

MINUTE = 60.0
MISSED = 3  # readings that a part may miss before it counts as stale
AT_LEAST = 10.0  # seconds; one slow answer makes nothing stale


@dataclass(frozen=True, slots=True)
class Rates:
    """Seconds between readings. `figures` are positions and funds; the first is for while anything is held."""

    figures: float = 2.0
    figures_idle: float = 30.0
    trades: float = 10.0
    trades_idle: float = 60.0
    per_minute: int = 300


def fresh_for(every: float) -> timedelta:
    """How long a reading counts as fresh when the next one is due after `every` seconds."""
    return timedelta(seconds=max(AT_LEAST, MISSED * every))


class Budget:
    """Readings within the last minute, in monotonic seconds. Safe for several threads as far as it is used here: one
    reading too many or too few at the edge changes nothing."""

    def __init__(self, per_minute: int) -> None:
        self._read: deque[float] = deque(maxlen=max(1, per_minute))

    def wait(self, now: float) -> float:
        """Seconds until one more may be read; 0.0 when it may at once."""
        if len(self._read) < (self._read.maxlen or 1):
            return 0.0
        return max(0.0, self._read[0] + MINUTE - now)

    def note(self, now: float) -> None:
        self._read.append(now)
