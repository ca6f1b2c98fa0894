"""What a leg's way out wishes for: an order of its exit, or a stop and a target that rest at the broker until then."""

from dataclasses import replace
from decimal import Decimal

from app.core.money import ZERO
from app.execution.desk import Wish
from app.strategies.broker_pair import pair_terms
from app.strategies.exit_prices import ExitTerms
from app.strategies.views import Loaded
from app.strategies.watching import levels_of
from app.strategies.waves import Resend
from app.venues.types import PriceType, Side, Symbol


def exit_wish(loaded: Loaded, again: Resend, terms: ExitTerms, freeze: Decimal | None) -> Wish:
    leg, part = loaded.legs[again.leg_id], loaded.part
    side = Side(leg.side).opposite
    whole = again.quantity % leg.lot_size == 0
    reason = leg.exit_reason or part.exit_reason or (loaded.run_exit[0] if loaded.run_exit else "") or "entry failed"
    return Wish(
        key=f"{leg.id}:exit:{again.attempt}",
        owner_id=part.owner_id,
        account_id=part.account_id,
        account_run_id=part.id,
        leg_run_id=leg.id,
        purpose="exit",
        symbol=Symbol(leg.exchange, leg.symbol),
        side=side,
        quantity=again.quantity,
        product=leg.product,
        lot=leg.lot_size if whole else Decimal(1),  # a partial fill of odd size must still get out
        freeze=freeze,
        price_type=terms.price_type,
        price=terms.price,
        wave=1 if side is Side.BUY else 2,
        attempt=again.attempt,
        reason=reason,
    )


def pair_wish(loaded: Loaded, again: Resend, freeze: Decimal | None) -> Wish | None:
    """What shall rest for this leg; None where its entry's price is not known yet, or there are no such prices."""
    leg, entry = loaded.legs[again.leg_id], _entry(loaded, again.leg_id)
    if entry is None:
        return None
    terms = pair_terms(Side(leg.side), entry, again.quantity, levels_of(leg), leg.tick)
    if terms is None:
        return None
    return replace(
        exit_wish(loaded, again, ExitTerms(PriceType.OCO, terms.stop_price), freeze),
        key=f"{leg.id}:pair",
        trigger_price=terms.stop_trigger,
        target_trigger=terms.target_trigger,
        target_price=terms.target_price,
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
