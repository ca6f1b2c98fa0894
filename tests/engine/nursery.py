"""Engines that start at once: a process that has imported everything and forks one engine per line it reads.

    python -m tests.engine.nursery      stdin: "engine"; stdout: the process id of each; ends with its stdin

Each child runs the real command. The nursery has no threads, so forking it is safe.
"""

import os
import signal
import sys

import app.commands.engine  # noqa: F401 - what a child would spend its first second on
from app.cli import main


def run() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the children
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os._exit(_be_born(line.strip()))
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


def _be_born(command: str) -> int:
    """Nobody reads what a child says: the log has it."""
    silence = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(silence, standard)
    return main([command])


if __name__ == "__main__":
    run()
