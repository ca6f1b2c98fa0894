"""One thread writes the journal; what arrives while it commits shares the next commit.

So the database never sets the pace: twenty lanes that claim at the same moment cost one disk flush, not twenty. A unit
that fails is rolled back alone and its error goes to whoever asked; the others of its batch are written again without
it. Events are published only after their commit.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy.orm import Session

from app.core.bus import Bus
from app.core.db import Database

log = structlog.get_logger()

BATCH = 256


@dataclass(slots=True)
class Written:
    """What a unit of work gives back: its result, and what to announce once it is committed."""

    result: Any = None
    events: Iterable[object] = ()


Unit = Callable[[Session], Written]


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
        self._wake = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def submit(self, unit: Unit, durable: bool = False) -> "Future[Any]":
        """Queue a unit of work; the future is done after its commit."""
        future: Future[Any] = Future()
        self._jobs.append(_Job(unit, durable, future))
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
                self._commit([self._jobs.popleft() for _ in range(min(BATCH, len(self._jobs)))])

    def _commit(self, batch: list[_Job]) -> None:
        try:
            written = self._together(batch)
        except Exception:  # one of them is at fault: each gets a commit of its own, and its own error
            if len(batch) > 1:
                for job in batch:
                    self._commit([job])
                return
            self._fail(batch[0])
            return
        for job, done in zip(batch, written, strict=True):
            job.future.set_result(done.result)
        for done in written:
            for event in done.events:
                self._bus.publish(event)

    def _together(self, batch: list[_Job]) -> list[Written]:
        with self._db.write(durable=any(job.durable for job in batch), urgent=True) as session:
            return [job.unit(session) for job in batch]

    def _fail(self, job: _Job) -> None:
        try:
            written = self._together([job])  # once more: a locked database passes, a wrong unit does not
        except Exception as error:
            log.exception("journal_unit_failed", unit=getattr(job.unit, "__qualname__", "?"))
            job.future.set_exception(error)
            return
        job.future.set_result(written[0].result)
        for event in written[0].events:
            self._bus.publish(event)
