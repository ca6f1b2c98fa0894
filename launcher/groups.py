"""Process groups: each child leads one, so that whatever it starts can be ended with it."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path

GRACE = 10.0  # seconds between asking to end and ending
LOOK_EVERY = 0.05
PROC = Path("/proc")  # absent on macOS


def lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS says this of a group of zombies
        return False
    return not (PROC.exists() and _only_zombies(group))


def _only_zombies(group: int) -> bool:
    """Whether all of a group has ended and only was not collected, as where a container's init is lazy."""
    for stat in PROC.glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it ended while we looked
            state, _parent, its_group = stat.read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state != "Z":
                return False
    return True


def send(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return


def end(groups: Iterable[int], grace: float = GRACE, hurry: Callable[[], bool] = lambda: False) -> None:
    """Ask the groups to end, wait up to `grace` seconds or until `hurry`, then kill what is left."""
    left = {group for group in groups if lives(group)}
    for group in left:
        send(group, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while left and time.monotonic() < deadline and not hurry():
        time.sleep(LOOK_EVERY)
        left = {group for group in left if lives(group)}
    for group in left:
        send(group, signal.SIGKILL)
