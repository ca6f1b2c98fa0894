"""What people do with their lists. Every method takes the owner first: someone else's list is not found."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.core.clock import Clock
from app.core.db import Database, after_commit
from app.core.errors import Denied, Invalid
from app.core.ids import new_id
from app.core.owning import owned
from app.instruments.models import Instrument
from app.instruments.service import InstrumentService
from app.venues.types import Symbol
from app.watchlists.models import WatchedSymbol, Watchlist
from app.watchlists.pasted import Pasted, read

MOST_LISTS, MOST_SYMBOLS = 20, 200
LONGEST_NAME = 40
VENUE_KIND = "openalgo"


@dataclass(frozen=True, slots=True)
class ListsChanged:
    owner_id: str


@dataclass(frozen=True, slots=True)
class Imported:
    """`unknown`: as typed, on no exchange on record; `unclear`: on several, so it needs one before a colon."""

    added: int
    known: int  # on the list already
    unknown: Sequence[str]
    unclear: Sequence[str]
    left: int  # more than the list can hold


class WatchlistService:
    def __init__(
        self, db: Database, clock: Clock, instruments: InstrumentService, announce: Callable[[object], None]
    ) -> None:
        self._db = db
        self._clock = clock
        self._instruments = instruments
        self._announce = announce

    # -- reading

    def lists(self, owner_id: str) -> Sequence[tuple[Watchlist, int]]:
        """In their order, each with how many symbols it has."""
        counted = select(func.count()).where(WatchedSymbol.watchlist_id == Watchlist.id).scalar_subquery()
        query = select(Watchlist, counted).where(Watchlist.owner_id == owner_id)
        with self._db.read() as session:
            return [(row, count) for row, count in session.execute(query.order_by(Watchlist.position, Watchlist.id))]

    def get(self, owner_id: str, watchlist_id: str) -> Watchlist:
        with self._db.read() as session:
            return owned(session, Watchlist, owner_id, watchlist_id, "list")

    def symbols(self, owner_id: str, watchlist_id: str) -> Sequence[WatchedSymbol]:
        with self._db.read() as session:
            owned(session, Watchlist, owner_id, watchlist_id, "list")
            return _symbols(session, watchlist_id)

    def holding(self, owner_id: str, symbol: Symbol) -> frozenset[str]:
        """The ids of the owner's lists that the symbol is on."""
        mine = select(Watchlist.id).where(Watchlist.owner_id == owner_id)
        query = select(WatchedSymbol.watchlist_id).where(
            WatchedSymbol.watchlist_id.in_(mine),
            WatchedSymbol.exchange == symbol.exchange,
            WatchedSymbol.symbol == symbol.name,
        )
        with self._db.read() as session:
            return frozenset(session.scalars(query))

    # -- lists

    def create(self, owner_id: str, name: str) -> str:
        name = _named(name)
        with self._db.write() as session:
            count, last = session.execute(
                select(func.count(), func.max(Watchlist.position)).where(Watchlist.owner_id == owner_id)
            ).one()
            if count >= MOST_LISTS:
                raise Invalid.field("name", f"You have {MOST_LISTS} lists, and more are not kept: delete one first.")
            row = Watchlist(
                id=new_id(), owner_id=owner_id, name=name, name_key=name.casefold(), position=(last or 0) + 1,
                created_at=self._clock.now(),
            )  # fmt: skip
            session.add(row)
            self._save(session, owner_id, name)
            return row.id

    def rename(self, owner_id: str, watchlist_id: str, name: str) -> None:
        name = _named(name)
        with self._db.write() as session:
            row = owned(session, Watchlist, owner_id, watchlist_id, "list")
            row.name, row.name_key = name, name.casefold()
            self._save(session, owner_id, name)

    def delete(self, owner_id: str, watchlist_id: str) -> int:
        """How many symbols it had."""
        with self._db.write() as session:
            row = owned(session, Watchlist, owner_id, watchlist_id, "list")
            count = session.execute(delete(WatchedSymbol).where(WatchedSymbol.watchlist_id == row.id)).rowcount  # type: ignore[attr-defined]  # a DELETE gives a cursor result
            session.delete(row)
            self._changed(session, owner_id)
            return int(count)

    def move_list(self, owner_id: str, watchlist_id: str, by: int) -> None:
        with self._db.write() as session:
            owned(session, Watchlist, owner_id, watchlist_id, "list")
            rows = session.scalars(
                select(Watchlist).where(Watchlist.owner_id == owner_id).order_by(Watchlist.position, Watchlist.id)
            ).all()
            _reorder(list(rows), watchlist_id, by)
            self._changed(session, owner_id)

    # -- symbols

    def add(self, owner_id: str, watchlist_id: str, exchange: str, symbol: str) -> bool:
        """False when it was on the list already. Raises Invalid for what is not on record."""
        self.get(owner_id, watchlist_id)
        exchange, symbol = _spelt(exchange, symbol)
        if self._instruments.find(VENUE_KIND, exchange, symbol) is None:
            raise Invalid.field("symbol", f"There is no {symbol[:40]} on {exchange[:12]} on record.")
        with self._db.write() as session:
            row = owned(session, Watchlist, owner_id, watchlist_id, "list")
            there = _symbols(session, row.id)
            if _on(there, exchange, symbol) is not None:
                return False
            if len(there) >= MOST_SYMBOLS:
                raise Denied(f"{row.name} has {MOST_SYMBOLS} symbols, and more are not kept: remove one first.")
            _append(session, row.id, there, [Symbol(exchange, symbol)])
            self._changed(session, owner_id)
            return True

    def remove(self, owner_id: str, watchlist_id: str, exchange: str, symbol: str) -> bool:
        """False when it was not on the list."""
        with self._db.write() as session:
            owned(session, Watchlist, owner_id, watchlist_id, "list")
            row = _on(_symbols(session, watchlist_id), exchange, symbol)
            if row is None:
                return False
            session.delete(row)
            self._changed(session, owner_id)
            return True

    def move(self, owner_id: str, watchlist_id: str, exchange: str, symbol: str, by: int) -> bool:
        """Up (-1) or down (1); at the end it stays. False when it is not on the list."""
        with self._db.write() as session:
            owned(session, Watchlist, owner_id, watchlist_id, "list")
            rows = list(_symbols(session, watchlist_id))
            row = _on(rows, exchange, symbol)
            if row is None:
                return False
            _reorder(rows, row.id, by)
            self._changed(session, owner_id)
            return True

    def paste(self, owner_id: str, watchlist_id: str, text: str) -> Imported:
        """Symbols that are on record are added in their order; the others are told."""
        self.get(owner_id, watchlist_id)
        words, strange = read(text)
        if not words and not strange:
            raise Invalid.field("text", "Paste at least one symbol, as NSE:SBIN.")
        found, unknown, unclear = self._match(words)
        with self._db.write() as session:
            owned(session, Watchlist, owner_id, watchlist_id, "list")
            there = _symbols(session, watchlist_id)
            known = {Symbol(one.exchange, one.symbol) for one in there}
            new = [symbol for symbol in found if symbol not in known]
            fits = new[: max(0, MOST_SYMBOLS - len(there))]
            _append(session, watchlist_id, there, fits)
            self._changed(session, owner_id)
        return Imported(len(fits), len(found) - len(new), [*unknown, *strange], unclear, len(new) - len(fits))

    def _match(self, words: Iterable[Pasted]) -> tuple[list[Symbol], list[str], list[str]]:
        rows = self._named([word.symbol for word in words])
        found: dict[Symbol, None] = {}
        unknown: list[str] = []
        unclear: list[str] = []
        for word in words:
            places = [row for row in rows.get(word.symbol, ()) if word.exchange in ("", row.exchange)]
            if len(places) == 1:
                found[Symbol(places[0].exchange, places[0].symbol)] = None
            else:
                (unclear if places else unknown).append(str(word))
        return list(found), unknown, unclear

    def _named(self, names: Sequence[str]) -> dict[str, list[Instrument]]:
        query = select(Instrument).where(Instrument.venue_kind == VENUE_KIND, Instrument.symbol.in_(names))
        found: dict[str, list[Instrument]] = {}
        with self._db.read() as session:
            for row in session.scalars(query):
                found.setdefault(row.symbol, []).append(row)
        return found

    def _save(self, session: Session, owner_id: str, name: str) -> None:
        try:
            session.flush()
        except IntegrityError:
            session.rollback()
            raise Invalid.field("name", f"You have a list {name} already.") from None
        self._changed(session, owner_id)

    def _changed(self, session: Session, owner_id: str) -> None:
        after_commit(session, lambda: self._announce(ListsChanged(owner_id)))


def _named(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise Invalid.field("name", "Give the list a name.")
    if len(name) > LONGEST_NAME:
        raise Invalid.field("name", f"{LONGEST_NAME} characters at most.")
    return name


def _symbols(session: Session, watchlist_id: str) -> Sequence[WatchedSymbol]:
    return session.scalars(
        select(WatchedSymbol)
        .where(WatchedSymbol.watchlist_id == watchlist_id)
        .order_by(WatchedSymbol.position, WatchedSymbol.id)
    ).all()


def _spelt(exchange: str, symbol: str) -> tuple[str, str]:
    """As venues spell them, however they were typed."""
    return exchange.strip().upper(), symbol.strip().upper()


def _on(rows: Iterable[WatchedSymbol], exchange: str, symbol: str) -> WatchedSymbol | None:
    wanted = _spelt(exchange, symbol)
    return next((row for row in rows if (row.exchange, row.symbol) == wanted), None)


def _append(session: Session, watchlist_id: str, there: Sequence[WatchedSymbol], new: Iterable[Symbol]) -> None:
    last = max((row.position for row in there), default=0)
    for number, symbol in enumerate(new, start=last + 1):
        session.add(
            WatchedSymbol(
                id=new_id(), watchlist_id=watchlist_id, exchange=symbol.exchange, symbol=symbol.name, position=number
            )
        )


def _reorder(rows: list[Any], wanted: str, by: int) -> None:
    """Nothing for what is not among them."""
    here = next((number for number, row in enumerate(rows) if row.id == wanted), None)
    if here is None:
        return
    row = rows.pop(here)
    rows.insert(min(max(0, here + by), len(rows)), row)
    for number, one in enumerate(rows, start=1):
        one.position = number
