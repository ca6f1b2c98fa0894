"""Lines as a page draws them: points of an SVG that stretches, with words for whoever does not see it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from app.portfolio.curves import Point, stretches
from app.portfolio.measures import Point as Day
from app.web import format as fmt

WIDTH, HEIGHT, EDGE = 600, 140, 6
MOST_ROWS = 40  # of the table beside a curve


@dataclass(frozen=True, slots=True)
class Drawing:
    """`lines` and `stops` are the points of polylines, `lone` of samples with no neighbour; `zero` a height or none."""

    label: str
    lines: Sequence[str]
    stops: Sequence[str] = ()
    lone: Sequence[tuple[str, str]] = ()
    zero: str = ""
    rows: Sequence[tuple[datetime, Decimal, Decimal | None]] = field(default_factory=tuple)
    low: Decimal = Decimal(0)
    high: Decimal = Decimal(0)

    @property
    def gaps(self) -> int:
        return max(0, len(self.lines) + len(self.lone) - 1)


@dataclass(frozen=True, slots=True)
class _Scale:
    left: float
    right: float
    low: Decimal
    high: Decimal

    def x(self, at: float) -> str:
        return f"{(at - self.left) / ((self.right - self.left) or 1) * WIDTH:.1f}"

    def y(self, value: Decimal) -> str:
        share = (value - self.low) / ((self.high - self.low) or 1)
        return f"{EDGE + (1 - float(share)) * (HEIGHT - 2 * EDGE):.1f}"

    def spots(self, line: Sequence[tuple[float, Decimal]]) -> str:
        return " ".join(f"{self.x(at)},{self.y(value)}" for at, value in line)


def draw_curve(points: Sequence[Point], currency: str, what: str) -> Drawing | None:
    """A run or a day over time, with its stop; None where there is nothing to draw a line of."""
    if len(points) < 2:
        return None
    totals, stops = [point.total for point in points], [point.stop for point in points if point.stop is not None]
    scale = _scale([point.at.timestamp() for point in points], [*totals, *stops])
    parts = stretches(points)
    lines = [[(point.at.timestamp(), point.total) for point in part] for part in parts]
    held = [[(p.at.timestamp(), p.stop) for p in part if p.stop is not None] for part in parts]
    low, high = min(totals), max(totals)
    says = (
        f"{what}: {fmt.signed(totals[-1], currency)} at {fmt.clock(points[-1].at)},"
        f" lowest {fmt.signed(low, currency)}, highest {fmt.signed(high, currency)}"
    )
    every = max(1, -(-len(points) // MOST_ROWS))
    shown = [*points[:-1][::every], points[-1]]
    return Drawing(
        label=says,
        lines=[scale.spots(line) for line in lines if len(line) > 1],
        stops=[scale.spots(line) for line in held if len(line) > 1],
        lone=[(scale.x(line[0][0]), scale.y(line[0][1])) for line in lines if len(line) == 1],
        zero=scale.y(Decimal(0)),
        rows=[(point.at, point.total, point.stop) for point in shown],
        low=low,
        high=high,
    )


def draw_equity(days: Sequence[Day], currency: str) -> tuple[Drawing, Drawing] | None:
    """The equity and the drawdown under it; None for less than two days."""
    if len(days) < 2:
        return None
    return (
        _daily(
            days,
            [day.equity for day in days],
            f"Equity after each day, at last {fmt.signed(days[-1].equity, currency)}",
        ),
        _daily(
            days,
            [day.drawdown for day in days],
            f"Drawdown after each day, deepest {fmt.signed(min(day.drawdown for day in days), currency)}",
        ),
    )


def _daily(days: Sequence[Day], values: Sequence[Decimal], label: str) -> Drawing:
    at = [float(day.day.toordinal()) for day in days]
    scale = _scale(at, values)
    line = scale.spots(list(zip(at, values, strict=True)))
    return Drawing(label, [line], zero=scale.y(Decimal(0)), low=min(values), high=max(values))


def _scale(at: Sequence[float], values: Sequence[Decimal]) -> _Scale:
    """Zero is always in the picture."""
    return _Scale(min(at), max(at), min(*values, Decimal(0)), max(*values, Decimal(0)))
