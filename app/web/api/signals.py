"""Signals over the API: webhooks as they are, what came in, and a signal of one's own without a webhook's secret."""

from datetime import timedelta
from typing import Annotated, Any

from flask import Blueprint, url_for
from pydantic import Field, StringConstraints

from app.signals.message import LONGEST_ID, Action
from app.users.roles import Scope
from app.web.access import needs
from app.web.api.operation import Reply, operation
from app.web.api.shapes import Answer, Asked, Cursor, Id, IdAsked, Instant, Limit, Next
from app.web.current import owner_id, services

bp = Blueprint("signals", __name__, url_prefix="/api/v1")

TAG = "Signals"
ACTIVE = timedelta(days=1)
PROCESS = (
    "As if its webhook had heard it: by the same rules, and once for each `id`. The answer comes before the engine "
    "acts; look at the signal for what became of it."
)


class WebhookShown(Answer):
    id: Id
    name: Annotated[str, Field(examples=["RSI turns"])]
    strategy_id: Id
    silent_action: Annotated[
        str, Field(description="Of a message that names no action; empty: it is refused.", examples=["enter"])
    ]
    one_at_a_time: Annotated[bool, Field(examples=[True])]
    most_entries: Annotated[int, Field(description="A day, in India.", examples=[20])]
    allowed_ips: Annotated[list[str], Field(examples=[["203.0.113.7/32"]])]
    version: Annotated[int, Field(examples=[1])]
    paused_at: Annotated[Instant | None, Field(examples=[None])]
    heard_at: Annotated[Instant | None, Field(examples=[None])]
    unproven: Annotated[int, Field(description="Messages that did not prove themselves.", examples=[0])]
    unproven_why: Annotated[str, Field(description="Of the last of them.", examples=[""])]
    created_at: Instant


class Webhooks(Answer):
    items: list[WebhookShown]


class SignalAsked(Asked):
    webhook_id: IdAsked
    action: Annotated[Action, Field(examples=["enter"])]
    id: Annotated[
        str,
        StringConstraints(min_length=1, max_length=LONGEST_ID),
        Field(description="Yours, another for each event.", examples=["2026-11-23 09:20 long"]),
    ]
    test: Annotated[bool, Field(description="Understood and written down, nothing done.")] = False


class SignalShown(Answer):
    id: Id
    webhook_id: Id
    action: Annotated[str, Field(description="enter, exit, or empty for nothing clear", examples=["enter"])]
    state: Annotated[str, Field(description="received, executed, refused, expired or tested", examples=["executed"])]
    reason: Annotated[str, Field(examples=["A run began."])]
    run_ids: Annotated[list[str], Field(description="That it began, or told to leave.", examples=[[]])]
    repeats: Annotated[int, Field(description="How often it came again.", examples=[0])]
    received_at: Instant
    decided_at: Annotated[Instant | None, Field(examples=[None])]


class SignalsAsked(Asked):
    webhook_id: Annotated[IdAsked | None, Field(examples=[None])] = None
    before: Cursor = ""
    limit: Limit = 50


class Signals(Answer):
    items: list[SignalShown]
    next: Next


class ActiveSignals(Answer):
    items: list[SignalShown]


@bp.get("/webhooks")
@operation(TAG, "List your webhooks", gives=Webhooks)
def webhooks() -> Webhooks:
    return Webhooks(items=[WebhookShown.model_validate(row) for row in services().signals.list(owner_id())])


@bp.get("/webhooks/<webhook_id>")
@operation(TAG, "Look at a webhook", gives=WebhookShown)
def webhook(webhook_id: str) -> WebhookShown:
    return _shown(webhook_id)


@bp.post("/webhooks/<webhook_id>/pause")
@operation(TAG, "Pause a webhook", "Its messages are refused until it is resumed.", gives=WebhookShown)
def pause(webhook_id: str) -> WebhookShown:
    services().signals.pause(owner_id(), webhook_id)
    return _shown(webhook_id)


@bp.post("/webhooks/<webhook_id>/resume")
@operation(TAG, "Resume a webhook", gives=WebhookShown)
def resume(webhook_id: str) -> WebhookShown:
    services().signals.resume(owner_id(), webhook_id)
    return _shown(webhook_id)


@bp.delete("/webhooks/<webhook_id>")
@needs(Scope.MANAGE)
@operation(TAG, "Delete a webhook", "What came in by it stays on record.", status=204)
def delete(webhook_id: str) -> Any:
    services().signals.remove(owner_id(), webhook_id)


@bp.get("/signals")
@operation(TAG, "List what came in, newest first", query=SignalsAsked, gives=Signals)
def index(query: SignalsAsked) -> Signals:
    found = services().signals.signals(owner_id(), query.webhook_id or "", query.before, query.limit)
    items = [SignalShown.model_validate(row) for row in found]
    return Signals(items=items, next=items[-1].id if len(items) == query.limit else None)


@bp.get("/signals/active")
@operation(TAG, "List the signals of the last day", "With what became of each; 500 at most.", gives=ActiveSignals)
def active() -> ActiveSignals:
    since = services().clock.now() - ACTIVE
    found = services().signals.signals(owner_id(), limit=500)
    return ActiveSignals(items=[SignalShown.model_validate(row) for row in found if row.received_at > since])


@bp.get("/signals/<signal_id>")
@operation(TAG, "Look at a signal", gives=SignalShown)
def get(signal_id: str) -> SignalShown:
    return SignalShown.model_validate(services().signals.signal(owner_id(), signal_id))


@bp.post("/signals/process")
@operation(TAG, "Give a signal", PROCESS, takes=SignalAsked, gives=SignalShown, status=202)
def process(body: SignalAsked) -> Reply:
    webhook = services().signals.get(owner_id(), body.webhook_id)
    told = {"action": body.action.value, "id": body.id, "test": body.test}
    signal = services().signal_door.take(webhook, told)
    return Reply(SignalShown.model_validate(signal), location=url_for("api.signals.get", signal_id=signal.id))


def _shown(webhook_id: str) -> WebhookShown:
    return WebhookShown.model_validate(services().signals.get(owner_id(), webhook_id))
