"""What is read for the screen shares one part of a processor, however many accounts there are.

Readings of a hundred accounts that fall due together would take the interpreter for seconds, and an exit would have to
wait among them for its turns. So they begin one after the other: after each there is a pause in proportion to what its
kind takes. Safe for several threads.
"""

import threading
from collections import defaultdict

from app.core.clock import Clock

RESTING = 3.0  # times as long as a reading works, from its beginning to that of the next: a third of a processor
RISES, FALLS = 0.5, 0.1  # how much the newest reading counts in what its kind takes
AT_FIRST, AT_MOST = 0.02, 0.1  # seconds that a reading is held to take, before there was one and ever


class Share:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._usual: dict[str, float] = defaultdict(lambda: AT_FIRST)
        self._next_at = 0.0

    def begins_at(self, kind: str) -> float:
        """Take the next place: its moment in monotonic seconds."""
        with self._lock:
            begins_at = max(self._clock.monotonic(), self._next_at)
            self._next_at = begins_at + RESTING * self._usual[kind]
            return begins_at

    def note(self, kind: str, seconds: float) -> None:
        """Of processor time that a reading took."""
        with self._lock:
            news = min(seconds, AT_MOST) - self._usual[kind]
            self._usual[kind] += news * (RISES if news > 0 else FALLS)
