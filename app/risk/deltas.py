"""When a delta is beyond its bound. Pure: the deltas themselves are those of the option chain."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from app.core.money import ZERO
from app.risk.rules import DeltaRule
from app.venues.types import Symbol


@dataclass(frozen=True, slots=True)
class DeltaWatch:
    """`held` are signed units; `units` those of the smallest leg, which the net delta is counted by; `leg` the contract
    a rule of one leg looks at."""

    rule: DeltaRule
    held: Mapping[Symbol, Decimal]
    units: Decimal
    leg: Symbol | None = None

    @property
    def symbols(self) -> list[Symbol]:
        return [self.leg] if self.leg is not None else list(self.held)


def delta_of(watch: DeltaWatch, deltas: Mapping[Symbol, Decimal | None]) -> Decimal | None:
    """Signed, by one unit; None as long as one of the deltas is not known."""
    found = {symbol: deltas.get(symbol) for symbol in watch.symbols}
    known = {symbol: delta for symbol, delta in found.items() if delta is not None}
    if len(known) != len(found) or watch.units <= 0:
        return None
    if watch.leg is not None:
        return known[watch.leg]
    return sum((watch.held[symbol] * delta for symbol, delta in known.items()), ZERO) / watch.units


def is_beyond(watch: DeltaWatch, delta: Decimal) -> bool:
    return abs(delta) >= watch.rule.beyond
