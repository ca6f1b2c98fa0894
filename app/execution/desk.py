"""From a wish to journaled orders: gate, split, journal, in the caller's one transaction.

The idempotency key makes submitting twice the same as once: the second call returns the first call's orders.
Nothing is sent here. The caller announces the orders after its commit; if it dies first, the rows are found again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from app.core.bulk import insert_many
from app.core.errors import Denied
from app.core.ids import new_id
from app.core.prepared import execute
from app.execution import statements
from app.execution.edits import event, nothing_filled
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
    target_trigger: Decimal | None = None  # of an OCO, beside the trigger and price of its stop
    target_price: Decimal | None = None
    account_run_id: str | None = None
    leg_run_id: str | None = None
    wave: int = 1
    attempt: int = 1
    reason: str = ""


Gate = Callable[[Session, Wish], str | None]  # a sentence when it must not be sent


def open_gate(_session: Session, _wish: Wish) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Planned:
    """A wish that passed the gate, and the quantities it is cut into."""

    wish: Wish
    quantities: tuple[Decimal, ...]


def plan(session: Session, wish: Wish, gate: Gate = open_gate) -> Planned:
    """Nothing is written. Raises Denied when the gate or the splitter says no."""
    refusal = gate(session, wish)
    if refusal:
        raise Denied(refusal)
    try:
        return Planned(wish, tuple(slices(wish.quantity, wish.lot, wish.freeze)))
    except CannotSplit as error:
        raise Denied(f"{wish.symbol.name}: {error}.") from error


def submit(session: Session, wish: Wish, now: datetime, gate: Gate = open_gate) -> list[str]:
    """Journal the wish and its orders as NEW; their ids. A wish whose key is known gives its orders of then."""
    (given,) = submit_all(session, [wish], now, gate)
    if isinstance(given, Denied):
        raise given
    return given


def submit_all(
    session: Session, wishes: Sequence[Wish], now: datetime, gate: Gate = open_gate
) -> list[list[str] | Denied]:
    """As `submit` for many wishes with keys of their own: for each its order ids, or why it was denied."""
    given: dict[tuple[str, str], list[str] | Denied] = dict(
        known_orders(session, [(wish.owner_id, wish.key) for wish in wishes])
    )
    planned: list[Planned] = []
    for wish in wishes:
        if (wish.owner_id, wish.key) not in given:
            try:
                planned.append(plan(session, wish, gate))
            except Denied as error:
                given[wish.owner_id, wish.key] = error
    for item, order_ids in zip(planned, write(session, planned, now), strict=True):
        given[item.wish.owner_id, item.wish.key] = order_ids
    return [given[wish.owner_id, wish.key] for wish in wishes]


def known_orders(session: Session, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], list[str]]:
    """The order ids of those (owner, key) that were wished before."""
    if not keys:
        return {}
    named = {"owners": list({owner for owner, _ in keys}), "keys": [key for _, key in keys]}
    known: dict[tuple[str, str], list[str]] = {}
    for owner_id, key, order_id in execute(session, statements.KNOWN_ORDERS, named):
        known.setdefault((owner_id, key), []).append(order_id)
    return known


def write(session: Session, planned: Sequence[Planned], now: datetime) -> list[list[str]]:
    """Journal many new wishes at once; the order ids of each. Their keys must be new."""
    if not planned:
        return []
    intents: list[dict[str, object]] = []
    orders: list[dict[str, object]] = []
    for item in planned:
        common, intent_id = _common(item.wish), new_id()
        intents.append(common | _own(item.wish, intent_id))
        orders += [common | _slice(item, intent_id, number) for number in range(1, len(item.quantities) + 1)]
    insert_many(session, statements.INTENTS, intents, {"created_at": now})
    born = {"state": OrderState.NEW.value, "created_at": now, "updated_at": now}
    insert_many(session, statements.ORDERS, orders, born)
    birth = event(now, "desk", ("", nothing_filled(OrderState.NEW)))
    insert_many(session, statements.EVENTS, [{"order_id": order["id"]} for order in orders], birth)
    ids = iter([str(order["id"]) for order in orders])
    return [[next(ids) for _ in item.quantities] for item in planned]


def _own(wish: Wish, intent_id: str) -> dict[str, object]:
    """What an intent says by itself."""
    return {
        "id": intent_id,
        "key": wish.key,
        "quantity": wish.quantity,
        "attempt": wish.attempt,
        "reason": wish.reason,
    }


def _slice(item: Planned, intent_id: str, number: int) -> dict[str, object]:
    """What one of its orders says by itself."""
    return {
        "id": new_id(),
        "intent_id": intent_id,
        "slice": number,
        "slices": len(item.quantities),
        "quantity": item.quantities[number - 1],
        "target_trigger": item.wish.target_trigger,
        "target_price": item.wish.target_price,
    }


def _common(wish: Wish) -> dict[str, object]:
    """What an intent and its orders say alike."""
    return {
        "owner_id": wish.owner_id,
        "account_id": wish.account_id,
        "account_run_id": wish.account_run_id,
        "leg_run_id": wish.leg_run_id,
        "purpose": wish.purpose,
        "wave": wish.wave,
        "exchange": wish.symbol.exchange,
        "symbol": wish.symbol.name,
        "side": wish.side.value,
        "price_type": wish.price_type.value,
        "product": wish.product,
        "price": wish.price,
        "trigger_price": wish.trigger_price,
    }
