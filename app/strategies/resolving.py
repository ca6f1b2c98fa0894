"""From the legs of a strategy to the contracts and quantities of each account: once per run, by the desk.

All accounts get the same contracts, whatever moved between them. What does not fit is said per account, before
anything is sent.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from app.core.errors import Retry
from app.core.money import on_tick, plain
from app.execution.splitter import CannotSplit, slices
from app.instruments.contracts import CannotResolve, Listed
from app.instruments.service import InstrumentService
from app.strategies.legs import Leg, lots_for
from app.venues.types import Symbol

Spot = Callable[[Symbol], Decimal]  # raises Retry when there is no fresh price
DERIVATIVES = ("FUT", "CE", "PE")


@dataclass(frozen=True, slots=True)
class Resolved:
    """A leg with its contract. `freeze` None: the exchange sets no limit that we know of (cash market)."""

    number: int
    leg: Leg
    contract: Listed
    freeze: Decimal | None

    @property
    def symbol(self) -> Symbol:
        return Symbol(self.contract.exchange, self.contract.symbol)


@dataclass(frozen=True, slots=True)
class Portion:
    """A leg in one account: whole lots and units, and how it will be cut."""

    resolved: Resolved
    lots: int
    quantity: Decimal
    slices: tuple[Decimal, ...]


class Resolver:
    def __init__(self, instruments: InstrumentService, spot: Spot) -> None:
        self._instruments = instruments
        self._spot = spot

    def resolve(self, venue_kind: str, legs: Sequence[Leg], now: datetime) -> list[Resolved]:
        """Raises CannotResolve with a sentence that names the leg, or Retry when a price is missing."""
        return [self._resolve(venue_kind, number, leg, now) for number, leg in enumerate(legs, start=1)]

    def _resolve(self, venue_kind: str, number: int, leg: Leg, now: datetime) -> Resolved:
        rule = leg.rule(number)
        spot = self._spot_for(rule.leg, leg, now) if leg.kind in ("CE", "PE") else None
        contract = self._instruments.resolve(venue_kind, rule, spot, now)
        freeze = self._instruments.freeze_quantity(contract, now.date())
        if freeze is None and contract.kind in DERIVATIVES:
            raise CannotResolve(
                f"{rule.leg}: the freeze quantity of {contract.name} is not known, so {contract.symbol} cannot be"
                " split safely. Add it under Instruments."
            )
        if leg.price is not None and not on_tick(leg.price, contract.tick):
            raise CannotResolve(f"{rule.leg}: {plain(leg.price)} is not a multiple of the tick {plain(contract.tick)}.")
        return Resolved(number, leg, contract, freeze)

    def _spot_for(self, name: str, leg: Leg, now: datetime) -> Decimal | None:
        place = self._instruments.spot_symbol(leg.exchange, leg.underlying, now.date())
        if place is None:
            raise CannotResolve(f"{name}: it is not known where the price of {leg.underlying} comes from.")
        try:
            return self._spot(Symbol(*place))
        except Retry as error:
            raise CannotResolve(f"{name}: {error.message}") from error


def portions(resolved: Sequence[Resolved], multiplier: Decimal) -> list[Portion]:
    """What one account gets. Raises CannotResolve when a leg rounds to nothing or cannot be cut."""
    return [_portion(item, multiplier) for item in resolved]


def _portion(item: Resolved, multiplier: Decimal) -> Portion:
    lots = lots_for(item.leg.lots, multiplier)
    if lots < 1:
        raise CannotResolve(f"Leg {item.number}: {item.leg.lots} lots times {plain(multiplier)} is less than one lot.")
    quantity = lots * item.contract.lot_size
    try:
        cut = slices(quantity, item.contract.lot_size, item.freeze)
    except CannotSplit as error:
        raise CannotResolve(f"Leg {item.number}: {error}.") from error
    return Portion(item, lots, quantity, tuple(cut))
