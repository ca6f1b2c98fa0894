"""The days of a strategy's exchanges, as the calendar and the lists of contracts have them: what a schedule asks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from app.core.clock import day_in_india
from app.instruments.expiries import NoExpiry, expiry_for
from app.instruments.models import HolidayKind
from app.instruments.service import InstrumentService
from app.instruments.trading_days import TradingDays
from app.strategies.schedule import MarketDay

Listed = Callable[[str, str, tuple[str, ...]], Sequence[date]]  # expiries by exchange, underlying and kinds
KINDS = {"FUT": ("FUT",), "CE": ("CE", "PE"), "PE": ("CE", "PE")}


@dataclass
class MarketDays:
    """A calendar as `schedule` wants it: of all exchanges together, each day worked out once."""

    days: TradingDays
    exchanges: Sequence[str]
    expiry_on: Callable[[date], date | None]
    _known: dict[date, MarketDay] = field(default_factory=dict)

    def __call__(self, day: date) -> MarketDay:
        found = self._known.get(day)
        if found is None:
            found = self._known[day] = self._read(day)
        return found

    def _read(self, day: date) -> MarketDay:
        """Open while all of them are."""
        expiry = self.expiry_on(day)
        dated = [one for one in self.exchanges if not self.days.hours(one, day).always]
        if not dated:
            return MarketDay(day, always=True, expiry=expiry)
        odd = [found for one in dated if (found := self.days.odd(one, day))]
        name = next((one.name for one in odd if one.name), "")
        sessions = [self.days.session(one, day) for one in dated]
        open_ones = [one for one in sessions if one is not None]
        opens = max((one.opens for one in open_ones), default=None)
        closes = min((one.closes for one in open_ones), default=None)
        if len(open_ones) < len(dated) or opens is None or closes is None or opens >= closes:
            return MarketDay(day, name=name, expiry=expiry)
        is_special = any(one.kind == HolidayKind.SPECIAL for one in odd)
        return MarketDay(day, opens, closes, is_special=is_special, name=name, expiry=expiry)


def market_days(
    instruments: InstrumentService, legs: Sequence[dict[str, Any]], now: datetime, listed: Listed | None
) -> MarketDays:
    """As they are on record now; without `listed` nobody asks for expiries."""
    dated = [leg for leg in legs if leg["kind"] in KINDS] if listed else []
    rules = [(listed(*_family(leg)), str(leg["expiry"])) for leg in dated] if listed else []
    exchanges = sorted({str(leg["exchange"]) for leg in legs})

    def expiry_on(day: date) -> date | None:
        """The nearest that any leg would trade on that day; None as soon as one is not known."""
        try:
            return min((expiry_for(rule, days, day) for days, rule in rules), default=None)
        except NoExpiry:
            return None

    return MarketDays(instruments.calendar(now), exchanges, expiry_on)


def _family(leg: dict[str, Any]) -> tuple[str, str, tuple[str, ...]]:
    return str(leg["exchange"]), str(leg["underlying"]), KINDS[leg["kind"]]


def is_open(days: MarketDays, moment: datetime) -> bool:
    return days(day_in_india(moment)).holds(moment)
