"""Named moments at which a process can be made to die, so that dying there can be tried out.

MIRRORDESK_CRASH_AT=<name> ends the process the first time it reaches that point, as kill -9 would; <name>:<n> the
n-th time. Every commit is two such points, `committing` and `committed`. Without the setting a point is one comparison
and nothing else.
"""

import os
import threading
from collections.abc import Callable

EXIT_CODE = 137  # what a shell reports of a killed process


def _die() -> None:
    os._exit(EXIT_CODE)


_lock = threading.Lock()
_name = ""
_left = 0
_act: Callable[[], object] = _die


def arm(point: str, act: Callable[[], object] = _die) -> None:
    """Die at `<name>` or `<name>:<n>` from now on, or do something else there; at nothing when it is empty."""
    global _name, _left, _act  # noqa: PLW0603 - one process dies once
    _name, _, times = point.partition(":")
    _left = int(times) if times.isdigit() else 1
    _act = act


def reach(name: str) -> None:
    """Die here if that is wanted; nothing is flushed, closed or finished."""
    if name == _name:
        _count_down()


def _count_down() -> None:
    global _left  # noqa: PLW0603 - as above
    with _lock:
        _left -= 1
        if _left == 0:
            _act()


arm(os.environ.get("MIRRORDESK_CRASH_AT", ""))
