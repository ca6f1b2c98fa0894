"""The trade journal: closed runs and trades by hand, each with what a person wrote to it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import and_, func, or_, select

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Denied, Invalid, NotFound
from app.core.money import ZERO
from app.portfolio.analytics import BOTH, Choice
from app.portfolio.models import RoundTrip, TripNote
from app.portfolio.pnl import add_up

LONGEST_NOTE = 4_000
LONGEST_TAG = 30
MOST_TAGS = 10
TAG = re.compile(r"[^\s,;#%_\\][^,;#%_\\]*")


@dataclass(frozen=True, slots=True)
class Entry:
    """A closed run over its accounts, or a trade by hand. Money is None where it has several currencies, or a price is
    not known. `by_mode` are its parts in live and in paper accounts, for whoever shows money: live comes first."""

    id: str
    run_id: str | None
    name: str
    modes: tuple[str, ...]
    currency: str
    account_ids: tuple[str, ...]
    opened_at: datetime
    closed_at: datetime
    realised: Decimal | None
    charges: Decimal | None
    orders: int
    note: str = ""
    tags: tuple[str, ...] = ()
    version: int = 0  # of the note; 0 before there is one
    by_mode: tuple["Entry", ...] = ()

    @property
    def mode(self) -> str:
        return self.modes[0] if len(self.modes) == 1 else "mixed"

    @property
    def net(self) -> Decimal | None:
        """Less the charges, as far as a price list is known."""
        return None if self.realised is None else self.realised - (self.charges or ZERO)


@dataclass(frozen=True, slots=True)
class Asked:
    """`text` is looked for in the name and the note; `before` is the id of the last entry of the page before."""

    choice: Choice
    tag: str = ""
    text: str = ""
    before: str = ""
    limit: int = 50


class Diary:
    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def entries(self, asked: Asked) -> list[Entry]:
        """The one closed last comes first."""
        with self._db.read() as session:
            query = _entries(asked.choice)
            if asked.before:
                last = session.execute(_entries(Choice(asked.choice.owner_id), asked.before)).first()
                query = query if last is None else query.having(_is_before(last))
            ids = [row.entry_id for row in session.execute(_searched(query, asked))]
            trips = session.scalars(select(RoundTrip).where(RoundTrip.entry_id.in_(ids), *_chosen(asked.choice))).all()
            notes = _notes(session.scalars(select(TripNote).where(*_noted(asked.choice.owner_id, ids))))
        return [_entry([trip for trip in trips if trip.entry_id == one], notes.get(one)) for one in ids]

    def entry(self, owner_id: str, entry_id: str) -> Entry:
        """Raises NotFound for somebody else's, and for what is not closed."""
        choice = Choice(owner_id)
        with self._db.read() as session:
            if session.execute(_entries(choice, entry_id)).first() is None:
                raise NotFound("There is no such entry in the trade journal.")
            trips = session.scalars(select(RoundTrip).where(RoundTrip.entry_id == entry_id, *_chosen(choice))).all()
            note = session.scalar(select(TripNote).where(*_noted(owner_id, [entry_id])))
        return _entry(trips, note)

    def tags(self, owner_id: str) -> list[str]:
        """All that a person uses, by name."""
        with self._db.read() as session:
            rows = session.scalars(select(TripNote.tags).where(TripNote.owner_id == owner_id, TripNote.tags != ""))
            return sorted({tag for row in rows for tag in _split(row)}, key=str.casefold)

    def write(self, owner_id: str, entry_id: str, note: str, tags: Sequence[str], version: int | None = None) -> Entry:
        """`version` is what the writer saw: a newer one is not overwritten. Raises Invalid, Denied, NotFound."""
        checked = _checked(note, tags)
        self.entry(owner_id, entry_id)
        with self._db.write() as session:
            row = session.scalar(select(TripNote).where(*_noted(owner_id, [entry_id])))
            if version is not None and version != (row.version if row else 0):
                raise Denied("The note was changed meanwhile: look at it again before you save yours.")
            row = row or TripNote(owner_id=owner_id, entry_id=entry_id, version=0)
            row.note, row.tags, row.updated_at = note.strip(), checked, self._clock.now()
            row.version += 1
            session.add(row)
        return self.entry(owner_id, entry_id)


def _entries(choice: Choice, *entry_ids: str) -> Any:
    """Those that are closed in all their accounts; each with when it was closed."""
    still = select(RoundTrip.entry_id).where(RoundTrip.owner_id == choice.owner_id, RoundTrip.closed_on.is_(None))
    query = select(RoundTrip.entry_id, func.max(RoundTrip.closed_at).label("closed")).where(*_chosen(choice))
    if entry_ids:
        query = query.where(RoundTrip.entry_id.in_(entry_ids))
    return query.where(RoundTrip.entry_id.not_in(still)).group_by(RoundTrip.entry_id)


def _chosen(choice: Choice) -> list[Any]:
    row = RoundTrip
    wanted = {"account_id": choice.account_id, "strategy_id": choice.strategy_id, "currency": choice.currency}
    kept = [getattr(row, name) == value for name, value in wanted.items() if value]
    if choice.mode != BOTH:
        kept.append(row.mode == choice.mode)
    first = [row.closed_on >= choice.first] if choice.first else []
    last = [row.closed_on <= choice.last] if choice.last else []
    return [row.owner_id == choice.owner_id, row.closed_on.is_not(None), *kept, *first, *last]


def _is_before(last: Any) -> Any:
    closed = func.max(RoundTrip.closed_at)
    return or_(closed < last.closed, and_(closed == last.closed, RoundTrip.entry_id < last.entry_id))


def _searched(query: Any, asked: Asked) -> Any:
    if asked.tag or asked.text:
        note = and_(TripNote.entry_id == RoundTrip.entry_id, TripNote.owner_id == asked.choice.owner_id)
        query = query.outerjoin(TripNote, note)
    if asked.tag:
        query = query.where(TripNote.tags.contains(f",{asked.tag},", autoescape=True))
    if asked.text:
        said = [column.icontains(asked.text, autoescape=True) for column in (RoundTrip.name, TripNote.note)]
        query = query.where(or_(*said))
    return query.order_by(func.max(RoundTrip.closed_at).desc(), RoundTrip.entry_id.desc()).limit(asked.limit)


def _noted(owner_id: str, entry_ids: Sequence[str]) -> list[Any]:
    return [TripNote.owner_id == owner_id, TripNote.entry_id.in_(entry_ids)]


def _notes(rows: Iterable[TripNote]) -> dict[str, TripNote]:
    return {row.entry_id: row for row in rows}


def _entry(trips: Sequence[RoundTrip], note: TripNote | None) -> Entry:
    whole = _added_up(trips, note)
    apart = (_added_up([trip for trip in trips if trip.mode == mode], note) for mode in whole.modes)
    return replace(whole, by_mode=tuple(apart))


def _added_up(trips: Sequence[RoundTrip], note: TripNote | None) -> Entry:
    currencies = {trip.currency for trip in trips}
    is_one = len(currencies) == 1
    return Entry(
        id=trips[0].entry_id,
        run_id=trips[0].run_id,
        name=trips[0].name,
        modes=tuple(sorted({trip.mode for trip in trips})),
        currency=currencies.pop() if is_one else "",
        account_ids=tuple(sorted({trip.account_id for trip in trips})),
        opened_at=min(trip.opened_at for trip in trips),
        closed_at=max(trip.closed_at or trip.opened_at for trip in trips),
        realised=add_up(trip.realised for trip in trips) if is_one else None,
        charges=add_up(trip.charges for trip in trips) if is_one else None,
        orders=sum(trip.orders for trip in trips),
        note=note.note if note else "",
        tags=_split(note.tags) if note else (),
        version=note.version if note else 0,
    )


def _split(tags: str) -> tuple[str, ...]:
    return tuple(tag for tag in tags.split(",") if tag)


def _checked(note: str, tags: Sequence[str]) -> str:
    """The tags as they are stored, each once. Raises Invalid by field."""
    errors = {}
    if len(note) > LONGEST_NOTE:
        errors["note"] = [f"A note has {LONGEST_NOTE} characters at most."]
    kept = list(dict.fromkeys(" ".join(tag.split()) for tag in tags if tag.strip()))
    if len(kept) > MOST_TAGS:
        errors["tags"] = [f"An entry has {MOST_TAGS} tags at most."]
    elif any(len(tag) > LONGEST_TAG or not TAG.fullmatch(tag) for tag in kept):
        errors["tags"] = [f"A tag has {LONGEST_TAG} characters at most, and none of , ; # % _ \\ in it."]
    if errors:
        raise Invalid(errors, "The note was not saved.")
    return f",{','.join(kept)}," if kept else ""
