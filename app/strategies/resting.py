"""A leg's stop and target that rest at the broker: what is wished for, and what becomes of the leg by them."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from app.core.money import ZERO, plain
from app.execution.desk import Wish
from app.execution.events import Alarm
from app.risk.monitor import Reach
from app.risk.rules import Rule
from app.strategies import leaving
from app.strategies.broker_pair import pair_terms
from app.strategies.views import Loaded
from app.strategies.watching import levels_of
from app.strategies.waves import Resend
from app.venues.types import PriceType, Side, Symbol


def pair_wish(loaded: Loaded, again: Resend, freeze: Decimal | None) -> Wish | None:
    """What shall rest for this leg; None where its entry's price is not known yet, or there are no such prices."""
    leg, part = loaded.legs[again.leg_id], loaded.part
    side, entry = Side(leg.side), _entry(loaded, again.leg_id)
    terms = pair_terms(side, entry, again.quantity, levels_of(leg), leg.tick) if entry is not None else None
    if terms is None:
        return None
    return Wish(
        key=f"{leg.id}:pair",
        owner_id=part.owner_id,
        account_id=part.account_id,
        account_run_id=part.id,
        leg_run_id=leg.id,
        purpose="exit",
        symbol=Symbol(leg.exchange, leg.symbol),
        side=side.opposite,
        quantity=again.quantity,
        product=leg.product,
        lot=leg.lot_size if again.quantity % leg.lot_size == 0 else Decimal(1),
        freeze=freeze,
        price_type=PriceType.OCO,
        price=terms.stop_price,
        trigger_price=terms.stop_trigger,
        target_trigger=terms.target_trigger,
        target_price=terms.target_price,
        wave=1 if side is Side.SELL else 2,
        attempt=again.attempt,
        reason="stop and target rest at the broker",
    )


def _entry(loaded: Loaded, leg_id: str) -> Decimal | None:
    """On average, exactly."""
    filled = [
        (order.filled_quantity, order.average_price)
        for order in loaded.orders.values()
        if order.leg_run_id == leg_id and order.purpose == "entry" and order.filled_quantity
    ]
    worth = [quantity * price for quantity, price in filled if price is not None]
    return sum(worth, ZERO) / sum((quantity for quantity, _ in filled), ZERO) if len(worth) == len(filled) > 0 else None


def left(session: Session, loaded: Loaded, leg_id: str, fired: str, now: datetime) -> list[object]:
    """The broker made an order of a leg's stop or target: that decides its exit, unless something did before."""
    leg, part = loaded.legs[leg_id], loaded.part
    order = next(o for o in loaded.orders.values() if o.leg_run_id == leg_id and o.fired == fired)
    touched = order.trigger_price if fired == "stop" else order.target_trigger
    rule = Rule.STOP if fired == "stop" else Rule.TARGET
    reason = f"{rule}: it rested at the broker, and {leg.symbol} reached {plain(touched or ZERO)}"
    event: dict[str, Any] = {
        "owner_id": part.owner_id, "run_id": part.run_id, "reach": Reach.LEG.value, "subject_id": leg.id,
        "name": f"Leg {leg.number} {leg.symbol}", "rule": rule.value, "threshold": touched, "value": None,
        "prices": [], "at": now,
    }  # fmt: skip
    if not leaving.left_by(session, leg.id, rule, reason, "broker", event):
        return []
    return [Alarm(part.owner_id, part.account_id, f"run:{part.run_id}", f"Leg {leg.number} is left by its {reason}.")]
