"""What an OpenAlgo server's answer proves about a command or a reading. Pure.

The server has no idempotency key, so a wrong "refused" or "unavailable" would let an order be sent twice.
Therefore only what is proven gets those names; every other answer to a command is unknown. A 401 is never the server's
own word (that is a 403): it is passed on from the broker or a proxy, and does not say how far the order had come.

| answer                                                     | outcome     |
|------------------------------------------------------------|-------------|
| 200, status success, an order id                           | done        |
| 200 with a pending order id (semi-auto server)             | refused     |
| 200, status error, no order id                             | refused     |
| 400, 403, 404 in JSON                                      | refused     |
| 429 without a status key: the server's own rate limit      | unavailable |
| not connected, so nothing was sent                         | unavailable |
| all else: timeouts, resets, no JSON, success without an id |             |
| other 2xx, 3xx, 5xx, other 4xx, the broker's own 429       | unknown     |
"""

import ast
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app.core.errors import Refused, Retry, Unknown
from app.venues.types import Answer, Mode, Outcome

LONGEST_MESSAGE = 400
_NOT_TEXT = re.compile(r"<[^>]*>|[\x00-\x20\x7f]+")


class Lost(StrEnum):
    """How far a request got that has no answer."""

    NOT_SENT = "not sent"
    ON_THE_WAY = "on the way"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came: `body` is the parsed JSON, or None where there was none to parse."""

    status: int
    body: Any
    text: str = ""  # the start of what was not JSON


@dataclass(frozen=True, slots=True)
class NoReply:
    lost: Lost
    problem: str


Result = Reply | NoReply


def placed(result: Result, hide: str = "") -> Answer:
    """What became of a placing."""
    return _command(result, hide)


def modified(result: Result, hide: str = "") -> Answer:
    """What became of a modification; the id in the answer may be a new one."""
    return _command(result, hide)


def cancelled(result: Result, hide: str = "") -> Answer:
    """What became of a cancellation: done means that it was asked for."""
    answer = _command(result, hide)
    return Answer(answer.outcome, None, answer.reason, answer.code, answer.mode, answer.awaiting_approval)


def _command(result: Result, hide: str) -> Answer:
    if isinstance(result, NoReply):
        outcome = Outcome.UNAVAILABLE if result.lost is Lost.NOT_SENT else Outcome.UNKNOWN
        return Answer(outcome, reason=hidden(result.problem, hide))
    if not isinstance(result.body, dict):
        return Answer(Outcome.UNKNOWN, reason=_not_json(result, hide), code=result.status)
    if result.status == 200:
        return _after_200(result.body, hide)
    return Answer(
        _outcome(result.status, result.body),
        reason=sentence(result.body, hide) or f"The server answered {result.status}.",
        code=result.status,
        mode=_mode_said(result.body),
        login_needed=_means_no_login(result, hide),
    )


def _means_no_login(result: Reply, hide: str) -> bool:
    """A server in semi-auto mode refuses changes with the same status and names its mode."""
    if not isinstance(result.body, dict) or _outcome(result.status, result.body) is not Outcome.REFUSED:
        return False
    return means_bad_login(result) and "semi-auto" not in sentence(result.body, hide).lower()


def _outcome(status: int, body: dict[str, Any]) -> Outcome:
    if status == 429 and "status" not in body and "message" in body:
        return Outcome.UNAVAILABLE
    if status in (400, 403, 404) and body.get("status", "error") == "error":
        return Outcome.REFUSED
    return Outcome.UNKNOWN


def _after_200(body: dict[str, Any], hide: str) -> Answer:
    order_id = identity(body.get("orderid"))
    if body.get("status") == "success" and order_id:
        return Answer(Outcome.DONE, order_id, code=200, mode=_mode_said(body) or Mode.LIVE)
    reason = sentence(body, hide)
    if body.get("pending_order_id") is not None and not order_id:
        reason = reason or "The server queued the order for a person to approve."
        return Answer(Outcome.REFUSED, reason=reason, code=200, awaiting_approval=True)
    if body.get("status") == "error" and "orderid" not in body:
        return Answer(Outcome.REFUSED, reason=reason, code=200, mode=_mode_said(body))
    reason = reason or "The server answered without an order id."
    return Answer(Outcome.UNKNOWN, reason=reason, code=200, mode=_mode_said(body))


def _mode_said(body: dict[str, Any]) -> Mode | None:
    """The mode named in an answer; a live server names none, so silence proves it only on success."""
    return {"analyze": Mode.PAPER, "live": Mode.LIVE}.get(str(body.get("mode", "")).lower())


def identity(value: object) -> str | None:
    """An id as text. A float has lost digits already and is no id."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value).strip() or None


# -- Readings


def reading(result: Result, hide: str = "") -> dict[str, Any]:
    """The body of a reading that succeeded; raises `Retry`, `Refused` or `Unknown` for one that did not."""
    if isinstance(result, NoReply):
        raise Retry(hidden(result.problem, hide))
    status, body = result.status, result.body
    said = sentence(body, hide) if isinstance(body, dict) else _not_json(result, hide)
    said = said or f"The server answered {status}."
    if status == 200:
        return _read_200(body, said)
    if status == 429 or (status >= 500 and status != 501):
        raise Retry(said, code=str(status))
    if 400 <= status < 500 or status == 501:
        raise Refused(said, code=str(status))
    raise Unknown(said, code=str(status))


def _read_200(body: Any, said: str) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise Unknown(said, code="200")
    if body.get("status") == "success":
        return body
    if body.get("status") == "error":
        raise Refused(said, code="200")
    raise Unknown("The server's answer is not one of OpenAlgo's.", code="200")


def means_bad_login(result: Result) -> bool:
    """403 in JSON: a wrong key or a missing broker login, which look the same on most endpoints."""
    return isinstance(result, Reply) and result.status == 403 and isinstance(result.body, dict)


# -- Words


def sentence(body: dict[str, Any], hide: str = "") -> str:
    """The message as one line. It comes as a sentence, as `{field: [texts]}` or as the latter's repr."""
    message = body.get("message")
    if isinstance(message, str) and message.startswith("{"):
        message = _literal(message)
    fields = message if isinstance(message, dict) else body.get("errors")
    words = _by_field(fields) if isinstance(fields, dict) and fields else ""
    return clean(words or _text(message), hide)


def _literal(text: str) -> Any:
    if len(text) > 4000:
        return text
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return text


def _by_field(fields: dict[str, Any]) -> str:
    return "; ".join(f"{name}: {_text(texts)}" for name, texts in fields.items())


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " ".join(_text(each) for each in value)
    if isinstance(value, dict):
        return _by_field(value)
    return "" if value is None else str(value)


def clean(text: str, hide: str = "") -> str:
    """Text from outside as one short line without markup, control characters and secrets."""
    line = _NOT_TEXT.sub(" ", hidden(text, hide))
    return " ".join(line.split())[:LONGEST_MESSAGE]


def hidden(text: str, secret: str) -> str:
    return text.replace(secret, "…") if secret else text


def _not_json(reply: Reply, hide: str) -> str:
    excerpt = clean(reply.text, hide)[:120]
    return f"The server answered {reply.status} with something other than JSON" + (f": {excerpt}" if excerpt else ".")
