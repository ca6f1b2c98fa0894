"""The instance folder (database, keys, logs) and the port: looked at before anything is started."""

import contextlib
import errno
import fcntl
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

from launcher.console import Stop
from launcher.environment import ROOT

HOST = "127.0.0.1"
DEFAULT_PORT = 8000


def folder() -> Path:
    return Path(os.environ.get("MIRRORDESK_INSTANCE") or ROOT / "instance").expanduser().resolve()


def make(instance: Path) -> None:
    """Make the folder, closed to other users since keys lie in it, and try that it can be written to."""
    try:
        instance.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in ("logs", "run"):
            (instance / name).mkdir(mode=0o700, exist_ok=True)
        with tempfile.TemporaryFile(dir=instance):
            pass
    except OSError as error:
        raise Stop(
            f"The folder {instance} can't be written to ({error.strerror}); "
            "make it writable or name another one in MIRRORDESK_INSTANCE."
        ) from None


@contextlib.contextmanager
def claimed(instance: Path) -> Iterator[int]:
    """Hold the instance and give the held file: two desks would be two engines on one set of accounts."""
    with (instance / "run" / "desk.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Stop(f"A desk is already running on {instance}; stop it first.") from None
        yield handle.fileno()


def check_port(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Stop(_why_not(port, error)) from None


def free_port() -> int:
    with socket.create_server((HOST, 0)) as probe:
        return int(probe.getsockname()[1])


def _why_not(port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is in use by another program; choose another one with --port."
    if error.errno == errno.EACCES:
        return f"Port {port} may only be used by root; choose one above 1023 with --port."
    return f"Port {port} can't be used: {error.strerror}."
