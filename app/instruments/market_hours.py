"""Whether a market is open, what comes next and when: phases of one exchange, made from its trading days."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from app.instruments.models import FactKind, HolidayKind
from app.instruments.trading_days import LOOK_AHEAD, Session, TradingDays


class State(StrEnum):
    OPEN = "open"
    PRE_OPEN = "pre_open"
    AUCTION = "closing_auction"
    CLOSED = "closed"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Phase:
    """From `begins` until `ends` (None: not known, or never); `note` names a holiday or a special session."""

    state: State
    begins: datetime
    ends: datetime | None
    note: str = ""


def phases(days: TradingDays, exchange: str, moment: datetime, count: int) -> list[Phase]:
    """The phase that `moment` lies in, and those after it; `count` at most."""
    today = days.day_of(exchange, moment)
    if days.hours(exchange, today).always:
        return [Phase(State.ALWAYS, moment, None)]
    marks = [mark for mark in _marks(days, exchange, today, count) if mark > moment]
    starts = [moment, *marks][: count + 1]
    ends: list[datetime | None] = [*starts[1:], None]
    found = [
        Phase(_state(days, exchange, start), start, end, _note(days, exchange, start))
        for start, end in zip(starts, ends, strict=True)
    ]
    return found[:count] if len(found) > count else found


def _marks(days: TradingDays, exchange: str, first: date, count: int) -> list[datetime]:
    """Moments at which the state changes, ascending: of as many days as are needed."""
    found: list[datetime] = []
    for ahead in range(LOOK_AHEAD):
        day = first + timedelta(days=ahead)
        moments = sorted({at for one in _spans(days, exchange, day) for at in (one.opens, one.closes)})
        found += [
            at for at in moments if _state(days, exchange, at) != _state(days, exchange, at - timedelta(seconds=1))
        ]
        if ahead and len(found) > count + 1:
            break
    return found


def _spans(days: TradingDays, exchange: str, day: date) -> Iterator[Session]:
    session = days.session(exchange, day)
    spans = (
        session,
        days.auction(FactKind.PRE_OPEN, exchange, day),
        days.auction(FactKind.CLOSING_AUCTION, exchange, day),
    )
    return (span for span in spans if span is not None)


def _state(days: TradingDays, exchange: str, at: datetime) -> State:
    day = days.day_of(exchange, at)
    auction = days.auction(FactKind.CLOSING_AUCTION, exchange, day)
    if auction is not None and auction.opens <= at < auction.closes:
        return State.AUCTION
    if days.is_open(exchange, at):
        return State.OPEN
    early = days.auction(FactKind.PRE_OPEN, exchange, day)
    return State.PRE_OPEN if early is not None and early.opens <= at < early.closes else State.CLOSED


def _note(days: TradingDays, exchange: str, at: datetime) -> str:
    odd = days.odd(exchange, days.day_of(exchange, at))
    return odd.name if odd is not None and odd.kind != HolidayKind.SETTLEMENT else ""
