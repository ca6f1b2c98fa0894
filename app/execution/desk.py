"""From a wish to journaled orders: gate, split, journal, in the caller's one transaction.

The idempotency key makes submitting twice the same as once: the second call returns the first call's orders.
Nothing is sent here. The caller announces the orders after its commit; if it dies first, the rows are found again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app.core.errors import Denied
from app.core.ids import new_id
from app.execution.models import Intent, Order, OrderEvent
from app.execution.splitter import CannotSplit, slices
from app.execution.states import OrderState
from app.venues.types import PriceType, Side, Symbol


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants done in one account; quantities in units, `lot` and `freeze` of the instrument."""

    key: str
    owner_id: str
    account_id: str
    purpose: str
    symbol: Symbol
    side: Side
    quantity: Decimal
    product: str
    lot: Decimal
    freeze: Decimal | None
    price_type: PriceType = PriceType.MARKET
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    account_run_id: str | None = None
    leg_run_id: str | None = None
    wave: int = 1
    attempt: int = 1
    reason: str = ""


Gate = Callable[[Session, Wish], str | None]  # a sentence when it must not be sent


def open_gate(_session: Session, _wish: Wish) -> str | None:
    return None


def submit(session: Session, wish: Wish, now: datetime, gate: Gate = open_gate) -> list[str]:
    """Journal the wish and its orders as NEW; their ids. Raises Denied when the gate or the splitter says no."""
    known = session.scalars(
        select(Order.id)
        .join(Intent, Intent.id == Order.intent_id)
        .where(Intent.owner_id == wish.owner_id, Intent.key == wish.key)  # fmt: skip
    ).all()
    if known:
        return list(known)
    refusal = gate(session, wish)
    if refusal:
        raise Denied(refusal)
    try:
        quantities = slices(wish.quantity, wish.lot, wish.freeze)
    except CannotSplit as error:
        raise Denied(f"{wish.symbol.name}: {error}.") from error
    intent_id = _write_intent(session, wish, now)
    return _write_orders(session, wish, intent_id, quantities, now)


def _write_intent(session: Session, wish: Wish, now: datetime) -> str:
    intent_id = new_id()
    session.execute(
        insert(Intent).values(
            id=intent_id,
            owner_id=wish.owner_id,
            key=wish.key,
            account_id=wish.account_id,
            account_run_id=wish.account_run_id,
            leg_run_id=wish.leg_run_id,
            purpose=wish.purpose,
            exchange=wish.symbol.exchange,
            symbol=wish.symbol.name,
            side=wish.side,
            quantity=wish.quantity,
            price_type=wish.price_type,
            product=wish.product,
            price=wish.price,
            trigger_price=wish.trigger_price,
            wave=wish.wave,
            attempt=wish.attempt,
            reason=wish.reason,
            created_at=now,
        )
    )
    return intent_id


def _write_orders(
    session: Session, wish: Wish, intent_id: str, quantities: Sequence[Decimal], now: datetime
) -> list[str]:
    rows = [
        {
            "id": new_id(),
            "owner_id": wish.owner_id,
            "intent_id": intent_id,
            "account_id": wish.account_id,
            "account_run_id": wish.account_run_id,
            "leg_run_id": wish.leg_run_id,
            "purpose": wish.purpose,
            "wave": wish.wave,
            "slice": number,
            "slices": len(quantities),
            "exchange": wish.symbol.exchange,
            "symbol": wish.symbol.name,
            "side": wish.side,
            "quantity": quantity,
            "price_type": wish.price_type,
            "product": wish.product,
            "price": wish.price,
            "trigger_price": wish.trigger_price,
            "state": OrderState.NEW,
            "created_at": now,
            "updated_at": now,
        }
        for number, quantity in enumerate(quantities, start=1)
    ]
    session.execute(insert(Order), rows)
    session.execute(
        insert(OrderEvent),
        [{"order_id": row["id"], "at": now, "source": "desk", "from_state": "", "to_state": "new"} for row in rows],
    )
    return [str(row["id"]) for row in rows]
