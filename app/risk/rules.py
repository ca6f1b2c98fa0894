"""The rules by which something is left, as a person writes them down. Pure; checked where they enter.

Amounts are in the account's currency, percent of the net premium that the entry paid or took in, points profit per
unit of the smallest leg. The combined premium is the prices of all legs as one number, per unit of the smallest leg:
what was sold less what was bought where the entry took money in, the other way round where it paid.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from app.core.money import plain
from app.core.validation import no_boolean

Above = Annotated[
    Decimal, Field(gt=0, lt=10**12, max_digits=18, decimal_places=4, allow_inf_nan=False), BeforeValidator(no_boolean)
]
LegNumber = Annotated[int, Field(ge=1, le=20), BeforeValidator(no_boolean)]
Unit = Literal["amount", "percent", "points"]
Timeframe = Literal["1m", "3m", "5m", "10m", "15m", "30m", "1h"]
UNITS = {"amount": "", "percent": " % of the net premium", "points": " points"}


class Rule(StrEnum):
    """What led to an exit."""

    STOP = "stop"
    TARGET = "target"
    TRAIL = "trailing stop"
    EVEN = "break-even stop"
    COST = "stop at cost"
    PREMIUM_STOP = "premium stop"
    PREMIUM_TARGET = "premium target"
    UNDERLYING = "underlying level"
    UNDERLYING_STOP = "underlying stop"
    UNDERLYING_TARGET = "underlying target"
    SUPERTREND = "supertrend"
    DELTA = "delta"
    TIME = "time"
    SCHEDULE = "scheduled exit"
    SQUARE_OFF = "square-off"


STOPS = (Rule.STOP, Rule.TRAIL, Rule.EVEN, Rule.UNDERLYING_STOP)
IN_CURRENCY = (Rule.STOP, Rule.TARGET, Rule.TRAIL, Rule.EVEN, Rule.COST)


class Written(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Level(Written):
    """A distance from the entry, in profit or in loss."""

    value: Above
    unit: Unit = "amount"

    @property
    def words(self) -> str:
        return f"{plain(self.value)}{UNITS[self.unit]}"


class LegLevel(Written):
    """A distance from a leg's average entry price, or a price of it; or the same of its underlying, counted from where
    that stood at the start and in the direction that hurts a stop's leg and helps a target's."""

    value: Above
    unit: Literal[
        "points", "percent", "price", "amount", "underlying_points", "underlying_percent", "underlying_price"
    ] = "points"

    @property
    def is_of_underlying(self) -> bool:
        return self.unit.startswith("underlying_")

    @property
    def words(self) -> str:
        value = plain(self.value)
        said = {
            "price": f"at a price of {value}", "percent": f"{value} % from entry", "points": f"{value} points",
            "underlying_price": f"with the underlying at {value}",
            "underlying_percent": f"when the underlying moved {value} %",
            "underlying_points": f"when the underlying moved {value} points",
        }  # fmt: skip
        return said.get(self.unit, value)


class LegGain(Written):
    """A distance from a leg's average entry price."""

    value: Above
    unit: Literal["points", "percent", "amount"] = "points"

    @property
    def words(self) -> str:
        return f"{plain(self.value)}{ {'points': ' points', 'percent': ' % of entry'}.get(self.unit, '') }"


class Trail(Written):
    """A stop that begins `stop` below the entry and follows the best profit by `factor` of every step; never back."""

    stop: Level
    factor: Annotated[
        Decimal, Field(gt=0, le=1, max_digits=5, decimal_places=4, allow_inf_nan=False), BeforeValidator(no_boolean)
    ] = Decimal(1)

    @property
    def words(self) -> str:
        follows = "" if self.factor == 1 else f" by {plain(self.factor * 100)} % of its way"
        return f"Trailing stop {self.stop.words} below the best profit{follows}"


class Lock(Written):
    """Once the profit reached `at`, `keep` of it is kept; for every further `step` of profit, `gain` more."""

    at: Above
    keep: Annotated[
        Decimal,
        Field(ge=0, lt=10**12, max_digits=18, decimal_places=4, allow_inf_nan=False),
        BeforeValidator(no_boolean),
    ]
    step: Above | None = None
    gain: Above | None = None
    unit: Unit = "amount"

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.keep >= self.at:
            raise ValueError("what is kept must be less than the profit at which it is locked")
        if (self.step is None) != (self.gain is None):
            raise ValueError("a step needs what it adds, and what it adds needs a step")
        if self.step is not None and self.gain is not None and self.gain > self.step:
            raise ValueError("a step cannot add more than itself")
        return self

    @property
    def words(self) -> str:
        unit = UNITS[self.unit]
        said = f"Keeps {plain(self.keep)}{unit} once {plain(self.at)}{unit} were reached"
        if self.step is not None and self.gain is not None:
            said += f", and {plain(self.gain)} more for every further {plain(self.step)}"
        return said


class PremiumLevel(Written):
    """Of the combined premium: so far from the entry's, or a level of its own."""

    value: Above
    unit: Literal["points", "percent", "level"] = "points"

    @property
    def words(self) -> str:
        value = plain(self.value)
        return {"level": f"at {value}", "percent": f"{value} % from entry"}.get(self.unit, f"{value} points from entry")


class UnderlyingLevels(Written):
    """Left as soon as the underlying is at or above, or at or below."""

    above: Above | None = None
    below: Above | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.above is None and self.below is None:
            raise ValueError("say a level above, a level below, or both")
        if self.above is not None and self.below is not None and self.below >= self.above:
            raise ValueError("the level below must be under the level above")
        return self

    @property
    def words(self) -> str:
        said = [f"{name} {plain(level)}" for name, level in (("above", self.above), ("below", self.below)) if level]
        return f"Out when the underlying is {' or '.join(said)}"


class Subject(Written):
    """A rule that looks at one leg says which."""

    on: str
    leg: LegNumber | None = None

    @model_validator(mode="after")
    def _names_its_leg(self) -> Self:
        if self.on == "leg" and self.leg is None:
            raise ValueError("say which leg")
        return self


class SupertrendRule(Subject):
    """Left when a closed candle turns the Supertrend: up is a breakout, down a breakdown."""

    on: Literal["underlying", "premium", "leg"] = "underlying"
    when: Literal["breakout", "breakdown"]
    timeframe: Timeframe = "5m"
    period: Annotated[int, Field(ge=1, le=100), BeforeValidator(no_boolean)] = 10
    multiplier: Annotated[
        Decimal, Field(gt=0, le=50, max_digits=6, decimal_places=4, allow_inf_nan=False), BeforeValidator(no_boolean)
    ] = Decimal(3)

    @property
    def words(self) -> str:
        of = {"underlying": "the underlying", "premium": "the combined premium"}.get(self.on, f"leg {self.leg}")
        line = f"Supertrend {self.period}, {plain(self.multiplier)} on {self.timeframe} candles of {of}"
        return f"Out at a {self.when}: {line} turns {'up' if self.when == 'breakout' else 'down'} at a close"


class DeltaRule(Subject):
    """Left when the delta of a leg's contract, or of all that is held per unit of the smallest leg, is `beyond` or more
    on either side."""

    on: Literal["run", "leg"] = "run"
    beyond: Annotated[
        Decimal, Field(gt=0, le=1000, max_digits=8, decimal_places=4, allow_inf_nan=False), BeforeValidator(no_boolean)
    ]

    @property
    def words(self) -> str:
        of = f"the delta of leg {self.leg}" if self.on == "leg" else "the net delta per unit"
        return f"Out when {of} is {plain(self.beyond)} or more on either side"
