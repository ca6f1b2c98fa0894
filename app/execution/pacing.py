"""How long an order must wait so that a venue's rate limit is never met.

The window slides: no span of one second ever holds more than the limit, so no calendar second of anybody's clock does.
A little is added to the second because the network can squeeze two orders together on their way. A server that was
busy counts an order later than it came, and its answer, later than usual, tells: half of that is taken to have passed
before it counted. Otherwise the orders of the next second would meet those of a burst that the server was slow to take.

Entries never fill the window: what is kept of it is there for an exit that comes in the middle of a burst. That is the
desk's own rule, so nothing is added to its second: the limit itself holds for entries, too. Whatever entries do, an
exit waits only when the window is full, and no longer than the limit makes it wait: a fifth of a second more, at most,
where the venue was late.
"""

from bisect import insort
from collections import deque
from collections.abc import Iterable

SECOND = 1.0
SQUEEZE = 0.05
LATEST = 0.5  # of an answer: what is later still says nothing of when the order was counted
TRIPS = 50  # of the newest calls the shortest tells how long an answer takes that nothing held up
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
        self._counted: list[float] = []  # of the last sends, sorted: when the venue has counted each at the latest
        self._trips: deque[float] = deque(maxlen=TRIPS)

    def wait(self, now: float, is_entry: bool = False) -> float:
        """Seconds until one more may go; 0.0 when it may go at once."""
        free = [now]
        if len(self._counted) == self.per_second:
            free.append(self._counted[0] + SECOND + SQUEEZE)
        if is_entry and len(self._sent) >= self.for_entries:
            free.append(self._sent[-self.for_entries] + SECOND)
        return max(free) - now

    def allowance(self, now: float, is_entry: bool = False) -> int:
        """How many may go at once."""
        free = self.per_second - _within(SECOND + SQUEEZE, self._counted, now)
        return max(0, min(free, self.for_entries - _within(SECOND, self._sent, now)) if is_entry else free)

    def note(self, now: float) -> None:
        self._sent.append(now)
        self._count(now)

    def answered(self, noted_at: float, now: float) -> None:
        """What was noted then has its answer now."""
        trip = now - noted_at
        self._trips.append(trip)
        late = min(trip - min(self._trips), LATEST) / 2 - SQUEEZE
        if late > 0 and noted_at in self._counted:
            self._counted.remove(noted_at)
            self._count(noted_at + late)

    def take_back(self, noted_at: float) -> None:
        """Nothing was sent after all; perhaps so long ago that it counts no more."""
        for known in (self._sent, self._counted):
            if noted_at in known:
                known.remove(noted_at)

    def _count(self, at: float) -> None:
        insort(self._counted, at)
        del self._counted[: -self.per_second]


def _within(span: float, times: Iterable[float], now: float) -> int:
    return sum(1 for at in times if now - at < span)
