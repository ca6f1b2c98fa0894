"""kill -9 of a real engine, again and again, wherever it happens to be; then the books must agree.

MIRRORDESK_KILLS in the environment of the test run says how often (25 unless told; 200 take five to ten minutes);
MIRRORDESK_KILLS_SEED says which moments.
"""

import contextlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import update

from app.core.crashpoint import EXIT_CODE
from app.execution.models import EngineLease
from app.execution.states import FINAL
from app.strategies.waves import ENDED
from tests.asked import KILLS, KILLS_SEED
from tests.engine.desks import TestDesk
from tests.engine.proving import SPLIT_FLY, assert_flat, assert_proven, orders_of, told
from tests.paper.running import ROOT, PaperServer
from tests.waiting import until

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
IMPATIENT = {
    "MIRRORDESK_ORDER_BOOK_POLL_SECONDS": "0.1",
    "MIRRORDESK_UNKNOWN_WINDOW_SECONDS": "1.0",
    "MIRRORDESK_UNKNOWN_LOOKUPS": "3",
    "MIRRORDESK_PLACE_TIMEOUT_SECONDS": "2",
}


class Mortal:
    """A desk watched from outside, whose engine is a process that can be killed."""

    def __init__(self, folder: Path, paper: PaperServer) -> None:
        self.desk = TestDesk(folder, paper, role="web")
        self._environment = os.environ | IMPATIENT | {"MIRRORDESK_INSTANCE": str(folder)}
        self._nursery: subprocess.Popen[str] | None = None
        self._pid = 0

    def start(self) -> None:
        """A new engine; the one before is known to be dead, so nobody needs to wait for its lease to run out."""
        if self._nursery is None:
            self._nursery = self._spawn("-m", "tests.engine.nursery")
        self._bury()
        self._nursery.stdin.write("engine\n")
        self._nursery.stdin.flush()
        self._pid = int(self._nursery.stdout.readline())

    def kill(self) -> None:
        os.kill(self._pid, signal.SIGKILL)
        until(self._is_gone)

    def run_until_death(self, point: str, seconds: float = 30) -> int:
        """A real `python -m app.cli engine` that dies at a named point; its exit code."""
        self._bury()
        self._environment["MIRRORDESK_CRASH_AT"] = point
        process = self._spawn("-m", "app.cli", "engine")
        del self._environment["MIRRORDESK_CRASH_AT"]
        with process:
            try:
                return process.wait(seconds)
            finally:
                process.kill()

    def close(self) -> None:
        if self._nursery is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            self._nursery.stdin.close()
            self._nursery.wait(10)
            self._nursery.stdout.close()
        self.desk.services.close()

    def run(self, strategy_id: str, key: str) -> str:
        return self.desk.services.strategies.run(self.desk.owner_id, strategy_id, key)

    def exit(self, run_id: str) -> None:
        if self.desk.run_row(run_id).state not in ("closed", "failed"):
            self.desk.services.strategies.exit_run(self.desk.owner_id, run_id, "by hand", "trader")

    def until_steady(self, run_id: str) -> str:
        """All parts are where they stay, and nothing is on its way."""

        def is_steady() -> bool:
            parts = self.desk.parts(run_id)
            states = {part.state for part in parts.values()} | {self.desk.run_row(run_id).state}
            if not states <= {"open", "closed", "failed"}:
                return False
            return all(order.state in FINAL for order in orders_of(self.desk, run_id))

        return self._until(is_steady, run_id)

    def until_ended(self, run_id: str) -> str:
        return self._until(lambda: self.desk.run_row(run_id).state in ENDED, run_id)

    def _until(self, is_so, run_id: str) -> str:
        try:
            until(is_so, 30)
        except AssertionError as error:
            parts = [told(self.desk, run_id, broker) for broker in self.desk.parts(run_id)]
            raise AssertionError("\n".join([self.desk.run_row(run_id).state, *parts])) from error
        return self.desk.run_row(run_id).state

    def _spawn(self, *arguments: str) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, env=self._environment, stdin=pipe, stdout=pipe, text=True
        )

    def _is_gone(self) -> bool:
        try:
            os.kill(self._pid, 0)
        except ProcessLookupError:
            return True
        return False

    def _bury(self) -> None:
        with self.desk.services.db.write() as session:
            session.execute(update(EngineLease).values(expires_at=LONG_AGO))


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mortal]:
    brokers = [
        {"name": "near", "mode": "live", "cash": 10_000_000_000, "rtt_ms": 30},
        {"name": "far", "mode": "live", "cash": 10_000_000_000, "rtt_ms": 80},
    ]
    folder = tmp_path_factory.mktemp("kill")
    with PaperServer(brokers, start="now") as paper:
        paper.fault("slow_fills", ms=60)
        made = Mortal(folder, paper)
        try:
            made.start()
            until(lambda: len(made.desk.services.instruments.masters()) >= 5, 60)
            yield made
        finally:
            made.close()


@pytest.fixture(scope="module")
def strategy(mortal: Mortal) -> str:
    return mortal.desk.strategy(SPLIT_FLY)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_however_often_the_engine_is_killed_the_books_agree(mortal: Mortal, strategy: str) -> None:
    moments = random.Random(KILLS_SEED)
    pause = Pause(moments)
    kills = 0
    while kills < KILLS:
        run_id = mortal.run(strategy, f"kill {kills}")
        kills += die(mortal, pause, moments)
        mortal.until_steady(run_id)
        assert_proven(mortal.desk, run_id)
        mortal.exit(run_id)
        kills += die(mortal, pause, moments)
        mortal.until_ended(run_id)
        mortal.until_steady(run_id)
        assert_proven(mortal.desk, run_id)
        assert_flat(mortal.desk)


class Pause:
    """A stretch of the engine's life, from nothing to long enough for all of an entry or an exit."""

    def __init__(self, moments: random.Random) -> None:
        self._moments = moments

    def __call__(self, longest: float) -> None:
        ends_at = self._moments.uniform(0.0, longest)
        with contextlib.suppress(AssertionError):  # nothing is waited for but the time
            until(lambda: False, ends_at, every=0.005)


def die(mortal: Mortal, pause: Pause, moments: random.Random) -> int:
    """Kill the engine in the middle of its work, sometimes its successor too; how many died."""
    pause(0.9)
    mortal.kill()
    mortal.start()
    if moments.random() > 0.4:
        return 1
    pause(1.4)
    mortal.kill()
    mortal.start()
    return 2


POINTS = ("claimed:1", "claimed:5", "answered:1", "answered:3", "recorded:2", "recorded:4", "stepped:2", "book read:4")


@pytest.mark.parametrize("point", POINTS)
def test_it_may_die_at_this_very_point(mortal: Mortal, strategy: str, point: str) -> None:
    mortal.kill()
    entering = mortal.run(strategy, f"point {point}")
    assert mortal.run_until_death(point) == EXIT_CODE
    mortal.start()
    mortal.until_steady(entering)
    assert_proven(mortal.desk, entering)
    mortal.exit(entering)
    mortal.until_ended(entering)
    mortal.until_steady(entering)
    assert_proven(mortal.desk, entering)
    assert_flat(mortal.desk)
