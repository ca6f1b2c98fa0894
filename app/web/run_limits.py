"""The limits of a run as its page shows them: in words, in currency, how far a stop has followed, what is seen of what
no profit tells, and what they did.

Three reads, and none where a run has no limits. The amounts are reckoned from the same legs that the page shows.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from app.core.money import ZERO, plain
from app.execution.models import Order
from app.execution.states import AT_VENUE, OrderState
from app.risk.limits import Base, Bounds, bounds, limits
from app.risk.models import RiskEvent, RiskReading, RiskTrail
from app.risk.rules import IN_CURRENCY, Rule
from app.strategies.models import LegRun, Run
from app.strategies.watching import leg_rules, run_marks
from app.venues.types import PriceType, Side
from app.web.current import services

MOST_EVENTS = 20


@dataclass(frozen=True)
class Entered:
    """A leg's entry: signed units at an average price, None while it is not known."""

    number: int
    side: str
    units: Decimal
    price: Decimal | None


@dataclass(frozen=True)
class Watched:
    """What is reckoned together: the whole run, or one account's part. Figures are profits in its currency."""

    name: str
    currency: str
    stop: Decimal | None
    target: Decimal | None
    follows: Decimal | None  # where the stop that follows stands now
    peak: Decimal | None


@dataclass(frozen=True)
class LookedAt:
    """What a rule looks at beside the profit: its figure, where it leaves, and of when it is. `key` is the cell of a
    price that moves with the page."""

    of: str
    rule: str
    what: str
    value: Decimal | None
    leaves: str
    at: datetime | None = None
    trouble: str = ""
    key: str = ""


@dataclass(frozen=True)
class LimitsView:
    words: Sequence[str]
    watched: Sequence[Watched]
    looked_at: Sequence[LookedAt]
    events: Sequence[RiskEvent]

    @staticmethod
    def is_in_currency(rule: str) -> bool:
        return rule in IN_CURRENCY


@dataclass(frozen=True)
class Share:
    """An account's part, as the limits need it. `profit` is None while it is not known."""

    id: str
    name: str
    currency: str
    times: Decimal
    is_live: bool
    is_whole: bool
    legs: Sequence[Entered]
    profit: Decimal | None = None


def read_limits(run: Run, shares: Sequence[Share], has_leg_levels: bool) -> LimitsView | None:
    """None where it has no limits at all."""
    rules = limits(run.limits)
    if rules.is_empty and not has_leg_levels:
        return None
    with services().db.read() as session:
        of_run = select(RiskEvent).where(RiskEvent.run_id == run.id).order_by(RiskEvent.at.desc()).limit(MOST_EVENTS)
        events = session.scalars(of_run).all()
        trails = {row.subject_id: row for row in session.scalars(select(RiskTrail).where(RiskTrail.run_id == run.id))}
        readings = session.scalars(select(RiskReading).where(RiskReading.run_id == run.id)).all()
    groups = _groups(run, [share for share in shares if share.is_live], shares)
    if rules.is_empty:
        return LimitsView((), (), (), events)
    known: dict[str, list[RiskReading]] = defaultdict(list)
    for row in readings:
        known[row.subject_id].append(row)
    watched: list[Watched] = []
    looked_at: list[LookedAt] = []
    for group in groups:
        around = bounds(rules, group.base, group.is_whole)
        watched.append(_watched(group, around, trails.get(group.id)))
        looked_at += _premium(group, around) + _read(known[group.id], group)
    return LimitsView(rules.words, watched, looked_at + _underlying(run), events)


def level_words(leg: LegRun, legs: Sequence[Mapping[str, Any]]) -> str:
    """For a leg's row: "stop 20 % from entry, target at a price of 310". `legs` are those of the run."""
    return ", ".join(leg_rules(legs, leg, at_cost=False).words)


def holder_words(leg: LegRun, exits: Iterable[Order]) -> str:
    """Who holds a leg's stop and target: "At the broker: stop 95, target 165"; empty where it has not both."""
    if leg.stop is None or leg.target is None:
        return ""
    if not leg.at_broker:
        return "Held by the desk"
    pairs = [order for order in exits if order.target_trigger is not None]
    return _pair_words(pairs[-1]) if pairs else "Held by the desk until all of it is filled, then at the broker"


def _pair_words(pair: Order) -> str:
    if pair.fired:
        return f"At the broker: its {pair.fired} was reached"
    if pair.price_type == PriceType.OCO and pair.state in AT_VENUE:
        return f"At the broker: stop {plain(pair.trigger_price or ZERO)}, target {plain(pair.target_trigger or ZERO)}"
    if pair.state in (OrderState.NEW, OrderState.SENDING):
        return "On its way to the broker, held by the desk until then"
    if pair.state == OrderState.UNKNOWN:
        return "In doubt at the broker, held by the desk as well"
    return f"Held by the desk: {pair.reason.rstrip('.') or 'it was taken back at the broker'}"


@dataclass(frozen=True)
class _Group:
    id: str
    name: str
    times: Decimal
    shares: Sequence[Share]

    @property
    def base(self) -> Base:
        legs = [leg for share in self.shares for leg in share.legs if leg.units]
        worth = sum((Side(leg.side).sign * leg.units * (leg.price or ZERO) for leg in legs), ZERO)
        return Base(abs(worth), _smallest(legs), self.times, worth < 0)

    @property
    def is_whole(self) -> bool:
        return all(share.is_whole for share in self.shares if share.is_live)

    @property
    def currency(self) -> str:
        found = {share.currency for share in self.shares}
        return found.pop() if len(found) == 1 else ""


def _groups(run: Run, live: Sequence[Share], shares: Sequence[Share]) -> list[_Group]:
    if limits(run.limits).of == "account":
        return [_Group(share.id, share.name, share.times, (share,)) for share in live]
    return [_Group(run.id, "All accounts", Decimal(1), shares)] if live else []


def _smallest(legs: Iterable[Entered]) -> Decimal:
    """Units of the smallest leg, in all accounts."""
    units: dict[int, Decimal] = defaultdict(Decimal)
    for leg in legs:
        units[leg.number] += leg.units
    return min(units.values(), default=ZERO)


def _watched(group: _Group, around: Bounds, trail: RiskTrail | None) -> Watched:
    follows, peak = (trail.stop, trail.peak) if trail is not None else (None, None)
    return Watched(group.name, group.currency, around.stop, around.target, follows, peak)


def _premium(group: _Group, around: Bounds) -> list[LookedAt]:
    premium = around.premium
    if premium is None:
        return []
    profits = [share.profit for share in group.shares]
    known = [profit for profit in profits if profit is not None]
    value = round(premium.at(sum(known, ZERO)), 2) if len(known) == len(profits) else None
    against = ("at or above", "at or below") if premium.is_credit else ("at or below", "at or above")
    levels = ((Rule.PREMIUM_STOP, against[0], premium.stop), (Rule.PREMIUM_TARGET, against[1], premium.target))
    return [
        LookedAt(
            group.name,
            rule,
            f"combined premium, {round(premium.entry, 2)} at entry",
            value,
            f"{side} {round(level, 2)}",
        )
        for rule, side, level in levels
        if level is not None
    ]


def _read(readings: Iterable[RiskReading], group: _Group) -> list[LookedAt]:
    return [LookedAt(group.name, row.rule, row.words, row.value, _leaves(row), row.at, row.trouble) for row in readings]


def _leaves(row: RiskReading) -> str:
    if row.threshold is None:
        return ""
    threshold = f"{round(row.threshold, 4).normalize():f}"
    return f"±{threshold}" if row.rule == Rule.DELTA else f"past {round(row.threshold, 2)} at a close"


def _underlying(run: Run) -> list[LookedAt]:
    return [
        LookedAt(
            "The run", mark.rule, mark.symbol.name, None,
            f"at or {'above' if mark.is_above else 'below'} {mark.level.normalize():f}",
            key=f"ltp:{mark.symbol}",
        )
        for mark in run_marks(limits(run.limits), run.underlyings)
    ]  # fmt: skip
