"""What a message asks for. Pure.

It is a JSON object with `action`, and an `id` that is another for each event; what else it carries is kept for people
to read. Without an id, the same words within a minute are the same message.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from app.core.errors import Invalid

LONGEST = 16_384  # bytes
LONGEST_ID = 100
SAME_WORDS = timedelta(minutes=1)
SECRET = "secret"  # noqa: S105 - the name of a field
NOT_AN_OBJECT = 'Send a JSON object such as {"action": "enter", "id": "1"}.'


class Action(StrEnum):
    ENTER = "enter"
    EXIT = "exit"


class SignalState(StrEnum):
    RECEIVED = "received"
    EXECUTED = "executed"
    REFUSED = "refused"
    EXPIRED = "expired"
    TESTED = "tested"


WORDS = {
    Action.ENTER: ("enter", "entry", "start"),
    Action.EXIT: ("exit", "leave", "close", "flat"),
}
ACTIONS = {word: action for action, words in WORDS.items() for word in words}


@dataclass(frozen=True, slots=True)
class Asked:
    action: Action
    is_test: bool = False


def read(body: bytes) -> dict[str, Any]:
    """Raises Invalid for what is no object of a reasonable size."""
    if len(body) > LONGEST:
        raise Invalid.field("body", f"At most {LONGEST} bytes.")
    try:
        found = json.loads(body)
        json.dumps(found)  # as deep as it may be
    except (ValueError, RecursionError):
        raise Invalid.field("body", NOT_AN_OBJECT) from None
    if not isinstance(found, dict):
        raise Invalid.field("body", NOT_AN_OBJECT)
    return found


def asked(message: dict[str, Any], silent_action: str) -> Asked:
    """Raises Invalid where it is not clear what is asked for: a guess could trade the wrong way."""
    is_test, word = message.get("test", False), message.get("action", silent_action or None)
    if not isinstance(is_test, bool):
        raise Invalid.field("test", "Say true or false.")
    if word is None:
        raise Invalid.field("action", "Say enter or exit.")
    action = ACTIONS.get(word.strip().lower()) if isinstance(word, str) else None
    if action is None:
        raise Invalid.field("action", "Say enter or exit: buy and sell mean either, as the strategy is.")
    return Asked(action, is_test)


def event_id(message: dict[str, Any]) -> str:
    """As the sender numbers its events, in JSON; empty where it does not. Raises Invalid."""
    told = message.get("id")
    if told is None or told == "":
        return ""
    if isinstance(told, bool) or not isinstance(told, str | int) or len(str(told)) > LONGEST_ID:
        raise Invalid.field("id", f"Text or a whole number, {LONGEST_ID} characters at most.")
    return json.dumps(told)


def kept(message: dict[str, Any]) -> str:
    """What may be written down: all of it but the secret, the same for the same words however they were spaced."""
    return json.dumps({name: value for name, value in message.items() if name != SECRET}, sort_keys=True)


def same_words(body: str) -> str:
    """A name for what is said; `body` as it is kept."""
    return hashlib.sha256(body.encode()).hexdigest()


def key_of_words(words: str, at: datetime) -> str:
    """Of a message that has neither an id nor a signature; `words` as `same_words` says."""
    return f"words:{words}:{at.timestamp():.6f}"
