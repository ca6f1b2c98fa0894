"""An order as a person writes it: what, how much, at which price, in which accounts. Values in, values out."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from app.core.errors import Invalid
from app.core.money import plain
from app.execution.splitter import CannotSplit, slices
from app.execution.terms import Terms, price_problems
from app.venues.types import PriceType

MOST_LOTS = 10_000
MOST_ACCOUNTS = 500
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9&._-]{1,40}$", to_upper=True)]
Price = Annotated[Decimal, Field(gt=0, lt=100_000_000, max_digits=18, decimal_places=8, allow_inf_nan=False)]


class Share(BaseModel):
    """An account that takes part; its lots are the ticket's lots times the multiplier, rounded down."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    account_id: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{1,40}$")]
    multiplier: Annotated[Decimal, Field(gt=0, le=1000, max_digits=10, decimal_places=4, allow_inf_nan=False)] = (
        Decimal(1)
    )


class Draft(BaseModel):
    """A ticket. The quantity is in lots or in units, of an account whose multiplier is 1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    exchange: Code
    symbol: Code
    side: Literal["BUY", "SELL"]
    product: Literal["NRML", "MIS", "CNC"]
    quantity: Annotated[Decimal, Field(gt=0, lt=100_000_000, max_digits=18, decimal_places=8, allow_inf_nan=False)]
    unit: Literal["lots", "units"] = "lots"
    price_type: Literal["MARKET", "LIMIT", "SL", "SL-M"] = "MARKET"
    price: Price | None = None
    trigger_price: Price | None = None
    accounts: Annotated[list[Share], Field(min_length=1, max_length=MOST_ACCOUNTS)]

    @model_validator(mode="after")
    def _accounts_once(self) -> Self:
        ids = [share.account_id for share in self.accounts]
        if len(ids) != len(set(ids)):
            raise ValueError("an account can take part only once")
        return self

    @property
    def stored(self) -> dict[str, Any]:
        return self.model_dump(mode="json")

    def multiplier(self, account_id: str) -> Decimal:
        return next(share.multiplier for share in self.accounts if share.account_id == account_id)

    def terms(self, quantity: Decimal) -> Terms:
        return Terms(quantity, PriceType(self.price_type), self.price, self.trigger_price).clean


@dataclass(frozen=True, slots=True)
class Found:
    """The instrument of a ticket. `freeze`: the most units in one order; None where the exchange sets no limit."""

    exchange: str
    symbol: str
    name: str
    kind: str
    lot_size: Decimal
    tick: Decimal
    freeze: Decimal | None
    expiry: date | None = None

    def check(self, draft: Draft) -> None:
        """Raises Invalid by field."""
        problems = price_problems(draft.terms(draft.quantity), self.tick)
        problems |= {name: text for name, text in self._quantity(draft).items() if text}
        if self.kind == "INDEX":
            problems["symbol"] = f"{self.symbol} is an index: it cannot be traded."
        if problems:
            raise Invalid({name: [text] for name, text in problems.items()})

    def _quantity(self, draft: Draft) -> dict[str, str]:
        text = ""
        if draft.unit == "lots" and draft.quantity % 1:
            text = "Type a whole number of lots."
        elif draft.unit == "units" and draft.quantity % self.lot_size:
            text = f"{plain(draft.quantity)} is not a multiple of the lot size {plain(self.lot_size)}."
        elif self.lots(draft) > MOST_LOTS:
            text = f"{MOST_LOTS:,} lots at most."
        return {"quantity": text}

    def lots(self, draft: Draft) -> Decimal:
        return draft.quantity if draft.unit == "lots" else draft.quantity / self.lot_size


@dataclass(frozen=True, slots=True)
class Portion:
    """What one account gets, in whole lots and units, and how it is cut; `trouble` when it gets nothing."""

    multiplier: Decimal
    lots: int
    quantity: Decimal
    slices: tuple[Decimal, ...]
    trouble: str = ""


def portion(draft: Draft, multiplier: Decimal, found: Found) -> Portion:
    lots = int(found.lots(draft) * multiplier)
    quantity = lots * found.lot_size
    if lots < 1:
        text = f"{plain(found.lots(draft))} lots times {plain(multiplier)} is less than one lot."
        return Portion(multiplier, lots, quantity, (), text)
    try:
        return Portion(multiplier, lots, quantity, tuple(slices(quantity, found.lot_size, found.freeze)))
    except CannotSplit as error:
        return Portion(multiplier, lots, quantity, (), f"{error}.")
