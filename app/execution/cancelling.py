"""Cancelling many orders at once: counted before, asked for in one step, told order by order afterwards.

Asking twice does no harm: an order that is asked for already stays so, and only joins the newer batch.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from app.audit.trail import Trail
from app.core import actors
from app.core.clock import Clock
from app.core.db import Database, after_commit
from app.core.errors import Denied, Invalid, NotFound
from app.core.link import Link
from app.execution.models import Order
from app.execution.states import AT_VENUE, FINAL, OrderState

CAN_BE_CANCELLED = (OrderState.NEW, *sorted(AT_VENUE))
MOST = 5_000


@dataclass(frozen=True, slots=True)
class Which:
    """Which of the owner's working orders: those that fit all that is given, or `everything`, which must be said. Empty
    means any; `account_run_ids` None: of any run, or of none."""

    order_ids: tuple[str, ...] = ()
    account_id: str = ""
    symbol: str = ""
    account_run_ids: tuple[str, ...] | None = None
    everything: bool = False

    @property
    def fault(self) -> str:
        """Why it does not say which orders are meant: nobody cancels all by leaving everything out."""
        is_named = bool(self.order_ids or self.account_id or self.symbol or self.account_run_ids is not None)
        if is_named and self.everything:
            return "Either all orders, or those that fit: not both."
        return "" if is_named or self.everything else "Say which orders, or all: true."


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of orders that were cancelled together."""

    id: str
    orders: Sequence[Order]

    @property
    def counts(self) -> Counter[str]:
        """cancelled, filled, or ended otherwise; the rest is pending."""
        return Counter(outcome(order) for order in self.orders)

    @property
    def is_over(self) -> bool:
        return all(order.state in FINAL for order in self.orders)


def outcome(order: Order) -> str:
    if order.state not in FINAL:
        return "pending"
    if order.state in (OrderState.CANCELLED, OrderState.FILLED):
        return str(order.state)
    return "ended otherwise"


class CancelService:
    """Every method takes the owner first."""

    def __init__(self, db: Database, clock: Clock, link: Link, trail: Trail) -> None:
        self._db = db
        self._clock = clock
        self._link = link
        self._trail = trail

    def working(self, owner_id: str, which: Which) -> Sequence[Order]:
        """What would be cancelled, newest first; nothing while it is not said which."""
        if which.fault:
            return ()
        with self._db.read() as session:
            return session.scalars(
                select(Order).where(*_conditions(owner_id, which)).order_by(Order.id.desc()).limit(MOST)
            ).all()

    def cancel(self, owner_id: str, which: Which, batch_id: str) -> int:
        """Ask for it; how many. The same batch again asks for nothing new. Raises Denied when none is left, and Invalid
        when it is not said which."""
        if which.fault:
            raise Invalid.field("all", which.fault)
        with self._db.write(durable=True) as session:
            if _size(session, owner_id, batch_id):
                return 0
            found = session.scalars(
                update(Order)
                .where(*_conditions(owner_id, which))
                .values(cancel_asked_at=func.coalesce(Order.cancel_asked_at, self._clock.now()), cancel_batch=batch_id)
                .returning(Order.id)
                .execution_options(synchronize_session=False)
            ).all()
            if not found:
                raise Denied("None of these orders is working any more: there is nothing to cancel.")
            about = {"orders": len(found), "account_id": which.account_id, "symbol": which.symbol}
            about["all"] = which.everything
            self._trail.record(session, actors.current(), "order.cancel_many", ("batch", batch_id), about)
            after_commit(session, lambda: self._link.send("cancels", {}))
            return len(found)

    def batch(self, owner_id: str, batch_id: str) -> Batch:
        with self._db.read() as session:
            orders = session.scalars(
                select(Order).where(Order.owner_id == owner_id, Order.cancel_batch == batch_id).order_by(Order.id)
            ).all()
        if not orders:
            raise NotFound("Nothing was cancelled together under this address.")
        return Batch(batch_id, orders)


def _conditions(owner_id: str, which: Which) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [Order.owner_id == owner_id, Order.state.in_(CAN_BE_CANCELLED)]
    if which.order_ids:
        found.append(Order.id.in_(which.order_ids))
    if which.account_id:
        found.append(Order.account_id == which.account_id)
    if which.symbol:
        found.append(Order.symbol == which.symbol)
    if which.account_run_ids is not None:
        found.append(Order.account_run_id.in_(which.account_run_ids))
    return found


def _size(session: Session, owner_id: str, batch_id: str) -> int:
    query = select(func.count()).where(Order.owner_id == owner_id, Order.cancel_batch == batch_id)
    return session.scalar(query.select_from(Order)) or 0
