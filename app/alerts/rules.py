"""When an alert fires. Pure: a rule, how far it has come and a value go in; how far it has come now, and whether it
fires, come out.

Above and below are met while the value is there, crossings in the moment it comes to the other side of the level
(reaching it from below counts as up), moves when the value is so many per cent from the reference. An alert that
repeats every time fires again only after its condition was unmet in between and its pause is over; once a day means
the day in India. A move that repeats counts on from the value at which it fired. Of a profit per cent are those of a
capital: it is so much up or down where it is at or beyond that amount.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from app.core.clock import INDIA

HUNDRED = Decimal(100)


class Subject(StrEnum):
    PRICE = "price"
    SPREAD = "spread"
    PNL = "pnl"


class Condition(StrEnum):
    ABOVE = "above"
    BELOW = "below"
    CROSSES = "crosses"
    CROSSES_UP = "crosses up"
    CROSSES_DOWN = "crosses down"
    MOVES = "moves"
    MOVES_UP = "moves up"
    MOVES_DOWN = "moves down"


class Repeat(StrEnum):
    ONCE = "once"
    EVERY = "every"
    DAILY = "daily"


class AlertState(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    FIRED = "fired"  # and done
    EXPIRED = "expired"


CROSSINGS = (Condition.CROSSES, Condition.CROSSES_UP, Condition.CROSSES_DOWN)
MOVES = (Condition.MOVES, Condition.MOVES_UP, Condition.MOVES_DOWN)


@dataclass(frozen=True, slots=True)
class Rule:
    """`level` is a price, an amount of money, or for moves per cent."""

    condition: Condition
    level: Decimal
    repeat: Repeat = Repeat.ONCE
    pause: timedelta = timedelta(0)
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """`armed`: the condition was unmet since the last firing. `side` of the level: -1 below, 1 at it or above."""

    armed: bool = True
    side: int | None = None
    reference: Decimal | None = None
    fired_at: datetime | None = None


BEGINNING = Progress()


def look(rule: Rule, before: Progress, value: Decimal, now: datetime) -> tuple[Progress, bool]:
    """Progress after a trusted value, and whether the alert fires for it."""
    if rule.expires_at is not None and now >= rule.expires_at:
        return before, False
    if rule.condition in MOVES and before.reference is None:
        return replace(before, reference=value), False
    met = _met(rule, before, value)
    side = _side(rule, value) if rule.condition in CROSSINGS else None
    armed = rule.condition in CROSSINGS or before.armed or not met
    after = Progress(armed, side, before.reference, before.fired_at)
    if not met or _rests(rule, before, now) or not (armed or rule.repeat is Repeat.DAILY):
        return after, False
    moves_on = rule.condition in MOVES and rule.repeat is not Repeat.ONCE
    reference = value if moves_on else before.reference
    return Progress(rule.condition not in (Condition.ABOVE, Condition.BELOW), side, reference, now), True


def state_after(rule: Rule) -> AlertState:
    """What an alert is once it has fired."""
    return AlertState.FIRED if rule.repeat is Repeat.ONCE else AlertState.ACTIVE


def marks(rule: Rule, progress: Progress) -> tuple[Decimal, ...] | None:
    """The values at which the outcome can change; None while any value can change it."""
    if rule.condition not in MOVES:
        return (rule.level,)
    if progress.reference is None:
        return None
    step = abs(progress.reference) * rule.level / HUNDRED
    up, down = progress.reference + step, progress.reference - step
    return {Condition.MOVES_UP: (up,), Condition.MOVES_DOWN: (down,)}.get(rule.condition, (down, up))


def of_capital(rule: Rule, capital: Decimal) -> Rule:
    """Per cent of a capital as the amount of money that a profit (moves up) or a loss (moves down) has to come to."""
    amount = capital * rule.level / HUNDRED
    if rule.condition is Condition.MOVES_UP:
        return replace(rule, condition=Condition.ABOVE, level=amount)
    return replace(rule, condition=Condition.BELOW, level=-amount)


def moved(reference: Decimal, value: Decimal) -> Decimal:
    """Per cent from the reference; of a negative one in the direction the value went."""
    return (value - reference) / abs(reference) * HUNDRED if reference else Decimal(0)


def _met(rule: Rule, before: Progress, value: Decimal) -> bool:
    if rule.condition in CROSSINGS:
        return _crosses(rule, before.side, _side(rule, value))
    if rule.condition is Condition.ABOVE:
        return value >= rule.level
    if rule.condition is Condition.BELOW:
        return value <= rule.level
    change = moved(before.reference or Decimal(0), value)
    far = {Condition.MOVES_UP: change, Condition.MOVES_DOWN: -change}.get(rule.condition, abs(change))
    return far >= rule.level


def _side(rule: Rule, value: Decimal) -> int:
    return 1 if value >= rule.level else -1


def _crosses(rule: Rule, before: int | None, now: int) -> bool:
    if before is None or before == now:
        return False
    return rule.condition is Condition.CROSSES or (rule.condition is Condition.CROSSES_UP) == (now == 1)


def _rests(rule: Rule, before: Progress, now: datetime) -> bool:
    if before.fired_at is None:
        return False
    if rule.repeat is Repeat.DAILY:
        return before.fired_at.astimezone(INDIA).date() == now.astimezone(INDIA).date()
    return rule.repeat is Repeat.ONCE or now < before.fired_at + rule.pause
