"""What the engine knows of an account's books, and what of it is stored and told. Values in, values out."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from app.broadcast.parts import Part, Row, Rows, Source, difference, quantities, with_order
from app.core.clock import epoch_ms


@dataclass(slots=True)
class Kept:
    """A part: what is known, and what of it is stored and told."""

    rows: Rows
    read_at: datetime
    source: Source
    fresh: timedelta
    told: Rows | None = None
    noted_at: datetime | None = None  # the reading as stored

    def take(self, rows: Rows, at: datetime, source: Source, fresh: timedelta) -> None:
        self.rows, self.read_at, self.source, self.fresh = rows, at, source, fresh


@dataclass(slots=True)
class Known:
    owner_id: str
    currency: str
    since: datetime
    seq: int = 0
    parts: dict[Part, Kept] = field(default_factory=dict)
    polls: dict[str, int] = field(default_factory=dict)
    pushes: int = 0
    errors: int = 0
    last_success_at: datetime | None = None
    last_error_at: datetime | None = None
    last_error: str = ""
    is_counted: bool = False  # its counts have a row
    is_touched: bool = False  # since they were written
    heard: deque[tuple[datetime, Row]] = field(default_factory=deque)  # pushed since the last book


@dataclass(frozen=True, slots=True)
class Change:
    """What is about to be stored and told of one part."""

    part: Part
    kept: Kept
    rows: Rows
    read_at: datetime
    source: Source
    fresh: timedelta
    came: list[Row]
    gone: list[str]
    is_about_quantities: bool  # prices and profit move all the time


@dataclass(frozen=True, slots=True)
class Reading:
    """The newest reading of a part that differs in nothing but its time."""

    account_id: str
    part: Part
    kept: Kept
    at: datetime


def with_heard(known: Known, book: Rows, started_at: datetime) -> Rows:
    """A book does not know what was pushed after it was asked for."""
    while known.heard and known.heard[0][0] < started_at:
        known.heard.popleft()
    for _at, row in known.heard:
        book = with_order(book, row)
    return book


def changes_of(known: Known) -> list[Change]:
    """The parts that differ from what was told."""
    return [
        _change(part, kept)
        for part, kept in known.parts.items()
        if kept.told is None or (kept.rows is not kept.told and kept.rows != kept.told)
    ]


def _change(part: Part, kept: Kept) -> Change:
    came, gone = difference(kept.told or {}, kept.rows)
    moved = part in (Part.ORDERS, Part.TRADES) or kept.told is None
    if not moved and part is not Part.FUNDS:
        moved = quantities(kept.rows) != quantities(kept.told or {})
    return Change(part, kept, kept.rows, kept.read_at, kept.source, kept.fresh, came, gone, moved)


def readings_of(account_id: str, known: Known, changed: Sequence[Change]) -> list[Reading]:
    """Those not stored yet, beside what changed."""
    apart = {change.part for change in changed}
    return [
        Reading(account_id, part, kept, kept.read_at)
        for part, kept in known.parts.items()
        if part not in apart and kept.noted_at is not None and kept.noted_at != kept.read_at
    ]


def as_told(change: Change) -> dict[str, Any]:
    return {
        "rows": change.came,
        "gone": change.gone,
        "source": change.source.value,
        "read_at": epoch_ms(change.read_at),
        "fresh_ms": milliseconds(change.fresh),
    }


def milliseconds(span: timedelta) -> int:
    return int(span.total_seconds() * 1000)
