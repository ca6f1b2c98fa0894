"""When the paper market trades, and how an instant becomes a place on a price path.

A place is (day ordinal, minute of the session, step in the minute). Outside a session the place is the last step
of the session before, so quotes stand still at the close. With mode "always" every day from the start date on is
one session of 24 hours; the days before keep the real calendar, so that history looks like a broker's.
"""

from datetime import date
from typing import NamedTuple

from app.paper import calendar

MODES = ("always", "calendar")
DAY_MINUTES = 24 * 60
DAY_MS = DAY_MINUTES * 60_000
MINUTE_MS = 60_000
IST_MS = (5 * 60 + 30) * MINUTE_MS
EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


class Place(NamedTuple):
    day: int
    minute: int
    step: int


class Session(NamedTuple):
    """Opening minute of the day in India and length in minutes."""

    opens: int
    minutes: int


class Sessions:
    def __init__(self, mode: str, first_day: int, step_ms: int) -> None:
        if mode not in MODES:
            raise ValueError(f"sessions must be one of {MODES}, not {mode!r}")
        if step_ms <= 0 or MINUTE_MS % step_ms:
            raise ValueError("step_ms must divide a minute")
        self.always = mode == "always"
        self.first_day = first_day
        self.step_ms = step_ms
        self.steps_per_minute = MINUTE_MS // step_ms
        self._sessions: dict[tuple[str, int], Session | None] = {}

    def on(self, exchange: str, day: int) -> Session | None:
        """Session of that day (ordinal), None when closed."""
        key = (exchange, day)
        if key not in self._sessions:
            self._sessions[key] = self._find(exchange, day)
        return self._sessions[key]

    def _find(self, exchange: str, day: int) -> Session | None:
        if self.always and day >= self.first_day:
            return Session(0, DAY_MINUTES)
        found = calendar.hours(exchange, date.fromordinal(day))
        return Session(found[0], found[1] - found[0]) if found else None

    def before(self, exchange: str, day: int) -> int:
        """The session day before `day`."""
        day -= 1
        while self.on(exchange, day) is None:
            day -= 1
        return day

    def place(self, exchange: str, tick: int) -> Place:
        """Where the tick (steps since 1970) stands on the path of that exchange."""
        days, ms = divmod(tick * self.step_ms + IST_MS, DAY_MS)
        day = days + EPOCH_ORDINAL
        session = self.on(exchange, day)
        if session is None or ms < session.opens * MINUTE_MS:
            return self.last(exchange, self.before(exchange, day))
        minute = ms // MINUTE_MS - session.opens
        if minute >= session.minutes:
            return self.last(exchange, day)
        return Place(day, minute, ms % MINUTE_MS // self.step_ms)

    def last(self, exchange: str, day: int) -> Place:
        """Last step of a session day."""
        session = self.on(exchange, day)
        if session is None:
            raise ValueError(f"{exchange} is closed on {date.fromordinal(day)}")
        return Place(day, session.minutes - 1, self.steps_per_minute - 1)

    def tick(self, exchange: str, place: Place) -> int:
        """The inverse of `place` for a place inside a session."""
        session = self.on(exchange, place.day)
        opens = session.opens if session else 0
        ms = (place.day - EPOCH_ORDINAL) * DAY_MS + (opens + place.minute) * MINUTE_MS - IST_MS
        return ms // self.step_ms + place.step

    def is_open(self, exchange: str, tick: int) -> bool:
        days, ms = divmod(tick * self.step_ms + IST_MS, DAY_MS)
        session = self.on(exchange, days + EPOCH_ORDINAL)
        return session is not None and 0 <= ms // MINUTE_MS - session.opens < session.minutes
