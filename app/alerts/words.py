"""An alert and its firing in words; plain figures, symbols as venues spell them."""

from collections.abc import Mapping
from decimal import Decimal

from app.alerts.models import PriceAlert
from app.alerts.rules import MOVES, Condition, Subject
from app.core.money import plain

CONDITIONS = {
    Condition.ABOVE: "is at or above",
    Condition.BELOW: "is at or below",
    Condition.CROSSES: "crosses",
    Condition.CROSSES_UP: "crosses up through",
    Condition.CROSSES_DOWN: "crosses down through",
    Condition.MOVES: "moves either way by",
    Condition.MOVES_UP: "rises by",
    Condition.MOVES_DOWN: "falls by",
}
HAPPENED = {
    Condition.ABOVE: "is at or above",
    Condition.BELOW: "is at or below",
    Condition.CROSSES: "crossed",
    Condition.CROSSES_UP: "crossed up through",
    Condition.CROSSES_DOWN: "crossed down through",
    Condition.MOVES: "moved by",
    Condition.MOVES_UP: "rose by",
    Condition.MOVES_DOWN: "fell by",
}
OF_CAPITAL = {Condition.MOVES_UP: "is up by", Condition.MOVES_DOWN: "is down by"}
CENT = Decimal("0.01")


def subject_of(alert: PriceAlert, account: str = "") -> str:
    """`account` is the name of the account of a profit."""
    if alert.subject == Subject.PNL:
        return f"P&L today of {account or 'an account'}"
    if alert.subject == Subject.SPREAD:
        ratio = "" if alert.ratio in (None, 1) else f"{plain(alert.ratio or Decimal(1))} × "
        return f"{alert.symbol} − {ratio}{alert.other_symbol}"
    return alert.symbol


def condition_of(alert: PriceAlert) -> str:
    return f"{_verb(alert, CONDITIONS)} {_goal(alert)}"


def firing_of(alert: PriceAlert, account: str, value: Decimal) -> str:
    """`value` is what it fired at."""
    what = f"{subject_of(alert, account)} {_verb(alert, HAPPENED)} {_goal(alert)}"
    return f"{what}: {plain(value.quantize(CENT) if -value.as_tuple().exponent > 4 else value)}"  # type: ignore[operator]  # a finite decimal's exponent is a number


def _verb(alert: PriceAlert, verbs: Mapping[Condition, str]) -> str:
    condition = Condition(alert.condition)
    return OF_CAPITAL.get(condition, verbs[condition]) if alert.subject == Subject.PNL else verbs[condition]


def _goal(alert: PriceAlert) -> str:
    level = plain(alert.level)
    if Condition(alert.condition) not in MOVES:
        return level
    if alert.reference is None:
        return f"{level}%"
    return f"{level}% {'of' if alert.subject == Subject.PNL else 'from'} {plain(alert.reference)}"
