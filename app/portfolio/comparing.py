"""After each reading of a venue's positions: compare it with the desk's own, and keep where they differ.

A reading that began before the desk's last fill in a symbol says nothing about that symbol. The order book is read
before the positions in every look, and what it told is in the journal before the two are compared, so two looks in a
row rule out a fill that was still on its way.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import partial

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.accounts.models import Account
from app.core.clock import INDIA, Clock
from app.core.db import Database
from app.core.ids import new_id
from app.core.money import ZERO
from app.execution.models import Order, VenueOrder
from app.execution.states import IN_DOUBT, LIVE
from app.execution.writer import Writer, Written
from app.portfolio.differences import (
    Difference,
    ForeignTrade,
    Look,
    is_given_up_too_soon,
    judge,
    likely_reason,
    missing,
    seen_twice,
)
from app.portfolio.models import PositionDifference, VenueHolding
from app.portfolio.positions import DELIVERY, AccountPosition, Agreement
from app.portfolio.service import PortfolioService
from app.portfolio.trades import PositionKey, day_start
from app.venues.types import OrderStatus, Side


@dataclass(frozen=True, slots=True)
class DifferenceChanged:
    """A difference came to be, was confirmed, or went."""

    owner_id: str
    account_id: str


@dataclass(frozen=True, slots=True)
class DifferenceConfirmed:
    """Two looks, or trades outside the desk, prove it. `lacking`: what the desk filled and the venue holds no more."""

    owner_id: str
    account_id: str
    key: PositionKey
    desk: Decimal
    venue: Decimal
    lacking: Decimal
    reason: str


@dataclass(frozen=True, slots=True)
class _Seen:
    """One key's look with what a person is told about it."""

    look: Look
    trades: Sequence[ForeignTrade]
    last_trade_at: datetime | None


class Comparer:
    """`disbelieved`: orders whose end a book has shown and the desk does not believe yet; they may have filled."""

    def __init__(
        self, db: Database, writer: Writer, portfolio: PortfolioService, clock: Clock,
        disbelieved: Callable[[], Collection[str]] = tuple,
    ) -> None:  # fmt: skip
        self._db = db
        self._writer = writer
        self._portfolio = portfolio
        self._clock = clock
        self._disbelieved = disbelieved
        self._turned: dict[PositionKey, Decimal] = {}  # the gap of one look, where another one is proven; by the writer

    def compare(self, account_id: str) -> bool:
        """After a reading of the positions; True when a difference waits for a second look."""
        if not self._may_differ(account_id):
            return False
        self._writer.write(lambda _session: Written())  # whatever the book told before is written by then
        now = self._clock.now()
        with self._db.read() as session:
            owner_id, known = _owner_and_known(session, account_id)
        positions = self._portfolio.positions(owner_id, now, account_id)
        told = [one for one in positions if _is_told(one, known)]
        with self._db.read() as session:
            seen = _seen(session, account_id, told, self._disbelieved(), now)
        silent = {one.key for one in positions if one.agreement is Agreement.NOT_COMPARED}
        keep = partial(_keep, owner_id=owner_id, seen=seen, silent=silent, known=known, turned=self._turned, now=now)
        return bool(self._writer.write(lambda session: keep(session, account_id)))

    def _may_differ(self, account_id: str) -> bool:
        """Nearly always not, and then nobody waits for the journal."""
        with self._db.read() as session:
            owner_id, known = _owner_and_known(session, account_id)
        if not owner_id or known:
            return bool(owner_id)
        return any(_is_told(one, known) for one in self._portfolio.positions(owner_id, self._clock.now(), account_id))


def _owner_and_known(session: Session, account_id: str) -> tuple[str, dict[PositionKey, Decimal]]:
    """The owner, empty where the account is not there; and what the desk held where a difference stands."""
    owner_id = session.scalar(select(Account.owner_id).where(Account.id == account_id))
    return owner_id or "", {_key(row): row.desk_quantity for row in session.scalars(_rows_of(account_id))}


def _is_told(one: AccountPosition, known: Collection[PositionKey]) -> bool:
    if one.agreement is Agreement.NOT_COMPARED:
        return False
    return one.agreement is not Agreement.EQUAL or one.key in known


def _rows_of(account_id: str) -> Select[PositionDifference]:
    return select(PositionDifference).where(PositionDifference.account_id == account_id)


def _key(row: PositionDifference) -> PositionKey:
    return PositionKey(row.account_id, row.exchange, row.symbol, row.product)


def _seen(
    session: Session, account_id: str, positions: Sequence[AccountPosition], disbelieved: Collection[str], now: datetime
) -> dict[PositionKey, _Seen]:
    foreign = _foreign_orders(session, account_id, now)
    live = session.scalars(select(Order).where(Order.account_id == account_id, Order.state.in_(LIVE)))
    doubts = [order for order in live if order.state in IN_DOUBT or order.id in disbelieved]
    stored = {
        (row.exchange, row.symbol): row.quantity
        for row in session.scalars(select(VenueHolding).where(VenueHolding.account_id == account_id))
    }
    return {one.key: _see(one, foreign, doubts, stored) for one in positions}


def _see(
    one: AccountPosition,
    foreign: Sequence[VenueOrder],
    doubts: Sequence[Order],
    stored: Mapping[tuple[str, str], Decimal],
) -> _Seen:
    key = one.key
    mine = [order for order in foreign if _is_of(order, key)]
    delivered = stored.get((key.exchange, key.symbol), ZERO) if key.product == DELIVERY and one.quantity else ZERO
    venue = (one.venue_quantity or ZERO) + delivered
    look = Look(
        desk=one.quantity,
        venue=one.quantity if one.agreement is Agreement.EQUAL else venue,  # shares may lie among others
        foreign=sum((_signed(order) for order in mine), ZERO),
        doubtful_buys=_doubtful(doubts, key, Side.BUY),
        doubtful_sells=_doubtful(doubts, key, Side.SELL),
    )
    trades = [_trade(order) for order in mine if _signed(order)]
    return _Seen(look, trades, max((_when(order) for order in mine if _signed(order)), default=None))


def _foreign_orders(session: Session, account_id: str, now: datetime) -> Sequence[VenueOrder]:
    """Those in today's book."""
    ours = select(Order.id).where(
        Order.account_id == VenueOrder.account_id, Order.venue_order_id == VenueOrder.venue_order_id
    )
    return session.scalars(
        select(VenueOrder).where(
            VenueOrder.account_id == account_id, VenueOrder.last_seen_at >= day_start(now), ~ours.exists()
        )
    ).all()


def _is_of(row: VenueOrder | Order, key: PositionKey) -> bool:
    return (row.exchange, row.symbol, row.product) == (key.exchange, key.symbol, key.product)


def _signed(order: VenueOrder) -> Decimal:
    filled = order.filled_quantity
    if filled is None:
        filled = order.quantity if order.status == OrderStatus.FILLED else ZERO
    return Side(order.side).sign * filled


def _doubtful(orders: Sequence[Order], key: PositionKey, side: Side) -> Decimal:
    mine = [order for order in orders if _is_of(order, key) and order.side == side]
    return sum((order.quantity - order.filled_quantity for order in mine), ZERO)


def _trade(order: VenueOrder) -> ForeignTrade:
    at = f"{_when(order).astimezone(INDIA):%H:%M}"
    return ForeignTrade(order.venue_order_id, order.side, _signed(order), order.average_price, at)


def _when(order: VenueOrder) -> datetime:
    """By the venue's clock, or else when the desk first saw it."""
    return order.at or order.first_seen_at


def _keep(
    session: Session, account_id: str, *, owner_id: str, seen: Mapping[PositionKey, _Seen], silent: set[PositionKey],
    known: Mapping[PositionKey, Decimal], turned: dict[PositionKey, Decimal], now: datetime,
) -> Written:  # fmt: skip
    """Bring the rows up to this look; the result is whether one of them waits for another."""
    rows = {_key(row): row for row in session.scalars(_rows_of(account_id))}
    events: list[object] = []
    waits = False
    decided = {key for key, held in known.items() if key not in rows or rows[key].desk_quantity != held}
    for key in {*rows, *seen} - silent - decided:  # this look knows nothing of what a person decided meanwhile
        row, one = rows.get(key), seen.get(key)
        before = Difference(row.desk_quantity, row.venue_quantity, row.looks, row.is_confirmed) if row else None
        after = judge(before, one.look) if one else None
        is_held = one is not None and one.look.desk != 0  # of nothing held nothing is missing: a next run begins anew
        if is_given_up_too_soon(before, after, turned.pop(key, None)) and is_held:
            turned[key] = after.gap if after else ZERO
            waits = True
        elif one is None or after is None:
            events += _forget(session, row)
        else:
            after = seen_twice(after) if before and before.is_confirmed else after
            waits = waits or not after.is_confirmed
            events += _write(session, row or _fresh(session, owner_id, key, now), after, one, now)
    session.flush()
    return Written(waits, events)


def _forget(session: Session, row: PositionDifference | None) -> list[object]:
    if row is None:
        return []
    session.delete(row)
    return [DifferenceChanged(row.owner_id, row.account_id)]


def _fresh(session: Session, owner_id: str, key: PositionKey, now: datetime) -> PositionDifference:
    row = PositionDifference(
        id=new_id(), owner_id=owner_id, account_id=key.account_id, exchange=key.exchange, symbol=key.symbol,
        product=key.product, desk_quantity=ZERO, venue_quantity=ZERO, looks=0, is_confirmed=False, first_seen_at=now,
    )  # fmt: skip
    session.add(row)
    return row


def _write(session: Session, row: PositionDifference, after: Difference, one: _Seen, now: datetime) -> list[object]:
    was = row.venue_quantity - row.desk_quantity
    is_another = row.looks and was != after.gap
    if is_another:  # what a person decided about was the old one
        row.id = new_id()
        row.first_seen_at = row.first_seen_at if was * after.gap > 0 else now  # it grew, or shrank
    is_news = after.is_confirmed and not (row.is_confirmed and not is_another)
    row.desk_quantity, row.venue_quantity, row.looks = after.desk, after.venue, after.looks
    row.is_confirmed, row.last_seen_at = after.is_confirmed, now
    row.reason = likely_reason(one.look, one.trades, row.product)
    exact = one.trades if one.look.is_explained_by_foreign_trades else ()
    row.foreign_order_id = exact[0].venue_order_id if len(exact) == 1 else None
    row.foreign_price, row.closed_at = _average(exact), one.last_trade_at
    if not is_news:
        return []
    lacking = missing(after.desk, after.venue)
    confirmed = DifferenceConfirmed(
        row.owner_id, row.account_id, _key(row), after.desk, after.venue, lacking, row.reason
    )  # fmt: skip
    return [confirmed, DifferenceChanged(row.owner_id, row.account_id)]


def _average(trades: Sequence[ForeignTrade]) -> Decimal | None:
    """Of trades of one side; None where a price is missing or they went both ways."""
    if not trades or len({trade.side for trade in trades}) > 1:
        return None
    prices = [trade.price for trade in trades if trade.price is not None]
    if len(prices) < len(trades):
        return None
    quantity = sum((abs(trade.filled) for trade in trades), ZERO)
    return sum((abs(t.filled) * p for t, p in zip(trades, prices, strict=True)), ZERO) / quantity


def with_venue_changed(row: PositionDifference, by: Decimal) -> Difference:
    """As `row` says, after the desk's own position moved by `by` (signed) without a trade."""
    was = Difference(row.desk_quantity, row.venue_quantity, row.looks, row.is_confirmed)
    return replace(was, desk=was.desk + by)
