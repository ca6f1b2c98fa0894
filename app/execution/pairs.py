"""Stops and targets that rest at a broker as one order of ours, and what is known of them from its books.

A broker keeps such a pair apart from its orders and, when either is touched, makes an ordinary order of it under
another id. A pair that it shows no more is therefore in doubt, as an order whose answer was lost: it may have become an
order, which is found by what it asks for, or may have been taken back by hand. What is in doubt may still fill, so
nothing else is sent for its quantity.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.db import Database
from app.execution import journal
from app.execution.models import Order
from app.execution.states import AT_VENUE, IN_DOUBT
from app.venues.types import OrderReport, PriceType

TAKEN_BACK = "The broker shows neither this pair nor an order that came of it: it was taken back there."
STOP, TARGET = "stop", "target"


def rest_at(db: Database, account_id: str) -> bool:
    query = select(Order.id).where(
        Order.account_id == account_id, Order.state.in_([*AT_VENUE, *IN_DOUBT]), Order.price_type == PriceType.OCO
    )
    with db.read() as session:
        return session.scalar(query.limit(1)) is not None


def gone(ours: Sequence[Order], shown: Sequence[OrderReport] | None, read_at: datetime) -> list[str]:
    """Pairs of ours that were there before this reading and are not in it. None was read: nothing is known."""
    if shown is None:
        return []
    names = {report.venue_order_id for report in shown}
    resting = (order for order in ours if order.price_type == PriceType.OCO and order.venue_order_id is not None)
    return [
        order.id
        for order in resting
        if order.venue_order_id not in names and order.answered_at is not None and order.answered_at < read_at
    ]


def doubt(session: Session, order_ids: Sequence[str], now: datetime) -> list[object]:
    """What to announce of it."""
    return [event for order_id in order_ids for event in journal.doubt_pair(session, order_id, now).events]


def unowned(session: Session, account_id: str, shown: Sequence[OrderReport] | None) -> list[OrderReport]:
    """Pairs there that belong to no order of ours: one whose answer was lost may be among them."""
    owned = journal.owned(session, account_id, [report.venue_order_id for report in shown or ()])
    return [report for report in shown or () if report.venue_order_id not in owned]


def limits_of(order: Order) -> tuple[Decimal, ...]:
    """Of the orders that may come of it."""
    if order.price_type != PriceType.OCO:
        return ()
    return tuple(price for price in (order.price, order.target_price) if price is not None)


def found(session: Session, order_id: str, report: OrderReport, now: datetime) -> None:
    """A pair in doubt is there: where its answer was lost its book has given it. Or a limit order came of it: it is
    that order now, and which of the two was touched is known."""
    order = session.get_one(Order, order_id)
    if order.price_type != PriceType.OCO:
        return
    order.answered_at = order.answered_at or now
    if report.price_type != PriceType.OCO:
        order.fired = TARGET if report.price == order.target_price else STOP
        order.price_type, order.price = str(report.price_type), report.price
    session.flush()
