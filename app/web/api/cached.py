"""The literal addresses of the account proxy: what the desk knows of an account, without a call to its venue.

`/api/account/info`, `/api/positions`, `/api/balance` and `/api/trades` ask the venue when they are told to be fresh, as
often as the account's budget allows; everything else is served from what was read last, with its age.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

import orjson
from flask import Blueprint, Response
from pydantic import Field
from werkzeug.exceptions import TooManyRequests

from app.accounts.models import Account
from app.broadcast.cached import PartView
from app.broadcast.parts import Part
from app.core.errors import NotFound, Retry
from app.web.api import waiting
from app.web.api.book_shapes import CachedAccountShown, FundsRow, HeldRow, TradeRow, age_of, data_of
from app.web.api.operation import Operation, describe, operation
from app.web.api.reading import read_query
from app.web.api.shapes import Answer, Asked, Id, IdAsked, Instant, in_utc
from app.web.chrome import badge_of
from app.web.current import owner_id, services
from app.web.loopback import open_on_loopback
from app.web.sockets import open_sockets
from app.web.tiers import tier

bp = Blueprint("cached", __name__, url_prefix="/api")

TAG = "Broadcast"
NAMES = {Part.FUNDS: "balance"}  # every other part is called what it is
INFO = "info"
FRESH_WAITS = 10  # seconds
ALIVE = ("live", "slow")
Data = TypeVar("Data")


class CachedAsked(Asked):
    account: Annotated[
        IdAsked | None, Field(description="An account's id; without it the primary, else the first.")
    ] = None


class FreshAsked(CachedAsked):
    fresh: Annotated[bool, Field(description="Ask the venue now, within the account's budget.", examples=[False])] = (
        False
    )


class Proxied(Answer, Generic[Data]):
    """What the venue said last, with its age."""

    status: Annotated[str, Field(examples=["OK"])] = "OK"
    account_id: Id
    age_ms: Annotated[int | None, Field(examples=[840])]
    stale: bool
    source: Annotated[str | None, Field(examples=["poll"])]
    read_at: Instant | None
    seq: Annotated[int | None, Field(examples=[41])] = None
    data: Data | None


class Info(Answer):
    id: Id
    name: Annotated[str, Field(examples=["Zerodha main"])]
    venue: Annotated[str, Field(examples=["openalgo"])]
    broker: Annotated[str, Field(examples=["zerodha"])]
    mode: Annotated[str, Field(description="live or paper, as the venue said last.", examples=["live"])]
    currency: Annotated[str, Field(examples=["INR"])]
    enabled: bool
    is_primary: bool
    health: Annotated[str, Field(examples=["ok"])]
    last_error: Annotated[str, Field(examples=[""])]
    order_stream: Annotated[str, Field(examples=["live"])]


class ProxiedInfo(Proxied[Info]):
    """The account itself; its age is that of its health."""


class ProxiedBalance(Proxied[FundsRow]):
    pass


class ProxiedPositions(Proxied[list[HeldRow]]):
    pass


class ProxiedTrades(Proxied[list[TradeRow]]):
    pass


class AccountStats(Answer):
    account_id: Id
    name: Annotated[str, Field(examples=["Zerodha main"])]
    seq: Annotated[int, Field(description="Changes told so far.", examples=[42])]
    polls: Annotated[dict[str, int], Field(description="Answered readings, by part.", examples=[{"positions": 310}])]
    pushes: Annotated[int, Field(examples=[96])]
    errors: Annotated[int, Field(examples=[0])]
    since: Instant | None
    last_success_at: Instant | None
    age_ms: Annotated[int | None, Field(description="Since the last success.", examples=[840])]
    last_error_at: Instant | None
    last_error: Annotated[str, Field(examples=[""])]


class BroadcasterStats(Answer):
    """`polls`, `pushes` and `errors` are those of all your accounts together."""

    at: Instant
    clients: Annotated[int, Field(description="Open streams and sockets of this desk.", examples=[3])]
    polls: Annotated[int, Field(examples=[1240])]
    pushes: Annotated[int, Field(examples=[96])]
    errors: Annotated[int, Field(examples=[0])]
    accounts: list[AccountStats]


CACHED = Operation(
    TAG,
    "Everything known of an account",
    "Balance, positions, trades, orders and holdings as they were read last, each with its age. Asks no venue.",
    query=CachedAsked,
    gives=CachedAccountShown,
)
FRESH = "From what was read last, with its age; `fresh=1` asks the venue now, once for all who ask at the same time."


@bp.get("/cached-account")
@tier("page")
@open_on_loopback
@describe(CACHED)
def cached_account() -> Response:
    account, now = chosen(read_query(CachedAsked).account), services().clock.now()
    parts = services().cached.of([account.id])[account.id]
    return Response(_written(account, parts, now), mimetype="application/json")


@bp.get("/broadcaster/stats")
@open_on_loopback
@operation(TAG, "What broadcasting has come to", gives=BroadcasterStats)
def stats() -> BroadcasterStats:
    now, accounts = services().clock.now(), services().accounts.list(owner_id())
    counts = services().cached.counts([account.id for account in accounts])
    shown = [_stats(account, counts.get(account.id), now) for account in accounts]
    return BroadcasterStats(
        at=now,
        clients=open_sockets(),
        polls=sum(sum(one.polls.values()) for one in shown),
        pushes=sum(one.pushes for one in shown),
        errors=sum(one.errors for one in shown),
        accounts=shown,
    )


@bp.get("/account/info")
@open_on_loopback
@operation(TAG, "The account", FRESH, query=FreshAsked, gives=ProxiedInfo)
def info(query: FreshAsked) -> ProxiedInfo:
    account = chosen(query.account)
    if query.fresh:
        ask_venue(account, INFO)
    health = services().health.of([account.id]).get(account.id)
    now, read_at = services().clock.now(), health.checked_at if health else None
    age = None if read_at is None else int((now - read_at).total_seconds() * 1000)
    shown = Info(
        id=account.id,
        name=account.name,
        venue=account.venue_kind,
        broker=account.broker,
        mode=(health.mode if health else "") or account.expected_mode,
        currency=account.currency,
        enabled=account.enabled,
        is_primary=account.is_primary,
        health=health.state if health else "unknown",
        last_error=health.last_error if health else "",
        order_stream=health.order_stream if health else "",
    )
    stale = age is None or age > services().settings.figures_idle_seconds * 3000
    return ProxiedInfo(account_id=account.id, age_ms=age, stale=stale, source="poll", read_at=read_at, data=shown)


@bp.get("/balance")
@open_on_loopback
@operation(TAG, "Its balance", FRESH, query=FreshAsked, gives=ProxiedBalance)
def balance(query: FreshAsked) -> ProxiedBalance:
    return ProxiedBalance.model_validate(_proxied(query, Part.FUNDS))


@bp.get("/positions")
@open_on_loopback
@operation(TAG, "Its positions", FRESH, query=FreshAsked, gives=ProxiedPositions)
def positions(query: FreshAsked) -> ProxiedPositions:
    return ProxiedPositions.model_validate(_proxied(query, Part.POSITIONS))


@bp.get("/trades")
@open_on_loopback
@operation(TAG, "Its trades of the day", FRESH, query=FreshAsked, gives=ProxiedTrades)
def trades(query: FreshAsked) -> ProxiedTrades:
    return ProxiedTrades.model_validate(_proxied(query, Part.TRADES))


def chosen(account_id: str | None) -> Account:
    """The account that was named, else the primary, else the first. Raises NotFound."""
    if account_id:
        return services().accounts.get(owner_id(), account_id)
    accounts = services().accounts.list(owner_id())
    if not accounts:
        raise NotFound("There is no account yet.")
    return next((account for account in accounts if account.is_primary), accounts[0])


def ask_venue(account: Account, part: str) -> None:
    """Have the engine read this part now. Raises Retry when it can't, TooManyRequests beyond the account's budget."""
    desk = services()
    if badge_of(desk.pulse.read().get("engine"), desk.clock.now()).state not in ALIVE:
        raise Retry("The engine is not running: nobody can ask the venue. Without fresh=1 the last reading is told.")
    errand = waiting.ask(owner_id(), "read_part", {"account_id": account.id, "part": part})
    done = waiting.wait_for(errand, FRESH_WAITS)
    if done.done_at is None:
        raise Retry(f"{account.name} gave no answer in {FRESH_WAITS} s. Without fresh=1 the last reading is told.")
    if done.error:
        raise Retry(f"{account.name}: {done.error}")
    after = (done.answer or {}).get("retry_after", 0)
    if after:
        raise TooManyRequests(retry_after=after)


def _proxied(query: FreshAsked, part: Part) -> dict[str, Any]:
    account = chosen(query.account)
    if query.fresh:
        ask_venue(account, part.value)
    view = services().cached.of([account.id], part)[account.id].get(part)
    return {"account_id": account.id, "data": data_of(view)} | age_of(view, services().clock.now())


def _written(account: Account, parts: Mapping[Part, PartView], now: datetime) -> bytes:
    """The data goes out as it is stored: nobody parses it on its way."""
    head = {
        "account_id": account.id,
        "name": account.name,
        "mode": account.mode,
        "at": in_utc(now),
        "seq": max((view.seq for view in parts.values()), default=0),
    }
    pieces = [orjson.dumps(head)[:-1]]
    for part in Part:
        view = parts.get(part)
        age = age_of(view, now)
        age["read_at"] = None if view is None else in_utc(view.read_at)
        name = NAMES.get(part, part.value)
        data = "null" if view is None else view.text[1:-1] if part is Part.FUNDS else view.text
        pieces.append(b',"%s":%s,"data":%s}' % (name.encode(), orjson.dumps(age)[:-1], data.encode()))
    return b"".join([*pieces, b"}"])


def _stats(account: Account, count: Any, now: datetime) -> AccountStats:
    success = count.last_success_at if count else None
    return AccountStats(
        account_id=account.id,
        name=account.name,
        seq=count.seq if count else 0,
        polls=count.polls if count else {},
        pushes=count.pushes if count else 0,
        errors=count.errors if count else 0,
        since=count.since if count else None,
        last_success_at=success,
        age_ms=None if success is None else max(0, int((now - success).total_seconds() * 1000)),
        last_error_at=count.last_error_at if count else None,
        last_error=count.last_error if count else "",
    )
