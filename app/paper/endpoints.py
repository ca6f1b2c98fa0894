"""What the REST half is made of: an endpoint, its answer, and the shapes of OpenAlgo's success and failure bodies.

In analyze mode order and account answers carry `"mode": "analyze"`; in live mode there is no such key.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from app.paper.broker import Broker
from app.paper.fields import Schema
from app.paper.limits import CALLS, Limit

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is JSON unless it is text already."""

    status: int
    body: Any
    content_type: str = "application/json"


Handler = Callable[[Broker, Body], Answer | Awaitable[Answer]]


class Style(Enum):
    """How an endpoint words a validation failure."""

    OBJECT = "object"
    TEXT = "text"
    TEXT_WITH_MODE = "text with mode"
    OPTIONS = "Validation error"
    GREEKS = "Validation failed"


class Access(Enum):
    """What an endpoint asks of the key: nothing, that it is right, or a broker login behind it."""

    NONE = "none"
    KEY = "key"
    LOGIN = "login"


class SemiAuto(Enum):
    """What a semi-auto server does with a call: answer it, queue it for a person, or refuse it."""

    ANSWER = "answer"
    QUEUE = "queue"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Endpoint:
    name: str
    schema: Schema
    handle: Handler
    style: Style = Style.OBJECT
    access: Access = Access.LOGIN
    limit: Limit = CALLS
    semi_auto: SemiAuto = SemiAuto.ANSWER
    method: str = "POST"


def marked(broker: Broker, body: Body) -> Body:
    return body if broker.live else {**body, "mode": "analyze"}


def ok(broker: Broker, **payload: Any) -> Answer:
    return Answer(200, marked(broker, {"status": "success", **payload}))


def failed(broker: Broker, status: int, message: str, **more: Any) -> Answer:
    return Answer(status, marked(broker, {"status": "error", "message": message, **more}))


def plain_ok(**payload: Any) -> Answer:
    """Endpoints whose answer never names the mode."""
    return Answer(200, {"status": "success", **payload})


def plain_error(status: int, message: Any, **more: Any) -> Answer:
    return Answer(status, {"status": "error", "message": message, **more})
