"""A stop that follows the best profit and never goes back. Values in, values out; all in one currency."""

from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from app.core.money import ZERO


@dataclass(frozen=True, slots=True)
class Terms:
    """`initial` is where the stop begins (below zero), and `factor` how much of the best profit it follows; `lock` is
    the profit reached, what is kept then, and for every further step so much more; `even` is the profit at which
    nothing may be lost any more."""

    initial: Decimal | None
    factor: Decimal = Decimal(1)
    lock: tuple[Decimal, Decimal, Decimal, Decimal] | None = None
    even: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Trailed:
    """The best profit seen, and the profit at or under which it is left."""

    peak: Decimal = ZERO
    stop: Decimal | None = None


def ratchet(before: Trailed, profit: Decimal, terms: Terms) -> Trailed:
    """After this profit was seen. The stop only rises, also when the terms change under way."""
    peak = max(before.peak, profit)
    even = ZERO if terms.even is not None and peak >= terms.even else None
    stops = [stop for stop in (before.stop, _followed(peak, terms), _locked(peak, terms), even) if stop is not None]
    return Trailed(peak, max(stops, default=None))


def merge(one: Trailed, other: Trailed) -> Trailed:
    """What both know."""
    stops = [stop for stop in (one.stop, other.stop) if stop is not None]
    return Trailed(max(one.peak, other.peak), max(stops, default=None))


def _followed(peak: Decimal, terms: Terms) -> Decimal | None:
    return terms.initial + peak * terms.factor if terms.initial is not None else None


def _locked(peak: Decimal, terms: Terms) -> Decimal | None:
    if terms.lock is None:
        return None
    at, keep, step, gain = terms.lock
    if peak < at:
        return None
    steps = ((peak - at) / step).to_integral_value(ROUND_FLOOR) if step > 0 else ZERO
    return keep + steps * gain
