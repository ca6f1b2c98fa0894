"""How a strategy gets out: at market or at a limit first, and how often a refused exit is tried before a person is
asked. Checked where it enters; every field has a default that is safe.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from app.core.money import plain
from app.core.validation import no_boolean

MOST_TICKS = 1000
MOST_PERCENT = 20


Seconds = Annotated[
    Decimal, Field(ge=Decimal("0.1"), le=600, max_digits=6, decimal_places=2, allow_inf_nan=False),
    BeforeValidator(no_boolean),
]  # fmt: skip


class ExitRule(BaseModel):
    """A limit exit asks for `offset` more than the last price: a sale above it, a purchase below it; a negative one
    gives so much away. What has not filled `convert_after` seconds later goes at market."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    price_type: Literal["MARKET", "LIMIT"] = "MARKET"
    offset: Annotated[
        Decimal,
        Field(ge=-MOST_TICKS, le=MOST_TICKS, max_digits=8, decimal_places=4, allow_inf_nan=False),
        BeforeValidator(no_boolean),
    ] = Decimal(0)
    offset_unit: Literal["ticks", "percent"] = "ticks"
    convert_after: Annotated[int, Field(ge=1, le=600, description="Seconds."), BeforeValidator(no_boolean)] = 6
    tries: Annotated[int, Field(ge=1, le=50), BeforeValidator(no_boolean)] = 6
    first_pause: Seconds = Decimal("0.5")
    longest_pause: Seconds = Decimal(30)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.offset_unit == "ticks" and self.offset != int(self.offset):
            raise ValueError("an offset in ticks is a whole number")
        if self.offset_unit == "percent" and abs(self.offset) > MOST_PERCENT:
            raise ValueError(f"an offset in percent is within {MOST_PERCENT}")
        if self.longest_pause < self.first_pause:
            raise ValueError("the longest pause is not shorter than the first pause")
        return self

    @property
    def is_limit(self) -> bool:
        return self.price_type == "LIMIT"

    @property
    def hurried(self) -> "ExitRule":
        """The same at market and at once, for when nothing may rest any more."""
        return self.model_copy(update={"price_type": "MARKET", "convert_after": 0})

    @property
    def converts_after(self) -> timedelta:
        return timedelta(seconds=self.convert_after)

    @property
    def words(self) -> str:
        """As a person would say it: "at a limit 2 ticks better than the last price, at market after 6 s"."""
        if not self.is_limit:
            return "at market"
        where = "the last price"
        if self.offset:
            unit = "%" if self.offset_unit == "percent" else " tick" if abs(self.offset) == 1 else " ticks"
            where = f"{plain(abs(self.offset))}{unit} {'better' if self.offset > 0 else 'worse'} than the last price"
        return f"at a limit of {where}, at market after {self.convert_after} s"

    def pause_after(self, doublings: int) -> timedelta:
        """Before the next try of an exit that was refused."""
        seconds = min(self.longest_pause, self.first_pause * 2**doublings)
        return timedelta(seconds=float(seconds))


AT_MARKET = ExitRule()


def exit_rule(saved: dict[str, Any] | None) -> ExitRule:
    """As it is kept with a strategy or a run; those from before had no choice."""
    return ExitRule.model_validate(saved) if saved else AT_MARKET
