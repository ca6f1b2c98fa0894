"""What stands around every page: paper or live, how fresh the prices are, whether the engine is there.

Templates find it as `desk`, with `current_user`, `appearance` and `may(scope)` beside it. It is computed once per
request, from two small reads, and only for someone who is signed in.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from flask import Flask, current_app, g

from app.core.clock import INDIA
from app.core.pulse import Beat
from app.risk.states import Standing
from app.users.appearance import DEFAULTS, appearance_of
from app.web import format as fmt
from app.web.contracts import contract_name
from app.web.current import caller, services
from app.web.figures import Figure
from app.web.market_view import Market, markets
from app.web.navigation import start_navigation
from app.web.order_lines import owned_accounts
from app.web.stopping import sentences

SILENT_AFTER = timedelta(seconds=12)
SLOW_AFTER = timedelta(seconds=3)
ENGINE_SLOW_AFTER = timedelta(seconds=8)  # it beats every five
BY_REQUEST = " · REST"


@dataclass(frozen=True, slots=True)
class Badge:
    """`state` is a word the style sheet knows (live, slow, stale, closed, unknown), `text` what a person reads.

    `at` is the sign of life it goes by; none where it does not go by an age. `source` is "request" where prices are
    asked for, since the stream gives none.
    """

    state: str = "unknown"
    text: str = "Unknown"
    at: datetime | None = None
    source: str = "stream"


@dataclass(frozen=True, slots=True)
class Index:
    """`key` is its cell in the stream, `at` milliseconds."""

    name: str
    key: str
    text: str
    at: int | None


@dataclass(frozen=True, slots=True)
class ArmedNow:
    """How many strategies enter by themselves, and the first of their next entries, as the engine said last."""

    count: int
    next_at: datetime | None
    name: str
    is_silent: bool  # the engine has not said so for a while: nothing enters now

    @property
    def more(self) -> str:
        """Behind the number, where there is room."""
        if self.is_silent:
            return ", engine silent"
        return f" · {self.next_at.astimezone(INDIA):%H:%M}" if self.next_at else ""

    @property
    def title(self) -> str:
        return f"Next: {self.name} at {fmt.moment(self.next_at)}" if self.next_at else "No entry within a day"


@dataclass(frozen=True, slots=True)
class Desk:
    """`mode` is live, paper, mixed, or none while there is no account."""

    mode: str = "none"
    feed: Badge = Badge()
    engine: Badge = Badge()
    now: datetime | None = None
    indices: tuple[Index, ...] = ()
    markets: tuple[Market, ...] = ()  # those this person trades at, the one that speaks for them first
    stops: tuple[tuple[Standing, str], ...] = ()  # what does not trade, each with its sentence
    armed: ArmedNow | None = None
    ready: Beat | None = None  # the newest look at the accounts of what is armed: how many are ready, and not


def mode_of(modes: Iterable[str]) -> str:
    found = set(modes)
    return "mixed" if len(found) > 1 else next(iter(found), "none")


def feed_badge(beat: Beat | None, now: datetime, priced_at: datetime | None = None) -> Badge:
    """How old the newest price is; a closed market and a feed that is down say so themselves.

    `priced_at` is when the newest streamed price came that the caller knows of: beats are further apart than prices.
    """
    if beat is None or now - beat.at >= SILENT_AFTER:
        return badge_of(beat, now)
    fresh = priced_at is not None and now - priced_at < SLOW_AFTER
    last = datetime.fromisoformat(beat.detail["last_at"]) if beat.detail.get("last_at") else None
    told = None if fresh else _told_badge(beat.detail, last, now)
    if told is not None:
        return told
    known = [at for at in (priced_at, last) if at]
    return badge_of(Beat(max(known), {}) if known else None, now)


def _told_badge(detail: Mapping[str, Any], last: datetime | None, now: datetime) -> Badge | None:
    """Where the engine knows better than an age tells: no market is open, prices stand still, or are asked for."""
    if detail.get("source") == "request" and last is not None and now - last < SILENT_AFTER:
        return Badge("slow", f"Slow {max((now - last).total_seconds(), 0):.0f} s{BY_REQUEST}", last, "request")
    state = detail.get("state")
    if state == "closed":
        return Badge("closed", "Closed")
    if state == "frozen" and last is not None:
        return Badge("stale", f"Stale since {last.astimezone(INDIA):%H:%M:%S}")
    return Badge("stale", "Down") if state == "down" else None


def badge_of(beat: Beat | None, now: datetime, slow_after: timedelta = SLOW_AFTER) -> Badge:
    """Told by the age of the last sign of life."""
    if beat is None:
        return Badge("unknown", "Not seen yet")
    age = now - beat.at
    if age >= SILENT_AFTER:
        return Badge("stale", f"Stale since {beat.at.astimezone(INDIA):%H:%M:%S}", beat.at)
    seconds = max(age.total_seconds(), 0)
    if age >= slow_after:
        return Badge("slow", f"Slow {seconds:.0f} s", beat.at)
    return Badge("live", f"Live {seconds:.1f} s", beat.at)


def desk() -> Desk:
    """As it is for this caller; all unknown for a stranger."""
    if "desk" not in g:
        known = caller()
        g.desk = _read(known.owner_id) if known else Desk()
    return cast(Desk, g.desk)


def _read(owner_id: str) -> Desk:
    now, beats = services().clock.now(), services().pulse.read()
    accounts = owned_accounts(owner_id).values()
    kept = [account for account in accounts if account.enabled and account.removed_at is None]
    modes = [account.mode for account in kept]
    live = current_app.extensions.get("live")
    feed = feed_badge(beats.get("feed"), now, live.hub.priced_at if live else None)
    engine = badge_of(beats.get("engine"), now, ENGINE_SLOW_AFTER)
    indices = _indices(live.hub.indices()) if live else ()
    instruments = services().instruments
    shown = tuple(markets(instruments, instruments.exchanges({one.venue_kind for one in kept}, now), now))
    stops = tuple(sentences(owner_id, beats))
    armed, ready = _armed(beats.get("schedule"), owner_id, now), beats.get(f"ready:{owner_id}")
    return Desk(mode_of(modes), feed, engine, now, indices, shown, stops, armed, ready)


def _armed(beat: Beat | None, owner_id: str, now: datetime) -> ArmedNow | None:
    told = beat.detail.get("owners", {}).get(owner_id) if beat else None
    if beat is None or told is None:
        return None
    next_at = datetime.fromisoformat(told["next_at"]) if told["next_at"] else None
    return ArmedNow(told["armed"], next_at, told["name"], now - beat.at >= SILENT_AFTER)


def _indices(figures: Mapping[str, Figure]) -> tuple[Index, ...]:
    """Those the engine watches, the exchange's own name of each."""
    found = [Index(key.rpartition(":")[2], key, one.shown["t"], one.shown["at"]) for key, one in figures.items()]
    return tuple(sorted(found, key=lambda index: index.key, reverse=True))


def start_chrome(app: Flask) -> None:
    app.jinja_env.globals["fmt"] = fmt
    app.jinja_env.globals["contract_name"] = contract_name
    start_navigation(app)

    @app.context_processor
    def around_every_page() -> dict[str, Any]:
        known = caller()
        return {
            "desk": desk(),
            "current_user": known.user if known else None,
            "may": known.may if known else (lambda _scope: False),
            "appearance": appearance_of(known.user.appearance) if known else DEFAULTS,
        }
