"""At which price a leg is entered: a price that was written down, or one reckoned from the newest prices. Pure.

A limit is so far from the last price, the bid or the ask; more is better for us (a purchase below, a sale above), less
than zero gives so much away. A trigger lies beyond the last price: above it for a purchase, below it for a sale; the
limit of a stop order lies beyond its trigger by what it may cost. Limits are rounded to a tick towards a fill, triggers
away from the last price.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.core.money import ZERO, plain
from app.core.validation import no_boolean
from app.strategies.exit_prices import on_side
from app.venues.types import Quote, Side

MOST_PERCENT = 90
Offset = Annotated[
    Decimal,
    Field(gt=-(10**6), lt=10**6, max_digits=12, decimal_places=4, allow_inf_nan=False),
    BeforeValidator(no_boolean),
]
Unit = Literal["points", "percent"]
PLACES = {"ltp": "the last price", "bid": "the bid", "ask": "the ask", "trigger": "its trigger"}


class PriceFrom(BaseModel):
    """A limit price: `offset` better than what it is reckoned `of`; of a trigger, so far beyond it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    of: Literal["ltp", "bid", "ask", "trigger"] = "ltp"
    offset: Offset = ZERO
    unit: Unit = "points"

    @property
    def problem(self) -> str:
        if self.unit == "percent" and abs(self.offset) > MOST_PERCENT:
            return f"a price is within {MOST_PERCENT} % of the market"
        return "the limit lies beyond the trigger: 0 or more" if self.of == "trigger" and self.offset < 0 else ""

    @property
    def words(self) -> str:
        if not self.offset:
            return f"at {PLACES[self.of]}"
        way = "beyond" if self.of == "trigger" else "better than" if self.offset > 0 else "worse than"
        return f"{_distance(abs(self.offset), self.unit)} {way} {PLACES[self.of]}"


class TriggerFrom(BaseModel):
    """A trigger so far beyond the last price: above it for a purchase, below it for a sale."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    offset: Annotated[
        Decimal,
        Field(gt=0, lt=10**6, max_digits=12, decimal_places=4, allow_inf_nan=False),
        BeforeValidator(no_boolean),
    ]
    unit: Unit = "points"

    @property
    def problem(self) -> str:
        too_far = self.unit == "percent" and self.offset > MOST_PERCENT
        return f"a trigger is within {MOST_PERCENT} % of the market" if too_far else ""

    @property
    def words(self) -> str:
        return f"triggered {_distance(self.offset, self.unit)} beyond {PLACES['ltp']}"


def _distance(offset: Decimal, unit: str) -> str:
    return f"{plain(offset)}{' %' if unit == 'percent' else ' points'}"


class CannotPrice(ValueError):
    """There is no price to reckon from; the text goes on after the name of the leg."""


@dataclass(frozen=True, slots=True)
class EntryTerms:
    price: Decimal | None = None
    trigger_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Pricing:
    """How a leg is priced: what was written down, or a rule instead."""

    price: Decimal | None = None
    price_from: PriceFrom | None = None
    trigger_price: Decimal | None = None
    trigger_from: TriggerFrom | None = None

    @property
    def needs_quote(self) -> bool:
        of_market = self.price_from is not None and self.price_from.of != "trigger"
        return of_market or self.trigger_from is not None


def entry_terms(pricing: Pricing, side: Side, quote: Quote | None, tick: Decimal) -> EntryTerms:
    """Raises CannotPrice where what it is reckoned from is not known."""
    trigger = pricing.trigger_price
    if pricing.trigger_from is not None:
        last = _known("ltp", quote)
        trigger = on_side(side, last + side.sign * _step(pricing.trigger_from, last), tick)
    if pricing.price_from is None:
        return EntryTerms(pricing.price, trigger)
    return EntryTerms(limit_price(pricing.price_from, side, quote, tick, trigger), trigger)


def limit_price(
    rule: PriceFrom, side: Side, quote: Quote | None, tick: Decimal, trigger: Decimal | None = None
) -> Decimal:
    """Raises CannotPrice."""
    if rule.of == "trigger":
        if trigger is None:
            raise CannotPrice("it has no trigger")
        return on_side(side, trigger + side.sign * _step(rule, trigger), tick)
    base = _known(rule.of, quote)
    return on_side(side, base - side.sign * _step(rule, base), tick)


def _step(rule: PriceFrom | TriggerFrom, base: Decimal) -> Decimal:
    return base * rule.offset / 100 if rule.unit == "percent" else rule.offset


def _known(of: str, quote: Quote | None) -> Decimal:
    found = None if quote is None else {"ltp": quote.last, "bid": quote.bid, "ask": quote.ask}[of]
    if found is None or found <= ZERO:
        raise CannotPrice(f"{PLACES[of]} is not known freshly")
    return found
