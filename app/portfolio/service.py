"""What an owner holds, in a fixed number of queries however many accounts there are."""

import threading
from collections import OrderedDict, defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, literal, select, union_all
from sqlalchemy.orm import Session

from app.accounts.models import Account
from app.core.db import Database
from app.execution.models import Order
from app.portfolio.ledger import Ledger
from app.portfolio.models import VenueHolding, VenuePosition, VenueReading
from app.portfolio.positions import AccountPosition, VenueBooks, VenueFigures, compare
from app.portfolio.trades import FilledOrder, Held, PositionKey, day_start, filled_orders, held

KEPT_LEDGERS = 32


@dataclass(frozen=True, slots=True)
class LegPosition:
    leg_run_id: str
    account_run_id: str | None
    key: PositionKey
    held: Held


class PortfolioService:
    """Safe for several threads."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._ledgers: OrderedDict[str, Ledger] = OrderedDict()
        self._lock = threading.Lock()

    def positions(self, owner_id: str, now: datetime, account_id: str | None = None) -> list[AccountPosition]:
        """What is open, was traded today, or is only at the venue."""
        day = day_start(now)
        with self._db.read() as session:
            desk = self._desk(session, owner_id, now)
            books = _venue_books(session, owner_id, account_id)
        shown = {
            key: one
            for key, one in desk.items()
            if account_id in (None, key.account_id) and _matters(key, one, books, day)
        }
        return compare(shown, books)

    def held(self, owner_id: str, now: datetime) -> dict[PositionKey, Held]:
        """The desk's own side of it: what is open or was traded today."""
        day = day_start(now)
        with self._db.read() as session:
            desk = self._desk(session, owner_id, now)
        return {key: one for key, one in desk.items() if not one.is_idle(day)}

    def legs(self, owner_id: str, account_run_ids: Collection[str], now: datetime) -> list[LegPosition]:
        """The leg runs of these account runs that have filled anything, since their beginning."""
        with self._db.read() as session:
            orders = filled_orders(session, Order.owner_id == owner_id, Order.account_run_id.in_(account_run_ids))
        return leg_positions(orders, now)

    def _desk(self, session: Session, owner_id: str, now: datetime) -> dict[PositionKey, Held]:
        with self._lock:
            ledger = self._ledgers.setdefault(owner_id, Ledger(owner_id))
            self._ledgers.move_to_end(owner_id)
            while len(self._ledgers) > KEPT_LEDGERS:
                self._ledgers.popitem(last=False)
            ledger.sync(session, now)
            return dict(ledger.positions)


def leg_positions(orders: list[FilledOrder], now: datetime) -> list[LegPosition]:
    about = {order.leg_run_id: order for order in orders if order.leg_run_id}
    positions = held(orders, lambda order: order.leg_run_id, day_start(now))
    return [LegPosition(leg, about[leg].account_run_id, about[leg].key, one) for leg, one in positions.items()]


def _matters(key: PositionKey, one: Held, books: VenueBooks, day: datetime) -> bool:
    row = books.positions.get(key)
    return not one.is_idle(day) or (row is not None and row.quantity != 0)


def _venue_books(session: Session, owner_id: str, account_id: str | None) -> VenueBooks:
    accounts = select(Account.id).where(Account.owner_id == owner_id, Account.removed_at.is_(None))
    if account_id:
        accounts = accounts.where(Account.id == account_id)
    positions: dict[PositionKey, VenueFigures] = {}
    holdings: defaultdict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    books = [_book(kind, model).where(model.account_id.in_(accounts)) for kind, model in _BOOKS.items()]
    for kind, account, exchange, symbol, product, *figures in session.execute(union_all(*books)):
        if kind == "held":
            holdings[account, exchange, symbol] += figures[0]
        else:
            positions[PositionKey(account, exchange, symbol, product)] = VenueFigures(*figures)
    readings = session.scalars(select(VenueReading).where(VenueReading.account_id.in_(accounts)))
    return VenueBooks(positions, holdings, {row.account_id: row for row in readings})


_BOOKS: dict[str, type[VenuePosition] | type[VenueHolding]] = {"open": VenuePosition, "held": VenueHolding}


def _book(kind: str, model: type[VenuePosition] | type[VenueHolding]) -> Select[*tuple[Any, ...]]:
    return select(
        literal(kind),
        model.account_id,
        model.exchange,
        model.symbol,
        model.product,
        model.quantity,
        model.average_price,
        model.last_price,
        model.pnl,
        model.seen_at,
    )
