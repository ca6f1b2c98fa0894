"""Who does something, for the audit trail: a person with an address, or a part of the desk itself.

The door that took the call says so once with `acting`; what runs inside asks `current` instead of passing
it along.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    id: str | None
    name: str
    ip: str = ""


DESK = Actor(id=None, name="desk")

_current: ContextVar[Actor] = ContextVar("actor", default=DESK)


def current() -> Actor:
    return _current.get()


def act_as(actor: Actor) -> None:
    """Until said otherwise: for a door that starts every call with this."""
    _current.set(actor)


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    mark = _current.set(actor)
    try:
        yield
    finally:
        _current.reset(mark)
