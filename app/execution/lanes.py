"""One lane per account: its orders go out in order of urgency, some at once, within the venue's rate.

Cancels overtake exits, exits overtake entries, and entries never take all there is: of the orders per second some are
kept for exits, and one call more may be on its way than entries may fill. So neither a burst nor slow answers of
entries keep an exit waiting, and cancels that must wait for their own rate keep nobody else. What can begin without
waiting does so in the thread that offers it; the rest, and the time until the pace allows more, is for the lane's own
threads. Lanes share nothing that blocks: each has its own threads, its own connections and its own pace, so a slow
account slows only itself. A lane keeps no truth: what it drops is still a NEW row, offered again by whoever looks at
the rows next.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import partial

import structlog

from app.core.clock import Clock
from app.execution.pacing import Pace, kept_for_exits

log = structlog.get_logger()
IDLE_SECONDS = 300.0
NEVER = float("inf")
BOOKS, LOGIN = "books", "login"  # why a lane is held: the books were not looked at yet; nobody is logged in


class Urgency(IntEnum):
    CANCEL = 0
    EXIT = 1
    ENTRY = 2


@dataclass(frozen=True, slots=True)
class Work:
    """One call to make: what to do, for which order. `key` keeps the same work from being queued twice.

    `do` answers False when nothing was sent: that does not count against the venue's rate. `begin` does the same where
    it need not wait for anything: True when it has begun, and what it is given is told later, once, what `do` would
    answer; False when that can't be this moment and nothing was done.
    """

    key: str
    urgency: Urgency
    do: Callable[[], bool]
    is_placing: bool = True
    drop: Callable[[], object] | None = None  # what to do when the lane ends before the work was begun
    begin: Callable[[Callable[[bool], None]], bool] | None = None

    @property
    def is_entry(self) -> bool:
        return self.urgency is Urgency.ENTRY


@dataclass(frozen=True, slots=True)
class _Taken:
    """Work that is on its way, and when that was noted in its pace."""

    work: Work
    at: float


@dataclass(slots=True)
class Room:
    """How many orders could go this moment: all of them, and of those the entries."""

    orders: int = 0
    entries: int = 0

    def take(self, exits: int, entries: int) -> tuple[int, int]:
        """How many of so many exits and entries could go, exits first; what is left is less by all of them."""
        some_exits = min(exits, self.orders)
        some_entries = max(0, min(entries, self.entries - some_exits))
        self.orders = max(0, self.orders - exits - entries)
        self.entries = max(0, self.entries - exits - entries)
        return some_exits, some_entries


class Lane:
    def __init__(
        self, account_id: str, clock: Clock, per_second: int, max_in_flight: int, kept: int | None = None,
        heard_at: Callable[[], float] | None = None,
    ) -> None:  # fmt: skip
        """`kept` of the orders per second are for exits alone; None leaves that to the rule. `heard_at`: when the
        answer that is told in this thread had come; None where that is now."""
        self.account_id = account_id
        self._clock = clock
        self._heard_at = heard_at or clock.monotonic
        self._paces = {
            True: Pace(per_second, kept_for_exits(per_second, kept)),
            False: Pace(per_second),
        }  # placing and cancelling are counted apart
        self._max_in_flight = max(1, max_in_flight)
        self._ready = threading.Condition()
        self._queues: dict[Urgency, deque[Work]] = {urgency: deque() for urgency in Urgency}
        self._keys: set[str] = set()
        self._handed: deque[_Taken] = deque()  # under way as soon as one of the lane's threads has it
        self._under_way = 0
        self._workers = 0
        self._idle = 0  # of them, who wait for something to do
        self._alarm_at = NEVER  # when one of the idle looks again by itself, because the pace allows more by then
        self._closed = False
        self._holds: set[str] = set()
        self._paced = ""  # the last work that had to wait for the venue's rate
        self.rate_waits = 0  # how many had to

    def offer(self, works: list[Work]) -> None:
        with self._ready:
            is_shut = self._closed or LOGIN in self._holds
            dropped = [work for work in works if self._closed or (is_shut and work.drop)]
            for work in works:
                if self._closed or work.key in self._keys or (is_shut and work.drop):
                    continue
                self._keys.add(work.key)
                self._queues[work.urgency].append(work)
        self._go()
        _drop(dropped)

    def room(self) -> Room:
        """How many orders could go this moment: what is free on the way, and what the pace allows."""
        with self._ready:
            if self._closed or self._holds:
                return Room()
            now, pace = self._clock.monotonic(), self._paces[True]
            urgent = len(self._keys) - len(self._queues[Urgency.ENTRY])  # those that wait as entries are overtaken
            free, exits = self._max_in_flight - len(self._keys), self._max_in_flight + 1 - urgent
            return Room(
                max(0, min(exits, pace.allowance(now))),
                max(0, min(free, pace.allowance(now, is_entry=True))),
            )

    def hold(self, why: str = BOOKS) -> None:
        """Queue, but send nothing until `release`. While a login is missing nothing stays claimed: it may be long."""
        with self._ready:
            self._holds.add(why)
            dropped = self._unqueue(lambda work: work.drop is not None) if why == LOGIN else []
        _drop(dropped)

    def release(self, why: str = BOOKS) -> None:
        with self._ready:
            self._holds.discard(why)
        self._go()

    @property
    def load(self) -> int:
        """Calls queued or on their way."""
        return len(self._keys)

    @property
    def is_moving(self) -> bool:
        """Whether calls are on their way, or will be as soon as the pace allows."""
        return self._under_way > 0 or (bool(self._keys) and not self._holds)

    @property
    def waiting(self) -> int:
        """Calls that are not on their way yet."""
        return sum(len(queue) for queue in self._queues.values())

    def close(self) -> None:
        """Take no more; what is on its way finishes."""
        with self._ready:
            self._closed = True
            dropped = self._unqueue(lambda _work: True)
            self._ready.notify_all()
        _drop(dropped)

    def join(self, seconds: float) -> bool:
        """Wait for what is on its way."""
        with self._ready:
            return self._ready.wait_for(lambda: not self._keys, seconds)

    def _unqueue(self, is_meant: Callable[[Work], bool]) -> list[Work]:
        """Take these out of the queues."""
        taken = [work for queue in self._queues.values() for work in queue if is_meant(work)]
        for urgency, queue in self._queues.items():
            self._queues[urgency] = deque(work for work in queue if not is_meant(work))
        self._keys -= {work.key for work in taken}
        return taken

    def _go(self, is_worker: bool = False) -> None:
        """Begin what may go now, in whoever's thread this is; what has to wait for its answer gets one of the lane's
        own, first of all `is_worker`'s."""
        due = self._due(is_worker)
        self._hand([taken for taken in due if taken.work.begin is None], is_worker)
        self._hand([taken for taken in due if taken.work.begin is not None and not self._begun(taken)])

    def _due(self, is_worker: bool) -> list[_Taken]:
        """What may go now, the most urgent first, and counted as gone. For what may go later somebody keeps time."""
        due: list[_Taken] = []
        with self._ready:
            while not self._closed:
                now = self._clock.monotonic()
                queue, pause = self._next(now)
                if queue and pause == 0.0:
                    work = queue.popleft()
                    self._paces[work.is_placing].note(now)
                    self._under_way += 1
                    due.append(_Taken(work, now))
                    continue
                if not is_worker and self._is_timeless(now):
                    self._rouse()
                break
        return due

    def _begun(self, taken: _Taken) -> bool:
        begin = taken.work.begin
        try:
            return begin is not None and begin(partial(self._ended, taken))
        except Exception:  # the row tells what is left to do; the lane goes on
            log.exception("lane_work_failed", account_id=self.account_id, work=taken.work.key)
            self._ended(taken, True)
            return True

    def _ended(self, taken: _Taken, is_sent: bool) -> None:
        self._finish(taken, is_sent)
        self._go()

    def _hand(self, taken: list[_Taken], is_worker: bool = False) -> None:
        if taken:
            with self._ready:
                self._handed.extend(taken)
                if len(self._handed) > is_worker:
                    self._rouse()

    def _rouse(self) -> None:
        """Have one thread more look at what there is. Whoever takes work rouses the next: a thread that is woken for
        nothing costs as much as sending an order does, and whoever offers work must not wait until all have started."""
        if self._idle:
            self._ready.notify()
        elif self._workers <= self._max_in_flight + 1:  # one for each call, and one that keeps time
            self._workers += 1
            threading.Thread(target=self._work, name=f"lane-{self.account_id[-6:]}", daemon=True).start()

    def _work(self) -> None:
        while (taken := self._take()) is not None:
            is_sent = True
            try:
                is_sent = taken.work.do()
            except Exception:  # the row tells what is left to do; the lane goes on
                log.exception("lane_work_failed", account_id=self.account_id, work=taken.work.key)
            finally:
                self._finish(taken, is_sent)

    def _finish(self, taken: _Taken, is_sent: bool) -> None:
        with self._ready:
            self._keys.discard(taken.work.key)
            self._under_way -= 1
            pace = self._paces[taken.work.is_placing]
            if is_sent:
                pace.answered(taken.at, self._heard_at())
            else:
                pace.take_back(taken.at)
            if self._closed:
                self._ready.notify_all()

    def _take(self) -> _Taken | None:
        """What was handed over to a thread; None when there has been nothing to do for a while. Until then this keeps
        time for what waits for the pace."""
        while True:
            self._go(is_worker=True)
            with self._ready:
                if self._handed:
                    taken = self._handed.popleft()
                    if self._handed or self._is_timeless(self._clock.monotonic()):
                        self._rouse()
                    return taken
                now = self._clock.monotonic()
                queue, pause = self._next(now)
                if queue and pause == 0.0 and not self._closed:
                    continue  # it came free this moment
                if queue:
                    self._note_rate_wait(queue[0].key)
                if self._closed or not (self._wait(now, pause) or self.waiting or self._handed):
                    self._workers -= 1
                    return None

    def _is_timeless(self, now: float) -> bool:
        """Whether something waits for the pace, and nobody looks again by then."""
        queue, pause = self._next(now)
        return queue is not None and now + pause < self._alarm_at

    def _wait(self, now: float, pause: float) -> bool:
        """Until roused. Where the pace allows more work after `pause`, one thread of all looks again by then."""
        is_mine = 0.0 < pause < self._alarm_at - now
        if is_mine:
            self._alarm_at = now + pause
        self._idle += 1
        is_roused = self._ready.wait(pause if is_mine else IDLE_SECONDS)
        self._idle -= 1
        if is_mine:
            self._alarm_at = NEVER
        return is_roused

    def _note_rate_wait(self, key: str) -> None:
        """Once per work, however many threads wait for its turn."""
        if key != self._paced:
            self._paced = key
            self.rate_waits += 1

    def _next(self, now: float) -> tuple[deque[Work] | None, float]:
        """Whose turn it is, and in how many seconds; no queue when nothing waits that has a way free."""
        found: tuple[deque[Work] | None, float] = (None, 0.0)
        for queue in self._queues.values() if not self._holds else ():
            if queue and self._has_way(queue[0]):
                pause = self._paces[queue[0].is_placing].wait(now, queue[0].is_entry)
                if found[0] is None or pause < found[1]:
                    found = (queue, pause)
        return found

    def _has_way(self, work: Work) -> bool:
        """Whether one more of its kind may be on its way: slow entries leave one for what cannot wait."""
        return self._under_way < self._max_in_flight + (not work.is_entry)


def _drop(works: list[Work]) -> None:
    for work in works:
        if work.drop is not None:
            work.drop()
