"""When a run is left by itself: what it may lose, what it shall win, what of a profit is kept, and until when.

Amounts are in the account's currency; percent are of the net premium that the entry paid or took in; points are profit
per unit of the smallest leg, which for legs of one size are points of the combined premium.
"""

from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from app.core.money import ZERO
from app.risk.rules import (
    DeltaRule,
    LegGain,
    LegLevel,
    Level,
    Lock,
    PremiumLevel,
    Rule,
    SupertrendRule,
    Trail,
    UnderlyingLevels,
    Unit,
    Written,
)
from app.risk.trailing import Terms, Trailed


class Limits(Written):
    """How a run, or each account's part of it, is left by itself. `until` is a time of day in India; `even` is the
    profit at which the stop moves to cost; `others_to_cost`: the stops of the other legs do when one leg was stopped.
    """

    of: Literal["run", "account"] = "run"
    stop: Level | None = None
    target: Level | None = None
    trail: Trail | None = None
    lock: Lock | None = None
    even: Level | None = None
    premium_stop: PremiumLevel | None = None
    premium_target: PremiumLevel | None = None
    underlying: UnderlyingLevels | None = None
    supertrend: SupertrendRule | None = None
    delta: DeltaRule | None = None
    others_to_cost: bool = Field(default=False, description="Once a leg was stopped the others are left at their cost.")
    until: time | None = None

    @model_validator(mode="after")
    def _is_a_time_of_day(self) -> Self:
        if self.until is not None and (self.until.tzinfo is not None or self.until.second or self.until.microsecond):
            raise ValueError("the time is hours and minutes in India")
        return self

    @property
    def is_empty(self) -> bool:
        return self == Limits(of=self.of)

    @property
    def said(self) -> dict[str, str]:
        """Each that is set, as a person would say it."""
        sentences = {
            "stop": self.stop and f"Stop at a loss of {self.stop.words}",
            "target": self.target and f"Target at a profit of {self.target.words}",
            "premium_stop": self.premium_stop and f"Stop of the combined premium {self.premium_stop.words}",
            "premium_target": self.premium_target and f"Target of the combined premium {self.premium_target.words}",
            "trail": self.trail and self.trail.words,
            "lock": self.lock and self.lock.words,
            "even": self.even and f"Stop moves to cost at a profit of {self.even.words}",
            "others_to_cost": self.others_to_cost and "When one leg is stopped, the others' stops move to their cost",
            "underlying": self.underlying and self.underlying.words,
            "supertrend": self.supertrend and self.supertrend.words,
            "delta": self.delta and self.delta.words,
            "until": self.until and f"Out at {self.until:%H:%M} India time",
        }
        return {name: sentence for name, sentence in sentences.items() if sentence}

    @property
    def words(self) -> list[str]:
        return list(self.said.values())

    @property
    def legs_named(self) -> set[int]:
        """Numbers of the legs that a rule looks at."""
        return {rule.leg for rule in (self.supertrend, self.delta) if rule and rule.leg and rule.on == "leg"}

    @property
    def needs_underlying(self) -> bool:
        return self.underlying is not None or (self.supertrend is not None and self.supertrend.on == "underlying")


NO_LIMITS = Limits()


def limits(saved: dict[str, Any] | None) -> Limits:
    """As they are kept with a strategy or a run."""
    return Limits.model_validate(saved) if saved else NO_LIMITS


@dataclass(frozen=True, slots=True)
class Base:
    """What relative levels are measured by: the net premium of the whole entry (never negative, in currency), the
    units of its smallest leg, how many times the amounts count (an account's multiplier), and whether the entry took
    money in."""

    premium: Decimal
    units: Decimal
    times: Decimal = Decimal(1)
    is_credit: bool = False


@dataclass(frozen=True, slots=True)
class Premium:
    """The combined premium of an entry, and the levels of it at which it is left. A leg that has left counts at the
    price it left at, so the premium moves with the profit and never jumps."""

    entry: Decimal
    units: Decimal
    is_credit: bool
    stop: Decimal | None = None
    target: Decimal | None = None

    def at(self, profit: Decimal) -> Decimal:
        """What it is when the profit is that."""
        return self.entry - self._sign * profit / self.units

    def profit(self, level: Decimal) -> Decimal:
        return self._sign * (self.entry - level) * self.units

    @property
    def _sign(self) -> int:
        return 1 if self.is_credit else -1


Reached = tuple[Decimal, Rule]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Profit at which it is left, in currency: at or under `stop`, at or over `target`, what moves the stop, the
    levels of the combined premium, and whether its cost is a stop."""

    stop: Decimal | None = None
    target: Decimal | None = None
    trail: Terms | None = None
    premium: Premium | None = None
    at_cost: bool = False

    def stop_after(self, trailed: Trailed) -> Reached | None:
        """The tightest, and which rule it is."""
        found: list[Reached] = []
        if self.stop is not None:
            found.append((self.stop, Rule.STOP))
        if self.premium is not None and self.premium.stop is not None:
            found.append((self.premium.profit(self.premium.stop), Rule.PREMIUM_STOP))
        if self.at_cost:
            found.append((ZERO, Rule.COST))
        if self.trail is not None and trailed.stop is not None:
            is_even = self.trail.even is not None and trailed.stop == ZERO
            found.append((trailed.stop, Rule.EVEN if is_even else Rule.TRAIL))
        return max(found, key=lambda each: each[0], default=None)

    @property
    def first_target(self) -> Reached | None:
        found: list[Reached] = []
        if self.target is not None:
            found.append((self.target, Rule.TARGET))
        if self.premium is not None and self.premium.target is not None:
            found.append((self.premium.profit(self.premium.target), Rule.PREMIUM_TARGET))
        return min(found, key=lambda each: each[0], default=None)


def bounds(rules: Limits, base: Base, is_whole: bool) -> Bounds:
    """In currency. What is relative to the entry holds only once the entry is whole: half an entry has another one."""

    def amount(level: Level | None) -> Decimal | None:
        return _amount(level.value, level.unit, base, is_whole) if level else None

    stop, target, even = amount(rules.stop), amount(rules.target), amount(rules.even)
    initial = amount(rules.trail.stop) if rules.trail else None
    lock = _lock(rules.lock, base, is_whole) if rules.lock else None
    terms = None
    if initial is not None or lock is not None or even is not None:
        factor = rules.trail.factor if rules.trail else ZERO
        terms = Terms(-initial if initial is not None else None, factor, lock, even)
    premium = _premium(rules, base) if is_whole else None
    return Bounds(-stop if stop is not None else None, target, terms, premium)


def _premium(rules: Limits, base: Base) -> Premium | None:
    if base.units <= 0 or not (rules.premium_stop or rules.premium_target):
        return None
    entry = base.premium / base.units
    against = 1 if base.is_credit else -1
    stop = _premium_level(rules.premium_stop, entry, against)
    return Premium(entry, base.units, base.is_credit, stop, _premium_level(rules.premium_target, entry, -against))


def _premium_level(level: PremiumLevel | None, entry: Decimal, sign: int) -> Decimal | None:
    if level is None or level.unit == "level":
        return level.value if level else None
    points = level.value if level.unit == "points" else entry * level.value / 100
    return entry + sign * points


def _lock(lock: Lock, base: Base, is_whole: bool) -> tuple[Decimal, Decimal, Decimal, Decimal] | None:
    values = (lock.at, lock.keep, lock.step or ZERO, lock.gain or ZERO)
    at, keep, step, gain = (_amount(value, lock.unit, base, is_whole) for value in values)
    if at is None or keep is None or step is None or gain is None:
        return None
    return at, keep, step, gain


def _amount(value: Decimal, unit: Unit, base: Base, is_whole: bool) -> Decimal | None:
    if unit == "amount":
        return value * base.times
    measure = base.premium / 100 if unit == "percent" else base.units
    return value * measure if is_whole and measure > 0 else None


@dataclass(frozen=True, slots=True)
class LegRules:
    """Where a leg is left by itself; `at_cost`: another leg was stopped, so its cost is a stop now."""

    stop: LegLevel | None = None
    target: LegLevel | None = None
    trail: LegGain | None = None
    even: LegGain | None = None
    at_cost: bool = False

    @property
    def is_empty(self) -> bool:
        return self == LegRules()

    @property
    def words(self) -> list[str]:
        """For a leg's row: "stop 20 % from entry, target at a price of 310"."""
        said = [
            self.stop and f"stop {self.stop.words}",
            self.target and f"target {self.target.words}",
            self.trail and f"stop trails {self.trail.words} behind the best",
            self.even and f"stop to cost after {self.even.words}",
        ]
        return [words for words in said if words]


def leg_bounds(rules: LegRules, entry: Decimal, quantity: Decimal, is_whole: bool = True) -> Bounds:
    """Of one leg that was entered at `entry` on average with `quantity` units, negative where it was sold. A stop that
    follows begins when the leg is whole."""
    size = abs(quantity)
    trail, even = (_gain(each, entry, size) if is_whole else None for each in (rules.trail, rules.even))
    terms = None
    if trail is not None or even is not None:
        terms = Terms(-trail if trail is not None else None, even=even)
    stop, target = _leg_profit(rules.stop, -1, entry, quantity), _leg_profit(rules.target, 1, entry, quantity)
    return Bounds(stop, target, terms, at_cost=rules.at_cost)


def _leg_profit(level: LegLevel | None, sign: int, entry: Decimal, quantity: Decimal) -> Decimal | None:
    if level is None or level.is_of_underlying:
        return None
    if level.unit == "price":
        return (level.value - entry) * quantity
    if level.unit == "amount":
        return sign * level.value
    points = level.value if level.unit == "points" else entry * level.value / 100
    return sign * points * abs(quantity)


def _gain(gain: LegGain | None, entry: Decimal, size: Decimal) -> Decimal | None:
    if gain is None or gain.unit == "amount":
        return gain.value if gain else None
    points = gain.value if gain.unit == "points" else entry * gain.value / 100
    return points * size


def leg_mark(level: LegLevel | None, start: Decimal, is_up: bool) -> Decimal | None:
    """The level of the underlying: `start` is where it stood, `is_up` whether the leg is left when it has risen."""
    if level is None or not level.is_of_underlying:
        return None
    if level.unit == "underlying_price":
        return level.value
    points = level.value if level.unit == "underlying_points" else start * level.value / 100
    return start + points if is_up else start - points
