"""The engine's loop: steps that each do one thing and answer whether they found work.

What must happen is in the rows; nudges and events only say that looking now is worth while. A step that fails is
counted, logged and made again at the next beat. SIGTERM finishes the step and leaves.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from app.core.clock import Clock
from app.core.pulse import Pulse

log = structlog.get_logger()
POLL = 0.2  # seconds a lost nudge can cost


@dataclass(slots=True)
class Job:
    """A step with its period in seconds; 0 means at every turn."""

    name: str
    step: Callable[[], object]
    period: float
    next_at: float = 0.0
    failures: int = 0
    took_ms: int = 0


class Loop:
    def __init__(self, jobs: list[Job], clock: Clock, pulse: Pulse) -> None:
        self._jobs = jobs
        self._clock = clock
        self._pulse = pulse
        self._wake = threading.Event()
        self._stopped = False

    def add(self, job: Job) -> None:
        self._jobs.append(job)

    def nudge(self) -> None:
        self._wake.set()

    def stop(self) -> None:
        self._stopped = True
        self._wake.set()

    def run(self, leads: Callable[[], bool]) -> None:
        """Turn until stopped. While another engine holds the lease this one only watches."""
        while not self._stopped:
            if leads():
                self._turn()
            self._wake.wait(POLL)
            self._wake.clear()

    def _turn(self) -> None:
        for job in self._jobs:
            now = self._clock.monotonic()
            if now >= job.next_at and not self._stopped:
                job.next_at = now + job.period
                self._do(job, now)

    def _do(self, job: Job, started: float) -> None:
        try:
            job.step()
            job.failures = 0
        except Exception:  # one step's failure must not stop the others
            job.failures += 1
            log.exception("engine_step_failed", step=job.name, failures=job.failures)
        job.took_ms = int((self._clock.monotonic() - started) * 1000)

    def beat(self) -> None:
        """Say that we are alive, and how each step fares."""
        steps = {job.name: {"failures": job.failures, "took_ms": job.took_ms} for job in self._jobs}
        self._pulse.beat("engine", {"steps": steps})
