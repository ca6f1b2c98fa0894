"""The engine's loop: steps that each do one thing and answer whether they found work.

What must happen is in the rows; nudges and events only say that looking now is worth while. A step that fails is
counted, logged and made again at the next beat. SIGTERM finishes the step and leaves.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from app.core.clock import Clock

log = structlog.get_logger()
POLL = 0.2  # seconds a lost nudge can cost


@dataclass(slots=True)
class Job:
    """A step with its period in seconds; 0 means at every turn. It may wait `can_wait` seconds longer while answers to
    orders are on their way: nothing that can wait takes processor time from them."""

    name: str
    step: Callable[[], object]
    period: float
    can_wait: float = 0.0
    next_at: float = 0.0
    failures: int = 0
    took_ms: int = 0
    done_at: float | None = None  # when it ended last, well or not


class Loop:
    def __init__(self, jobs: list[Job], clock: Clock) -> None:
        self._jobs = jobs
        self._clock = clock
        self.is_trading: Callable[[], object] = bool  # whether answers to orders are on their way
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
            if self._is_due(job, now) and not self._stopped:
                job.next_at = now + job.period
                self._do(job, now)

    def _is_due(self, job: Job, now: float) -> bool:
        return now >= job.next_at and (now >= job.next_at + job.can_wait or not self.is_trading())

    def _do(self, job: Job, started: float) -> None:
        try:
            job.step()
            job.failures = 0
        except Exception:  # one step's failure must not stop the others
            job.failures += 1
            log.exception("engine_step_failed", step=job.name, failures=job.failures)
        job.done_at = self._clock.monotonic()
        job.took_ms = int((job.done_at - started) * 1000)

    @property
    def jobs(self) -> list[Job]:
        return list(self._jobs)
