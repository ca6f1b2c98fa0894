"""Bringing an instrument master up to date in pieces.

The difference is worked out before anything is written, and written in small transactions, so that tens of
thousands of rows never hold the database while an order waits to be journaled. A venue that lists nothing
at all says that its list is missing, not that every contract is gone: what we have is kept.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any, Protocol

from sqlalchemy import Table, bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from app.core.clock import Clock
from app.core.db import Database, connection_of, swap
from app.core.errors import DeskError, Retry
from app.core.ids import new_id
from app.core.money import plain
from app.instruments import families
from app.instruments.models import Instrument, Master, Reading

PIECE = 2_000
MOST_TOLD = 60  # names and kinds of change of a reading that are kept
READINGS_KEPT = 60  # of each exchange
FIELDS = ("name", "kind", "expiry", "strike", "lot_size", "tick", "freeze_quantity")

Values = tuple[Any, ...]  # in the order of FIELDS


class SymbolLike(Protocol):
    @property
    def exchange(self) -> str: ...
    @property
    def name(self) -> str: ...


class ContractLike(Protocol):
    """A row of a venue's list; quantities in units, `freeze_quantity` None when the venue does not know."""

    @property
    def symbol(self) -> SymbolLike: ...
    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def lot_size(self) -> Decimal: ...
    @property
    def tick(self) -> Decimal: ...
    @property
    def expiry(self) -> date | None: ...
    @property
    def strike(self) -> Decimal | None: ...
    @property
    def freeze_quantity(self) -> Decimal | None: ...


class Lister(Protocol):
    """The part of a venue that lists contracts."""

    def contracts(self, exchange: str) -> Sequence[ContractLike]: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """Who was asked for a list: the account by id and name, and whose list it is for everybody."""

    account_id: str
    account: str
    source: str


@dataclass(frozen=True, slots=True)
class SyncCounts:
    """What one reading of one exchange changed."""

    exchange: str
    added: int
    changed: int
    gone: int
    unchanged: int


@dataclass(slots=True)
class _Difference:
    added: list[tuple[str, Values]] = field(default_factory=list)
    changed: list[tuple[str, Values]] = field(default_factory=list)  # row id, new values
    before: list[Values] = field(default_factory=list)  # of what changed, in the same order
    gone: list[str] = field(default_factory=list)
    names_gone: list[str] = field(default_factory=list)
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class _Reading:
    venue_kind: str
    exchange: str
    asked: Asked
    now: datetime

    @property
    def source(self) -> str:
        return self.asked.source


def sync_exchange(
    db: Database,
    lister: Lister,
    venue_kind: str,
    exchange: str,
    asked: Asked,
    clock: Clock,
    now: datetime,
) -> SyncCounts:
    """Make our rows of one exchange equal to the venue's list, and record what that changed.

    Raises Retry when the list is empty; a failure is on record as well.
    """
    begun = clock.monotonic()
    reading = _Reading(venue_kind, exchange, asked, now)
    try:
        listed = {row.symbol.name: _values(row) for row in lister.contracts(exchange)}
        if not listed:
            raise Retry(f"{asked.source} lists nothing on {exchange}: the instruments on record are kept.")
    except DeskError as error:
        _record(db, reading, _Difference(), 0, begun, clock, error.message)
        raise
    with db.read() as session:
        difference = compare(_known(session, reading), listed)
    _write(db, reading, difference)
    families.refresh(db, venue_kind, exchange)
    with db.write() as session:
        _stamp(session, reading, len(listed))
    _record(db, reading, difference, len(listed), begun, clock)
    return SyncCounts(
        exchange, len(difference.added), len(difference.changed), len(difference.gone), difference.unchanged
    )


def summary(difference: _Difference) -> dict[str, Any]:
    """What a person reads of it: `added` and `gone` as [name, contracts], `changed` as [name, field, before, after,
    contracts], the most numerous first."""
    changed = Counter(
        (after[0], FIELDS[n], _spell(old), _spell(new))
        for (_, after), before in zip(difference.changed, difference.before, strict=True)
        for n, (old, new) in enumerate(zip(before, after, strict=True))
        if old != new
    )
    added = Counter(values[0] for _, values in difference.added)
    return {
        "added": [[name, count] for name, count in added.most_common(MOST_TOLD)],
        "gone": [[name, count] for name, count in Counter(difference.names_gone).most_common(MOST_TOLD)],
        "changed": [[*key, count] for key, count in changed.most_common(MOST_TOLD)],
    }


def _spell(value: object) -> str:
    return plain(value) if isinstance(value, Decimal) else "" if value is None else str(value)


def _record(
    db: Database, reading: _Reading, found: _Difference, contracts: int, begun: float, clock: Clock, trouble: str = ""
) -> None:
    here = (Reading.venue_kind == reading.venue_kind, Reading.exchange == reading.exchange)
    row = Reading(
        venue_kind=reading.venue_kind,
        exchange=reading.exchange,
        source=reading.asked.account,
        at=reading.now,
        took_ms=int((clock.monotonic() - begun) * 1000),
        contracts=contracts,
        added=len(found.added),
        changed=len(found.changed),
        gone=len(found.gone),
        detail=summary(found) | {"account_id": reading.asked.account_id},
        trouble=trouble,
    )
    with db.write() as session:
        session.add(row)
        session.flush()
        newest = select(Reading.id).where(*here).order_by(Reading.at.desc()).limit(READINGS_KEPT)
        kept = session.scalars(newest).all()
        session.execute(delete(Reading).where(*here, Reading.id.not_in(kept)))


def compare(known: dict[str, tuple[str, bool, Values]], listed: dict[str, Values]) -> _Difference:
    """`known`: symbol → (row id, active, values)."""
    difference = _Difference()
    for symbol, values in listed.items():
        row = known.get(symbol)
        if row is None:
            difference.added.append((symbol, values))
        elif row[1] and row[2] == values:
            difference.unchanged += 1
        else:
            difference.changed.append((row[0], values))
            difference.before.append(row[2])
    gone = [row for symbol, row in known.items() if row[1] and symbol not in listed]
    difference.gone = [row_id for row_id, _, _ in gone]
    difference.names_gone = [values[0] for _, _, values in gone]
    return difference


def _values(row: ContractLike) -> Values:
    return tuple(getattr(row, name) for name in FIELDS)


def _known(session: Session, reading: _Reading) -> dict[str, tuple[str, bool, Values]]:
    columns = [getattr(Instrument, name) for name in FIELDS]
    rows = session.execute(
        select(Instrument.symbol, Instrument.id, Instrument.active, *columns).where(
            Instrument.venue_kind == reading.venue_kind, Instrument.exchange == reading.exchange
        )
    )
    return {row[0]: (row[1], row[2], tuple(row[3:])) for row in rows}


def _write(db: Database, reading: _Reading, difference: _Difference) -> None:
    """Additions first: a contract is never missing from the table while its correction is on the way. A list that is
    read for the first time counts all at once: half of it has other expiries and strikes."""
    here = {"venue_kind": reading.venue_kind, "exchange": reading.exchange}
    with db.read() as session:
        is_known = session.scalar(select(Master.id).filter_by(**here)) is not None
    fixed = {**here, "source": reading.source, "synced_at": reading.now, "active": is_known}
    fresh = (
        {"id": new_id(), "symbol": symbol, **fixed, **dict(zip(FIELDS, values, strict=True))}
        for symbol, values in difference.added
    )
    moved = (
        {"row_id": row_id, "source": reading.source, "synced_at": reading.now, "active": is_known}
        | dict(zip(FIELDS, values, strict=True))
        for row_id, values in difference.changed
    )
    gone = ({"row_id": row_id, "synced_at": reading.now, "active": False} for row_id in difference.gone)
    table = _table()
    _in_pieces(db, insert(table), fresh)
    _in_pieces(db, update(table).where(table.c.id == bindparam("row_id")), moved)
    if not is_known:
        with db.write() as session:
            session.execute(update(Instrument).filter_by(**here, synced_at=reading.now).values(active=True))
    _in_pieces(db, update(table).where(table.c.id == bindparam("row_id")), gone)


def _in_pieces(db: Database, statement: Any, rows: Iterator[dict[str, Any]]) -> None:
    while piece := list(islice(rows, PIECE)):
        with db.write() as session:
            connection_of(session).execute(statement, piece)


def _table() -> Table:
    table = Instrument.__table__
    if not isinstance(table, Table):
        raise TypeError("instruments is a table")
    return table


def _stamp(session: Session, reading: _Reading, contracts: int) -> None:
    master = session.scalar(
        select(Master).where(Master.venue_kind == reading.venue_kind, Master.exchange == reading.exchange)
    )
    change = {"source": reading.source, "synced_at": reading.now, "contracts": contracts}
    if master is None:
        session.add(Master(id=new_id(), venue_kind=reading.venue_kind, exchange=reading.exchange, **change))
    else:
        swap(session, Master, master.id, {}, change)
