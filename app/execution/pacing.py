"""How long an order must wait so that a venue's rate limit is never met.

The window slides: no span of one second ever holds more than the limit, so no calendar second of anybody's clock does.
A little is added to the second because the network can squeeze two orders together on their way.
"""

import contextlib
from collections import deque

SECOND = 1.0
SQUEEZE = 0.05


class Pace:
    """Times of the last sends of one account, in monotonic seconds. Not safe for threads: its lane holds a lock."""

    def __init__(self, per_second: int) -> None:
        self.per_second = max(1, per_second)
        self._sent: deque[float] = deque(maxlen=self.per_second)

    def wait(self, now: float) -> float:
        """Seconds until one more may go; 0.0 when it may go at once."""
        if len(self._sent) < self.per_second:
            return 0.0
        return max(0.0, self._sent[0] + SECOND + SQUEEZE - now)

    def allowance(self, now: float) -> int:
        """How many may go at once."""
        return self.per_second - sum(1 for at in self._sent if now - at < SECOND + SQUEEZE)

    def note(self, now: float) -> None:
        self._sent.append(now)

    def take_back(self, noted_at: float) -> None:
        """Nothing was sent after all."""
        with contextlib.suppress(ValueError):  # so long ago that it counts no more
            self._sent.remove(noted_at)
