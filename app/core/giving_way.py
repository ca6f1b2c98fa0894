"""Long work in Python beside threads that must not wait for it.

Threads take turns at the interpreter. As long as all of them work in short bursts, longer turns cost least: forty
lanes that send at once would only push each other aside. Beside work of seconds a thread gets its turn back that much
later after every statement of the database, so while such work goes on the turns are short.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

USUAL, SHORT = 0.005, 0.0005  # seconds of a turn, when another thread wants one


class _Turns:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way = 0

    def count(self, more: int) -> None:
        with self._lock:
            self._under_way += more
            sys.setswitchinterval(SHORT if self._under_way else USUAL)


_turns = _Turns()  # of the process, as the interpreter's


def give_way() -> Callable[[], None]:
    """Short turns from now on; what is given ends them. Each from any thread."""
    _turns.count(1)
    return lambda: _turns.count(-1)


@contextmanager
def giving_way() -> Iterator[None]:
    """From any thread, and by several at once."""
    _turns.count(1)
    try:
        yield
    finally:
        _turns.count(-1)
