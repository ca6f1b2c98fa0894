"""`doctor`: what a start needs, looked at without changing anything."""

import os
import platform
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from launcher import instance
from launcher.console import FAILED, Stop, say
from launcher.environment import DEVELOPMENT, ROOT, RUNTIME, is_current

NEEDED_SPACE = 2_000_000_000  # bytes: the environment, the database and a few weeks of logs
Finding = tuple[bool | None, str]  # in order, not in order, or None: only worth knowing


def doctor() -> int:
    findings = list(_findings())
    for fine, text in findings:
        say(f"  {'    ' if fine is None else 'ok  ' if fine else 'NOT '} {text}")
    return FAILED if any(fine is False for fine, _ in findings) else 0


def _findings() -> Iterator[Finding]:
    yield True, f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    yield None, f".venv {_installed()}"
    yield _works(lambda: _check_folder(instance.folder()), f"the folder {instance.folder()} can be written to")
    yield _works(
        lambda: instance.check_port(instance.HOST, instance.DEFAULT_PORT),
        f"port {instance.DEFAULT_PORT} is free",
    )
    free = shutil.disk_usage(ROOT).free
    yield free > NEEDED_SPACE, f"{free / 1e9:.1f} GB of disk are free"
    yield None, f"uv {'installs' if shutil.which('uv') else 'is absent, pip installs'} the requirements"
    for program, *others in (("redis-server",), ("psql",), ("chromium", "chromium-headless-shell")):
        is_there = any(map(shutil.which, (program, *others)))
        yield None, f"{program} {'is' if is_there else 'is not'} there (only tests need it)"


def _installed() -> str:
    if is_current(DEVELOPMENT):
        return "holds what running and testing need"
    return "holds what running needs" if is_current(RUNTIME) else "will be made or brought up to date"


def _works(attempt: Callable[[], None], text: str) -> Finding:
    try:
        attempt()
    except Stop as stop:
        return False, str(stop)
    return True, text


def _check_folder(folder: Path) -> None:
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise Stop(f"{nearest} can't be written to; make it writable or name another folder in MIRRORDESK_INSTANCE.")
