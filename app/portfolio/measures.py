"""How trading went, from the results of days and of round trips: sums in Decimal, and nothing of a sample too small.

All results are realised, less estimated charges. A day belongs to the date in India on which it was realised.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from app.core.money import ZERO

FEWEST_DAYS = 20  # weekdays, before a ratio of a year says anything
FEWEST_TRIPS = 10  # round trips, before an average of them does
SATURDAY = 5
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Point:
    """The equity after a day: all results so far, and how far that is under the highest so far (zero or negative)."""

    day: date
    result: Decimal
    equity: Decimal
    drawdown: Decimal


@dataclass(frozen=True, slots=True)
class Drawdown:
    """The deepest fall; `recovered` is None while the height before it was not reached again."""

    depth: Decimal  # negative
    peak: date | None  # None: the beginning
    trough: date
    recovered: date | None


@dataclass(frozen=True, slots=True)
class TripFigures:
    """Of closed round trips. What needs more of them than there are is None."""

    count: int
    won: int
    lost: int
    win_rate: Decimal | None  # per cent
    expectancy: Decimal | None
    profit_factor: Decimal | None  # None too where nothing was lost
    average_win: Decimal | None
    average_loss: Decimal | None
    best: Decimal | None
    worst: Decimal | None

    @property
    def is_enough(self) -> bool:
        return self.count >= FEWEST_TRIPS


def equity(results: Mapping[date, Decimal]) -> list[Point]:
    """By day, oldest first. The height before the first day is zero."""
    points, total, peak = [], ZERO, ZERO
    for day in sorted(results):
        total += results[day]
        peak = max(peak, total)
        points.append(Point(day, results[day], total, total - peak))
    return points


def deepest(points: Sequence[Point]) -> Drawdown | None:
    """None where equity never fell."""
    bottom = min(points, key=lambda point: point.drawdown, default=None)
    if bottom is None or bottom.drawdown == 0:
        return None
    before = [point for point in points if point.day < bottom.day and point.drawdown == 0]
    after = (point.day for point in points if point.day > bottom.day and point.drawdown == 0)
    return Drawdown(bottom.drawdown, before[-1].day if before else None, bottom.day, next(after, None))


def weekdays(results: Mapping[date, Decimal]) -> list[Decimal]:
    """A result for each weekday from the first day to the last, zero where nothing was realised; and for each other
    day on which something was."""
    if not results:
        return []
    return [results.get(day, ZERO) for day in _days(min(results), max(results)) if day in results or _is_weekday(day)]


def months(results: Mapping[date, Decimal]) -> dict[int, dict[int, Decimal]]:
    """By year and month; months without results are missing."""
    found: dict[int, dict[int, Decimal]] = {}
    for day, result in sorted(results.items()):
        year = found.setdefault(day.year, {})
        year[day.month] = year.get(day.month, ZERO) + result
    return found


def by_weekday(results: Mapping[date, Decimal]) -> list[tuple[str, int, Decimal]]:
    """Name, days with a result, and their sum; those on which nothing ever happened are left out."""
    found: dict[int, list[Decimal]] = {}
    for day, result in results.items():
        found.setdefault(day.weekday(), []).append(result)
    return [(WEEKDAYS[number], len(found[number]), sum(found[number], ZERO)) for number in sorted(found)]


def trip_figures(results: Iterable[Decimal]) -> TripFigures:
    """A trip that made exactly nothing was neither won nor lost, and counts."""
    made = list(results)
    wins, losses = [one for one in made if one > 0], [one for one in made if one < 0]
    gained, lost = sum(wins, ZERO), -sum(losses, ZERO)
    is_enough = len(made) >= FEWEST_TRIPS
    return TripFigures(
        count=len(made),
        won=len(wins),
        lost=len(losses),
        win_rate=Decimal(100 * len(wins)) / len(made) if is_enough else None,
        expectancy=sum(made, ZERO) / len(made) if is_enough else None,
        profit_factor=gained / lost if is_enough and lost else None,
        average_win=gained / len(wins) if wins and is_enough else None,
        average_loss=-lost / len(losses) if losses and is_enough else None,
        best=max(made, default=None),
        worst=min(made, default=None),
    )


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def _is_weekday(day: date) -> bool:
    return day.weekday() < SATURDAY
