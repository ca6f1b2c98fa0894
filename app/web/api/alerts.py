"""Alerts over the API: made, changed, paused, deleted, and what fired."""

from decimal import Decimal
from typing import Annotated, Any

from flask import Blueprint, url_for
from pydantic import BeforeValidator, Field, StringConstraints

from app.alerts.draft import LONGEST_NOTE, MOST_PAUSE, Draft
from app.alerts.rules import Condition, Repeat, Subject
from app.core.validation import no_boolean, parse
from app.web.api.operation import Reply, operation
from app.web.api.shapes import Amount, Answer, Asked, Cursor, Id, IdAsked, Instant, Limit, Moment, Next
from app.web.current import owner_id, services

bp = Blueprint("alerts", __name__, url_prefix="/api/v1/alerts")

TAG = "Alerts"
CODE = r"^([A-Za-z0-9&._-]{1,40})?$"
ExchangeAsked = Annotated[str, StringConstraints(pattern=CODE), Field(examples=["NFO"])]
SymbolAsked = Annotated[str, StringConstraints(pattern=CODE), Field(examples=["NIFTY24NOV2626050CE"])]
Level = Annotated[
    Decimal,
    Field(
        gt=-10_000_000_000, lt=10_000_000_000, max_digits=18, decimal_places=8, allow_inf_nan=False, examples=["180"]
    ),
    BeforeValidator(no_boolean),
]


class AlertAsked(Asked):
    """A price needs `symbol`; a spread (`symbol` minus `ratio` times `other_symbol`) both; a P&L `account_id`."""

    subject: Annotated[Subject, Field(examples=["price"])]
    exchange: ExchangeAsked = ""
    symbol: SymbolAsked = ""
    other_exchange: Annotated[ExchangeAsked, Field(examples=[""])] = ""
    other_symbol: Annotated[SymbolAsked, Field(examples=[""])] = ""
    ratio: Annotated[Level | None, Field(examples=[None])] = None
    account_id: Annotated[IdAsked | None, Field(examples=[None])] = None
    condition: Annotated[Condition, Field(examples=["above"])]
    level: Annotated[Level, Field(description="A price, an amount of money, or for moves per cent.")]
    reference: Annotated[
        Level | None,
        Field(
            description="What per cent are counted from; the first price without it. Of a P&L the capital.",
            examples=[None],
        ),
    ] = None
    repeat: Annotated[Repeat, Field(examples=["once"])] = Repeat.ONCE
    pause_minutes: Annotated[int, Field(ge=0, le=MOST_PAUSE), BeforeValidator(no_boolean)] = 5
    expires_at: Annotated[Moment | None, Field(examples=[None])] = None
    note: Annotated[str, StringConstraints(max_length=LONGEST_NOTE), Field(examples=["sell half"])] = ""

    def draft(self) -> Draft:
        return parse(Draft, self.model_dump() | {"account_id": self.account_id or ""})


class AlertShown(Answer):
    id: Id
    state: Annotated[str, Field(description="active, paused, fired or expired", examples=["active"])]
    version: Annotated[int, Field(description="It rises with each change and each firing.", examples=[1])]
    subject: Annotated[str, Field(examples=["price"])]
    exchange: Annotated[str, Field(examples=["NFO"])]
    symbol: Annotated[str, Field(examples=["NIFTY24NOV2626050CE"])]
    other_exchange: Annotated[str, Field(examples=[""])]
    other_symbol: Annotated[str, Field(examples=[""])]
    ratio: Annotated[Amount | None, Field(examples=[None])]
    account_id: Annotated[Id | None, Field(examples=[None])]
    condition: Annotated[str, Field(examples=["above"])]
    level: Amount
    reference: Annotated[Amount | None, Field(examples=[None])]
    repeat: Annotated[str, Field(examples=["once"])]
    pause_minutes: Annotated[int, Field(examples=[5])]
    expires_at: Annotated[Instant | None, Field(examples=[None])]
    note: Annotated[str, Field(examples=["sell half"])]
    firings: Annotated[int, Field(examples=[0])]
    fired_at: Annotated[Instant | None, Field(examples=[None])]
    created_at: Instant


class Alerts(Answer):
    items: list[AlertShown]


class FiringsAsked(Asked):
    alert_id: Annotated[IdAsked | None, Field(examples=[None])] = None
    before: Cursor = ""
    limit: Limit = 50


class SeenShown(Answer):
    """A price that it was judged by."""

    name: Annotated[str, Field(examples=["NIFTY24NOV2626050CE"])]
    price: Amount
    age_ms: Annotated[int | None, Field(examples=[120])]
    source: Annotated[str, Field(description="stream, request, or desk for a P&L", examples=["stream"])]


class FiringShown(Answer):
    id: Id
    alert_id: Id
    at: Instant
    words: Annotated[str, Field(examples=["NIFTY24NOV2626050CE is at or above 180: 180.5"])]
    value: Amount
    seen: list[SeenShown]


class Firings(Answer):
    items: list[FiringShown]
    next: Next


@bp.get("")
@operation(TAG, "List your alerts", gives=Alerts)
def index() -> Alerts:
    return Alerts(items=[AlertShown.model_validate(row) for row in services().alerts.list(owner_id())])


@bp.post("")
@operation(TAG, "Make an alert", "The engine watches it at once.", takes=AlertAsked, gives=AlertShown, status=201)
def create(body: AlertAsked) -> Reply:
    alert_id = services().alerts.create(owner_id(), body.draft())
    return Reply(_shown(alert_id), location=url_for("api.alerts.get", alert_id=alert_id))


@bp.get("/firings")
@operation(TAG, "List what fired, newest first", query=FiringsAsked, gives=Firings)
def firings(query: FiringsAsked) -> Firings:
    found = services().alerts.firings(owner_id(), query.alert_id or "", query.before, query.limit)
    items = [FiringShown.model_validate(row) for row in found]
    return Firings(items=items, next=items[-1].id if len(items) == query.limit else None)


@bp.get("/<alert_id>")
@operation(TAG, "Look at an alert", gives=AlertShown)
def get(alert_id: str) -> AlertShown:
    return _shown(alert_id)


@bp.put("/<alert_id>")
@operation(TAG, "Change an alert", "It begins anew and is on.", takes=AlertAsked, gives=AlertShown)
def change(alert_id: str, body: AlertAsked) -> AlertShown:
    services().alerts.change(owner_id(), alert_id, body.draft())
    return _shown(alert_id)


@bp.post("/<alert_id>/pause")
@operation(TAG, "Pause an alert", gives=AlertShown)
def pause(alert_id: str) -> AlertShown:
    services().alerts.pause(owner_id(), alert_id)
    return _shown(alert_id)


@bp.post("/<alert_id>/resume")
@operation(TAG, "Resume an alert", gives=AlertShown)
def resume(alert_id: str) -> AlertShown:
    services().alerts.resume(owner_id(), alert_id)
    return _shown(alert_id)


@bp.delete("/<alert_id>")
@operation(TAG, "Delete an alert", "What it told stays in the history.", status=204)
def delete(alert_id: str) -> Any:
    services().alerts.remove(owner_id(), alert_id)


def _shown(alert_id: str) -> AlertShown:
    return AlertShown.model_validate(services().alerts.get(owner_id(), alert_id))
