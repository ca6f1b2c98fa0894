"""Kill the engine at many random instants, and at every commit; then prove that the books agree. `desk.py crashtest`.

The work is shared out to players, processes of their own with a desk and brokers each. Ctrl-C, or SIGTERM, ends them,
lets them clean up, and shows what was learned so far.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.crash.summary import Tally
from tests.crash.walk import KINDS
from tests.paper.running import ROOT
from tests.servers import postgres

Json = dict[str, Any]
DATABASES = {"sqlite": ("sqlite",), "postgres": ("postgres",), "both": ("sqlite", "postgres")}
REHEARSED_FROM = 50  # kills of one player: before fewer, lengths are guessed
EVERY = 10.0  # seconds between lines of progress
INTERRUPTED = 130


def main(arguments: list[str]) -> int:
    asked = _parser().parse_args(arguments)
    console = Console(highlight=False, soft_wrap=True)
    folder = Path(tempfile.mkdtemp(prefix="mirrordesk-crashtest-"))
    with ExitStack() as stack:
        port = stack.enter_context(postgres()) if "postgres" in DATABASES[asked.database] else 0
        works = share_out(asked, folder, port)
        kills = sum(work.get("kills", 0) for work in works)
        console.print(f"Seed {asked.seed}: {kills} kills over {asked.database}, {asked.jobs} at a time, in {folder}")
        campaign = Campaign(works, asked.jobs, Tally(kills, asked.seed), console)
        code = campaign.run()
    if code == 0:
        shutil.rmtree(folder, ignore_errors=True)
    return code


def share_out(asked: argparse.Namespace, folder: Path, port: int) -> list[Json]:
    """What each player does: kills evenly over the databases, then over the jobs; walks first, since none is short."""
    databases = DATABASES[asked.database]
    ports = {"sqlite": 0, "postgres": port}
    commons: list[Json] = [{"database": name, "postgres": ports[name]} for name in databases]
    works: list[Json] = []
    if asked.round is not None:
        alone = {"work": "rounds", "seed": asked.seed, "kills": 1, "first": asked.round, "step": 1, "rehearse": False}
        works = [common | alone for common in commons]
    else:
        if asked.walk:
            works += [common | {"work": "walk", "kind": kind} for kind in KINDS for common in commons]
        players = max(asked.jobs, len(databases)) // len(databases)
        shares = _shares(asked.n, players * len(databases))
        for index, kills in enumerate(shares):
            more = {"work": "rounds", "seed": asked.seed, "kills": kills, "first": index // len(databases)}
            works.append(
                commons[index % len(databases)] | more | {"step": players, "rehearse": kills >= REHEARSED_FROM}
            )
    for index, work in enumerate(works):
        work["folder"] = str(folder / f"player-{index + 1}")
    return [work for work in works if work.get("kills") != 0]


def _shares(whole: int, parts: int) -> list[int]:
    return [whole // parts + (index < whole % parts) for index in range(parts)]


class Campaign:
    def __init__(self, works: list[Json], jobs: int, tally: Tally, console: Console) -> None:
        self._works = works
        self._jobs = jobs
        self._tally = tally
        self._console = console
        self._lock = threading.Lock()
        self._players: list[subprocess.Popen[str]] = []
        self._stopping = False

    def run(self) -> int:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with ThreadPoolExecutor(self._jobs) as pool:
            playing = {pool.submit(self._play, work) for work in self._works}
            try:
                while playing:
                    playing = wait(playing, EVERY).not_done
                    self._console.print(self._tally.progress())
            except KeyboardInterrupt:
                self._stop()
                self._console.print("\nInterrupted: what was learned until then.")
        self._tally.show(self._console)
        if self._stopping:
            return INTERRUPTED
        return 1 if self._tally.failures else 0

    def _play(self, work: Json) -> None:
        folder = Path(work["folder"])
        folder.mkdir(parents=True)
        player = self._start(folder)
        if player is None:
            return
        with player:
            player.stdin.write(f"{json.dumps(work)}\n")
            player.stdin.flush()
            for line in player.stdout:
                self._take(json.loads(line))
            code = player.wait()
        if code and not self._stopping:
            text = (folder / "stderr").read_text(errors="replace")[-3000:]
            self._take({"told": "end", "failure": f"a player ended with {code}:\n{text}", "folder": str(folder)})

    def _start(self, folder: Path) -> "subprocess.Popen[str] | None":
        """In a session of its own: a Ctrl-C in the terminal is for us alone, who then end each player in turn."""
        pipe = subprocess.PIPE
        command = [sys.executable, "-m", "tests.crash.worker"]
        with self._lock, (folder / "stderr").open("w") as errors:
            if self._stopping:
                return None
            player = subprocess.Popen(
                command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=errors, text=True, start_new_session=True
            )
            self._players.append(player)
        return player

    def _take(self, told: Json) -> None:
        with self._lock:
            if not self._stopping:
                self._tally.take(told)

    def _stop(self) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the players need a moment to clean up
        with self._lock:
            self._stopping = True
            players = list(self._players)
        for player in players:
            if player.poll() is None:
                player.terminate()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="desk.py crashtest", description=__doc__.partition("\n")[0])
    parser.add_argument("--n", type=int, default=500, help="how many engines are killed (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000), help="which instants (default: any)")
    parser.add_argument("--database", choices=DATABASES, default="both", help="(default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="players at a time")
    parser.add_argument("--round", type=int, help="this round alone, to see a failure again")
    parser.add_argument(
        "--walk", action=argparse.BooleanOptionalAction, default=True, help="die at every commit of a run as well"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
