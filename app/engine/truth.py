"""Whoever watches what happens outside the desk, put to their ears and their places in the loop."""

from collections.abc import Callable
from datetime import timedelta

from app.accounts.events import HealthChanged
from app.core.aside import Aside
from app.engine.attendant import FiguresRead
from app.engine.crew import Crew
from app.engine.differences import Differences
from app.engine.logins import LoginWatch
from app.engine.main import Job
from app.engine.news import News
from app.execution.events import ForeignSeen
from app.execution.sender import LoginNeeded, ModeSurprise
from app.execution.writer import Writer
from app.portfolio.comparing import DifferenceChanged, DifferenceConfirmed
from app.strategies.runner import Runner
from app.wiring import Services

FIRST_LOOK_BACK = timedelta(days=7)  # what a dead engine booked and did not act on
LOOK_BACK = timedelta(minutes=5)
STRAYS_EVERY = 20.0


def watch_outside(
    services: Services, crew: Crew, writer: Writer, runner: Runner, news: News, aside: Aside
) -> list[Job]:
    """Subscribe them, and give the jobs that go on looking."""
    bus = services.bus
    logins = LoginWatch(services, crew, writer, runner)
    differences = Differences(services, crew, runner, news)
    bus.subscribe(LoginNeeded, logins.needed)
    bus.subscribe(ModeSurprise, logins.switched)
    bus.subscribe(HealthChanged, logins.health_changed)
    bus.subscribe(FiguresRead, logins.figures_read)
    bus.subscribe(ForeignSeen, differences.foreign_seen)
    bus.subscribe(DifferenceChanged, aside.later(differences.changed))
    bus.subscribe(DifferenceConfirmed, aside.later(differences.confirmed))
    return [
        Job("logins", logins.step, 1.0),
        Job("strays", _strays(services, runner), STRAYS_EVERY, can_wait=STRAYS_EVERY),
    ]


def _strays(services: Services, runner: Runner) -> Callable[[], None]:
    """Fills that came to parts that had ended, and whose engine died before it looked."""
    back = [FIRST_LOOK_BACK]

    def look() -> None:
        parts = runner.reopened(services.clock.now() - back[0])
        if parts:
            runner.step(parts)
        back[0] = LOOK_BACK

    return look
