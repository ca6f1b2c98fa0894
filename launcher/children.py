"""One child process: started in a group of its own, its output copied to a log, its end reported.

A child must be started from the main thread: on Linux the signal of its parent's death follows the thread.
"""

import collections
import contextlib
import ctypes
import datetime
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from launcher.environment import ROOT

LAST_LINES = 20
LOG_LIMIT = 5_000_000  # bytes; a bigger log is put aside when its child starts
LAST_WORDS = 0.25  # seconds for what it said last; not for ever, what it had started may hold the pipe open
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Spec:
    """What to run. `ready` is a pattern in the child's output that says it works; empty: at once."""

    name: str
    command: tuple[str, ...]
    ready: str = ""
    env: dict[str, str] = field(default_factory=dict)


class Child:
    """A started child. `on_line`, `on_ready` and `on_exit` are called from its own threads."""

    def __init__(
        self,
        spec: Spec,
        log: Path,
        on_line: Callable[[str, str], None],
        on_ready: Callable[["Child"], None],
        on_exit: Callable[["Child"], None],
    ) -> None:
        self.spec = spec
        self.started = datetime.datetime.now(datetime.UTC)
        self.ready = not spec.ready  # like `ended`, set by the supervisor in the main thread
        self.ended = False
        self.last_lines: collections.deque[str] = collections.deque(maxlen=LAST_LINES)
        self._on_line, self._on_ready, self._on_exit = on_line, on_ready, on_exit
        self._log = log
        self._seen_ready = self.ready
        self.process = _spawn(spec)
        self._pump = threading.Thread(target=self._copy, name=f"{spec.name}-output", daemon=True)
        self._pump.start()
        threading.Thread(target=self._wait, name=f"{spec.name}-wait", daemon=True).start()

    @property
    def pid(self) -> int:
        """Also the number of the child's process group."""
        return self.process.pid

    def _copy(self) -> None:
        assert self.process.stdout is not None  # noqa: S101 - a pipe was asked for; tells the type checker
        log: TextIO | None = None
        with contextlib.suppress(OSError):  # without a log it is read all the same: a full pipe stops the child
            log = self._open_log()
        for line in self.process.stdout:
            with contextlib.suppress(OSError):  # nor must a full disk stop it
                if log is not None:
                    log.write(line)
                    log.flush()
            self._notice(line.rstrip("\n"))
        with contextlib.suppress(OSError):
            if log is not None:
                log.close()

    def _open_log(self) -> TextIO:
        if self._log.exists() and self._log.stat().st_size > LOG_LIMIT:
            self._log.replace(self._log.with_suffix(".1.log"))
        return self._log.open("a", encoding="utf-8")

    def _notice(self, line: str) -> None:
        self.last_lines.append(line)
        if self._seen_ready or not re.search(self.spec.ready, line):
            self._on_line(self.spec.name, line)
        else:
            self._seen_ready = True
            self._on_ready(self)

    def _wait(self) -> None:
        self.process.wait()
        self._pump.join(LAST_WORDS)
        self._on_exit(self)


def _spawn(spec: Spec) -> subprocess.Popen[str]:
    return subprocess.Popen(
        spec.command,
        cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"} | spec.env,
        stdin=subprocess.PIPE,  # never written to: its end tells a child that we are gone
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        process_group=0,
        preexec_fn=tie_to_parent(),  # noqa: PLW1509 - only a prepared system call runs between fork and exec
    )


def tie_to_parent() -> Callable[[], None] | None:
    """On Linux, what makes the kernel end the child with its parent; elsewhere the reaper does it alone."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it was killed in between
            os._exit(1)

    return tie
