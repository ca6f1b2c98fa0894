"""Keeping each venue kind's instrument master fresh, from the first account that answers."""

from datetime import datetime, timedelta

import structlog

from app.core.errors import DeskError
from app.engine.crew import Crew, Member
from app.wiring import Services

log = structlog.get_logger()
OLD = timedelta(hours=20)
EXCHANGES = {"openalgo": ("NSE_INDEX", "BSE_INDEX", "NSE", "BSE", "NFO", "BFO")}
TRY_AGAIN = timedelta(minutes=2)


class Masters:
    def __init__(self, services: Services, crew: Crew) -> None:
        self._services = services
        self._crew = crew
        self._failed_at: dict[tuple[str, str], datetime] = {}

    def step(self) -> bool:
        """Read the lists that are missing or old; True when one was read."""
        members = list(self._crew)
        due = [
            (kind, exchange)
            for kind in {member.account.venue_kind for member in members}
            for exchange in EXCHANGES.get(kind, ())
            if self._is_due(kind, exchange)
        ]
        read = [
            self._read(kind, exchange, [m for m in members if m.account.venue_kind == kind]) for kind, exchange in due
        ]
        return any(read)

    def _is_due(self, kind: str, exchange: str) -> bool:
        now = self._services.clock.now()
        failed = self._failed_at.get((kind, exchange))
        if failed is not None and now - failed < TRY_AGAIN:
            return False
        age = self._services.instruments.age(kind, exchange, now)
        return age is None or age > OLD

    def _read(self, kind: str, exchange: str, members: list[Member]) -> bool:
        now = self._services.clock.now()
        for member in members:
            try:
                counts = self._services.instruments.sync(
                    member.venue, [exchange], now, kind, source=f"{member.account.name} ({member.account.broker})"
                )
            except DeskError as error:
                log.warning("master_not_read", account_id=member.account.id, exchange=exchange, reason=error.message)
                continue
            log.info("master_read", exchange=exchange, counts=str(counts))
            self._failed_at.pop((kind, exchange), None)
            return True
        self._failed_at[kind, exchange] = now
        return False
