"""Ids: 26 characters of 0-9A-Z, sortable by time of birth.

The alphabet and length fit the client order id of every venue we know (letters and digits only, at most 32, not
starting with "t"), so an order's own id doubles as its client order id.
"""

import os
import threading
import time

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_lock = threading.Lock()
_last = 0


def new_id() -> str:
    """48 bits of milliseconds, 80 bits of chance, in Crockford's base 32; later ids of a process sort later."""
    global _last  # noqa: PLW0603 - the one thing that must be remembered between two ids
    fresh = (time.time_ns() // 1_000_000 << 80) | int.from_bytes(os.urandom(10))
    with _lock:
        _last = number = fresh if fresh > _last else _last + 1
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -5, -5))
