"""A payoff as lines on a sheet of 1000 by 1000, zero at the top left. Values in, values out."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.strategies.payoff import Payoff, Point, step_of

SHEET = 1000
MARGIN = 0.07  # of the height, above and below
TICKS = 5


@dataclass(frozen=True, slots=True)
class Mark:
    place: float
    value: Decimal


@dataclass(frozen=True, slots=True)
class Spot:
    """A point of the curves: its place on the sheet."""

    x: float
    point: Point


@dataclass(frozen=True, slots=True)
class Chart:
    """`expiry` and `today` are points of a polyline, `gain` and `loss` of areas between zero and the expiry line."""

    expiry: str
    today: str
    gain: str
    loss: str
    zero: float
    prices: Sequence[Mark]
    amounts: Sequence[Mark]
    breakevens: Sequence[Mark]
    now: Mark
    places: Sequence[Spot]


def chart(found: Payoff) -> Chart:
    points = found.points
    low, high = points[0].price, points[-1].price
    top, bottom = _reach(points)

    def across(price: Decimal) -> float:
        return round(float((price - low) / (high - low)) * SHEET, 1)

    def down(amount: Decimal | float) -> float:
        return round((top - float(amount)) / (top - bottom) * SHEET, 1)

    def line(amounts: Sequence[Decimal]) -> str:
        return " ".join(f"{across(p.price)},{down(a)}" for p, a in zip(points, amounts, strict=True))

    def area(sign: int) -> str:
        kept = [p.expiry if sign * p.expiry > 0 else Decimal(0) for p in points]
        return f"0,{down(0)} {line(kept)} {SHEET},{down(0)}"

    has_today = points[0].today is not None
    return Chart(
        expiry=line([p.expiry for p in points]),
        today=line([p.today or Decimal(0) for p in points]) if has_today else "",
        gain=area(1),
        loss=area(-1),
        zero=down(0),
        prices=[Mark(across(price), price) for price in _round(low, high)],
        amounts=[Mark(down(amount), amount) for amount in _round(Decimal(str(bottom)), Decimal(str(top)))],
        breakevens=[Mark(across(price), price) for price in found.breakevens if low <= price <= high],
        now=Mark(across(found.spot), found.spot),
        places=[Spot(across(point.price), point) for point in points],
    )


def _reach(points: Sequence[Point]) -> tuple[float, float]:
    """The highest and the lowest amount on the sheet; zero is always on it."""
    amounts = [float(a) for p in points for a in (p.expiry, p.today) if a is not None]
    top, bottom = max([0.0, *amounts]), min([0.0, *amounts])
    margin = MARGIN * (top - bottom) or 1.0
    return top + margin, bottom - margin


def _round(low: Decimal, high: Decimal) -> list[Decimal]:
    step = step_of((high - low) / TICKS)
    first = (low / step).to_integral_value(rounding="ROUND_CEILING")
    last = (high / step).to_integral_value(rounding="ROUND_FLOOR")
    return [step * (first + n) for n in range(int(last - first) + 1)]
