"""A reading kept for a moment, so that many who ask at once cost one reading per key."""

import threading
from collections.abc import Callable, Hashable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

Value = TypeVar("Value")
MOST = 512


class Recent(Generic[Value]):
    """Values by key with the time they were read; older than `age` they are read again."""

    def __init__(self, age: timedelta) -> None:
        self._age = age
        self._lock = threading.Lock()
        self._known: dict[Hashable, tuple[datetime, Value]] = {}

    def get(self, key: Hashable, now: datetime, read: Callable[[], Value]) -> Value:
        with self._lock:
            found = self._known.get(key)
        if found is not None and timedelta() <= now - found[0] <= self._age:
            return found[1]
        value = read()
        with self._lock:
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[key] = (now, value)
        return value
