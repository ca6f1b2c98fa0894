"""Engines that start at once: a process that has imported everything and forks one engine per line it reads.

    python -m tests.crash.nursery [<seconds a lease holds>]

    stdin                            stdout
    engine [<crash point> [stop]]    the process id of a new engine, which dies, or stops, at that point
    kill <pid>, kill all             dead      (SIGKILL, and it is buried)
    stop <pid>, cont <pid>           done      (SIGSTOP, when all its threads stand still; SIGCONT)
    look <pid>                       alive, stopped (once), or the exit code

Each child runs the real command; only a lease may be made to run out sooner, for who must wait for that. The nursery
has no threads, so forking it is safe. When its stdin ends, it kills what still lives: no engine outlasts whoever asked
for it.
"""

import os
import signal
import sys
import threading
import time
from contextlib import ExitStack
from datetime import timedelta

import app.commands.engine
import app.venues.openalgo.venue  # noqa: F401 - what a child would spend its first two seconds on
from app import wiring
from app.cli import main
from app.core import crashpoint
from app.core.db import Database
from app.engine import assembly
from app.execution import lease

SIGNALS = {"stop": signal.SIGSTOP, "cont": signal.SIGCONT}
living: set[int] = set()
opened: list[Database] = []  # by this engine


class Opened(Database):
    def __init__(self, url: str) -> None:
        super().__init__(url)
        opened.append(self)


def run() -> None:
    if sys.argv[1:]:
        _shorten_leases(float(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asked decides what a Ctrl-C means
    try:
        for line in sys.stdin:
            verb, _, rest = line.strip().partition(" ")
            sys.stdout.write(f"{_do(verb, rest)}\n")
            sys.stdout.flush()
    finally:
        _kill_all()


def _shorten_leases(seconds: float) -> None:
    factor = seconds / lease.TERM.total_seconds()
    lease.TERM = timedelta(seconds=seconds)
    assembly.LEASE_EVERY *= factor
    assembly.STANDBY_EVERY *= factor


def _do(verb: str, rest: str) -> object:
    if verb == "engine":
        return _bear(rest)
    if verb == "kill":
        return _kill_all() if rest == "all" else _kill(int(rest))
    if verb == "look":
        return _look(int(rest))
    os.kill(int(rest), SIGNALS[verb])
    if verb == "stop":
        os.waitpid(int(rest), os.WUNTRACED)
    return "done"


def _bear(point: str) -> int:
    child = os.fork()
    if child == 0:
        os._exit(_be_born(point))
    living.add(child)
    return child


def _be_born(point: str) -> int:
    """Nobody reads what a child says: the log has it."""
    living.clear()
    wiring.Database = Opened
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    silence = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(silence, standard)
    name = point.removesuffix(" stop")  # some points are two words
    if name != point:
        crashpoint.arm(name, _stand_still)
    else:
        crashpoint.arm(name)
    return main(["engine"])


def _stand_still() -> None:
    """Not in the middle of a commit: over SQLite nobody could write before we go on. So it is our turn to write."""
    with ExitStack() as turns:
        for db in opened:
            turns.enter_context(db.turn())
        signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
        time.sleep(0.1)  # nothing is done after the point before the stop takes hold


def _kill_all() -> str:
    for pid in list(living):
        _kill(pid)
    return "dead"


def _kill(pid: int) -> str:
    if pid in living:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        living.discard(pid)
    return "dead"


def _look(pid: int) -> object:
    if pid not in living:
        return "gone"
    done, status = os.waitpid(pid, os.WNOHANG | os.WUNTRACED)
    if done == 0:
        return "alive"
    if os.WIFSTOPPED(status):
        return "stopped"
    living.discard(pid)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    run()
