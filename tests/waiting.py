"""Waiting for something another thread or process does: bounded, by looking, never by a guessed sleep."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from app.core.hearing import hearing

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


@contextmanager
def threads_ended() -> Iterator[None]:
    """After the block, until each thread that began in it is over: one that goes on would disturb the next test. The
    one that hears the sockets of the whole process stays."""
    hearing()
    before = set(threading.enumerate())
    yield
    until(lambda: not set(threading.enumerate()) - before)


def _name(fn: Callable[[], object]) -> str:
    return getattr(fn, "__qualname__", repr(fn))
