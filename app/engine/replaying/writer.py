"""The journal of a tape desk: each unit of work is written where it is asked for, so that one thread decides all."""

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from app.core.bus import Bus
from app.core.db import Database
from app.execution.writer import Follow, Unit, Writer


class TapeWriter(Writer):
    def __init__(self, db: Database, bus: Bus) -> None:
        self._db = db
        self._bus = bus
        self._follow: Follow | None = None
        self.awaited = int
        self.failures: list[BaseException] = []  # a replay ends with the first

    def submit(self, unit: Unit, durable: bool = False) -> "Future[Any]":
        future: Future[Any] = Future()
        try:
            result, events = self._carry_out(unit)
        except Exception as error:  # as live: whoever asked hears of it
            self.failures.append(error)
            future.set_exception(error)
            return future
        for event in events:
            self._bus.publish(event)
        future.set_result(result)
        return future

    def close(self) -> None:
        """Nothing is queued."""

    def _carry_out(self, unit: Unit) -> tuple[Any, Sequence[object]]:
        with self._db.write() as session:
            written = unit(session)
            events = list(written.events)
            followed = self._follow(session, events) if self._follow and events else ()
            return written.result, [*followed, *events]
