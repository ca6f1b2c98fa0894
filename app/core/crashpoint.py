"""Named moments at which a process can be made to die, so that dying there can be tried out.

MIRRORDESK_CRASH_AT=<name> ends the process the first time it reaches that point, as kill -9 would; <name>:<n> the
n-th time. Without the setting a point is one comparison and nothing else.
"""

import os
import threading

EXIT_CODE = 137  # what a shell reports of a killed process

_name, _, _times = os.environ.get("MIRRORDESK_CRASH_AT", "").partition(":")
_left = int(_times) if _times.isdigit() else 1
_lock = threading.Lock()


def reach(name: str) -> None:
    """Die here if that is wanted; nothing is flushed, closed or finished."""
    if name == _name:
        _count_down()


def _count_down() -> None:
    global _left  # noqa: PLW0603 - one process dies once
    with _lock:
        _left -= 1
        if _left == 0:
            os._exit(EXIT_CODE)
