"""One thread that hears many sockets.

A thread for each would have to be woken for whatever comes, and get its turn at the interpreter after all the others
that were woken with it: with many accounts that takes longer than the work itself. So whoever listens here does
little when it hears something, and waits for nothing.
"""

import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import structlog

log = structlog.get_logger()
LONGEST_HUSH = 0.1  # seconds
BEAT = 0.25  # seconds between two looks at the deadlines


class Hearer(Protocol):
    """Whoever has a socket here; both are called in the one thread, and wait for nothing."""

    @property
    def deadline(self) -> float:
        """Of the monotonic clock."""
        ...

    def hear(self) -> None:
        """Something has come, or the other side has gone: take all there is."""
        ...

    def give_up(self) -> None:
        """Its deadline has passed; called again while it stays."""
        ...


class Hearing:
    """Safe for several threads."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._may_hear = threading.Event()
        self._may_hear.set()
        self._hearers: dict[socket.socket, Hearer] = {}
        self._look_at = 0.0
        self._came_at = 0.0
        self._thread = threading.Thread(target=self._run, name="hearing", daemon=True)
        self._thread.start()

    def listen(self, raw: socket.socket, hearer: Hearer) -> bool:
        """From now on; what has come before is heard too. The socket must not be closed before `leave`. False where
        the machine allows no more of them."""
        self._hearers[raw] = hearer
        try:
            self._selector.register(raw, selectors.EVENT_READ, hearer)
        except (OSError, ValueError, KeyError):
            del self._hearers[raw]
            return False
        return True

    def leave(self, raw: socket.socket) -> None:
        if self._hearers.pop(raw, None) is not None:
            self._selector.unregister(raw)

    @contextmanager
    def hushed(self) -> Iterator[None]:
        """Hear nothing for as long as the block lasts, and not for long: what sends many orders in a row would be held
        up by the answers to the first of them."""
        self._may_hear.clear()
        try:
            yield
        finally:
            self._may_hear.set()

    def heard_at(self) -> float:
        """On the monotonic clock, for who is told of something here: when it had come at the latest, however many were
        heard before it. For any other thread it is now."""
        return self._came_at if threading.current_thread() is self._thread else time.monotonic()

    def _run(self) -> None:
        while True:
            try:
                self._turn()
            except Exception:  # without this thread nobody would hear of any order
                log.exception("hearing_failed")
                time.sleep(BEAT)

    def _turn(self) -> None:
        came = self._selector.select(BEAT)
        self._came_at = time.monotonic()
        self._may_hear.wait(LONGEST_HUSH)
        for key, _ in came:
            self._safely(key.fileobj, key.data, key.data.hear)
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + BEAT
            self._look(now)

    def _look(self, now: float) -> None:
        for raw, hearer in list(self._hearers.items()):
            if now >= hearer.deadline:
                self._came_at = now
                self._safely(raw, hearer, hearer.give_up)

    def _safely(self, raw: Any, hearer: Hearer, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception:  # who can't take what has come would be called again at once, for ever
            log.exception("hearer_failed", hearer=type(hearer).__name__)
            if self._hearers.get(raw) is hearer:  # its connection may have the next call by now
                self.leave(raw)


_lock = threading.Lock()
_of_the_process: list[Hearing] = []


def hearing() -> Hearing:
    """The process's own, from its first use on: what is forked before has none of its thread."""
    if not _of_the_process:
        with _lock:
            if not _of_the_process:
                _of_the_process.append(Hearing())
    return _of_the_process[0]
