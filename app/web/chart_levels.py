"""Where a run is left by itself, as levels of its chart: profits become values of its legs together.

What a run makes is so many times the difference of that value from the one at its entry, as long as it holds its legs
in the chart's ratio. Where it does not, because an order is still to fill or a leg was closed, no levels are drawn.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.core.money import ZERO, plain
from app.venues.types import Side, Symbol
from app.web.chart_subject import Subject
from app.web.run_limits import Watched
from app.web.run_view import PartLine, RunView, read_run

MOST_GROUPS = 4  # accounts with limits of their own; more would cover the chart
PLACES = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Level:
    """`tone` is up, down, warn or muted."""

    label: str
    value: Decimal
    tone: str

    @property
    def drawn(self) -> list[str]:
        return [self.label, plain(self.value), self.tone]


@dataclass(frozen=True, slots=True)
class Standing:
    """The value of the chart at the entry, and what one of it is worth in profit; negative where all legs were sold."""

    entry: Decimal
    times: Decimal

    def at(self, profit: Decimal) -> Decimal:
        return (self.entry + profit / self.times).quantize(PLACES)


def read_levels(owner: str, subject: Subject) -> list[Level]:
    """None of a chart that is of no run, and of a run that is over."""
    return levels_of(read_run(owner, subject.run_id), subject) if subject.run_id else []


def levels_of(view: RunView, subject: Subject) -> list[Level]:
    parts = view.live_parts
    whole = _standing(parts, subject)
    found = [Level("Entry", whole.at(ZERO), "muted")] if whole else []
    watched = view.limits.watched if view.limits else ()
    for one in watched if len(watched) <= MOST_GROUPS else ():
        mine = [part for part in parts if part.account.name == one.name] if len(watched) > 1 else parts
        standing = _standing(mine, subject)
        if standing is not None:
            found += _levels(one, standing, f" {one.name}" if len(watched) > 1 else "")
    return found


def _levels(watched: Watched, standing: Standing, name: str) -> list[Level]:
    said = (
        ("Stop", watched.stop, "down"),
        ("Target", watched.target, "up"),
        ("Following stop", watched.follows, "warn"),
    )
    return [Level(label + name, standing.at(profit), tone) for label, profit, tone in said if profit is not None]


def _standing(parts: Sequence[PartLine], subject: Subject) -> Standing | None:
    held: dict[Symbol, Decimal] = defaultdict(Decimal)
    units: dict[Symbol, Decimal] = defaultdict(Decimal)
    worth: dict[Symbol, Decimal] = defaultdict(Decimal)
    for leg in (leg for part in parts for leg in part.legs):
        if leg.exited or leg.entered != leg.leg.quantity or leg.entry_average is None:
            return None
        symbol = Symbol(leg.leg.exchange, leg.leg.symbol)
        held[symbol] += Side(leg.leg.side).sign * leg.entered
        units[symbol] += leg.entered
        worth[symbol] += leg.entered * leg.entry_average
    times = _ratio(held[symbol] / weight for symbol, weight in subject.basket.legs)
    one_way = all(abs(held[symbol]) == units[symbol] for symbol in held)
    if not times or not one_way or len(held) != len(subject.basket.legs):
        return None
    return Standing(sum((w * worth[s] / units[s] for s, w in subject.basket.legs), ZERO), times)


def _ratio(shares: Iterable[Decimal]) -> Decimal | None:
    found = set(shares)
    return found.pop() if len(found) == 1 else None
