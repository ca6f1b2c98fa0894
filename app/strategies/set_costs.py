"""What one set of legs takes: premium, worth, margin by a table, loss at its stop, movement in a day. Pure.

Amounts are in the account's currency. What can't be known is a figure without a value that says why.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from statistics import stdev

from app.core.money import ZERO
from app.risk.limits import Limits
from app.risk.rules import LegLevel
from app.strategies.legs import Leg
from app.strategies.sizing import Figure
from app.strategies.sizing_fit import GROWING, run_stop
from app.strategies.sizing_settings import MarginRow
from app.venues.types import Side

OPTIONS = ("CE", "PE")
FUTURE = "FUT"


@dataclass(frozen=True, slots=True)
class Line:
    """A leg in one set. `price` is the contract's own, None while none can be trusted; `expires_today` its last day."""

    number: int
    leg: Leg
    exchange: str
    symbol: str
    underlying: str
    kind: str
    lots: int
    units: Decimal
    price: Decimal | None
    expires_today: bool = False
    expiry: date | None = None
    strike: Decimal | None = None

    @property
    def is_bought(self) -> bool:
        return self.leg.action == "BUY"

    @property
    def sign(self) -> int:
        return Side(self.leg.action).sign

    @property
    def worth(self) -> Decimal | None:
        """Without a sign."""
        return None if self.price is None else self.price * self.units


def premium(lines: Sequence[Line]) -> Figure:
    """What is paid at the entry; what sold legs take in is not counted."""
    paid = [line for line in lines if line.is_bought and line.kind != FUTURE]
    if not paid:
        return Figure(trouble="No leg pays a premium.")
    return _worth(paid)


def value(lines: Sequence[Line]) -> Figure:
    """Price times units of every leg, bought and sold alike."""
    return _worth(lines)


def table_margin(lines: Sequence[Line], table: Iterable[MarginRow]) -> Figure:
    """By a person's own table: sold options by lot, a sold call and put together as a pair, futures by lot; bought
    options and shares in full. A hedge saves nothing."""
    rows = {(row.exchange, row.underlying): row for row in table}
    full = [line for line in lines if _is_in_full(line)]
    total = _worth(full) if full else Figure(ZERO)
    if total.value is None:
        return total
    bound = total.value
    for (exchange, name, expires), group in _bound(lines).items():
        row = rows.get((exchange, name))
        amount = row.margin(group["CE"], group["PE"], group[FUTURE], expires) if row else None
        if amount is None:
            what = _lacking(group)
            when = " on its expiry day" if expires else ""
            return Figure(trouble=f"Your margin table has no figure for {what} of {name} on {exchange}{when}.")
        bound += amount
    return Figure(bound, "your margin table")


def _is_in_full(line: Line) -> bool:
    return line.kind != FUTURE and (line.is_bought or line.kind not in OPTIONS)


def _bound(lines: Iterable[Line]) -> dict[tuple[str, str, bool], dict[str, int]]:
    """Lots that bind margin, by underlying and by whether they expire today."""
    found: dict[tuple[str, str, bool], dict[str, int]] = defaultdict(lambda: dict.fromkeys((*OPTIONS, FUTURE), 0))
    for line in lines:
        if not _is_in_full(line):
            found[line.exchange, line.underlying, line.expires_today][line.kind] += line.lots
    return found


def _lacking(group: Mapping[str, int]) -> str:
    return "futures" if group[FUTURE] else "sold options"


def risk(lines: Sequence[Line], limits: Limits, stop_points: Decimal | None) -> Figure:
    """What is lost at the stop: by its points, else by the strategy's stop, else by the legs' own."""
    smallest = min(line.units for line in lines)
    if stop_points is not None:
        return Figure(stop_points * smallest, "the stop's points")
    stop = run_stop(limits)
    if stop is not None:
        unit, distance = stop
        if unit == "points":
            return Figure(distance * smallest, "the strategy's stop")
        worths = [line.worth for line in lines]
        if None in worths:
            return _worth(lines)
        net = sum((line.sign * (line.worth or ZERO) for line in lines), ZERO)
        return Figure(abs(net) * distance / 100, "the strategy's stop")
    return _added([_leg_risk(line) for line in lines], "the legs' stops")


def _leg_risk(line: Line) -> Figure:
    stop: LegLevel | None = line.leg.stop
    if stop is None or stop.unit not in GROWING:
        return Figure(trouble=f"Leg {line.number} has no stop whose distance grows with its lots.")
    if stop.unit == "points":
        return Figure(stop.value * line.units)
    if line.price is None:
        return Figure(trouble=_no_price(line))
    if stop.unit == "percent":
        return Figure(line.price * stop.value / 100 * line.units)
    distance = (line.price - stop.value) * line.sign
    if distance <= 0:
        return Figure(trouble=f"The price of {line.symbol} is at its stop or beyond it.")
    return Figure(distance * line.units)


@dataclass(frozen=True, slots=True)
class Move:
    """An underlying's price and how much of it moves in a day, in percent; None while not known."""

    price: Decimal | None
    percent: Decimal | None
    source: str = ""
    trouble: str = ""


def volatility(lines: Sequence[Line], moves: Mapping[str, Move], delta: Callable[[Line], Decimal | None]) -> Figure:
    """The usual movement in a day: by underlying the heavier of what gains and what loses when it rises, in units times
    its price times its daily percentage. Underlyings are added, as if all moved together."""
    total, sources = ZERO, set()
    for name in sorted({line.underlying for line in lines}):
        move = moves.get(name, Move(None, None))
        if move.price is None or move.percent is None:
            return Figure(trouble=move.trouble or f"How much {name} moves in a day is not known.")
        sides = {1: ZERO, -1: ZERO}
        for line in lines:
            if line.underlying != name:
                continue
            of = delta(line) if line.kind in OPTIONS else Decimal(1)
            if of is None:
                return Figure(trouble=f"How far {line.symbol} follows {name} is not known.")
            moved = of * line.sign * line.units
            sides[1 if moved > 0 else -1] += abs(moved)
        total += max(sides.values()) * move.price * move.percent / 100
        sources.add(move.source)
    return Figure(total, ", ".join(sorted(sources)))


def daily_percent(closes: Sequence[Decimal]) -> Decimal | None:
    """The standard deviation of the daily changes (logarithmic), in percent; None of fewer than five closes."""
    if len(closes) < 5 or min(closes) <= 0:
        return None
    changes = [math.log(after / before) for before, after in zip(closes, closes[1:], strict=False)]
    return Decimal(str(round(stdev(changes) * 100, 6)))


def _worth(lines: Sequence[Line]) -> Figure:
    return _added(
        [Figure(line.worth, trouble="" if line.price is not None else _no_price(line)) for line in lines], "prices"
    )


def _added(figures: Sequence[Figure], source: str) -> Figure:
    for figure in figures:
        if figure.value is None:
            return figure
    return Figure(sum((figure.value for figure in figures if figure.value is not None), ZERO), source)


def _no_price(line: Line) -> str:
    return f"There is no price of {line.symbol} that can be trusted now."
