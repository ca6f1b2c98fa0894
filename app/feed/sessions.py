"""Which session a candle lies in, by the calendar."""

from datetime import UTC, date, datetime, time, timedelta

from app.core.clock import INDIA
from app.feed.candles import Day
from app.instruments.trading_days import TradingDays

OPENS = time(9, 15)  # where days without a session on record are measured from


def day_at(calendar: TradingDays, exchange: str, moment: datetime) -> Day | None:
    """The session around a moment, else the one of its day in India; None on a day without any."""
    local = moment.astimezone(INDIA).date()
    found = [_day(calendar, exchange, day) for day in (local, moment.astimezone(UTC).date())]
    around = next((day for day in found if day is not None and day.holds(moment)), None)
    return around or found[0]


def day_of(calendar: TradingDays, exchange: str, moment: datetime) -> Day:
    """The session a bar of the past lies in; a day on which the calendar knows of none counts as one."""
    known = day_at(calendar, exchange, moment)
    if known is not None and known.holds(moment):
        return known
    day = moment.astimezone(INDIA).date()
    start = datetime.combine(day, time(), INDIA).astimezone(UTC)
    return Day(day, start, start + timedelta(days=1), datetime.combine(day, OPENS, INDIA).astimezone(UTC))


def _day(calendar: TradingDays, exchange: str, day: date) -> Day | None:
    session = calendar.session(exchange, day)
    return Day(session.day, session.opens, session.closes, session.opens) if session else None
