"""How many lots an account gets. Pure: a rule, what the account has and what one set of the legs takes go in.

A set is the legs in their smallest whole ratio: lots of 2 and 4 are sets of 1 and 2. Every rule but the fixed one asks
how many sets a budget pays for; the account's caps and what is free there may only make that fewer. Whole sets, rounded
down, never up; no set at all leaves the account out, and says why. Amounts are in the account's currency.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from math import ceil, gcd
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from app.core.money import ZERO, plain
from app.core.validation import no_boolean

Method = Literal["lots", "margin", "premium", "equity", "risk", "volatility"]
MOST_LOTS = 10_000  # of one leg, whatever a budget would pay for
CENT = Decimal("0.01")


Above = Annotated[
    Decimal, Field(gt=0, lt=10**12, max_digits=18, decimal_places=4, allow_inf_nan=False), BeforeValidator(no_boolean)
]
Percent = Annotated[
    Decimal, Field(gt=0, le=100, max_digits=7, decimal_places=4, allow_inf_nan=False), BeforeValidator(no_boolean)
]


class Sizing(BaseModel):
    """How a strategy finds the lots of each account.

    `budget` is an amount per account, or a percentage: of the cash (premium) or of the equity (all others).
    `stop_points`: how far the stop of a set is, per unit of its smallest leg; without it the strategy's stops count.
    `days`: so many daily closes of the underlying are looked at, unless `daily` says its percentage a day.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: Method = "lots"
    budget: Above | None = None
    unit: Literal["amount", "percent"] = "amount"
    stop_points: Above | None = None
    days: Annotated[int, Field(ge=5, le=250), BeforeValidator(no_boolean)] = 20
    daily: Percent | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.method in ("lots", "margin"):
            if self.budget is not None:
                raise ValueError("this way of sizing has no budget")
            return self
        if self.budget is None:
            raise ValueError("say the budget")
        if self.method == "equity" and self.unit != "percent":
            raise ValueError("the unit of a share of equity is percent")
        if self.unit == "percent" and self.budget > 100:
            raise ValueError("a budget in percent is 100 at most")
        return self

    @property
    def is_fixed(self) -> bool:
        return self.method == "lots"

    @property
    def words(self) -> str:
        """As a person would say it."""
        if self.budget is None:
            return "The legs' lots times the multiplier" if self.is_fixed else "The grade's share of the free margin"
        of = "cash" if self.method == "premium" else "equity"
        budget = f"{plain(self.budget)} % of the {of}" if self.unit == "percent" else plain(self.budget)
        said = {
            "premium": f"Premium of {budget}",
            "equity": f"Margin of {budget}",
            "risk": f"Risk of {budget} to the stop",
            "volatility": f"Movement of {budget} a day",
        }
        return f"{said[self.method]} per account"


FIXED = Sizing()


def sizing(saved: dict[str, Any] | None) -> Sizing:
    """As it is kept with a strategy or a run."""
    return Sizing.model_validate(saved) if saved else FIXED


@dataclass(frozen=True, slots=True)
class Figure:
    """Something that was read or reckoned; where `value` is None, `trouble` says why."""

    value: Decimal | None = None
    source: str = ""
    at: datetime | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Purse:
    """What an account has: `free` may be bound as margin, `cash` may pay premiums. `note` is what a person should know
    of these figures."""

    free: Decimal
    cash: Decimal
    equity: Decimal | None
    at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class Costs:
    """What one set takes: of margin, of premium paid, of worth, of loss at its stop, of movement in a day."""

    margin: Figure = Figure()
    premium: Figure = Figure()
    value: Figure = Figure()
    risk: Figure = Figure()
    volatility: Figure = Figure()


@dataclass(frozen=True, slots=True)
class Terms:
    """An account's part in it. `percent` is what its quality grade may bind of the free margin."""

    multiplier: Decimal = Decimal(1)
    grade: str = ""
    percent: Decimal | None = None
    max_lots: int | None = None
    max_value: Decimal | None = None

    @property
    def is_capped(self) -> bool:
        return self.max_lots is not None or self.max_value is not None


@dataclass(frozen=True, slots=True)
class Sized:
    """Lots per leg, all zero where the account is left out; then `why` says so. `record` is JSON-ready: the figures
    that led there."""

    lots: tuple[int, ...]
    why: str
    record: dict[str, Any]


@dataclass(slots=True)
class _Working:
    """What is written down on the way."""

    rule: Sizing
    ratio: tuple[int, ...]
    rows: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    asked: tuple[int, ...] = ()
    capped_by: str = ""

    def row(self, name: str, value: Decimal, unit: str = "money", source: str = "", at: datetime | None = None) -> None:
        moment = at.isoformat() if at else None
        self.rows.append({"name": name, "value": plain(value), "unit": unit, "source": source, "at": moment})

    def done(self, lots: tuple[int, ...], why: str, purse: Purse | None, costs: Costs) -> Sized:
        sets = _sets_over(lots, self.ratio)
        one = costs.margin.value
        record = {
            "method": self.rule.method,
            "words": self.rule.words,
            "rows": self.rows,
            "asked": list(self.asked or lots),
            "allowed": list(lots),
            "capped_by": self.capped_by,
            "margin": plain(one * sets) if one is not None else None,
            "margin_source": costs.margin.source,
            "free": plain(purse.free) if purse else None,
            "funds_at": purse.at.isoformat() if purse else None,
            "notes": [*self.notes, *([purse.note] if purse and purse.note else [])],
            "why": why,
        }
        return Sized(lots, why, record)


def ratio(lots: Sequence[int]) -> tuple[int, ...]:
    """The smallest whole lots in the same proportion."""
    common = gcd(*lots)
    return tuple(each // common for each in lots)


def size(
    rule: Sizing, legs: Sequence[int], terms: Terms, purse: Purse | None, costs: Costs, no_purse: str = ""
) -> Sized:
    """The lots of one account. `legs`: the lots that the strategy's legs were written with. `purse` None: nothing is
    known of its funds that may be used, and `no_purse` says so."""
    work = _Working(rule, ratio(legs))
    work.row("Multiplier", terms.multiplier, "times")
    if rule.is_fixed:
        return _fixed(work, legs, terms, purse, costs)
    none = (0,) * len(legs)
    if purse is None:
        return work.done(none, no_purse, None, costs)
    budget, trouble = _budget(work, terms, purse)
    if trouble:
        return work.done(none, trouble, purse, costs)
    name, cost = _cost(rule, costs)
    if cost.value is None or cost.value <= 0:
        return work.done(none, cost.trouble or f"{name} comes to nothing.", purse, costs)
    work.row(name, cost.value, source=cost.source, at=cost.at)
    asked = min(_fits(budget, cost.value), MOST_LOTS // max(work.ratio))
    work.asked = _times(work.ratio, asked)
    if not asked:
        why = f"Its budget of {_text(budget)} is less than the {_text(cost.value)} that one set takes."
        return work.done(none, why, purse, costs)
    caps = [*_own_caps(terms, work.ratio, costs), *_what_is_free(rule, purse, costs)]
    return _within(work, asked, caps, purse, costs)


def _fixed(work: _Working, legs: Sequence[int], terms: Terms, purse: Purse | None, costs: Costs) -> Sized:
    lots = tuple(int(each * terms.multiplier) for each in legs)
    for number, (written, each) in enumerate(zip(legs, lots, strict=True), 1):
        if each < 1:
            why = f"Leg {number}: {written} lots times {plain(terms.multiplier)} is less than one lot."
            return work.done((0,) * len(legs), why, purse, costs)
    work.asked = lots
    sets = _sets_over(lots, work.ratio)
    caps = [cap for cap in _own_caps(terms, work.ratio, costs) if cap.sets is None or cap.sets < sets]
    if not caps:
        return work.done(lots, "", purse, costs)
    return _within(work, MOST_LOTS, caps, purse, costs)


@dataclass(frozen=True, slots=True)
class _Cap:
    """At most so many sets; None where that can't be reckoned, and `words` says why."""

    words: str
    sets: int | None


def _within(work: _Working, asked: int, caps: Sequence[_Cap], purse: Purse | None, costs: Costs) -> Sized:
    none = (0,) * len(work.ratio)
    allowed = asked
    for cap in caps:
        if cap.sets is None:
            return work.done(none, cap.words, purse, costs)
        if cap.sets < allowed:
            allowed, work.capped_by = cap.sets, cap.words
    if allowed < 1:
        return work.done(none, f"One set is more than {work.capped_by}.", purse, costs)
    return work.done(_times(work.ratio, allowed), "", purse, costs)


def _own_caps(terms: Terms, ratio: Sequence[int], costs: Costs) -> list[_Cap]:
    caps = []
    if terms.max_lots is not None:
        lots = "1 lot" if terms.max_lots == 1 else f"{terms.max_lots} lots"
        caps.append(_Cap(f"the account's most of {lots}", terms.max_lots // max(ratio)))
    if terms.max_value is not None:
        words = f"the account's most of {_text(terms.max_value)} in value"
        caps.append(_affordable(words, terms.max_value, costs.value))
    return caps


def _what_is_free(rule: Sizing, purse: Purse, costs: Costs) -> list[_Cap]:
    """What a rule's budget leaves open: a budget may be more than there is."""
    if rule.method == "premium":
        return [_affordable(f"the cash of {_text(purse.cash)}", purse.cash, costs.premium)]
    if costs.margin.value is None:
        return []  # by risk and by movement: the venue will judge; the others have refused by now
    return [_affordable(f"the free margin of {_text(purse.free)}", purse.free, costs.margin)]


def _affordable(words: str, amount: Decimal, cost: Figure) -> _Cap:
    if cost.value is None:
        return _Cap(cost.trouble, None)
    return _Cap(words, _fits(amount, cost.value) if cost.value > 0 else MOST_LOTS)


def _budget(work: _Working, terms: Terms, purse: Purse) -> tuple[Decimal, str]:
    """The amount, or why there is none."""
    rule = work.rule
    if rule.method == "margin":
        if terms.percent is None:
            return ZERO, f"Its quality grade {terms.grade} is not among your grades." if terms.grade else _UNGRADED
        work.row("Free margin", purse.free, source="funds", at=purse.at)
        work.row(f"Grade {terms.grade}", terms.percent, "percent")
        return _noted(work, purse.free * terms.percent / 100 * terms.multiplier)
    if rule.budget is None or rule.unit == "amount":
        return _noted(work, (rule.budget or ZERO) * terms.multiplier)
    of = ("Cash", purse.cash) if rule.method == "premium" else ("Equity", purse.equity)
    if of[1] is None:
        return ZERO, "Its server does not say how much of its funds is used, so its equity is not known."
    work.row(of[0], of[1], source="funds", at=purse.at)
    work.row("Share of it", rule.budget, "percent")
    return _noted(work, of[1] * rule.budget / 100 * terms.multiplier)


_UNGRADED = "It has no quality grade: give it one on the account's page or in the strategy."


def _noted(work: _Working, budget: Decimal) -> tuple[Decimal, str]:
    work.row("Budget", budget)
    return budget, ""


def _cost(rule: Sizing, costs: Costs) -> tuple[str, Figure]:
    known = {
        "premium": ("Premium of one set", costs.premium),
        "risk": ("Loss of one set at its stop", costs.risk),
        "volatility": ("Movement of one set in a day", costs.volatility),
    }
    return known.get(rule.method, ("Margin of one set", costs.margin))


def _times(ratio: Sequence[int], sets: int) -> tuple[int, ...]:
    return tuple(each * sets for each in ratio)


def _sets_over(lots: Sequence[int], ratio: Sequence[int]) -> int:
    """So many sets are at least as much as these lots, which need not be in proportion."""
    return max(ceil(Decimal(each) / part) for each, part in zip(lots, ratio, strict=True))


def _fits(amount: Decimal, cost: Decimal) -> int:
    """How often a cost fits into an amount: whole times, rounded down, and no more than anybody can mean."""
    if amount < cost:
        return 0
    return int(amount // cost) if amount < cost * MOST_LOTS else MOST_LOTS


def _text(amount: Decimal) -> str:
    return plain(amount.quantize(CENT)) if amount < 10**15 else plain(amount)
