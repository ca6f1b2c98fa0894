"""How the engine and its feed are, as one person may know it, from the engine's signs of life and the audit trail.

Accounts of others have no name here, and of symbols without a usable price only those are named that this person holds:
what others trade is theirs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from app.audit.models import AuditEntry
from app.core.pulse import Beat
from app.feed.sentences import is_good, sentence
from app.web.chrome import ENGINE_SLOW_AFTER, Badge, badge_of, feed_badge
from app.web.current import owner_id, services
from app.web.order_lines import owned_accounts
from app.web.stream import live

SOMEBODYS = "another account of the desk"
SOURCES = {"stream": "Streamed", "request": "By request (REST)"}
MOST_EVENTS = 50
LATE = 10.0  # seconds beyond its period after which a job counts as late


@dataclass(frozen=True, slots=True)
class ConnectionLine:
    account: str
    role: str  # carrier, trial or overflow
    number: int
    state: str
    symbols: int
    last_at: datetime | None
    refused: int
    garbage: int
    words: str


@dataclass(frozen=True, slots=True)
class Happened:
    at: datetime
    text: str
    is_good: bool


@dataclass(frozen=True, slots=True)
class JobLine:
    """Times in seconds; `took_ms` of the last time. A job that is late has not run for much longer than its period."""

    loop: str
    name: str
    period: float
    age: float | None
    took_ms: int
    failures: int

    @property
    def is_late(self) -> bool:
        return self.age is not None and self.age > self.period + LATE


@dataclass(frozen=True, slots=True)
class LaneLine:
    account: str
    waiting: int
    is_held: bool  # nobody is logged in at its broker


@dataclass(frozen=True, slots=True)
class FeedView:
    badge: Badge
    state: str
    account: str | None
    source: str | None  # stream or request
    last_at: datetime | None
    wanted: int
    left_out: int
    stale_count: int
    stale: Sequence[str]
    received: int
    dropped: Mapping[str, int]
    requests_failed: int
    requests_without_price: int
    connections: Sequence[ConnectionLine]
    events: Sequence[Happened]

    @property
    def source_words(self) -> str:
        return SOURCES.get(self.source or "", "None")


@dataclass(frozen=True, slots=True)
class EngineView:
    badge: Badge
    beat_at: datetime | None
    jobs: Sequence[JobLine]
    lanes: Sequence[LaneLine]
    feed: FeedView
    now: datetime


def look() -> EngineView:
    now, beats, name_of = services().clock.now(), services().pulse.read(), _names()
    engine = beats.get("engine")
    detail = engine.detail if engine else {}
    since = now - engine.at if engine else timedelta(0)
    return EngineView(
        badge=badge_of(engine, now, ENGINE_SLOW_AFTER),
        beat_at=engine.at if engine else None,
        jobs=[_job(told, since) for told in detail.get("steps", ())],
        lanes=_lanes(detail.get("lanes", {})),
        feed=_feed(beats.get("feed"), now, name_of),
        now=now,
    )


def _names() -> Callable[[str], str]:
    accounts = owned_accounts(owner_id())
    return lambda account_id: accounts[account_id].name if account_id in accounts else SOMEBODYS


def _job(told: Mapping[str, Any], since: timedelta) -> JobLine:
    age = told.get("age")
    older = None if age is None else age + since.total_seconds()
    return JobLine(told["loop"], told["name"], told["period"], older, told["took_ms"], told["failures"])


def _lanes(told: Mapping[str, Mapping[str, Any]]) -> list[LaneLine]:
    """Of one's own accounts."""
    accounts = owned_accounts(owner_id())
    return [
        LaneLine(accounts[account_id].name, lane["waiting"], lane["held"])
        for account_id, lane in told.items()
        if account_id in accounts
    ]


def _feed(beat: Beat | None, now: datetime, name_of: Callable[[str], str]) -> FeedView:
    detail = beat.detail if beat else {}
    carrier = detail.get("account_id")
    requests = detail.get("requests", {})
    return FeedView(
        badge=feed_badge(beat, now, live().hub.priced_at),
        state=detail.get("state", "unknown"),
        account=name_of(carrier) if carrier else None,
        source=detail.get("source"),
        last_at=_moment(detail.get("last_at")),
        wanted=detail.get("wanted", 0),
        left_out=detail.get("left_out", 0),
        stale_count=detail.get("stale_count", 0),
        stale=_own(detail.get("stale", ())),
        received=detail.get("received", 0),
        dropped=detail.get("dropped", {}),
        requests_failed=requests.get("failed", 0),
        requests_without_price=requests.get("without_price", 0),
        connections=[_connection(one, name_of) for one in detail.get("connections", ())],
        events=_events(name_of),
    )


def _own(symbols: Sequence[str]) -> list[str]:
    held = live().hub.figures(owner_id()).keys()
    return [symbol for symbol in symbols if "_INDEX:" in symbol or f"ltp:{symbol}" in held]


def _connection(told: Mapping[str, Any], name_of: Callable[[str], str]) -> ConnectionLine:
    account = name_of(told["account_id"])
    return ConnectionLine(
        account=account,
        role=told["role"],
        number=told["number"],
        state=told["state"],
        symbols=told["symbols"],
        last_at=_moment(told["last_at"]),
        refused=told["refused"],
        garbage=told["garbage"],
        words="" if account == SOMEBODYS else told["words"],
    )


def _events(name_of: Callable[[str], str]) -> list[Happened]:
    newest = (
        select(AuditEntry)
        .where(AuditEntry.subject_type == "feed", AuditEntry.subject_id == "market")
        .order_by(AuditEntry.seq.desc())
        .limit(MOST_EVENTS)
    )
    with services().db.read() as session:
        return [
            Happened(one.at, sentence(one.action, one.detail, name_of), is_good(one.action, one.detail))
            for one in session.scalars(newest)
        ]


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
