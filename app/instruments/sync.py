"""Bringing an instrument master up to date in pieces.

The difference is worked out before anything is written, and written in small transactions, so that tens of
thousands of rows never hold the database while an order waits to be journaled. A venue that lists nothing
at all says that its list is missing, not that every contract is gone: what we have is kept.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any, Protocol

from sqlalchemy import Table, bindparam, insert, select, update
from sqlalchemy.orm import Session

from app.core.db import Database, swap
from app.core.errors import Retry
from app.core.ids import new_id
from app.instruments.models import Instrument, Master

PIECE = 2_000
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
    gone: list[str] = field(default_factory=list)
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class _Reading:
    venue_kind: str
    exchange: str
    source: str
    now: datetime


def sync_exchange(
    db: Database, lister: Lister, venue_kind: str, exchange: str, source: str, now: datetime
) -> SyncCounts:
    """Make our rows of one exchange equal to the venue's list. Raises Retry when the list is empty."""
    listed = {row.symbol.name: _values(row) for row in lister.contracts(exchange)}
    if not listed:
        raise Retry(f"{source} lists nothing on {exchange}: the instruments on record are kept.")
    reading = _Reading(venue_kind, exchange, source, now)
    with db.read() as session:
        difference = compare(_known(session, reading), listed)
    _write(db, reading, difference)
    with db.write() as session:
        _stamp(session, reading, len(listed))
    return SyncCounts(
        exchange, len(difference.added), len(difference.changed), len(difference.gone), difference.unchanged
    )


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
    difference.gone = [row_id for symbol, (row_id, active, _) in known.items() if active and symbol not in listed]
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
    """Additions first: a contract is never missing from the table while its correction is on the way."""
    fixed = {
        "venue_kind": reading.venue_kind,
        "exchange": reading.exchange,
        "source": reading.source,
        "synced_at": reading.now,
        "active": True,
    }
    fresh = (
        {"id": new_id(), "symbol": symbol, **fixed, **dict(zip(FIELDS, values, strict=True))}
        for symbol, values in difference.added
    )
    moved = (
        {"row_id": row_id, "source": reading.source, "synced_at": reading.now, "active": True}
        | dict(zip(FIELDS, values, strict=True))
        for row_id, values in difference.changed
    )
    gone = ({"row_id": row_id, "synced_at": reading.now, "active": False} for row_id in difference.gone)
    table = _table()
    _in_pieces(db, insert(table), fresh)
    _in_pieces(db, update(table).where(table.c.id == bindparam("row_id")), moved)
    _in_pieces(db, update(table).where(table.c.id == bindparam("row_id")), gone)


def _in_pieces(db: Database, statement: Any, rows: Iterator[dict[str, Any]]) -> None:
    while piece := list(islice(rows, PIECE)):
        with db.write() as session:
            session.connection().execute(statement, piece)


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
