"""What an account, or a person's desk, may do and lose in a day, as a person writes it down. Pure; checked where it
enters.

Two kinds. What is watched after orders, tick by tick: the profit of the day, which is what the desk's own orders
realised today and all that is open now at its last price, before charges. And what is asked before an order. Amounts
are in the account's currency, percent of its equity when the day began; a desk's equity is that of its accounts.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from app.core.money import ZERO, plain
from app.core.validation import no_boolean
from app.risk.rules import Above, Written
from app.risk.states import Extent, Kind

HUNDRED = Decimal(100)
Count = Annotated[int, Field(ge=1, le=100_000), BeforeValidator(no_boolean)]
Percent = Annotated[
    Decimal, Field(gt=0, le=100, max_digits=7, decimal_places=4, allow_inf_nan=False), BeforeValidator(no_boolean)
]
Action = Literal["block", "reduce", "flatten"]
BASIS = "realised today and all that is open now, at the last price, before charges, of the desk's own orders"
WORDS = {
    "max_loss": "max loss of the day",
    "max_profit": "max profit of the day",
    "drawdown": "drawdown of the day",
    "symbol_exposure": "exposure per symbol",
    "underlying_exposure": "exposure per underlying",
    "exposure": "exposure",
    "open_orders": "open orders",
    "orders_per_minute": "orders per minute",
    "entries": "entries of the day",
    "order_value": "max order value",
    "order_quantity": "max order quantity",
    "price_band": "price band",
}


class DayRule(StrEnum):
    """A limit of the day's profit, by its name among the rules."""

    LOSS = "max_loss"
    PROFIT = "max_profit"
    DRAWDOWN = "drawdown"

    @property
    def words(self) -> str:
        return WORDS[self.value]


class Most(Written):
    """So much at most."""

    value: Above
    unit: Literal["amount", "percent"] = "amount"

    @property
    def words(self) -> str:
        return f"{plain(self.value)}{' % of equity' if self.unit == 'percent' else ''}"

    def amount(self, equity: Decimal | None) -> Decimal | None:
        """In currency; None while the equity of the day is not known."""
        if self.unit == "amount":
            return self.value
        return None if equity is None else self.value * equity / HUNDRED


class DayLevel(Most):
    """What happens there: `block` lets nothing new in, `reduce` also cancels entries that work, `flatten` also exits
    all that is held."""

    action: Action = "block"


class DayRules(Written):
    """The limits of an account, or of all accounts of a person together; None is no limit.

    `entries` counts what opened something today or still may; `price_band` is how far a limit price may be from the
    last one, in percent; `order_quantity` is in units.
    """

    max_loss: DayLevel | None = None
    max_profit: DayLevel | None = None
    drawdown: DayLevel | None = None
    symbol_exposure: Most | None = None
    underlying_exposure: Most | None = None
    exposure: Most | None = None
    open_orders: Count | None = None
    orders_per_minute: Count | None = None
    entries: Count | None = None
    order_value: Above | None = None
    order_quantity: Above | None = None
    price_band: Percent | None = None

    @property
    def is_empty(self) -> bool:
        return self == NONE

    @property
    def levels(self) -> dict[DayRule, DayLevel]:
        """Those of the day's profit."""
        found = {rule: getattr(self, rule.value) for rule in DayRule}
        return {rule: level for rule, level in found.items() if level is not None}

    @property
    def exposures(self) -> dict[str, Most]:
        found = {name: getattr(self, name) for name in ("symbol_exposure", "underlying_exposure", "exposure")}
        return {name: most for name, most in found.items() if most is not None}

    @property
    def counts(self) -> dict[str, int]:
        found = {name: getattr(self, name) for name in ("open_orders", "orders_per_minute", "entries")}
        return {name: most for name, most in found.items() if most is not None}

    @property
    def in_percent(self) -> bool:
        """Whether any of them needs to know the equity of the day."""
        return any(most.unit == "percent" for most in (*self.levels.values(), *self.exposures.values()))

    @property
    def asks_price(self) -> bool:
        """Whether any of them asks what an order is worth."""
        return bool(self.exposures) or self.order_value is not None or self.price_band is not None

    @property
    def asks_before(self) -> bool:
        """Whether anything is asked before an order."""
        return self != DayRules(max_loss=self.max_loss, max_profit=self.max_profit, drawdown=self.drawdown)


NONE = DayRules()


def day_rules(saved: dict[str, Any] | None) -> DayRules:
    """As they are kept."""
    return DayRules.model_validate(saved) if saved else NONE


@dataclass(frozen=True, slots=True)
class Limited:
    """An account or a desk with its limits. `equity` is that of the day's beginning, None while it is not known."""

    extent: Extent
    owner_id: str
    name: str
    rules: DayRules
    account_ids: tuple[str, ...]  # that are counted
    currency: str = "INR"
    equity: Decimal | None = None
    equity_at: datetime | None = None

    @property
    def is_desk(self) -> bool:
        return self.extent.kind is Kind.USER


@dataclass(frozen=True, slots=True)
class DayBound:
    """A limit of the day's profit in currency: how far from nought, or from the day's peak. `key` names it for a day,
    as it is written: one that was changed is another."""

    rule: DayRule
    distance: Decimal
    action: Action
    key: str

    def at(self, peak: Decimal) -> Decimal:
        """The profit of the day at which it is reached."""
        if self.rule is DayRule.PROFIT:
            return self.distance
        return (peak if self.rule is DayRule.DRAWDOWN else ZERO) - self.distance

    def is_reached(self, profit: Decimal, peak: Decimal) -> bool:
        at = self.at(peak)
        return profit >= at if self.rule is DayRule.PROFIT else profit <= at

    def used(self, profit: Decimal, peak: Decimal) -> Decimal:
        """Of the distance, as a profit: a loss and a drawdown are below nought."""
        return profit - peak if self.rule is DayRule.DRAWDOWN else profit

    def share(self, profit: Decimal, peak: Decimal) -> Decimal:
        """Percent of the distance that is used; nothing while it goes the other way."""
        used = self.used(profit, peak)
        return max(ZERO, (used if self.rule is DayRule.PROFIT else -used) / self.distance * HUNDRED)


def key_of(slot: str, day: object, rule: DayRule, level: DayLevel) -> str:
    """What a limit is known by on a day."""
    return f"{slot}:{day}:{rule}:{plain(level.value)}:{level.unit}:{level.action}"


def bounds_of(rules: DayRules, slot: str, day: object, equity: Decimal | None) -> list[DayBound]:
    """Without those in percent of an equity that is not known, or is none."""
    found = []
    for rule, level in rules.levels.items():
        distance = level.amount(equity)
        if distance is not None and distance > 0:
            found.append(DayBound(rule, distance, level.action, key_of(slot, day, rule, level)))
    return found
