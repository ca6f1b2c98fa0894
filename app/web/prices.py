"""The prices a page starts with, from the venues' own position books; the stream takes over from there.

Each carries its age. A symbol that no venue named has none: the cell then stays empty until the stream knows it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select

from app.portfolio.models import VenuePosition
from app.web.current import services
from app.web.order_lines import seconds


@dataclass(frozen=True, slots=True)
class Seen:
    price: Decimal
    at: datetime
    age: float  # seconds


Prices = dict[tuple[str, str], Seen]  # by exchange and symbol


def seen_prices(account_ids: Collection[str]) -> Prices:
    """The newest price of each symbol in these accounts' books."""
    with services().db.read() as session:
        rows = session.scalars(
            select(VenuePosition)
            .where(VenuePosition.account_id.in_(account_ids), VenuePosition.last_price.is_not(None))
            .order_by(VenuePosition.seen_at)
        ).all()
    now = services().clock.now()
    return {
        (row.exchange, row.symbol): Seen(row.last_price, row.seen_at, seconds(row.seen_at, now))
        for row in rows
        if row.last_price is not None
    }
