"""Legs that wait and legs that came again, as the page of their run shows them: what is waited for, the price now and
its age, what became of it. One read, and none where no leg does.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select

from app.core.clock import INDIA
from app.core.money import plain
from app.strategies.late_entry import again_of
from app.strategies.models import AGAIN, NEVER, RANGE, WAITING, LegRun, LegWait
from app.strategies.waits import trigger_of
from app.web.current import services


@dataclass(frozen=True, slots=True)
class LateLine:
    """`words` say what is waited for, or what came of it; `key` is the cell of the price that is looked at."""

    leg: LegRun
    wait: LegWait
    words: str

    @property
    def is_waiting(self) -> bool:
        return self.leg.waits == WAITING

    @property
    def key(self) -> str:
        return f"ltp:{self.wait.exchange}:{self.wait.symbol}"

    @property
    def price(self) -> Decimal | None:
        return self.wait.price

    @property
    def price_at(self) -> datetime | None:
        return self.wait.price_at


def late_rows(run_id: str, legs: Iterable[LegRun]) -> dict[str, LegWait]:
    """By leg run."""
    if not any(leg.waits for leg in legs):
        return {}
    with services().db.read() as session:
        rows = session.scalars(select(LegWait).where(LegWait.run_id == run_id)).all()
    return {row.leg_run_id: row for row in rows}


def late_line(leg: LegRun, wait: LegWait | None) -> LateLine | None:
    if wait is None:
        return None
    words = f"entry {leg.entry}: {_words(leg, wait)}" if wait.kind == AGAIN else _words(leg, wait)
    return LateLine(leg, wait, words[0].upper() + words[1:])


def _words(leg: LegRun, wait: LegWait) -> str:
    if leg.waits == NEVER:
        return f"never entered. {wait.reason}".strip()
    trigger = trigger_of(wait)
    what = f"{wait.exchange}:{wait.symbol}"
    if leg.waits != WAITING:
        if trigger is None:
            return f"entered again after {leg_exit(wait)}" if wait.kind == AGAIN else "entered"
        return f"entered when {what} was {trigger.words}"
    if trigger is None:
        return _range_words(wait, what) if wait.kind == RANGE else f"waits for a first fresh price of {what}"
    return f"waits for {what} {trigger.words}{_counted(wait)}"


def leg_exit(wait: LegWait) -> str:
    again = again_of(wait.rule)
    return {"stop": "its stop", "target": "its target"}.get(again.after if again else "", "its stop or target")


def _counted(wait: LegWait) -> str:
    """From which price, and of when."""
    if wait.kind == RANGE:
        return f", the {'high' if wait.is_above else 'low'} of {_span(wait)}"
    if wait.reference is None or wait.reference_at is None:
        return ""
    if wait.kind == AGAIN:
        return ", its first entry price"
    return f", counted from {plain(wait.reference)} at {wait.reference_at.astimezone(INDIA):%H:%M:%S}"


def _range_words(wait: LegWait, what: str) -> str:
    if wait.low is None or wait.high is None:
        return f"waits for the range of {what}, {_span(wait)}: no candle of it was seen yet"
    return f"waits for the range of {what}, {_span(wait)}: {plain(wait.low)} to {plain(wait.high)} so far"


def _span(wait: LegWait) -> str:
    times = (wait.starts_at, wait.ends_at)
    return " to ".join(f"{at.astimezone(INDIA):%H:%M}" for at in times if at is not None) + " India time"
