"""Where a leg's stop and target rest at the broker as one: at which prices. Pure.

The stop gives away a little beyond its trigger, for a market that jumps must not leave it behind; the target asks for
its own price. What has not filled soon after either was touched goes at market, as any exit that rests does.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from app.core.money import ZERO
from app.risk.limits import LegRules
from app.risk.rules import LegLevel
from app.strategies.exit_prices import on_side
from app.venues.types import Product, Side

GIVES_AWAY = Decimal("0.05")  # of the stop's trigger
PRODUCTS = (Product.NRML, Product.CNC)  # a broker keeps a pair beyond the day, so it takes none for the day


@dataclass(frozen=True, slots=True)
class PairTerms:
    stop_trigger: Decimal
    stop_price: Decimal
    target_trigger: Decimal
    target_price: Decimal


def obstacle(rules: LegRules, product: str) -> str:
    """Why a leg's stop and target can't rest at a broker; empty when they can."""
    levels = [level for level in (rules.stop, rules.target) if level is not None]
    if len(levels) < 2:
        return "only a stop and a target together can rest at the broker"
    if any(level.is_of_underlying for level in levels):
        return "what looks at the underlying can't rest at the broker: its stop and target must be of its own price"
    if rules.trail is not None or rules.even is not None:
        return "a stop that moves can't rest at the broker: leave out the trail and the break-even move"
    return "" if product in PRODUCTS else "a stop and a target rest at the broker for NRML and CNC alone"


def pair_terms(side: Side, entry: Decimal, quantity: Decimal, rules: LegRules, tick: Decimal) -> PairTerms | None:
    """For a leg entered on `side` at `entry` on average, with `quantity` units; None where there are no such prices."""
    if rules.stop is None or rules.target is None or rules.stop.is_of_underlying or rules.target.is_of_underlying:
        return None
    stop = _rounded(_price(rules.stop, -side.sign, entry, quantity), tick)
    target = _rounded(_price(rules.target, side.sign, entry, quantity), tick)
    if min(stop, target) <= ZERO or (target - stop) * side.sign <= ZERO:
        return None
    way_out = side.opposite
    return PairTerms(stop, on_side(way_out, stop * (1 + way_out.sign * GIVES_AWAY), tick), target, target)


def _price(level: LegLevel, sign: int, entry: Decimal, quantity: Decimal) -> Decimal:
    if level.unit == "price":
        return level.value
    away = {"points": level.value, "percent": entry * level.value / 100, "amount": level.value / quantity}
    return entry + sign * away[level.unit]


def _rounded(price: Decimal, tick: Decimal) -> Decimal:
    return (price / tick).to_integral_value(ROUND_HALF_UP) * tick if tick > ZERO else price
