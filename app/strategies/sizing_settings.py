"""What a person set for the sizes of all strategies: quality grades, when funds are too old, margins by hand. Pure."""

from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from app.core.money import ZERO
from app.core.validation import no_boolean
from app.strategies.legs import Code
from app.strategies.sizing import Percent

MOST_GRADES = 12
MOST_ROWS = 200


GradeName = Annotated[Code, StringConstraints(min_length=1, max_length=8)]
Amount = Annotated[
    Decimal, Field(gt=0, lt=10**9, max_digits=12, decimal_places=2, allow_inf_nan=False), BeforeValidator(no_boolean)
]


class Grade(BaseModel):
    """So much of its free margin an account of this quality may bind."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: GradeName
    percent: Percent


class MarginRow(BaseModel):
    """Margin of one lot of an underlying, where the venue does not tell it: of an option sold, of a call and a put sold
    together, of a future; each on usual days and on the contract's expiry day. An expiry day that is not given is as a
    usual one, a pair that is not given is two options."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    exchange: Annotated[Code, StringConstraints(min_length=1)] = "NFO"
    underlying: Annotated[Code, StringConstraints(min_length=1)]
    option: Amount | None = None
    option_expiry: Amount | None = None
    pair: Amount | None = None
    pair_expiry: Amount | None = None
    future: Amount | None = None
    future_expiry: Amount | None = None

    def margin(self, calls: int, puts: int, futures: int, expires: bool) -> Decimal | None:
        """Of so many lots sold (of futures: either way); None where a figure is missing."""
        pairs = min(calls, puts)
        pair, option, future = self._of("pair", expires), self._of("option", expires), self._of("future", expires)
        if pair is None and option is not None:
            pair = 2 * option
        known = ((pairs, pair), (calls + puts - 2 * pairs, option), (futures, future))
        if any(lots and each is None for lots, each in known):
            return None
        return sum((lots * each for lots, each in known if each is not None), ZERO)

    def _of(self, name: str, expires: bool) -> Decimal | None:
        usual: Decimal | None = getattr(self, name)
        special: Decimal | None = getattr(self, f"{name}_expiry")
        return special if expires and special is not None else usual


class SizingRules(BaseModel):
    """`funds_age`: seconds after which funds are too old to size by; `on_stale`: what an account with such funds does
    when they can't be read anew: it is left out, takes the legs' own lots, or sizes by the old figures."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    grades: Annotated[tuple[Grade, ...], Field(min_length=1, max_length=MOST_GRADES)] = (
        Grade(name="A", percent=Decimal(95)),
        Grade(name="B", percent=Decimal(65)),
        Grade(name="C", percent=Decimal(36)),
    )
    on_stale: Literal["refuse", "lots", "use"] = "refuse"
    funds_age: Annotated[int, Field(ge=5, le=86_400), BeforeValidator(no_boolean)] = 120
    margins: Annotated[tuple[MarginRow, ...], Field(max_length=MOST_ROWS)] = ()

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        names = [grade.name for grade in self.grades]
        if len(set(names)) != len(names):
            raise ValueError("each grade can be there only once")
        places = [(row.exchange, row.underlying) for row in self.margins]
        if len(set(places)) != len(places):
            raise ValueError("each underlying can be there only once")
        return self

    def percent(self, grade: str) -> Decimal | None:
        return next((one.percent for one in self.grades if one.name == grade), None)


USUAL = SizingRules()


def sizing_rules(saved: dict[str, Any] | None) -> SizingRules:
    """As they are kept for a person."""
    return SizingRules.model_validate(saved) if saved else USUAL
