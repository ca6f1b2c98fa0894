"""The engine's sign of life: how each job of each loop fares, and what waits in the accounts' lanes."""

from collections.abc import Iterable, Mapping

from app.core.clock import Clock
from app.core.pulse import Pulse
from app.engine.crew import Member
from app.engine.main import Job, Loop


def beat(pulse: Pulse, clock: Clock, loops: Mapping[str, Loop], crew: Iterable[Member]) -> None:
    """One loop says it for all: a loop that hangs shows as jobs that grow old."""
    now = clock.monotonic()
    steps = [_told(job, name, now) for name, loop in loops.items() for job in loop.jobs]
    lanes = {one.account.id: {"waiting": one.lane.waiting, "held": one.needs_login} for one in crew}
    pulse.beat("engine", {"steps": steps, "lanes": lanes})


def _told(job: Job, loop: str, now: float) -> dict[str, object]:
    return {
        "loop": loop,
        "name": job.name,
        "period": job.period,
        "failures": job.failures,
        "took_ms": job.took_ms,
        "age": None if job.done_at is None else round(now - job.done_at, 1),
    }
