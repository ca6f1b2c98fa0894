"""Whether a way of sizing fits a strategy's legs and limits. Pure."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

from app.risk.limits import Limits
from app.risk.rules import LegLevel
from app.strategies.sizing import Sizing

NO_DISTANCE = (
    "a size by risk needs the distance of a stop: say its points here, or give the strategy a stop in points or"
    " percent, or every leg one of its own price"
)


GROWING = ("points", "percent", "price")  # the distance of such a stop grows with the lots


class HasStop(Protocol):
    """What counts of a leg here."""

    @property
    def action(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def stop(self) -> LegLevel | None: ...


def misfit(rule: Sizing, legs: Sequence[HasStop], limits: Limits) -> str:
    """Why the rule has nothing to reckon with; "" where it has."""
    if rule.method == "premium" and not any(leg.action == "BUY" and leg.kind != "FUT" for leg in legs):
        return "a premium budget needs a leg that buys an option or shares"
    if rule.method == "risk" and rule.stop_points is None and not _has_distance(legs, limits):
        return NO_DISTANCE
    return ""


def _has_distance(legs: Sequence[HasStop], limits: Limits) -> bool:
    has_own = all(leg.stop is not None and leg.stop.unit in GROWING for leg in legs)
    return has_own or run_stop(limits) is not None


def run_stop(limits: Limits) -> tuple[str, Decimal] | None:
    """Unit and distance of the strategy's stop, where it grows with the lots."""
    levels = [limits.stop, limits.trail.stop if limits.trail else None]
    return next(((one.unit, one.value) for one in levels if one is not None and one.unit != "amount"), None)
