"""The broadcasting of accounts in the engine: what the crew's readings feed, who hears of it, readings on request."""

import math
import threading
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from app.accounts.health import Sighting
from app.accounts.models import HealthState
from app.broadcast.keeper import AccountSnapshotChanged, Keeper
from app.broadcast.parts import Part
from app.broadcast.rates import Rates
from app.core.clock import Clock
from app.core.errands import Errand
from app.core.errors import NotFound
from app.engine.crew import Crew, Member
from app.engine.figures import Books
from app.engine.main import Job, Loop
from app.engine.news import News
from app.wiring import Services

STEP = 0.25  # seconds: a burst of pushes is one change
QUIET = 5.0  # seconds between telling pages of one person that nothing but prices and profit moved
INFO = "info"


def books_of(services: Services) -> Books:
    """What the crew's readers share."""
    settings = services.settings
    rates = Rates(
        settings.figures_poll_seconds,
        settings.figures_idle_seconds,
        settings.trades_poll_seconds,
        settings.trades_idle_seconds,
        settings.reads_per_minute,
    )
    keeper = Keeper(services.db, services.link, services.clock, services.bus.publish)
    return Books(keeper, services.snapshots, services.health, services.clock, rates)


def broadcast_accounts(services: Services, books: Books, news: News) -> Loop:
    """The loop that stores and tells what changed; pages hear of it by their rooms."""
    rooms = PageNews(news, services.clock)
    services.bus.subscribe(AccountSnapshotChanged, rooms.changed)
    jobs = [Job("snapshots", books.keeper.step, STEP, can_wait=2.0), Job("pages", rooms.step, 1.0, can_wait=1.0)]
    return Loop(jobs, services.clock)


class PageNews:
    """Pages fetch their parts again at once when quantities moved, and at a calm pace when only figures did."""

    def __init__(self, news: News, clock: Clock) -> None:
        self._news = news
        self._clock = clock
        self._waiting: defaultdict[str, set[str]] = defaultdict(set)  # rooms by owner
        self._told_at: dict[str, float] = {}
        self._lock = threading.Lock()

    def changed(self, event: AccountSnapshotChanged) -> None:
        if event.held:
            self._news.changed(event.owner_id, _rooms(event.account_id, event.held))
        with self._lock:
            self._waiting[event.owner_id].update(_rooms(event.account_id, event.parts - event.held))

    def step(self) -> None:
        now = self._clock.monotonic()
        with self._lock:
            due = [one for one in self._waiting if now - self._told_at.get(one, float("-inf")) >= QUIET]
            found = {owner_id: self._waiting.pop(owner_id) for owner_id in due}
            self._told_at |= dict.fromkeys(due, now)
        for owner_id, rooms in found.items():
            if rooms:
                self._news.changed(owner_id, rooms)


def _rooms(account_id: str, parts: Iterable[Part]) -> set[str]:
    names = {part.value for part in parts if part in (Part.TRADES, Part.HOLDINGS)}
    return {f"books:{account_id}", *names} if parts else set()


class FreshReadings:
    """The errand "read_part": {"account_id", "part"}; whoever asks for the same at the same time shares one call."""

    def __init__(self, services: Services, crew: Crew, books: Books) -> None:
        self._services = services
        self._crew = crew
        self._books = books

    def read(self, errand: Errand) -> dict[str, Any]:
        account = self._services.accounts.get(errand.owner_id, errand.question["account_id"])
        member = self._crew.get(account.id)
        if member is None:
            raise NotFound(f"{account.name} is not connected: there is nothing to ask.")
        wait = self._read(member, errand.question["part"], errand.created_at)
        self._books.keeper.step(at_once=True)
        return {"retry_after": math.ceil(wait)}

    def _read(self, member: Member, part: str, asked_at: datetime) -> float:
        """0.0 when it was read, else in how many seconds it may be."""
        if part != INFO:
            return member.attendant.figures.refresh(Part(part), asked_at)
        seen = Sighting(HealthState.OK, broker=member.venue.identity())
        self._services.health.record(member.account.id, seen)
        return 0.0
