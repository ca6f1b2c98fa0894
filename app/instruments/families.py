"""Keeping the families of a master, by which a search finds its contracts; see `models.Family`."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from sqlalchemy import delete, exists, func, insert, select
from sqlalchemy.orm import Session

from app.core.db import Database
from app.core.ids import new_id
from app.instruments.models import Family, Instrument

PIECE = 2_000
LONGEST = 64
COLUMNS = ("word", "name", "symbol", "kind", "expiry", "contracts")
Row = tuple[Any, ...]  # in the order of COLUMNS


def refresh(db: Database, venue_kind: str, exchange: str) -> None:
    """Make the families of an exchange equal to its instruments, in pieces."""
    with db.read() as session:
        wanted = set(_wanted(session, venue_kind, exchange))
        known = _known(session, venue_kind, exchange)
    place = {"venue_kind": venue_kind, "exchange": exchange}
    fresh = ({"id": new_id(), **place, **dict(zip(COLUMNS, row, strict=True))} for row in wanted - set(known))
    for piece in _pieces(fresh):
        with db.write() as session:
            session.execute(insert(Family), piece)
    for piece in _pieces(known[row] for row in set(known) - wanted):
        with db.write() as session:
            session.execute(delete(Family).where(Family.id.in_(piece)))


def missing(session: Session) -> list[tuple[str, str]]:
    """(kind of venue, exchange) of masters that have instruments and no families."""
    here = exists().where(Family.venue_kind == Instrument.venue_kind, Family.exchange == Instrument.exchange)
    rows = session.execute(
        select(Instrument.venue_kind, Instrument.exchange).where(Instrument.active, ~here).distinct()
    )
    return [(kind, exchange) for kind, exchange in rows]


def _wanted(session: Session, venue_kind: str, exchange: str) -> Iterator[Row]:
    listed = (Instrument.venue_kind == venue_kind, Instrument.exchange == exchange, Instrument.active)
    cash = select(Instrument.name, Instrument.symbol, Instrument.kind).where(*listed, Instrument.expiry.is_(None))
    for name, symbol, kind in session.execute(cash):
        for word in {symbol.upper(), name.upper()[:LONGEST]}:
            yield word, name, symbol, kind, None, 1
    key = (Instrument.name, Instrument.kind, Instrument.expiry)
    dated = select(*key, func.count()).where(*listed, Instrument.expiry.is_not(None)).group_by(*key)
    for name, kind, expiry, contracts in session.execute(dated):
        yield name.upper()[:LONGEST], name, "", kind, expiry, contracts


def _known(session: Session, venue_kind: str, exchange: str) -> dict[Row, str]:
    columns = [getattr(Family, name) for name in COLUMNS]
    here = (Family.venue_kind == venue_kind, Family.exchange == exchange)
    return {tuple(row[1:]): row[0] for row in session.execute(select(Family.id, *columns).where(*here))}


def _pieces(rows: Iterator[Any]) -> Iterator[list[Any]]:
    while piece := list(islice(rows, PIECE)):
        yield piece
