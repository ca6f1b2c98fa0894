"""Ids: 26 characters of 0-9A-Z, sortable by time of birth.

The alphabet and length fit the client order id of every venue we know (letters and digits only, at most 32, not
starting with "t"), so an order's own id doubles as its client order id.
"""

import os
import threading
import time
from functools import lru_cache

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]  # ten bits each
_lock = threading.Lock()
_last = 0
_CHANCE = (1 << 80) - 1
_DRAWN_AT_ONCE = 256
_drawn: list[int] = []  # chances for the next ids: each draw is a call to the system, which lets other threads go first


def new_id() -> str:
    """48 bits of milliseconds, 80 bits of chance, in Crockford's base 32; later ids of a process sort later."""
    global _last  # noqa: PLW0603 - the one thing that must be remembered between two ids
    with _lock:
        fresh = (time.time_ns() // 1_000_000 << 80) | _chance()
        _last = number = fresh if fresh > _last else _last + 1
    return _born(number >> 80) + _letters(number & _CHANCE, 8)


def _chance() -> int:
    if not _drawn:
        drawn = os.urandom(10 * _DRAWN_AT_ONCE)
        _drawn.extend(int.from_bytes(drawn[at : at + 10]) for at in range(0, len(drawn), 10))
    return _drawn.pop()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drawn.clear)  # no two processes draw the same


@lru_cache(maxsize=2)
def _born(milliseconds: int) -> str:
    """The first ten letters; two bits of the first stay empty."""
    return _letters(milliseconds, 5)


def _letters(number: int, pairs: int) -> str:
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(10 * pairs - 10, -1, -10)])
