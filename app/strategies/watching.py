"""What is watched of a run beside its profit: underlyings, a Supertrend, a delta. Values in, values out."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.core.money import ZERO
from app.risk.deltas import DeltaWatch
from app.risk.limits import Base, LegRules, Limits, leg_mark
from app.risk.monitor import Mark
from app.risk.rules import LegGain, LegLevel, Rule, SupertrendRule
from app.risk.turning import TrendWatch
from app.strategies.models import WAITING
from app.venues.types import Symbol

ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Held:
    """A leg in one account: `cash` what came in less what went out, None where a price is not known yet; `held` and
    `entered` signed units; `entry` the average price."""

    row: Any
    symbol: Symbol
    cash: Decimal | None
    held: Decimal
    entered: Decimal
    entry: Decimal

    @property
    def counts(self) -> bool:
        """Whether it is whole: one that is entered later changes what the others are measured by only then."""
        return not self.row.waits or abs(self.entered) >= self.row.quantity

    @property
    def is_awaited(self) -> bool:
        return bool(self.row.waits == WAITING and self.row.exit_reason is None)

    def is_stopped_beside(self, stopped: Iterable[datetime]) -> bool:
        """Whether another leg was stopped while it was held."""
        return any(self.row.entered_at is None or at > self.row.entered_at for at in stopped)


@dataclass(slots=True)
class Money:
    """What went in and out of some legs, what they hold, and what their entry was worth."""

    cash: Decimal | None = ZERO  # None where a price is not known yet
    held: dict[Symbol, Decimal] = field(default_factory=dict)
    worth: Decimal = ZERO  # signed worth of the entries: bought less sold
    by_number: dict[int, tuple[Symbol, Decimal]] = field(default_factory=dict)  # signed units entered, of all accounts
    came: dict[int, datetime] = field(default_factory=dict)  # by number, of later entries: when its contract came
    is_awaited: bool = False  # a leg waits for its entry, so a run that holds nothing may still be left

    @classmethod
    def of(cls, legs: Iterable[Held]) -> "Money":
        money = cls()
        for leg in legs:
            money._add(leg)
        return money

    def _add(self, leg: Held) -> None:
        self.is_awaited = self.is_awaited or leg.is_awaited
        self.cash = None if self.cash is None or leg.cash is None else self.cash + leg.cash
        if leg.held:
            self.held[leg.symbol] = self.held.get(leg.symbol, ZERO) + leg.held
        if not leg.counts or not leg.entered:
            return
        known = self.by_number.get(leg.row.number)
        if leg.row.entered_at is not None and leg.row.waits and (known is None or known[0] != leg.symbol):
            self.came[leg.row.number] = leg.row.entered_at
        if leg.row.entry > 1:  # the entry was worth what it was: only its contract may be another one now
            self.by_number[leg.row.number] = (
                leg.symbol,
                self.by_number.get(leg.row.number, (leg.symbol, leg.entered))[1],
            )
            return
        self.worth += leg.entry * leg.entered
        _, before = self.by_number.get(leg.row.number, (leg.symbol, ZERO))
        self.by_number[leg.row.number] = leg.symbol, before + leg.entered

    @property
    def units(self) -> Decimal:
        """Of the smallest leg, in all accounts."""
        return min((abs(units) for _, units in self.by_number.values()), default=ZERO)

    def base(self, times: Decimal) -> Base:
        return Base(abs(self.worth), self.units, times, self.worth < 0)

    @property
    def held_now(self) -> dict[Symbol, Decimal]:
        return {symbol: quantity for symbol, quantity in self.held.items() if quantity}

    @property
    def premium_weights(self) -> tuple[tuple[Symbol, Decimal], ...]:
        """Of each contract in the combined premium: what is sold counts up where the entry took money in."""
        sign = -1 if self.worth < 0 else 1
        weights: dict[Symbol, Decimal] = defaultdict(Decimal)
        for symbol, units in self.by_number.values():
            weights[symbol] += sign * units / self.units
        return tuple((symbol, weight) for symbol, weight in weights.items() if weight)


def levels_of(row: Any) -> LegRules:
    """A leg run's own stop and target."""
    stop, target = (LegLevel.model_validate(saved) if saved else None for saved in (row.stop, row.target))
    return LegRules(stop, target)


def leg_rules(legs: Iterable[Mapping[str, Any]], row: Any, at_cost: bool) -> LegRules:
    """`legs` are those of the run, `row` one of its leg runs."""
    written = next((leg for number, leg in enumerate(legs, 1) if number == row.number), {})
    trail, even = (LegGain.model_validate(saved) if (saved := written.get(key)) else None for key in ("trail", "even"))
    return replace(levels_of(row), trail=trail, even=even, at_cost=at_cost)


def run_marks(rules: Limits, underlyings: Mapping[str, Any] | None) -> tuple[Mark, ...]:
    symbol = first_underlying(underlyings)
    if rules.underlying is None or symbol is None:
        return ()
    levels = ((rules.underlying.above, True), (rules.underlying.below, False))
    return tuple(Mark(Rule.UNDERLYING, symbol, level, is_up) for level, is_up in levels if level is not None)


def leg_marks(rules: LegRules, known: Mapping[str, Any] | None) -> tuple[Mark, ...]:
    """`known`: the leg's underlying as the run noted it, its price at the start, and whether the leg rises with it."""
    if not known:
        return ()
    start, rises = Decimal(known["price"]), bool(known["rises"])
    symbol = Symbol(known["exchange"], known["symbol"])
    levels = (
        (Rule.UNDERLYING_STOP, leg_mark(rules.stop, start, not rises), not rises),
        (Rule.UNDERLYING_TARGET, leg_mark(rules.target, start, rises), rises),
    )
    return tuple(Mark(rule, symbol, level, is_up) for rule, level, is_up in levels if level is not None)


def first_underlying(underlyings: Mapping[str, Any] | None) -> Symbol | None:
    """That of the first leg: what a whole run is measured by."""
    if not underlyings:
        return None
    first = underlyings[min(underlyings, key=int)]
    return Symbol(first["exchange"], first["symbol"])


def trend_watch(
    rule: SupertrendRule | None, underlyings: Mapping[str, Any] | None, money: Money, since: datetime | None,
    is_whole: bool,
) -> TrendWatch | None:  # fmt: skip
    if rule is None or since is None:
        return None
    legs: tuple[tuple[Symbol, Decimal], ...] = ()
    if rule.on == "premium":
        legs = money.premium_weights if is_whole else ()
    else:
        of_leg = money.by_number.get(rule.leg or 0)
        symbol = first_underlying(underlyings) if rule.on == "underlying" else of_leg and of_leg[0]
        legs = ((symbol, ONE),) if symbol is not None else ()
    came = money.came.values() if rule.on == "premium" else [money.came[rule.leg]] if rule.leg in money.came else []
    return TrendWatch(rule, legs, max([since, *came])) if legs else None


def delta_watch(rules: Limits, money: Money, is_whole: bool) -> DeltaWatch | None:
    """None while the entry is not whole: half a hedge has another delta."""
    if rules.delta is None or not is_whole:
        return None
    held = money.held_now
    if rules.delta.on == "run":
        return DeltaWatch(rules.delta, held, money.units) if held else None
    of_leg = money.by_number.get(rules.delta.leg or 0)
    return DeltaWatch(rules.delta, held, money.units, of_leg[0]) if of_leg and of_leg[0] in held else None
