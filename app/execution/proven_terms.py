"""Terms that are proven, on their way into an order's row.

The row takes new terms only when the venue said that it took them, or reports or books show them. What is filled bounds
the quantity, and a finished order keeps its own.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.money import ZERO
from app.execution.edits import Edit
from app.execution.models import OrderChange
from app.execution.states import FINAL, OrderState, Progress
from app.execution.terms import ChangeState, Terms
from app.venues.types import OrderReport, PriceType


def take(order: Edit, terms: Terms, source: str, detail: str) -> None:
    """The order's row gets terms that are proven. What is filled bounds the quantity; what is finished stays."""
    wanted, known = terms.clean, order.progress
    order.set(price_type=wanted.price_type.value, price=wanted.price, trigger_price=wanted.trigger_price)
    if known.state in FINAL:
        return
    quantity = max(wanted.quantity, known.filled)
    order.set(quantity=quantity)
    order.progress = Progress(known.state, quantity, known.filled, known.average)
    order.move(OrderState.FILLED if known.filled >= quantity > ZERO else known.state, source, detail)


def hear(session: Session, order: Edit, report: OrderReport, source: str) -> None:
    """A report with another total than the row's. Where the newest change that was sent asked for that total, the
    venue has taken it, whatever became of the answer: the fills that the report brings are fills of the new total."""
    change = session.scalar(
        select(OrderChange)
        .where(OrderChange.order_id == order.id, OrderChange.sent_at.is_not(None))
        .order_by(OrderChange.id.desc())
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if change is None or change.state == ChangeState.DONE or change.quantity != report.quantity:
        return
    take(order, asked_terms(change), source, f"changed to {asked_terms(change)}")
    end(change, ChangeState.DONE, "The venue's own report shows it.", order.now)
    session.flush()


def end(change: OrderChange, state: ChangeState, why: str, now: datetime, is_settled: bool = False) -> None:
    change.state, change.reason, change.ended_at = state, why, now
    if is_settled:
        change.settled_at = now


def asked_terms(change: OrderChange) -> Terms:
    return Terms(change.quantity, PriceType(change.price_type), change.price, change.trigger_price)


def old_terms(change: OrderChange) -> Terms:
    return Terms(
        change.old_quantity, PriceType(change.old_price_type), change.old_price, change.old_trigger_price
    ).clean


def in_words(state: str) -> str:
    return state.replace("_", " ")
