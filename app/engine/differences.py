"""What follows when a venue's book and the desk's positions are proven to differ: runs look again, people are told."""

from app.core.money import plain
from app.engine.crew import Crew
from app.engine.news import News
from app.execution.events import Alarm, ForeignSeen
from app.portfolio.comparing import DifferenceChanged, DifferenceConfirmed
from app.strategies.runner import Runner
from app.wiring import Services


class Differences:
    def __init__(self, services: Services, crew: Crew, runner: Runner, news: News) -> None:
        self._services = services
        self._crew = crew
        self._runner = runner
        self._news = news

    def foreign_seen(self, event: ForeignSeen) -> None:
        """Somebody trades in this account elsewhere: its positions are worth a reading soon."""
        member = self._crew.get(event.account_id)
        if member is not None:
            member.attendant.figures_moved()

    def changed(self, event: DifferenceChanged) -> None:
        """What exits may ask for is another number now, and what a person was told of it may be over."""
        self._runner.step(self._runner.parts_of([event.account_id]))
        runs = self._runner.runs_of([event.account_id])
        self._news.changed(event.owner_id, ["positions", "dashboard", *(f"run:{run_id}" for run_id in runs)])

    def confirmed(self, event: DifferenceConfirmed) -> None:
        """Exits are sized anew at once, so that nothing oversells; an alarm where something of ours is gone."""
        if not event.lacking:
            return
        key = event.key
        text = (
            f"{key.symbol} {key.product}: at the broker {plain(event.venue)} of the desk's {plain(event.desk)}. "
            f"{event.reason} Exits ask for no more than what is there; accept the broker's book on the run's page."
        )
        runs = self._runner.runs_holding(key.account_id, key.exchange, key.symbol, key.product)
        for subject in [f"run:{run_id}" for run_id in runs] or [f"account:{key.account_id}"]:
            self._services.bus.publish(Alarm(event.owner_id, event.account_id, subject, text))
        self._runner.step(self._runner.parts_of([key.account_id]))
