"""The virtual environment: made once, filled from a lock whose hashes are required, remembered by a stamp.

- The stamp is removed before an installation and written after it, so a broken-off installation is repeated.
- The development lock contains the runtime lock, so installing it satisfies both.
- Two launchers started at once install one after the other.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from launcher.console import Progress, Stop, progress, say

ROOT = Path(__file__).resolve().parent.parent
RUNTIME = "requirements.txt"
DEVELOPMENT = "requirements-dev.txt"
HERE = "{}.{}".format(*sys.version_info)
NO_NETWORK = re.compile(
    r"name resolution|name or service not known|nodename nor servname|network is unreachable"
    r"|connection refused|newconnectionerror|max retries|connecttimeout|timed out|dns error|failed to fetch"
    r"|could not connect",
    re.IGNORECASE,
)


def python(root: Path = ROOT) -> Path:
    return root / ".venv" / "bin" / "python"


def prepare(lock: str, root: Path = ROOT) -> Path:
    """Bring `.venv` in line with `lock` and return its Python; a few file reads when nothing changed."""
    if not is_current(lock, root):
        with _alone(root):
            if not is_current(lock, root):
                _make(root)
                _install(lock, root)
    return python(root)


def is_current(lock: str, root: Path = ROOT) -> bool:
    stamp = _stamp(root)
    return python(root).exists() and stamp.get("python") == HERE and stamp.get(lock) == _fingerprint(lock, root)


def _stamp_file(root: Path) -> Path:
    return root / ".venv" / "mirrordesk-stamp.json"


def _stamp(root: Path) -> dict[str, str]:
    try:
        stamp = json.loads(_stamp_file(root).read_text())
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def _fingerprint(lock: str, root: Path) -> str:
    try:
        return hashlib.sha256((root / lock).read_bytes()).hexdigest()
    except FileNotFoundError:
        raise Stop(f"{lock} is missing from {root}; get the whole repository again.") from None


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    try:
        handle = (root / ".venv.lock").open("w")
    except OSError as error:
        raise Stop(f"The folder {root} can't be written to ({error.strerror}); .venv is made there.") from None
    with handle:
        with progress("Waiting for another installation"):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _make(root: Path) -> None:
    """Make the environment unless a usable one of this Python is there already."""
    found = _version(root)
    if found == HERE and python(root).exists():
        return
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        raise Stop("Python's venv module is missing; on Debian and Ubuntu: apt install python3-venv")
    if found:
        say(f"The environment in .venv is of Python {found}, this is {HERE}: making it anew.")
    command = [sys.executable, "-m", "venv", "--clear", str(root / ".venv")]
    with progress("Making the environment"):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Stop(f"The environment can't be made in {root}: {_last_line(done.stdout + done.stderr)}")


def _version(root: Path) -> str:
    """The `3.11` an existing environment was made with; empty without one."""
    with contextlib.suppress(OSError):
        match = re.search(r"^version\w* = (\d+\.\d+)", (root / ".venv" / "pyvenv.cfg").read_text(), re.MULTILINE)
        return match[1] if match else ""
    return ""


def _install(lock: str, root: Path) -> None:
    stamp = _stamp(root) | {"python": HERE}
    _stamp_file(root).unlink(missing_ok=True)
    log = root / ".venv" / "install.log"
    with progress(f"Installing {lock}") as shown, log.open("w") as out:
        code = 1
        if uv := shutil.which("uv"):
            code = _follow([uv, "pip", "install", "--python", str(python(root)), *_options(lock, root)], shown, out)
        if code:
            pip = [str(python(root)), "-m", "pip", "install", "--no-input", "--retries", "2", "--no-deps"]
            code = _follow([*pip, "--no-compile", *_options(lock, root)], shown, out)
    if code:
        raise Stop(_why_it_failed(log))
    stamp[lock] = _fingerprint(lock, root)
    if lock == DEVELOPMENT:
        stamp[RUNTIME] = _fingerprint(RUNTIME, root)
    _write_stamp(stamp, root)


def _options(lock: str, root: Path) -> list[str]:
    return ["--require-hashes", "-r", str(root / lock)]


def _follow(command: list[str], shown: Progress, out: TextIO) -> int:
    """Run an installer, keep what it prints in `out`, show the package it is at; returns its exit code."""
    env = os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_USER": "0", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for; tells the type checker
        for line in process.stdout:
            out.write(line)
            if found := re.match(r"\s*(?:Collecting|Building wheel for|Downloading) ([\w.-]+)", line):
                shown.detail = found[1]
            elif line.startswith("Installing collected"):
                shown.detail = "unpacking"
    return process.returncode


def _why_it_failed(log: Path) -> str:
    text = log.read_text()
    if NO_NETWORK.search(text):
        return f"The requirements can't be downloaded: no network, or no way to the package index (see {log})."
    if "No space left" in text:
        return f"The requirements can't be installed: the disk is full (see {log})."
    return f"The requirements can't be installed: {_last_line(text)} (see {log})"


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    return (errors or lines or ["it said nothing"])[-1]


def _write_stamp(stamp: dict[str, str], root: Path) -> None:
    new = _stamp_file(root).with_suffix(".new")
    new.write_text(json.dumps(stamp, indent=1))
    new.replace(_stamp_file(root))
