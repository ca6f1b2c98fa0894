"""Waiting for something another thread or process does: bounded, by looking, never by a guessed sleep."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(fn: Callable[[], T], timeout: float = 30, every: float = 0.02) -> T:
    """Call `fn` until it answers something true and return that; fail after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        answer = fn()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"{_name(fn)} was still {answer!r} after {timeout} s")
        time.sleep(every)


def _name(fn: Callable[[], object]) -> str:
    return getattr(fn, "__qualname__", repr(fn))
