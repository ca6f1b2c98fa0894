"""Engines as processes that can be killed, stopped and let die at a named point, for tests that watch from outside."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import update

from app.core.crashpoint import EXIT_CODE
from app.execution.models import EngineLease
from tests.engine.proving import ProvingDesk
from tests.paper.running import ROOT, PaperServer
from tests.waiting import until

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
IMPATIENT = {
    "MIRRORDESK_ORDER_BOOK_POLL_SECONDS": "0.1",
    "MIRRORDESK_UNKNOWN_WINDOW_SECONDS": "2.0",
    "MIRRORDESK_UNKNOWN_LOOKUPS": "3",
    "MIRRORDESK_PLACE_TIMEOUT_SECONDS": "1",
    "MIRRORDESK_READ_TIMEOUT_SECONDS": "2",
}
FROM_OUTSIDE = ("MIRRORDESK_", "DATABASE_URL", "REDIS_URL", "FLASK_")
MONEY = 10_000_000_000
CALM = {"mode": "live", "cash": MONEY}


class Nursery:
    """The process that bears engines; see nursery.py."""

    def __init__(self, folder: Path, database_url: str = "", lease_seconds: float = 0.0) -> None:
        command = [sys.executable, "-m", "tests.crash.nursery", *([str(lease_seconds)] if lease_seconds else [])]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FROM_OUTSIDE)}
        named = {"MIRRORDESK_INSTANCE": str(folder)} | ({"DATABASE_URL": database_url} if database_url else {})
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=kept | IMPATIENT | named, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def bear(self, point: str = "") -> "Engine":
        return Engine(self, int(self.ask(f"engine {point}")))

    def ask(self, line: str) -> str:
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def close(self) -> None:
        """It takes its engines with it."""
        try:
            self._process.stdin.close()
            self._process.wait(60)
        finally:
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()


class Engine:
    def __init__(self, nursery: Nursery, pid: int) -> None:
        self._nursery = nursery
        self.pid = pid
        self._is_dead = False

    def kill(self) -> None:
        assert self._nursery.ask(f"kill {self.pid}") == "dead"

    def stop(self) -> None:
        """SIGSTOP: it stands still, knows nothing of it, and its connections stay open."""
        assert self._nursery.ask(f"stop {self.pid}") == "done"

    def go_on(self) -> None:
        assert self._nursery.ask(f"cont {self.pid}") == "done"

    def has_died(self) -> bool:
        """At its crash point; any other end is an error."""
        if not self._is_dead:
            said = self._nursery.ask(f"look {self.pid}")
            assert said in ("alive", str(EXIT_CODE)), f"the engine ended by itself with {said}"
            self._is_dead = said != "alive"
        return self._is_dead

    def has_stopped(self) -> bool:
        """At its point; told once."""
        return self._nursery.ask(f"look {self.pid}") == "stopped"

    def has_ended(self) -> bool:
        return self._nursery.ask(f"look {self.pid}") != "alive"


class World:
    """Brokers, a desk watched from outside, and its engine: one at a time unless a test asks for more."""

    def __init__(
        self, folder: Path, paper: PaperServer, database_url: str, rtt_ms: dict[str, int], lease_seconds: float
    ) -> None:
        self.folder = folder
        self.paper = paper
        more: dict[str, Any] = {"database_url": database_url} if database_url else {}
        self.nursery = Nursery(folder, database_url, lease_seconds)
        self.desk = ProvingDesk(folder, paper, role="web", **more)
        self.engine: Engine | None = None
        self.rtt_ms = rtt_ms

    def start(self, point: str = "") -> Engine:
        """A new engine; the one before is known to be dead, so nobody needs to wait for its lease to run out."""
        with self.desk.services.db.write() as session:
            session.execute(update(EngineLease).values(expires_at=LONG_AGO))
        self.engine = self.nursery.bear(point)
        return self.engine

    def kill(self) -> None:
        assert self.engine is not None
        self.engine.kill()

    def kill_all(self) -> None:
        assert self.nursery.ask("kill all") == "dead"

    def until_masters(self) -> None:
        until(lambda: len(self.desk.services.instruments.masters()) >= 5, 90)

    def close(self) -> None:
        try:
            self.nursery.close()
        finally:
            self.desk.services.close()


@contextmanager
def world(
    folder: Path, database_url: str = "", brokers: tuple[dict[str, Any], ...] = (), lease_seconds: float = 0.0
) -> Iterator[World]:
    """A desk over brokers of different distance, its engine running and the lists of contracts read."""
    listed = [CALM | broker for broker in brokers or ({"name": "near", "rtt_ms": 30}, {"name": "far", "rtt_ms": 80})]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with PaperServer(listed, start="now") as paper:
        rtt_ms = {broker["name"]: broker.get("rtt_ms", 0) for broker in listed}
        made = World(folder, paper, database_url, rtt_ms, lease_seconds)
        try:
            made.start()
            made.until_masters()
            yield made
        finally:
            made.close()
