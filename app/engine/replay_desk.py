"""Plays replays, one at a time, each in a process of its own with the lowest claim on the processor.

A replay needs no venue and moves no order; when it dies, or the engine does, its row is simply played again. A person
who cancels it is heard by the process itself, and it is ended should it not listen.
"""

import os
import shutil
import subprocess
import sys
from datetime import timedelta

import structlog

from app.engine.candle_tapes import read_candle_days
from app.engine.crew import Crew
from app.engine.main import Job, Loop
from app.engine.market import Market
from app.engine.recorder import Closing, record_ticks
from app.engine.replaying.world import folder_of
from app.wiring import Services
from config import ROOT, Settings

log = structlog.get_logger()
PATIENCE = timedelta(seconds=10)  # with a process that was asked to end
BROKE_OFF = "The replay broke off (exit code {code}). The log of the replay has the details."


def tapes(services: Services, market: Market, crew: Crew) -> dict[str, Loop]:
    """The loops that record, and the one that plays."""
    recording = {"recordings": record_ticks(services, market), "candle days": read_candle_days(services, crew)}
    return {**recording, "replays": play_replays(services)}


def play_replays(services: Services) -> Loop:
    desk = ReplayDesk(services)
    return Closing([Job("replays", desk.step, 0.5, can_wait=2.0)], services, desk.close)


class ReplayDesk:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._replays = services.replays
        self._is_first = True
        self._playing = ""
        self._process: subprocess.Popen[bytes] | None = None

    def step(self) -> bool:
        if self._is_first:
            self._replays.again()
            self._is_first = False
        if self._process is not None:
            self._look(self._process)
        if self._process is None:
            self._begin()
        return self._process is not None

    def close(self) -> None:
        """What plays is played again when an engine is there."""
        if self._process is not None:
            self._kill(self._process)
            self._replays.again()

    def _begin(self) -> None:
        found = self._replays.claim()
        if found is None:
            return
        command = (sys.executable, "-m", "app.cli", "play-replay", found)
        environment = os.environ | environment_of(self._services.settings)
        self._playing = found
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL)
        log.info("replay_begun", replay_id=found, pid=self._process.pid)

    def _look(self, process: "subprocess.Popen[bytes]") -> None:
        code = process.poll()
        if code is None:
            self._end_if_asked(process)
            return
        self._clear()
        log.info("replay_ended", replay_id=self._playing, code=code)
        self._replays.fail(self._playing, BROKE_OFF.format(code=code))  # changes nothing where it said its end itself

    def _end_if_asked(self, process: "subprocess.Popen[bytes]") -> None:
        asked = self._replays.cancel_asked_at(self._playing)
        if asked is not None and self._services.clock.now() - asked > PATIENCE:
            self._kill(process)
            self._replays.fail(self._playing, "", "cancelled")

    def _kill(self, process: "subprocess.Popen[bytes]") -> None:
        process.kill()
        process.wait()
        self._clear()

    def _clear(self) -> None:
        """Nothing plays; one that was killed left its database behind."""
        self._process = None
        shutil.rmtree(folder_of(self._services.settings, self._playing), ignore_errors=True)


def environment_of(settings: Settings) -> dict[str, str]:
    """What a process needs to find the same desk."""
    return {
        "MIRRORDESK_INSTANCE": str(settings.instance),
        "DATABASE_URL": settings.database_url,
        "MIRRORDESK_STALE_AFTER_SECONDS": str(settings.stale_after_seconds),
        "MIRRORDESK_INTEREST_RATE": str(settings.interest_rate),
    }
