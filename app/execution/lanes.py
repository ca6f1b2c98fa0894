"""One lane per account: its orders go out in order of urgency, some at once, within the venue's rate.

Cancels overtake exits, exits overtake entries. Lanes share nothing that blocks: each has its own threads, its own
connection and its own pace, so a slow account slows only itself. A lane keeps no truth: what it drops is still a NEW
row, offered again by whoever looks at the rows next.
"""

import heapq
import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import structlog

from app.core.clock import Clock
from app.execution.pacing import Pace

log = structlog.get_logger()
IDLE_SECONDS = 30.0


class Urgency(IntEnum):
    CANCEL = 0
    EXIT = 1
    ENTRY = 2


@dataclass(frozen=True, slots=True)
class Work:
    """One call to make: what to do, for which order. `key` keeps the same work from being queued twice.

    `do` answers False when nothing was sent: that does not count against the venue's rate.
    """

    key: str
    urgency: Urgency
    do: Callable[[], bool]
    is_placing: bool = True
    drop: Callable[[], object] | None = None  # what to do when the lane ends before the work was begun


class Lane:
    def __init__(self, account_id: str, clock: Clock, per_second: int, max_in_flight: int) -> None:
        self.account_id = account_id
        self._clock = clock
        self._paces = {
            True: Pace(per_second),
            False: Pace(per_second),
        }  # placing and cancelling are counted apart
        self._max_in_flight = max(1, max_in_flight)
        self._ready = threading.Condition()
        self._heap: list[tuple[int, int, Work]] = []
        self._order = itertools.count()
        self._keys: set[str] = set()
        self._workers = 0
        self._idle = 0
        self._closed = False
        self._held = False

    def offer(self, works: list[Work]) -> None:
        with self._ready:
            dropped = list(works) if self._closed else []
            for work in works:
                if self._closed or work.key in self._keys:
                    continue
                self._keys.add(work.key)
                heapq.heappush(self._heap, (work.urgency, next(self._order), work))
            self._hire()
            self._ready.notify_all()
        _drop(dropped)

    def room(self) -> int:
        """How many orders could go this moment: what is free on the way, and what the pace allows."""
        with self._ready:
            if self._closed or self._held:
                return 0
            free = self._max_in_flight - len(self._keys)
            return max(0, min(free, self._paces[True].allowance(self._clock.monotonic())))

    def hold(self) -> None:
        """Queue, but send nothing until `release`."""
        self._held = True

    def release(self) -> None:
        with self._ready:
            self._held = False
            self._ready.notify_all()

    @property
    def load(self) -> int:
        """Calls queued or on their way."""
        return len(self._keys)

    def close(self) -> None:
        """Take no more; what is on its way finishes."""
        with self._ready:
            self._closed = True
            dropped = [work for _, _, work in self._heap]
            self._keys -= {work.key for work in dropped}
            self._heap.clear()
            self._ready.notify_all()
        _drop(dropped)

    def join(self, seconds: float) -> bool:
        """Wait for what is on its way."""
        with self._ready:
            return self._ready.wait_for(lambda: not self._keys, seconds)

    def _hire(self) -> None:
        wanted = min(self._max_in_flight, len(self._keys)) - self._workers
        for _ in range(max(0, wanted)):
            self._workers += 1
            threading.Thread(target=self._work, name=f"lane-{self.account_id[-6:]}", daemon=True).start()

    def _work(self) -> None:
        while (taken := self._take()) is not None:
            work, noted_at = taken
            is_sent = True
            try:
                is_sent = work.do()
            except Exception:  # the row tells what is left to do; the lane goes on
                log.exception("lane_work_failed", account_id=self.account_id, work=work.key)
            finally:
                self._finish(work, noted_at, is_sent)

    def _finish(self, work: Work, noted_at: float, is_sent: bool) -> None:
        with self._ready:
            self._keys.discard(work.key)
            if not is_sent:
                self._paces[work.is_placing].take_back(noted_at)
            if not is_sent or self._closed:
                self._ready.notify_all()

    def _take(self) -> tuple[Work, float] | None:
        """The most urgent work that the pace allows; None when there has been nothing to do for a while."""
        with self._ready:
            while not self._closed:
                pause = self._pause()
                if pause == 0.0:
                    work, now = heapq.heappop(self._heap)[2], self._clock.monotonic()
                    self._paces[work.is_placing].note(now)
                    return work, now
                if not self._ready.wait(pause or IDLE_SECONDS) and not self._heap:
                    break
            self._workers -= 1
            return None

    def _pause(self) -> float | None:
        """Seconds until the first work may go; None when there is none or the lane is held."""
        if not self._heap or self._held:
            return None
        return self._paces[self._heap[0][2].is_placing].wait(self._clock.monotonic())


def _drop(works: list[Work]) -> None:
    for work in works:
        if work.drop is not None:
            work.drop()
