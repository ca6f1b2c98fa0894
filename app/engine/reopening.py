"""What could not leave while the market was closed leaves when it opens."""

from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from app.engine.main import Job
from app.execution.writer import Writer, Written
from app.instruments.trading_days import TradingDays
from app.strategies import reopening
from app.strategies.runner import Runner
from app.wiring import Services

log = structlog.get_logger()
EVERY = 5.0  # seconds: six tries take about sixteen


class Reopening:
    def __init__(self, services: Services, writer: Writer, runner: Runner) -> None:
        self._services = services
        self._writer = writer
        self._runner = runner
        self.job = Job("reopening", self.step, EVERY, can_wait=EVERY)

    def step(self) -> bool:
        """Looks first: on most days there is nothing to write."""
        with self._services.db.read() as session:
            due = reopening.due(session, self._opened, self._services.clock.now())
        if not due:
            return False
        parts: list[str] = self._writer.write(self._renewed, durable=True)
        log.info("exits_asked_again", account_runs=len(parts), exchanges=sorted({leg.exchange for leg in due}))
        self._runner.step(parts)
        return True

    def _renewed(self, session: Session) -> Written:
        return Written(reopening.renew(session, self._opened, self._services.clock.now()))

    def _opened(self, exchange: str, moment: datetime) -> datetime | None:
        return opened(self._services.instruments.calendar(moment), exchange, moment)


def opened(days: TradingDays, exchange: str, moment: datetime) -> datetime | None:
    """When the session that `moment` lies in began; None outside of one. None around the clock, too: what never closes
    refuses nobody for being closed, and opens at no moment."""
    if days.closes_at(exchange, moment) is None:
        return None
    session = days.session(exchange, days.day_of(exchange, moment))
    return session.opens if session else None
