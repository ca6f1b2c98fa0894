"""One thread writes the journal; what arrives while it commits shares the next commit.

So the database never sets the pace: twenty answers that come at the same moment cost one disk flush, not twenty, and
units that know how to be carried out together cost one statement of each kind. What follows from a change (`follow`)
is decided in the same transaction, so that nothing has to wait for another one. A unit that fails is rolled back alone
and its error goes to whoever asked; the others of its batch are written again without it: a unit may run twice, and
keeps nothing back of the first time. Events are published only after their commit, those of what follows first, since
they are what sends orders.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import structlog
from sqlalchemy.orm import Session

from app.core.bus import Bus
from app.core.db import Database
from app.core.hearing import hearing

log = structlog.get_logger()

BATCH = 256
LINGER = 0.001  # seconds
LINGER_AT_MOST = 10  # times


@dataclass(slots=True)
class Written:
    """What a unit of work gives back: its result, and what to announce once it is committed."""

    result: Any = None
    events: Iterable[object] = ()


@dataclass(frozen=True, slots=True)
class Unfollowed:
    """Events whose consequences could not be drawn in their own transaction."""

    events: tuple[object, ...]


Unit = Callable[[Session], Written]
Together = Callable[[Session, Sequence[Any]], list[Written]]  # many units of one kind, in their order
Follow = Callable[[Session, Sequence[object]], Sequence[object]]  # from what happened to what that leads to


@dataclass(slots=True)
class _Job:
    unit: Unit
    durable: bool
    future: "Future[Any]"


class Writer:
    def __init__(self, db: Database, bus: Bus) -> None:
        self._db = db
        self._bus = bus
        self._jobs: deque[_Job] = deque()
        self._is_pressed = False  # something waits that is no answer and no report
        self._wake = threading.Event()
        self._stopped = False
        self._follow: Follow | None = None
        self.awaited: Callable[[], int] = int  # how many answers are on their way
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def follow(self, follow: Follow) -> None:
        """What is done in the transaction of a change about what it leads to. When it fails the change is written
        without it, and `Unfollowed` is published."""
        self._follow = follow

    def submit(self, unit: Unit, durable: bool = False) -> "Future[Any]":
        """Queue a unit of work; the future is done after its commit."""
        future: Future[Any] = Future()
        self._jobs.append(_Job(unit, durable, future))
        if not hasattr(unit, "together"):
            self._is_pressed = True
        self._wake.set()
        return future

    def write(self, unit: Unit, durable: bool = False, timeout: float = 60.0) -> Any:
        """As submit, and wait for the commit."""
        return self.submit(unit, durable).result(timeout)

    def close(self) -> None:
        """Finish what is queued, then end."""
        self._stopped = True
        self._wake.set()
        self._thread.join(timeout=30)

    def _run(self) -> None:
        while not (self._stopped and not self._jobs):
            self._wake.wait(1.0)
            self._wake.clear()
            while self._jobs:
                self._gather()
                self._is_pressed = False
                self._commit([self._jobs.popleft() for _ in range(min(BATCH, len(self._jobs)))])

    def _gather(self) -> None:
        """While answers are still on their way and keep coming, a moment's wait makes one transaction of many. A step
        or a claim waits for nobody's answer: it may be a way out."""
        for _ in range(LINGER_AT_MOST):
            had = len(self._jobs)
            if self._is_pressed or had >= self.awaited():
                return
            time.sleep(LINGER)
            if len(self._jobs) == had:
                return

    def _commit(self, batch: list[_Job]) -> None:
        try:
            done = self._together(batch, self._follow)
        except Exception:  # one of them is at fault: each gets a commit of its own, and its own error
            if len(batch) > 1:
                for job in batch:
                    self._commit([job])
                return
            self._once_more(batch[0])
            return
        self._tell(batch, done)

    def _together(self, batch: list[_Job], follow: Follow | None) -> "_Done":
        with self._db.write(durable=any(job.durable for job in batch), urgent=True) as session:
            written = _carry_out(session, [job.unit for job in batch])
            events = [event for each in written for event in each.events]
            followed = follow(session, events) if follow and events else ()
            return _Done(written, [*followed, *events])

    def _once_more(self, job: _Job) -> None:
        """By itself, with what follows left for later: a locked database passes, a wrong unit does not."""
        try:
            done = self._together([job], None)
        except Exception as error:
            log.exception("journal_unit_failed", unit=getattr(job.unit, "__qualname__", "?"))
            job.future.set_exception(error)
            return
        self._tell([job], done)
        if self._follow and done.events:
            self._bus.publish(Unfollowed(tuple(done.events)))

    def _tell(self, batch: list[_Job], done: "_Done") -> None:
        with hearing().hushed():  # orders leave here: those that are announced, and those whose claim was waited for
            for event in done.events:
                self._bus.publish(event)
            for job, written in zip(batch, done.written, strict=True):
                job.future.set_result(written.result)


@dataclass(frozen=True, slots=True)
class _Done:
    written: list[Written]
    events: list[object]


def _carry_out(session: Session, units: list[Unit]) -> list[Written]:
    """In their order; neighbours of one kind together."""
    written: list[Written] = []
    for together, alike in groupby(units, lambda unit: getattr(unit, "together", None)):
        if together is not None:
            written += together(session, list(alike))
        else:
            written.extend(unit(session) for unit in alike)
    return written
