"""Orders that were made elsewhere become the desk's, because a person says so. Nothing here is ever sent.

Once per order of the venue: the intent's key and the venue's id are unique. Its state and fills are what the venue's
book shows; from then on it is an order of the desk like any other.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.core.errors import Denied
from app.core.ids import new_id
from app.core.money import ZERO
from app.execution import journal
from app.execution.models import Fill, Intent, Order, OrderEvent, VenueOrder
from app.execution.states import FINAL, OrderState, Progress, advance
from app.venues.types import OrderReport, OrderStatus, PriceType, Side, Symbol

PURPOSE = "manual"


@dataclass(frozen=True, slots=True)
class Booked:
    """A quantity that a person books without a trade of the desk; prices in the account's currency."""

    key: str
    owner_id: str
    account_id: str
    symbol: Symbol
    product: str
    side: Side
    quantity: Decimal
    price: Decimal | None
    purpose: str
    reason: str
    account_run_id: str | None = None
    leg_run_id: str | None = None
    attempt: int = 1
    venue_order_id: str | None = None


def can_adopt(row: VenueOrder) -> bool:
    """It works there, or it has filled something."""
    has_ended = row.status in [status.value for status in OrderStatus if status.is_final]
    return not has_ended or bool(row.filled_quantity) or row.status == OrderStatus.FILLED


def adopt(session: Session, owner_id: str, row: VenueOrder, why: str, now: datetime) -> str:
    """The id of the order it becomes. Raises Denied where it is the desk's already, may be one in doubt, or is over."""
    if journal.owned(session, row.account_id, [row.venue_order_id]):
        raise Denied(f"The venue's order {row.venue_order_id} is the desk's already.")
    if not can_adopt(row):
        raise Denied(
            f"The venue's order {row.venue_order_id} is {row.status} without a fill: nothing is left to adopt."
        )
    doubt = _doubt_about(session, row)
    if doubt:
        raise Denied(f"The venue's order {row.venue_order_id} may be an order of the desk in doubt: decide that first.")
    booked = Booked(
        f"external:{row.account_id}:{row.venue_order_id}", owner_id, row.account_id, Symbol(row.exchange, row.symbol),
        row.product, Side(row.side), row.quantity, row.average_price, PURPOSE, why, venue_order_id=row.venue_order_id,
    )  # fmt: skip
    progress = advance(Progress(OrderState.SENDING, row.quantity), as_report(row)).progress
    return _write(session, booked, progress, now, (PriceType(row.price_type), row.price, row.trigger_price))


def book(session: Session, booked: Booked, now: datetime) -> str:
    """A filled order that never was at the venue through the desk; its id. The same key again raises IntegrityError."""
    progress = Progress(OrderState.FILLED, booked.quantity, booked.quantity, booked.price)
    return _write(session, booked, progress, now, (PriceType.MARKET, None, None))


def as_report(row: VenueOrder) -> OrderReport:
    return OrderReport(
        venue_order_id=row.venue_order_id,
        symbol=Symbol(row.exchange, row.symbol),
        side=Side(row.side),
        quantity=row.quantity,
        price_type=PriceType(row.price_type),
        product=row.product,
        status=OrderStatus(row.status),
        raw_status=row.status,
        price=row.price,
        trigger_price=row.trigger_price,
        filled_quantity=row.filled_quantity,
        average_price=row.average_price,
        at=row.at,
    )


def _doubt_about(session: Session, row: VenueOrder) -> str | None:
    in_doubt = session.scalars(
        select(Order).where(
            Order.account_id == row.account_id,
            or_(Order.state == OrderState.UNKNOWN, Order.state == OrderState.LOST),
            Order.venue_order_id.is_(None),
        )
    )
    return next((order.id for order in in_doubt if row.venue_order_id in (order.candidates or ())), None)


def _write(
    session: Session, booked: Booked, progress: Progress, now: datetime,
    terms: tuple[PriceType, Decimal | None, Decimal | None],
) -> str:  # fmt: skip
    price_type, price, trigger_price = terms
    common = {
        "owner_id": booked.owner_id,
        "account_id": booked.account_id,
        "account_run_id": booked.account_run_id,
        "leg_run_id": booked.leg_run_id,
        "purpose": booked.purpose,
        "exchange": booked.symbol.exchange,
        "symbol": booked.symbol.name,
        "side": booked.side.value,
        "quantity": booked.quantity,
        "price_type": price_type.value,
        "product": booked.product,
        "price": price,
        "trigger_price": trigger_price,
        "reason": booked.reason,
    }
    intent = Intent(id=new_id(), key=booked.key, attempt=booked.attempt, created_at=now, **common)
    is_final = progress.state in FINAL
    order = Order(
        id=new_id(), intent_id=intent.id, state=progress.state.value, venue_order_id=booked.venue_order_id,
        filled_quantity=progress.filled, average_price=progress.average, created_at=now, updated_at=now,
        filled_at=now if progress.filled > 0 else None, ended_at=now if is_final else None, **common,
    )  # fmt: skip
    session.add(intent)
    session.flush()
    session.add(order)
    session.flush()
    session.add(_event(order.id, progress, booked.reason, now))
    if progress.filled > 0:
        session.add(_fill(order.id, progress, now))
    session.flush()
    return order.id


def _fill(order_id: str, progress: Progress, now: datetime) -> Fill:
    return Fill(
        id=new_id(), order_id=order_id, key="adopted", quantity=progress.filled, price=progress.average, at=now,
        source="adopted",
    )  # fmt: skip


def _event(order_id: str, progress: Progress, detail: str, now: datetime) -> OrderEvent:
    return OrderEvent(
        order_id=order_id, at=now, source="person", from_state="", to_state=progress.state.value,
        filled_quantity=progress.filled or ZERO, average_price=progress.average, detail=detail,
    )  # fmt: skip
