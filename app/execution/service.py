"""What people see of orders, and what they do to one here: ask for its cancelling, or decide about one in doubt.

Every method takes the owner first. Asking writes the row and nudges; the engine cancels. A decision locks the row, so
it and the engine's own finding never both count; who comes second is told and changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.accounts.models import Account
from app.audit.trail import Trail
from app.core import actors
from app.core.clock import Clock
from app.core.db import Database, after_commit
from app.core.errors import Denied
from app.core.link import Link
from app.core.owning import owned
from app.execution import journal, pairs
from app.execution.external import as_report
from app.execution.models import Fill, Order, OrderEvent, VenueOrder
from app.execution.states import FINAL, LIVE, OrderState, can_cancel, may_cancel

PAGE = 200
LOST_SHOWN_FOR = timedelta(hours=24)  # a lost order that may have turned up stands among the doubts for so long
_NOT_OURS_NOW = "That order of the venue belongs to another order of the desk."


@dataclass(frozen=True, slots=True)
class Filter:
    """Which orders; empty means any. `status` is live, final, unknown, or a state's own name."""

    account_id: str = ""
    account_run_id: str = ""
    symbol: str = ""
    status: str = ""
    since: datetime | None = None


ANY = Filter()


@dataclass(frozen=True, slots=True)
class Told:
    """An order with its story: every step in the order it was learned, and its fills."""

    order: Order
    events: Sequence[OrderEvent]
    fills: Sequence[Fill]


class OrderService:
    def __init__(self, db: Database, clock: Clock, link: Link, trail: Trail) -> None:
        self._db = db
        self._clock = clock
        self._link = link
        self._trail = trail

    def list(self, owner_id: str, wanted: Filter = ANY, before: str = "", limit: int = PAGE) -> Sequence[Order]:
        """Newest first; orders in doubt come first of all. `before` is the last id of the page before."""
        query = _filtered(select(Order).where(Order.owner_id == owner_id), wanted)
        if before:
            query = query.where(Order.id < before)
        with self._db.read() as session:
            return session.scalars(query.order_by(Order.id.desc()).limit(min(limit, PAGE))).all()

    def in_doubt(self, owner_id: str) -> Sequence[Order]:
        """Sent, and nobody knows yet what became of them; also those thought lost that may be at the venue after all,
        which a person should look at."""
        since = self._clock.now() - LOST_SHOWN_FOR
        lost = and_(Order.state == OrderState.LOST, Order.ended_at > since)
        with self._db.read() as session:
            found = session.scalars(
                select(Order)
                .where(Order.owner_id == owner_id, or_(Order.state == OrderState.UNKNOWN, lost))
                .order_by(Order.unknown_at)
            )
            return [order for order in found if order.state == OrderState.UNKNOWN or order.candidates]

    def counts(self, owner_id: str, wanted: Filter = ANY) -> dict[str, int]:
        """How many orders are in each state."""
        query = _filtered(select(Order.state, func.count()).where(Order.owner_id == owner_id), wanted)
        with self._db.read() as session:
            return dict(session.execute(query.group_by(Order.state)).all())

    def of_parts(self, owner_id: str, account_run_ids: Sequence[str]) -> Sequence[Order]:
        """The orders of these account runs, oldest first."""
        is_theirs = Order.owner_id.concat("") == owner_id  # by no index: the one of the parts is the better one
        with self._db.read() as session:
            return session.scalars(
                select(Order).where(Order.account_run_id.in_(account_run_ids), is_theirs).order_by(Order.id)
            ).all()

    def venue_ids(self, owner_id: str, account_id: str) -> Sequence[str | None]:
        """The venue's ids of all orders the desk ever sent through an account."""
        with self._db.read() as session:
            return session.scalars(
                select(Order.venue_order_id).where(Order.owner_id == owner_id, Order.account_id == account_id)
            ).all()

    def get(self, owner_id: str, order_id: str) -> Told:
        with self._db.read() as session:
            order = owned(session, Order, owner_id, order_id, "order")
            events = session.scalars(
                select(OrderEvent).where(OrderEvent.order_id == order_id).order_by(OrderEvent.seq)
            ).all()
            fills = session.scalars(select(Fill).where(Fill.order_id == order_id).order_by(Fill.at, Fill.id)).all()
            return Told(order, events, fills)

    def foreign(self, account_ids: Sequence[str], limit: int = PAGE) -> Sequence[VenueOrder]:
        """Orders in the venues' books that the desk did not make, newest first."""
        with self._db.read() as session:
            return session.scalars(
                select(VenueOrder)
                .where(VenueOrder.account_id.in_(account_ids), ~_is_ours())
                .order_by(VenueOrder.seq.desc())
                .limit(limit)
            ).all()

    def cancel(self, owner_id: str, order_id: str) -> None:
        """Ask for the cancelling. Raises Denied when there is nothing left to cancel."""
        with self._db.write(durable=True) as session:
            order = owned(session, Order, owner_id, order_id, "order")
            if not can_cancel(order.state):
                raise Denied(f"This order is {order.state.replace('_', ' ')}: it cannot be cancelled.")
            session.execute(
                update(Order)
                .where(Order.id == order_id, Order.cancel_asked_at.is_(None))
                .values(cancel_asked_at=self._clock.now())
                .execution_options(synchronize_session=False)
            )
            self._trail.record(session, actors.current(), "order.cancel", ("order", order_id), {"symbol": order.symbol})
            after_commit(session, lambda: self._link.send("cancels", {}))

    def candidates(self, owner_id: str, orders: Sequence[Order]) -> dict[str, Sequence[VenueOrder]]:
        """By order: what in its venue's book could be it and is nobody's, in the order in which it was first seen."""
        asked = {(order.account_id, name) for order in orders for name in order.candidates or ()}
        if not asked:
            return {}
        with self._db.read() as session:
            rows = session.scalars(
                select(VenueOrder)
                .join(Account, Account.id == VenueOrder.account_id)
                .where(
                    Account.owner_id == owner_id,
                    VenueOrder.account_id.in_({account for account, _ in asked}),
                    VenueOrder.venue_order_id.in_({name for _, name in asked}),
                    ~_is_ours(),
                )
                .order_by(VenueOrder.seq)
            ).all()
        return {
            order.id: [r for r in rows if r.account_id == order.account_id and r.venue_order_id in order.candidates]
            for order in orders
            if order.candidates
        }

    def adopt(self, owner_id: str, order_id: str, venue_order_id: str) -> None:
        """A person says: that order at the venue is this one. Raises Denied when it can't be, or is decided already."""
        try:
            self._adopt(owner_id, order_id, venue_order_id)
        except IntegrityError as error:  # somebody took it for another order in the same instant
            raise Denied(_NOT_OURS_NOW) from error

    def _adopt(self, owner_id: str, order_id: str, venue_order_id: str) -> None:
        with self._db.write(durable=True) as session:
            order = owned(session, Order, owner_id, order_id, "order", is_changed=True)
            row = session.scalar(
                select(VenueOrder).where(
                    VenueOrder.account_id == order.account_id, VenueOrder.venue_order_id == venue_order_id
                )
            )
            if order.venue_order_id is not None:
                raise Denied(f"This order is found already: the venue calls it {order.venue_order_id}.")
            if row is None or venue_order_id not in (order.candidates or []):
                raise Denied("That order of the venue is not one of the candidates.")
            if journal.owned(session, order.account_id, [venue_order_id]):
                raise Denied(_NOT_OURS_NOW)
            pairs.found(session, order_id, as_report(row), self._clock.now())
            if not journal.adopt(session, order_id, as_report(row), "person", self._clock.now()).result:
                raise Denied(f"This order is {order.state.replace('_', ' ')} now: nothing was changed.")
            self._decided(session, order, {"adopted": venue_order_id})

    def give_up(self, owner_id: str, order_id: str) -> None:
        """A person says: it never arrived. What it was for is then done again by the rules of its run."""
        why = f"Never arrived, says {actors.current().name}."
        with self._db.write(durable=True) as session:
            order = owned(session, Order, owner_id, order_id, "order", is_changed=True)
            if not journal.lose(session, order_id, why, "person", self._clock.now()).result:
                raise Denied(f"This order is {order.state.replace('_', ' ')}: there is nothing to decide.")
            self._decided(session, order, {"lost": True})

    def _decided(self, session: Session, order: Order, detail: dict[str, Any]) -> None:
        about = detail | {"symbol": order.symbol, "account_id": order.account_id}
        self._trail.record(session, actors.current(), "order.decided", ("order", order.id), about)
        after_commit(session, lambda: self._link.send("decided", {"order_id": order.id}))


def _is_ours() -> ColumnElement[bool]:
    """Whether an order in a venue's book is one of the desk's."""
    return (
        select(Order.id)
        .where(Order.account_id == VenueOrder.account_id, Order.venue_order_id == VenueOrder.venue_order_id)
        .exists()
    )


def asked_cancels(db: Database, now: datetime) -> Sequence[Order]:
    """For the engine: live orders that a person wants cancelled and that it is time to cancel."""
    with db.read() as session:
        waiting = session.scalars(select(Order).where(Order.cancel_asked_at.is_not(None), Order.state.in_(LIVE))).all()
    return [o for o in waiting if o.state == OrderState.NEW or may_cancel(o.state, o.cancel_at, now)]


def busy_reason(db: Database, account_id: str) -> str | None:
    """Why an account cannot be let go of: orders that are not finished."""
    with db.read() as session:
        live = session.scalar(
            select(func.count()).where(Order.account_id == account_id, Order.state.in_(LIVE)).select_from(Order)
        )
    return f"{live} orders are not finished" if live else None


def _filtered(query: Any, wanted: Filter) -> Any:
    states = {"live": LIVE, "final": FINAL, "unknown": {OrderState.UNKNOWN}}
    chosen = states.get(wanted.status, {wanted.status} if wanted.status else None)
    conditions = [
        (chosen, Order.state.in_(chosen or ())),
        (wanted.account_id, Order.account_id == wanted.account_id),
        (wanted.account_run_id, Order.account_run_id == wanted.account_run_id),
        (wanted.symbol, Order.symbol == wanted.symbol),
        (wanted.since, Order.created_at >= wanted.since if wanted.since else None),
    ]
    return query.where(*(condition for value, condition in conditions if value))
