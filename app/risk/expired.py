"""Positions in contracts that have expired: the desk's ledger keeps them until a person accepts the broker's book, and
no price of them ever comes again. They are settled, so they are held no more and carry no risk of the day."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from app.core.money import ZERO
from app.execution.tickets import VENUE_KIND
from app.instruments.service import InstrumentService
from app.portfolio.pnl import Position
from app.portfolio.trades import Held, PositionKey

Positions = Mapping[PositionKey, Held]
Contract = tuple[str, str]  # exchange and symbol


def expired(instruments: InstrumentService, books: Iterable[Positions], today: date) -> frozenset[Contract]:
    """The contracts in them that expired before today, a day of India. Only what was carried from an earlier day can
    have: without such nobody is asked."""
    carried = {(key.exchange, key.symbol) for book in books for key, one in book.items() if not one.opening.is_flat}
    rows = instruments.find_many(VENUE_KIND, carried) if carried else ()
    return frozenset((row.exchange, row.symbol) for row in rows if row.expiry is not None and row.expiry < today)


def settled(book: Positions, gone: frozenset[Contract]) -> Positions:
    """The positions with nothing held in these contracts; what was booked in them today still counts, where its price
    is known: at none it was the settlement of an earlier day."""
    if not gone:
        return book
    found: dict[PositionKey, Held] = {}
    for key, one in book.items():
        if (key.exchange, key.symbol) not in gone:
            found[key] = one
        elif one.position.is_priced:
            found[key] = replace(one, opening=_closed(one.opening), position=_closed(one.position))
    return found


def _closed(position: Position) -> Position:
    return replace(position, quantity=ZERO, cost=ZERO)
