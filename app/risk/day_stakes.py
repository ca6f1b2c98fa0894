"""What the day monitor watches: each limited account's and desk's day so far, from what the desk's own orders hold."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal

from app.core.money import ZERO
from app.portfolio.pnl import realised
from app.portfolio.trades import Held, PositionKey
from app.risk.day_monitor import DayStake
from app.risk.day_rules import Limited, bounds_of
from app.venues.types import Symbol

Positions = Mapping[PositionKey, Held]


def day_stake(one: Limited, positions: Positions, day: date, peak: Decimal | None) -> DayStake | None:
    """None where no limit is of the day's profit."""
    if not one.rules.levels:
        return None
    mine = [(key, held) for key, held in positions.items() if key.account_id in one.account_ids]
    bounds = tuple(bounds_of(one.rules, one.extent.slot, day, one.equity))
    held = _by_symbol(mine)
    carries = any(not each.opening.is_flat for _, each in mine)
    return DayStake(one.extent, one.owner_id, one.name, day, _cash(mine), held, bounds, peak, carries)


def _by_symbol(mine: Iterable[tuple[PositionKey, Held]]) -> dict[Symbol, Decimal]:
    found: dict[Symbol, Decimal] = defaultdict(lambda: ZERO)
    for key, one in mine:
        found[Symbol(key.exchange, key.symbol)] += one.position.quantity
    return {symbol: quantity for symbol, quantity in found.items() if quantity}


def _cash(mine: Iterable[tuple[PositionKey, Held]]) -> Decimal | None:
    """The profit of the day without what the held units are worth; None where a price of a fill is not known yet."""
    total = ZERO
    for _, one in mine:
        done, before = realised(one.position), realised(one.opening)
        if done is None or before is None:
            return None
        total += done - before - one.position.cost
    return total
