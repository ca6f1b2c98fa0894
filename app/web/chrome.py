"""What stands around every page: whose desk, paper or live, how fresh the prices are, whether the engine is
there.

Templates find it as `desk`, with `current_user` and `appearance` beside it. It is computed when a template
first asks, once per request, and never costs more than a few indexed reads.
"""

from dataclasses import dataclass
from typing import Any, Protocol, cast

from flask import Flask, g

from app.users.appearance import DEFAULTS, appearance_of
from app.web.current import caller, services


@dataclass(frozen=True, slots=True)
class Badge:
    """`state` is a word the style sheet knows (live, slow, stale, closed, unknown), `text` what a person reads."""

    state: str = "unknown"
    text: str = "Unknown"


@dataclass(frozen=True, slots=True)
class Desk:
    """`mode` is live, paper, mixed, or none while there is no account."""

    mode: str = "none"
    feed: Badge = Badge()
    engine: Badge = Badge()
    killed: bool = False


class Pulse(Protocol):
    def read(self, owner_id: str) -> Desk: ...


def desk() -> Desk:
    """As it is for this caller; all unknown for a stranger."""
    if "desk" not in g:
        known = caller()
        pulse = cast("Pulse | None", getattr(services(), "pulse", None))
        g.desk = pulse.read(known.owner_id) if known and pulse else Desk()
    return cast(Desk, g.desk)


def start_chrome(app: Flask) -> None:
    @app.context_processor
    def around_every_page() -> dict[str, Any]:
        known = caller()
        return {
            "desk": desk(),
            "current_user": known.user if known else None,
            "may": known.may if known else (lambda _scope: False),
            "appearance": appearance_of(known.user.appearance) if known else DEFAULTS,
        }
