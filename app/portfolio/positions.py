"""The desk's positions beside the venue's: what the desk filled, what the venue says, and whether they agree.

Positions come from fills. A difference is shown; nothing is adopted here. A venue book read before the last fill says
nothing about it, and is not compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from app.core.money import ZERO
from app.portfolio.models import VenueReading
from app.portfolio.pnl import since, total, unrealised
from app.portfolio.trades import NOTHING_HELD, Held, PositionKey

DELIVERY = "CNC"  # moves from the position book into the holdings overnight


class Agreement(StrEnum):
    EQUAL = "equal"
    DIFFERS = "differs"
    EXTERNAL = "external"  # only the venue has it: someone traded it elsewhere
    NOT_COMPARED = "not compared"  # the venue's book was not read since the last fill


@dataclass(frozen=True, slots=True)
class VenueFigures:
    """As the venue says; prices in the account's currency."""

    quantity: Decimal
    average_price: Decimal | None
    last_price: Decimal | None
    pnl: Decimal | None
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class AccountPosition:
    key: PositionKey
    held: Held
    venue: VenueFigures | None
    venue_read_at: datetime | None
    agreement: Agreement

    @property
    def quantity(self) -> Decimal:
        """What the desk holds."""
        return self.held.position.quantity

    @property
    def venue_quantity(self) -> Decimal | None:
        """What the venue holds; None while its book was never read."""
        if self.venue is not None:
            return self.venue.quantity
        return None if self.venue_read_at is None else ZERO

    def unrealised(self, price: Decimal | None) -> Decimal | None:
        return unrealised(self.held.position, price)

    def total(self, price: Decimal | None) -> Decimal | None:
        return total(self.held.position, price)

    def today(self, price: Decimal | None) -> Decimal | None:
        """Realised today and open now."""
        return since(self.held.opening, self.held.position, price)


@dataclass(frozen=True, slots=True)
class VenueBooks:
    """What the venues said, for all accounts asked about."""

    positions: Mapping[PositionKey, VenueFigures]
    holdings: Mapping[tuple[str, str, str], Decimal]  # quantity by account, exchange, symbol
    readings: Mapping[str, VenueReading]


def compare(desk: Mapping[PositionKey, Held], books: VenueBooks) -> list[AccountPosition]:
    """Every position that the desk or a venue knows, sorted by account and symbol."""
    venue_only = [key for key, row in books.positions.items() if row.quantity != 0 and key not in desk]
    keys = sorted([*desk, *venue_only], key=lambda key: (key.account_id, key.exchange, key.symbol, key.product))
    return [_position(key, desk.get(key, NOTHING_HELD), books) for key in keys]


def _position(key: PositionKey, held: Held, books: VenueBooks) -> AccountPosition:
    reading = books.readings.get(key.account_id)
    figures = books.positions.get(key)
    read_at = reading.positions_at if reading else None
    return AccountPosition(key, held, figures, read_at, _agreement(key, held, reading, books))


def _agreement(key: PositionKey, held: Held, reading: VenueReading | None, books: VenueBooks) -> Agreement:
    if reading is None or reading.positions_at is None or _is_older(reading.positions_at, held):
        return Agreement.NOT_COMPARED
    row = books.positions.get(key)
    ours, theirs = held.position.quantity, row.quantity if row else ZERO
    if ours == theirs:
        return Agreement.EQUAL
    if key.product == DELIVERY and ours:
        return _delivered(key, held, theirs, reading, books)
    return Agreement.EXTERNAL if ours == 0 else Agreement.DIFFERS


def _is_older(read_at: datetime, held: Held) -> bool:
    return held.changed_at is not None and read_at < held.changed_at


def _delivered(key: PositionKey, held: Held, theirs: Decimal, reading: VenueReading, books: VenueBooks) -> Agreement:
    """Shares of the desk lie among the owner's others: enough is all that can be asked for."""
    if reading.holdings_at is None or _is_older(reading.holdings_at, held):
        return Agreement.NOT_COMPARED
    stored = books.holdings.get((key.account_id, key.exchange, key.symbol), ZERO)
    enough = theirs + stored >= held.position.quantity
    return Agreement.EQUAL if enough else Agreement.DIFFERS
