"""How the desk is: a word for a load balancer, and the whole of it for whoever is signed in."""

from datetime import datetime
from typing import Annotated, Literal

from flask import Blueprint, Response, jsonify
from pydantic import Field
from sqlalchemy.exc import SQLAlchemyError

from app.accounts.health import age_seconds
from app.accounts.models import Account, AccountHealth
from app.core.pulse import Beat
from app.web.api.operation import Operation, describe, operation
from app.web.api.shapes import Answer, Id, Instant
from app.web.chrome import Badge, badge_of, feed_badge
from app.web.current import owner_id, services

bp = Blueprint("health", __name__, url_prefix="/api/v1/health")
public = Blueprint("health", __name__)

Word = Literal["ok", "degraded", "down"]
Age = Annotated[int | None, Field(description="In seconds; null when it was never seen.", examples=[1])]


class Alive(Answer):
    status: Annotated[Word, Field(examples=["ok"])]


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
    "Desk", "Is the desk up", "Needs no sign-in; `degraded` when the engine is silent.", gives=Alive, also={503: Alive}
)


@public.get("/health")
@describe(ALIVE)
def live() -> Response:
    try:
        beat = services().pulse.read().get("engine")
    except SQLAlchemyError:
        return _word("down", 503)
    return _word(_status(badge_of(beat, services().clock.now())))


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


def _word(word: Word, status: int = 200) -> Response:
    response = jsonify(status=word)
    response.status_code = status
    return response


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
