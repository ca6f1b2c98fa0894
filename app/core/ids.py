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


def new_id() -> str:
    """48 bits of milliseconds, 80 bits of chance, in Crockford's base 32; later ids of a process sort later."""
    global _last  # noqa: PLW0603 - the one thing that must be remembered between two ids
    fresh = (time.time_ns() // 1_000_000 << 80) | int.from_bytes(os.urandom(10))
    with _lock:
        _last = number = fresh if fresh > _last else _last + 1
    return _born(number >> 80) + _letters(number & _CHANCE, 8)


@lru_cache(maxsize=2)
def _born(milliseconds: int) -> str:
    """The first ten letters; two bits of the first stay empty."""
    return _letters(milliseconds, 5)


def _letters(number: int, pairs: int) -> str:
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(10 * pairs - 10, -1, -10)])
