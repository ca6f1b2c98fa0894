"""How long an order must wait so that a venue's rate limit is never met.

The window slides: no span of one second ever holds more than the limit, so no calendar second of anybody's clock does.
A little is added to the second because the network can squeeze two orders together on their way.

Entries never fill the window: what is kept of it is there for an exit that comes in the middle of a burst. Whatever
entries do, an exit waits only when the window is full, and never longer than the limit itself makes it wait.
"""

import contextlib
from collections import deque

SECOND = 1.0
SQUEEZE = 0.05
ONE_IN = 5  # of an account's orders per second one in five is kept for exits, unless the account says otherwise


def kept_for_exits(per_second: int, wanted: int | None = None) -> int:
    """How many orders per second entries leave alone: at least one, unless that would leave them none."""
    kept = max(1, per_second // ONE_IN) if wanted is None else wanted
    return max(0, min(kept, per_second - 1))


class Pace:
    """Times of the last sends of one account, in monotonic seconds. Not safe for threads: its lane holds a lock."""

    def __init__(self, per_second: int, kept: int = 0) -> None:
        """`kept` of `per_second` are out of reach for entries."""
        self.per_second = max(1, per_second)
        self.for_entries = max(1, self.per_second - kept)
        self._sent: deque[float] = deque(maxlen=self.per_second)

    def wait(self, now: float, is_entry: bool = False) -> float:
        """Seconds until one more may go; 0.0 when it may go at once."""
        most = self.for_entries if is_entry else self.per_second
        if len(self._sent) < most:
            return 0.0
        return max(0.0, self._sent[-most] + SECOND + SQUEEZE - now)

    def allowance(self, now: float, is_entry: bool = False) -> int:
        """How many may go at once."""
        most = self.for_entries if is_entry else self.per_second
        return max(0, most - sum(1 for at in self._sent if now - at < SECOND + SQUEEZE))

    def note(self, now: float) -> None:
        self._sent.append(now)

    def take_back(self, noted_at: float) -> None:
        """Nothing was sent after all."""
        with contextlib.suppress(ValueError):  # so long ago that it counts no more
            self._sent.remove(noted_at)
