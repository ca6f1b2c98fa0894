"""Messages over the API: what needed a person, until it is acknowledged."""

from typing import Annotated

from flask import Blueprint
from pydantic import Field

from app.web.api.operation import operation
from app.web.api.shapes import Answer, Asked, Id, Instant, Limit, Moment
from app.web.current import owner_id, services

bp = Blueprint("notifications", __name__, url_prefix="/api/v1/notifications")

TAG = "Notifications"


class MessagesAsked(Asked):
    acknowledged: Annotated[bool, Field(description="Those that are dealt with as well.")] = False
    topic: Annotated[str, Field(max_length=20, examples=["alert"])] = ""
    before: Annotated[Moment | None, Field(description="The `last_at` of the last one of the page before.")] = None
    limit: Limit = 50


class MessageShown(Answer):
    id: Id
    level: Annotated[str, Field(description="info, warn or alarm", examples=["warn"])]
    topic: Annotated[str, Field(examples=["alert"])]
    subject: Annotated[str, Field(examples=["An alert fired"])]
    text: Annotated[str, Field(examples=["NIFTY24NOV2626050CE is at or above 180: 180.5."])]
    link: Annotated[str, Field(description="A path of this desk, or empty.", examples=["/alerts"])]
    times: Annotated[int, Field(description="How often it was told while it stood open.", examples=[1])]
    first_at: Instant
    last_at: Instant
    read_at: Instant | None
    acknowledged_at: Instant | None


class Messages(Answer):
    items: list[MessageShown]
    unread: Annotated[int, Field(examples=[1])]


class Acknowledged(Answer):
    acknowledged: Annotated[int, Field(examples=[3])]


@bp.get("")
@operation(TAG, "List your messages, newest first", query=MessagesAsked, gives=Messages)
def index(query: MessagesAsked) -> Messages:
    room = services().notify
    found = room.list(
        owner_id(), open_only=not query.acknowledged, topic=query.topic, before=query.before, limit=query.limit
    )
    return Messages(items=[MessageShown.model_validate(row) for row in found], unread=room.unread(owner_id()))


@bp.post("/<notification_id>/acknowledge")
@operation(TAG, "Acknowledge a message", gives=MessageShown)
def acknowledge(notification_id: str) -> MessageShown:
    services().notify.acknowledge(owner_id(), notification_id)
    return MessageShown.model_validate(services().notify.get(owner_id(), notification_id))


@bp.post("/acknowledge")
@operation(TAG, "Acknowledge all messages", gives=Acknowledged)
def acknowledge_all() -> Acknowledged:
    return Acknowledged(acknowledged=services().notify.acknowledge_all(owner_id()))
