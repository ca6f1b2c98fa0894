"""Listeners that work on a thread of their own, so that whoever publishes never waits for them.

They begin a moment after the first event of a burst: the same processor sends orders in that moment.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import structlog

log = structlog.get_logger()
LIMIT = 50_000
LINGER = 0.15  # seconds


class Aside:
    """Events in order of their coming, each given to the function it was meant for."""

    def __init__(self, name: str) -> None:
        self._waiting: deque[tuple[Callable[[Any], None], Any]] = deque(maxlen=LIMIT)
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def later(self, listener: Callable[[Any], None]) -> Callable[[Any], None]:
        """The listener as one that only takes note."""

        def take(event: Any) -> None:
            self._waiting.append((listener, event))
            self._wake.set()

        return take

    def stop(self) -> None:
        self._stop.set()
        self._wake.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(1.0)
            if self._waiting:
                self._stop.wait(LINGER)
            self._wake.clear()
            while self._waiting:
                self._deliver(*self._waiting.popleft())

    def _deliver(self, listener: Callable[[Any], None], event: Any) -> None:
        try:
            listener(event)
        except Exception:  # the next event must still be delivered
            log.exception("aside_failed", listener=getattr(listener, "__qualname__", repr(listener)))
