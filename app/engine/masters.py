"""Keeping each venue kind's instrument master fresh, from the first account that answers; and at once, when asked.

A list that nobody could read for more than a week is told to everybody who trades by it, once a day.
"""

import threading
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import select

from app.accounts.models import Account
from app.core import errands
from app.core.clock import day_in_india
from app.core.errands import Errand
from app.core.errors import DeskError, Retry
from app.core.giving_way import giving_way
from app.engine.crew import Crew, Member
from app.instruments.service import EXCHANGES, TOO_OLD
from app.instruments.sync import Asked, SyncCounts
from app.notify.messages import Message
from app.notify.models import Level
from app.wiring import Services

log = structlog.get_logger()
OLD = timedelta(hours=20)
TRY_AGAIN = timedelta(minutes=2)


class Masters:
    def __init__(self, services: Services, crew: Crew) -> None:
        self._services = services
        self._crew = crew
        self._failed_at: dict[tuple[str, str], datetime] = {}
        self._turn = threading.Lock()  # one reading at a time
        self._has_families = False
        self._told: Mapping[str, date] = {}  # by kind of venue, the day on which its old lists were told of

    def step(self) -> bool:
        """Read the lists that are missing or old; True when one was read."""
        if not self._has_families:
            self._services.instruments.fill_families()
            self._has_families = True
        due = [
            (kind, exchange)
            for kind in {member.account.venue_kind for member in self._crew}
            for exchange in EXCHANGES.get(kind, ())
            if self._is_due(kind, exchange)
        ]
        read = [self._read_if_due(kind, exchange) for kind, exchange in due]
        self._tell_of_old(self._services.clock.now())
        return any(read)

    def sync_now(self, errand: Errand) -> dict[str, Any]:
        """Read all lists anew, telling of each as it is done. What was read since the question needs no second look,
        so that an errand that is taken twice asks no venue twice."""
        kind = str(errand.question.get("venue_kind", ""))
        asked = EXCHANGES.get(kind, ())
        if not self._members(kind):
            raise Retry("No account is connected that could be asked for its instruments.")
        lines: list[dict[str, Any]] = [{"exchange": exchange, "state": "waiting", "text": ""} for exchange in asked]
        for number, exchange in enumerate(asked):
            lines[number]["state"] = "reading"
            errands.report_progress(self._services.db, errand.id, lines)
            lines[number].update(self._one(kind, exchange, errand.created_at))
        errands.report_progress(self._services.db, errand.id, lines)
        return {"lines": lines}

    def _one(self, kind: str, exchange: str, since: datetime) -> dict[str, Any]:
        with self._turn:
            age = self._services.instruments.age(kind, exchange, self._services.clock.now())
            if age is not None and self._services.clock.now() - age > since:
                return {"state": "done", "text": "read a moment ago"}
            counts, trouble = self._read(kind, exchange)
        if counts is None:
            return {"state": "failed", "text": trouble}
        return {"state": "done", "added": counts.added, "changed": counts.changed, "gone": counts.gone}

    def _read_if_due(self, kind: str, exchange: str) -> bool:
        with self._turn:
            return self._is_due(kind, exchange) and self._read(kind, exchange)[0] is not None

    def _is_due(self, kind: str, exchange: str) -> bool:
        now = self._services.clock.now()
        failed = self._failed_at.get((kind, exchange))
        if failed is not None and now - failed < TRY_AGAIN:
            return False
        age = self._services.instruments.age(kind, exchange, now)
        return age is None or age > OLD

    def _members(self, kind: str) -> Sequence[Member]:
        return [member for member in self._crew if member.account.venue_kind == kind]

    def _read(self, kind: str, exchange: str) -> tuple[SyncCounts | None, str]:
        """From the first account that answers; else the last trouble."""
        now, trouble = self._services.clock.now(), "No account is connected."
        for member in self._members(kind):
            account = member.account
            asked = Asked(account.id, account.name, account.broker or kind)
            try:
                with giving_way():
                    counts = self._services.instruments.sync(member.venue, [exchange], now, kind, asked)[0]
            except DeskError as error:
                trouble = error.message
                log.warning("master_not_read", account_id=account.id, exchange=exchange, reason=error.message)
                continue
            log.info("master_read", exchange=exchange, counts=str(counts))
            self._failed_at.pop((kind, exchange), None)
            return counts, ""
        self._failed_at[kind, exchange] = now
        return None, trouble

    def _tell_of_old(self, now: datetime) -> None:
        today, old = day_in_india(now), _old_lists(self._services, now)
        for kind, exchanges in old.items():
            if self._told.get(kind) != today:
                self._told = {**self._told, kind: today}
                for owner_id in _owners_at(self._services, kind):
                    self._services.notify.tell(owner_id, _message(kind, exchanges))


def _old_lists(services: Services, now: datetime) -> Mapping[str, list[str]]:
    """By kind of venue, the exchanges whose lists were read, but not for more than a week."""
    found: dict[str, list[str]] = {}
    for row in services.instruments.recent_masters(now):
        if now - row.synced_at > TOO_OLD:
            found.setdefault(row.venue_kind, []).append(row.exchange)
    return found


def _owners_at(services: Services, kind: str) -> Sequence[str]:
    asked = select(Account.owner_id).where(Account.venue_kind == kind, Account.removed_at.is_(None)).distinct()
    with services.db.read() as session:
        return session.scalars(asked).all()


def _message(kind: str, exchanges: Sequence[str]) -> Message:
    text = (
        f"{', '.join(sorted(exchanges))}: nobody has read the venue's list of instruments for more than a week. "
        "Contracts, lot sizes and expiries may be wrong: see why, and sync it."
    )
    subject = "A list of instruments is too old"
    return Message(Level.ALARM, "instruments", subject, text, f"masters:{kind}", "/instruments/masters")
