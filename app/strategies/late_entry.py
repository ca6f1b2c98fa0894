"""Legs that are not entered with the others: after a move of their price, after it left a range, and again after they
were left. What a person writes down, and what it means for a price. Pure; checked where it enters.

A price is waited for on one side: from there on it is reached. What is reckoned from a reference is rounded to a tick
away from it, so that nothing is entered before the whole move was made.
"""

from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from app.core.money import ZERO, plain
from app.core.validation import no_boolean
from app.risk.rules import Rule
from app.strategies.schedule import TimeOfDay, moment, spell

MOST_AGAIN = 20
MOST_FALL = 100  # percent
STOPPED = (Rule.STOP, Rule.TRAIL, Rule.EVEN, Rule.COST, Rule.UNDERLYING_STOP)
GAINED = (Rule.TARGET, Rule.UNDERLYING_TARGET)


class Written(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Wait(Written):
    """Entered once the leg's own contract has moved so far from its price at the start of the run."""

    value: Annotated[
        Decimal,
        Field(gt=0, lt=10**6, max_digits=12, decimal_places=4, allow_inf_nan=False),
        BeforeValidator(no_boolean),
    ]
    unit: Literal["points", "percent"] = "points"
    way: Literal["up", "down"] = "up"

    @model_validator(mode="after")
    def _can_happen(self) -> Self:
        if self.unit == "percent" and self.way == "down" and self.value >= MOST_FALL:
            raise ValueError("a price to wait for cannot fall by 100 % or more")
        return self

    @property
    def words(self) -> str:
        unit = " %" if self.unit == "percent" else " points"
        return f"waits until its price moved {plain(self.value)}{unit} {self.way}"


def _whole_minutes(value: time) -> time:
    if value.second:
        raise ValueError("this must be hours and minutes")
    return value


Minute = Annotated[TimeOfDay, AfterValidator(_whole_minutes)]


class Breakout(Written):
    """Entered once a price left the range it had between two times of day, in the zone of the strategy's schedule; not
    after `last`. `strike`: chosen with the others at the start, or only by then."""

    start: Minute
    end: Minute
    of: Literal["underlying", "contract"] = "underlying"
    side: Literal["above", "below"] = "above"
    strike: Literal["start", "breakout"] = "start"
    last: Minute | None = None

    @model_validator(mode="after")
    def _is_a_span(self) -> Self:
        if self.end <= self.start:
            raise ValueError("the range ends after it starts")
        if self.last is not None and self.last <= self.end:
            raise ValueError("the last time to enter is after the end of the range")
        if self.strike == "breakout" and self.of == "contract":
            raise ValueError("a range of the contract needs to know it: its strike is chosen at the start")
        return self

    @property
    def words(self) -> str:
        of = "its underlying" if self.of == "underlying" else "its price"
        edge = "above the high" if self.side == "above" else "below the low"
        until = f", until {spell(self.last)}" if self.last else ""
        strike = ", strike chosen by then" if self.strike == "breakout" else ""
        return f"waits until {of} is {edge} of {spell(self.start)} to {spell(self.end)}{until}{strike}"


class Again(Written):
    """Entered again after its own stop or target, so often at most: at once at market, or once its price is back where
    it was entered first. `strike`: the same contract, or the one its rule means by then."""

    after: Literal["stop", "target", "either"] = "stop"
    how: Literal["at_once", "at_cost"] = "at_once"
    times: Annotated[int, Field(ge=1, le=MOST_AGAIN), BeforeValidator(no_boolean)] = 1
    strike: Literal["same", "new"] = "same"

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.how == "at_cost" and self.strike == "new":
            raise ValueError("entered again at cost it is the same contract: another one never had that price")
        return self

    @property
    def words(self) -> str:
        after = {"stop": "its stop", "target": "its target"}.get(self.after, "its stop or target")
        how = "at once" if self.how == "at_once" else "at its first entry price"
        often = "once" if self.times == 1 else f"{self.times} times"
        return f"entered again {how} after {after}, {often} at most{', strike anew' if self.strike == 'new' else ''}"

    def follows(self, rule: str) -> bool:
        """Whether an exit by that rule is followed by an entry."""
        stopped, gained = rule in STOPPED, rule in GAINED
        return {"stop": stopped, "target": gained}.get(self.after, stopped or gained)


@dataclass(frozen=True, slots=True)
class Trigger:
    """A price and the side of it that is waited for; `is_beyond`: the price itself is not enough."""

    price: Decimal
    is_above: bool
    is_beyond: bool = False

    def is_reached(self, price: Decimal) -> bool:
        if self.is_beyond and price == self.price:
            return False
        return price >= self.price if self.is_above else price <= self.price

    @property
    def words(self) -> str:
        side, level = "above" if self.is_above else "below", plain(round(self.price, 4))
        return f"{side} {level}" if self.is_beyond else f"at or {side} {level}"


def moved(rule: Wait, reference: Decimal, tick: Decimal) -> Trigger | None:
    """Where a price is that moved so far; None where it cannot get there."""
    distance = reference * rule.value / 100 if rule.unit == "percent" else rule.value
    is_up = rule.way == "up"
    level = _on_tick(reference + distance if is_up else reference - distance, tick, is_up)
    return Trigger(level, is_up) if level > ZERO else None


def left(rule: Breakout, low: Decimal, high: Decimal) -> Trigger:
    return Trigger(high, True, True) if rule.side == "above" else Trigger(low, False, True)


def back_at(cost: Decimal, left_at: Decimal) -> Trigger:
    """Where its first entry price is again, seen from the price it was left at."""
    return Trigger(cost, cost >= left_at)


def span(rule: Breakout, day: date, zone: str) -> tuple[datetime, datetime, datetime | None]:
    """When on that day the range starts and ends, and the last moment to enter."""
    place = ZoneInfo(zone)
    last = moment(day, rule.last, place) if rule.last else None
    return moment(day, rule.start, place), moment(day, rule.end, place), last


def _on_tick(price: Decimal, tick: Decimal, is_up: bool) -> Decimal:
    if tick <= 0:
        return price
    return (price / tick).to_integral_value(ROUND_CEILING if is_up else ROUND_FLOOR) * tick


def again_of(saved: dict[str, Any] | None) -> Again | None:
    """As it is kept with a leg of a run."""
    return Again.model_validate(saved) if saved else None
