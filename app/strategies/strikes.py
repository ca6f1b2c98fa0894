"""Which strike a leg means that is chosen by what options cost or how they move. Pure.

Only what has a fresh price can be chosen, and only where the listed strikes beside it have one too: without them nobody
knows whether they would have been nearer. Of two equally near strikes it is the lower.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from app.core.money import ZERO, plain
from app.core.validation import no_boolean
from app.instruments.contracts import Listed

Above = Annotated[
    Decimal, Field(gt=0, lt=10**9, max_digits=18, decimal_places=4, allow_inf_nan=False), BeforeValidator(no_boolean)
]


class StrikePick(BaseModel):
    """By `premium`: the strike whose last price is nearest to `value`. By `delta`: whose delta, without its sign, is.
    By `premium_range`: one whose last price is from `low` to `high`: nearest to the middle of them, or the first one
    counted from the money."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: Literal["premium", "premium_range", "delta"]
    value: Above | None = None
    low: Above | None = None
    high: Above | None = None
    choose: Literal["middle", "first"] = "middle"

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.by == "premium_range":
            if self.low is None or self.high is None or self.value is not None:
                raise ValueError("a range needs its low and its high premium")
            if self.low >= self.high:
                raise ValueError("the low premium must be below the high one")
            return self
        if self.value is None or self.low is not None or self.high is not None:
            raise ValueError(f"say which {self.by}")
        if self.by == "delta" and self.value >= 1:
            raise ValueError("a delta is between 0 and 1, for puts too")
        return self

    @property
    def words(self) -> str:
        """As a person would say it: "premium nearest 100"."""
        if self.by == "premium_range":
            where = "nearest the middle" if self.choose == "middle" else "first from the money"
            return f"premium {plain(self.low or ZERO)} to {plain(self.high or ZERO)} ({where})"
        return f"{self.by} nearest {plain(self.value or ZERO)}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A listed option with what is known of it now; None: no fresh price, or nothing follows from it."""

    contract: Listed
    price: Decimal | None = None
    delta: Decimal | None = None
    age: timedelta | None = None  # of the price

    @property
    def strike(self) -> Decimal:
        return self.contract.strike or Decimal(0)

    def measure(self, by: str) -> Decimal | None:
        """What a rule compares; a put's delta without its sign."""
        if by == "delta":
            return abs(self.delta) if self.delta is not None else None
        return self.price


class CannotPick(ValueError):
    """No strike can be chosen; the text goes on after the name of the leg."""


def pick(rule: StrikePick, candidates: Sequence[Candidate], spot: Decimal) -> Candidate:
    """One of all listed strikes of one kind and expiry, with the underlying at `spot`. Raises CannotPick."""
    ladder = sorted(candidates, key=lambda one: one.strike)
    known = [one for one in ladder if one.measure(rule.by) is not None]
    if not known:
        raise CannotPick(f"no strike has a fresh {_measured(rule)}")
    chosen = min(_eligible(rule, known), key=lambda one: _distance(rule, one, spot))
    place = ladder.index(chosen)
    beside = [one for one in ladder[max(0, place - 1) : place + 2] if one.measure(rule.by) is None]
    if beside:
        names = " and ".join(one.contract.symbol for one in beside)
        raise CannotPick(
            f"{names} beside {chosen.contract.symbol} {'has' if len(beside) == 1 else 'have'} no fresh "
            f"{_measured(rule)}, so nobody knows which strike fits best"
        )
    return chosen


def _eligible(rule: StrikePick, known: Sequence[Candidate]) -> Sequence[Candidate]:
    if rule.by != "premium_range" or rule.low is None or rule.high is None:
        return known
    low, high = rule.low, rule.high
    within = [one for one in known if low <= (one.price or 0) <= high]
    if not within:
        nearest = min(known, key=lambda one: abs((one.price or 0) - (low + high) / 2))
        raise CannotPick(
            f"no strike has a premium from {plain(low)} to {plain(high)}; the nearest is "
            f"{nearest.contract.symbol} at {plain(nearest.price or ZERO)}"
        )
    return within


def _distance(rule: StrikePick, one: Candidate, spot: Decimal) -> Decimal:
    if rule.by == "premium_range" and rule.choose == "first":
        return abs(one.strike - spot)
    wanted = rule.value if rule.value is not None else ((rule.low or 0) + (rule.high or 0)) / Decimal(2)
    return abs((one.measure(rule.by) or 0) - wanted)


def _measured(rule: StrikePick) -> str:
    return "delta" if rule.by == "delta" else "price"
