"""Events inside one process: who is interested subscribes by type; a failing listener never stops the others."""

import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeVar

import structlog

log = structlog.get_logger()
T = TypeVar("T")


class Bus:
    def __init__(self) -> None:
        self._listeners: dict[type, list[Callable[[Any], None]]] = defaultdict(list)
        self._lock = threading.Lock()

    def subscribe(self, kind: type[T], listener: Callable[[T], None]) -> None:
        with self._lock:
            self._listeners[kind] = [*self._listeners[kind], listener]

    def publish(self, event: object) -> None:
        for listener in self._listeners.get(type(event), ()):
            try:
                listener(event)
            except Exception:  # a listener's fault is its own: counted in the log, never the publisher's
                log.exception("listener_failed", listener=getattr(listener, "__qualname__", repr(listener)))
