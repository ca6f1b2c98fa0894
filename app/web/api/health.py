"""How the desk is: a word for a load balancer, and the whole of it for whoever is signed in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Annotated, Literal

import redis
from flask import Blueprint, Response
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app.accounts.health import age_seconds
from app.accounts.models import Account, AccountHealth, HealthState
from app.core.pulse import Beat
from app.web.api.operation import Operation, describe, operation
from app.web.api.shapes import Answer, Id, Instant
from app.web.chrome import Badge, badge_of, feed_badge
from app.web.current import owner_id, services
from config import VERSION

bp = Blueprint("health", __name__, url_prefix="/api/v1/health")
public = Blueprint("health", __name__)

Word = Literal["ok", "degraded", "down"]
Age = Annotated[int | None, Field(description="In seconds; null when it was never seen.", examples=[1])]


class Alive(Answer):
    """`degraded`: a venue is not well. `down`: the database, Redis or the engine is not there."""

    status: Annotated[Word, Field(examples=["ok"])]
    reason: Annotated[str, Field(description="Why it is not ok.", examples=[""])]
    version: Annotated[str, Field(examples=["0.1.0"])]
    database: Annotated[Literal["ok", "down"], Field(examples=["ok"])]
    redis: Annotated[Literal["ok", "down", "not used"], Field(examples=["not used"])]
    engine: Annotated[str, Field(description="live, slow, stale or unknown", examples=["live"])]
    feed: Annotated[str, Field(description="live, slow, stale, closed or unknown", examples=["live"])]
    venues: Annotated[
        dict[str, Literal["ok", "degraded", "down"]],
        Field(description="By kind, of the accounts that are enabled.", examples=[{"openalgo": "ok"}]),
    ]


class Part(Answer):
    """A part of the desk by its last sign of life."""

    state: Annotated[str, Field(description="live, slow, stale, closed or unknown", examples=["live"])]
    text: Annotated[str, Field(examples=["Live 0.4 s"])]
    seen_at: Instant | None
    age_seconds: Age


class AccountWell(Answer):
    account_id: Id
    name: Annotated[str, Field(examples=["Zerodha main"])]
    enabled: bool
    health: Annotated[str, Field(examples=["ok"])]
    mode: Annotated[str, Field(description="live or paper, as the venue said last", examples=["live"])]
    latency_ms: int | None
    order_stream: Annotated[str, Field(examples=["live"])]
    market_stream: Annotated[str, Field(examples=["live"])]
    last_error: Annotated[str, Field(examples=[""])]
    checked_at: Instant | None
    age_seconds: Age


class Health(Answer):
    """`degraded`: the engine is not seen, so what is shown may be old and nothing new is sent."""

    status: Annotated[Word, Field(examples=["ok"])]
    at: Instant
    engine: Part
    feed: Part
    accounts: list[AccountWell]


ALIVE = Operation(
    "Desk",
    "Is the desk up",
    "Needs no sign-in. 503 while the database, Redis (where it is used) or the engine is not there.",
    gives=Alive,
    also={503: Alive},
)


@public.get("/health")
@describe(ALIVE)
def live() -> Response:
    desk = services()
    redis_state: Literal["ok", "down", "not used"] = _redis(desk.settings.redis_url)
    try:
        found = _Rows(desk.pulse.read(), _venues())
    except SQLAlchemyError:
        return _answer(_Rows(), redis_state, "down")
    return _answer(found, redis_state, "ok")


@dataclass(frozen=True, slots=True)
class _Rows:
    """What the database tells."""

    beats: Mapping[str, Beat] = field(default_factory=dict)
    venues: Mapping[str, Literal["ok", "degraded", "down"]] = field(default_factory=dict)


def _answer(rows: _Rows, redis_state: Literal["ok", "down", "not used"], database: Literal["ok", "down"]) -> Response:
    now = services().clock.now()
    engine = badge_of(rows.beats.get("engine"), now)
    missing = [name for name, state in (("The database", database), ("Redis", redis_state)) if state == "down"]
    if database == "ok" and _status(engine) != "ok":
        missing.append("The engine")
    unwell = sorted(kind for kind, state in rows.venues.items() if state != "ok")
    reason = f"{' and '.join(missing)} can't be reached." if missing else ""
    if not missing and unwell:
        reason = f"Accounts at {', '.join(unwell)} are not well."
    told = Alive(
        status="down" if missing else "degraded" if unwell else "ok",
        reason=reason,
        version=VERSION,
        database=database,
        redis=redis_state,
        engine=engine.state,
        feed=feed_badge(rows.beats.get("feed"), now).state,
        venues=dict(rows.venues),
    )
    return Response(told.model_dump_json(), 503 if missing else 200, mimetype="application/json")


def _venues() -> dict[str, Literal["ok", "degraded", "down"]]:
    """By kind: ok when all enabled accounts are well, down when none is."""
    usable = [state.value for state in HealthState if state.usable]
    wanted = (
        select(Account.venue_kind, AccountHealth.state)
        .join(AccountHealth, AccountHealth.account_id == Account.id, isouter=True)
        .where(Account.enabled, Account.removed_at.is_(None))
    )
    found: dict[str, list[bool]] = {}
    with services().db.read() as session:
        for kind, state in session.execute(wanted):
            found.setdefault(kind, []).append(state in usable)
    return {kind: "ok" if all(well) else "degraded" if any(well) else "down" for kind, well in found.items()}


def _redis(url: str) -> Literal["ok", "down", "not used"]:
    if not url:
        return "not used"
    try:
        _redis_at(url).ping()
    except redis.RedisError:
        return "down"
    return "ok"


@cache
def _redis_at(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)


@bp.get("")
@operation("Desk", "How the desk is: engine, prices, accounts", gives=Health)
def show() -> Health:
    now, beats = services().clock.now(), services().pulse.read()
    accounts = services().accounts.list(owner_id())
    seen = services().health.of(account.id for account in accounts)
    engine = badge_of(beats.get("engine"), now)
    return Health(
        status=_status(engine),
        at=now,
        engine=_part(engine, beats.get("engine"), now),
        feed=_part(feed_badge(beats.get("feed"), now), beats.get("feed"), now),
        accounts=[_well(account, seen.get(account.id), now) for account in accounts],
    )


def _status(engine: Badge) -> Word:
    return "ok" if engine.state in ("live", "slow") else "degraded"


def _part(badge: Badge, beat: Beat | None, now: datetime) -> Part:
    seen_at = beat.at if beat else None
    return Part(state=badge.state, text=badge.text, seen_at=seen_at, age_seconds=age_seconds(seen_at, now))


def _well(account: Account, seen: AccountHealth | None, now: datetime) -> AccountWell:
    return AccountWell(
        account_id=account.id,
        name=account.name,
        enabled=account.enabled,
        health=seen.state if seen else "unknown",
        mode=seen.mode if seen else "",
        latency_ms=seen.latency_ms if seen else None,
        order_stream=seen.order_stream if seen else "",
        market_stream=seen.market_stream if seen else "",
        last_error=seen.last_error if seen else "",
        checked_at=seen.checked_at if seen else None,
        age_seconds=age_seconds(seen.checked_at if seen else None, now),
    )
