"""When an exchange trades: weekly sessions that change from a day on, holidays, and special sessions.

Times of day are India's for Indian exchanges; an `always` session has no days and no hours. An exchange of
which no session is on record counts as always open: the venue knows better, and our ignorance must never
hold an exit back.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from app.core.clock import INDIA
from app.instruments.models import HolidayKind

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LOOK_AHEAD = 40  # days: longer than any run of closed days
_UNLIKE = (HolidayKind.TRADING, HolidayKind.SPECIAL)


@dataclass(frozen=True, slots=True)
class Hours:
    """A weekly session; `opens` None means around the clock, every day."""

    opens: time | None = None
    closes: time | None = None
    days: frozenset[int] = frozenset(range(7))

    @property
    def always(self) -> bool:
        return self.opens is None


@dataclass(frozen=True, slots=True)
class SpecialDay:
    """A day that is not like its weekday."""

    kind: str
    name: str
    opens: time | None = None
    closes: time | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """One day's trading, aware in UTC, from `opens` until just before `closes`."""

    day: date
    opens: datetime
    closes: datetime


def parse_hours(text: str) -> Hours:
    """`always`, or `mon-fri 09:15-15:30`."""
    if text == "always":
        return Hours()
    days, _, hours = text.partition(" ")
    first, _, last = days.partition("-")
    opens, _, closes = hours.partition("-")
    span = range(WEEKDAYS.index(first), WEEKDAYS.index(last or first) + 1)
    return Hours(time.fromisoformat(opens), time.fromisoformat(closes), frozenset(span))


class TradingDays:
    """The calendar of every exchange, as it was on record when this was made."""

    def __init__(
        self,
        hours: Mapping[str, Iterable[tuple[date, Hours]]],
        special: Mapping[tuple[str, date], SpecialDay],
        auctions: Mapping[tuple[str, str], Iterable[tuple[date, Hours | None]]] | None = None,
    ) -> None:
        """`auctions`: by kind (`pre_open`, `closing_auction`) and exchange, from which day on; None: held no more."""
        self._hours = {exchange: sorted(dated, key=lambda row: row[0]) for exchange, dated in hours.items()}
        self._special = dict(special)
        self._auctions = {key: sorted(dated, key=lambda row: row[0]) for key, dated in (auctions or {}).items()}

    def session(self, exchange: str, day: date) -> Session | None:
        """That day's session in India's calendar; None when closed all day. For `always`, the whole day."""
        hours = self.hours(exchange, day)
        if hours.always:
            start = datetime.combine(day, time(), UTC)
            return Session(day, start, start + timedelta(days=1))
        odd = self._special.get((exchange, day))
        if odd is not None and odd.kind == HolidayKind.TRADING:
            return None
        if odd is not None and odd.kind == HolidayKind.SPECIAL:
            return _session(day, odd.opens, odd.closes)
        return _session(day, hours.opens, hours.closes) if day.weekday() in hours.days else None

    def hours(self, exchange: str, day: date) -> Hours:
        """The weekly session in force on a day."""
        newest = Hours()
        for effective_from, hours in self._hours.get(exchange, ()):
            if effective_from <= day:
                newest = hours
        return newest

    def auction(self, kind: str, exchange: str, day: date) -> Session | None:
        """That day's pre-open or closing auction; none on days with a session of their own, whose auctions the
        exchange announces."""
        odd = self._special.get((exchange, day))
        usual = self.hours(exchange, day)
        if usual.always or day.weekday() not in usual.days or (odd is not None and odd.kind in _UNLIKE):
            return None
        newest: Hours | None = None
        for effective_from, hours in self._auctions.get((kind, exchange), ()):
            if effective_from <= day:
                newest = hours
        return _session(day, newest.opens, newest.closes) if newest and day.weekday() in newest.days else None

    def is_open(self, exchange: str, moment: datetime) -> bool:
        today = self.session(exchange, self.day_of(exchange, moment))
        return today is not None and today.opens <= moment < today.closes

    def next_open(self, exchange: str, moment: datetime) -> datetime | None:
        """When the next session starts after `moment`; None when none is known in the coming weeks."""
        start = self.day_of(exchange, moment)
        for ahead in range(LOOK_AHEAD):
            session = self.session(exchange, start + timedelta(days=ahead))
            if session is not None and session.opens > moment:
                return session.opens
        return None

    def closes_at(self, exchange: str, moment: datetime) -> datetime | None:
        """When the session that `moment` lies in ends; None outside a session or around the clock."""
        day = self.day_of(exchange, moment)
        if not self.is_open(exchange, moment) or self.hours(exchange, day).always:
            return None
        session = self.session(exchange, day)
        return session.closes if session else None

    def trading_date(self, exchange: str, moment: datetime) -> date:
        """The calendar day whose trading has not ended: today until the close, tomorrow afterwards."""
        day = self.day_of(exchange, moment)
        session = self.session(exchange, day)
        return day + timedelta(days=1) if session is not None and moment >= session.closes else day

    def is_trading_day(self, exchange: str, day: date) -> bool:
        return self.session(exchange, day) is not None

    def next_trading_day(self, exchange: str, day: date) -> date | None:
        """The first day with a session after `day`."""
        days = (day + timedelta(days=ahead) for ahead in range(1, LOOK_AHEAD))
        return next((later for later in days if self.is_trading_day(exchange, later)), None)

    def holiday(self, exchange: str, day: date) -> str:
        """The name of a holiday or special session; "" on ordinary days."""
        odd = self._special.get((exchange, day))
        return odd.name if odd else ""

    def odd(self, exchange: str, day: date) -> SpecialDay | None:
        """What is unlike its weekday about a day."""
        return self._special.get((exchange, day))

    def last_holiday(self, exchange: str) -> date | None:
        """How far the holidays on record reach."""
        return max((day for found, day in self._special if found == exchange), default=None)

    def odd_days(self, first: date, last: date) -> list[tuple[date, str, SpecialDay]]:
        """Holidays and special sessions of all exchanges, ascending."""
        found = [(day, exchange, odd) for (exchange, day), odd in self._special.items() if first <= day <= last]
        return sorted((row for row in found if row[2].kind != HolidayKind.ORDINARY), key=lambda row: row[:2])

    def day_of(self, exchange: str, moment: datetime) -> date:
        """The calendar day a moment lies in for an exchange."""
        local = moment.astimezone(INDIA).date()
        return moment.astimezone(UTC).date() if self.hours(exchange, local).always else local


def _session(day: date, opens: time | None, closes: time | None) -> Session | None:
    if opens is None or closes is None:
        return None
    start = datetime.combine(day, opens, INDIA).astimezone(UTC)
    return Session(day, start, datetime.combine(day, closes, INDIA).astimezone(UTC))
