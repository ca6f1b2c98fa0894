"""Keeps the desk's processes running until told to stop, and leaves none behind.

- A child that ends before it was ever ready fails the start: a wrong setting is not cured by trying again.
- A child that ends later is started again, nearly at once at first, then with growing pauses; each restart is
  said on the terminal and written to `run/restarts.jsonl`.
- Children stop in reverse order of their start: the engine finishes while the broker it uses is still there.
- `run/children.json` says who runs at any time. Where it or the journal of restarts cannot be written, as on a full
  disk, that is said once and the desk runs on.
"""

import contextlib
import datetime
import json
import queue
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType

from launcher import groups
from launcher.children import Child, Spec
from launcher.console import Stop, progress, say
from launcher.environment import ROOT

PAUSES = (0.2, 1.0, 2.0, 5.0, 10.0, 30.0)  # seconds before the first, second … restart in a row
STEADY = 60.0  # seconds after which a child's earlier ends are forgotten
READY_WITHIN = 90.0
MOST_FILES = 65_536  # open at once, of each child
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Notice = tuple[str, Child | None]  # "ready" or "ended" with the child, "stop" with none


class Supervisor:
    """Use as a context: leaving it stops every child. All methods belong to the main thread."""

    def __init__(self, instance: Path, held: Sequence[int] = ()) -> None:
        self.instance = instance
        self.restarts: dict[str, int] = {}
        self._held = held  # open files the reaper keeps open until the last child is gone
        self._children: dict[str, Child] = {}
        self._order: list[str] = []  # of the children that were ready once; these are started again
        self._in_a_row: dict[str, int] = {}
        self._due: dict[str, tuple[float, Spec]] = {}
        self._notices: queue.SimpleQueue[Notice] = queue.SimpleQueue()
        self._signals = 0
        self._before: dict[int, object] = {}
        self._cannot_write = False

    def __enter__(self) -> "Supervisor":
        _allow_many_files()
        for number in STOP_SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup stays nohup
                self._before[number] = signal.signal(number, self._told_to_stop)
        self._reaper = subprocess.Popen(
            [sys.executable, "-m", "launcher.reaper"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            text=True,
            process_group=0,
            pass_fds=self._held,
        )
        return self

    def __exit__(self, *_: object) -> None:
        if self.stopping:
            say("   desk | stopping; a second Ctrl-C doesn't wait")
        for child in self._last_started_first():
            groups.end([child.pid], hurry=lambda: self._signals > 1)
            child.process.wait()
        with self._written_if_it_can_be():
            (self.instance / "run" / "children.json").unlink(missing_ok=True)
        self._reaper.communicate()
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal itself returned

    @property
    def stopping(self) -> bool:
        return self._signals > 0

    def start(self, spec: Spec) -> None:
        """Start a child and wait until it is ready; Stop with its last lines if it ends before."""
        child = self._launch(spec)
        deadline = time.monotonic() + READY_WITHIN
        with progress(f"Starting {spec.name}"):
            while not child.ready:
                self._take(0.5)
                self._restart_due()
                self._check_start(child, deadline)
        self._order.append(spec.name)

    def _check_start(self, child: Child, deadline: float) -> None:
        if self.stopping:
            raise Stop("Stopped before everything was running.")
        if child.ended:
            raise Stop(self._last_words(child, f"{child.spec.name} ended at once ({_how(child)})"))
        if time.monotonic() > deadline and not child.ready:
            raise Stop(self._last_words(child, f"{child.spec.name} was not ready after {READY_WITHIN:.0f} s"))

    def run(self, until: Callable[[], bool] = lambda: False) -> None:
        """Keep the children running until a signal comes or `until` says so."""
        while not self.stopping and not until():
            self._take(self._patience())
            self._restart_due()

    # -- notices

    def _told_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._signals += 1
        self._notices.put(("stop", None))

    def _take(self, timeout: float) -> None:
        try:
            kind, child = self._notices.get(timeout=timeout)
        except queue.Empty:
            return
        if child is None or self._children.get(child.spec.name) is not child:
            return
        if kind == "ready":
            child.ready = True
            say(f"{child.spec.name:>7} | ready (process {child.pid})")
            self._write_children()
        else:
            child.ended = True
            if child.spec.name in self._order and not self.stopping:
                self._plan_restart(child)

    def _patience(self) -> float:
        """Seconds until the next restart is due, at most half of one: `until` is asked as often."""
        return max(0.0, min([0.5, *(at - time.monotonic() for at, _ in self._due.values())]))

    # -- children

    def _launch(self, spec: Spec) -> Child:
        child = Child(
            spec,
            self.instance / "logs" / f"{spec.name}.log",
            on_line=_echo,
            on_ready=lambda child: self._notices.put(("ready", child)),
            on_exit=lambda child: self._notices.put(("ended", child)),
        )
        self._children[spec.name] = child
        self._tell_reaper(f"+{child.pid}")
        self._write_children()
        return child

    def _plan_restart(self, child: Child) -> None:
        name = child.spec.name
        del self._children[name]
        self._write_children()
        groups.end([child.pid], grace=2)  # what it had started itself
        self._tell_reaper(f"-{child.pid}")
        lived = (datetime.datetime.now(datetime.UTC) - child.started).total_seconds()
        in_a_row = 0 if lived > STEADY else self._in_a_row.get(name, 0)
        pause = PAUSES[min(in_a_row, len(PAUSES) - 1)]
        self._in_a_row[name] = in_a_row + 1
        self.restarts[name] = self.restarts.get(name, 0) + 1
        self._due[name] = (time.monotonic() + pause, child.spec)
        say(f"{name:>7} | ENDED ({_how(child)}), restart {self.restarts[name]} follows in {pause:g} s")
        self._write_restart(child, pause)

    def _last_started_first(self) -> list[Child]:
        never_ready = [name for name in self._children if name not in self._order]
        names = [*never_ready, *reversed(self._order)]
        return [self._children[name] for name in names if name in self._children]

    def _restart_due(self) -> None:
        for name, (at, spec) in list(self._due.items()):
            if time.monotonic() >= at:
                del self._due[name]
                self._launch(spec)

    def _tell_reaper(self, line: str) -> None:
        try:
            print(line, file=self._reaper.stdin, flush=True)
        except BrokenPipeError:
            say("   desk | the process that would clean up after a crash of the launcher is gone")

    # -- what is written down

    def _write_children(self) -> None:
        path = self.instance / "run" / "children.json"
        new = path.with_suffix(".new")
        text = json.dumps({name: self._state(child) for name, child in self._children.items()}, indent=1)
        with self._written_if_it_can_be():
            new.write_text(text)
            new.replace(path)

    def _state(self, child: Child) -> dict[str, object]:
        return {
            "pid": child.pid,
            "started": child.started.isoformat(),
            "ready": child.ready,
            "restarts": self.restarts.get(child.spec.name, 0),
        }

    def _write_restart(self, child: Child, pause: float) -> None:
        entry = {
            "at": datetime.datetime.now(datetime.UTC).isoformat(),
            "name": child.spec.name,
            "pid": child.pid,
            "ended": _how(child),
            "pause": pause,
            "restarts": self.restarts[child.spec.name],
        }
        with self._written_if_it_can_be(), (self.instance / "run" / "restarts.jsonl").open("a") as journal:
            journal.write(json.dumps(entry) + "\n")

    @contextlib.contextmanager
    def _written_if_it_can_be(self) -> Iterator[None]:
        """A note that cannot be written costs no child its restart; said once, until it works again."""
        try:
            yield
            self._cannot_write = False
        except OSError as error:
            if not self._cannot_write:
                say(f"   desk | cannot write in {self.instance / 'run'}: {error.strerror}")
            self._cannot_write = True

    def _last_words(self, child: Child, what: str) -> str:
        lines = "".join(f"\n    {line}" for line in child.last_lines) or "\n    (it said nothing)"
        return f"{what}. Its last lines, more in {self.instance / 'logs' / child.spec.name}.log:{lines}"


_ECHO = threading.Lock()


def _echo(name: str, line: str) -> None:
    with _ECHO:
        say(f"{name:>7} | {line}")


def _allow_many_files() -> None:
    """A hundred accounts have more than a thousand connections, and many systems begin with room for 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_FILES if hard == resource.RLIM_INFINITY else min(MOST_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        with contextlib.suppress(ValueError, OSError):  # some systems allow less than they say
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _how(child: Child) -> str:
    code = child.process.returncode
    if code is not None and code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"
