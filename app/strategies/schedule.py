"""When a strategy enters and leaves by itself: its rules, and what they mean on the days of its exchanges.

Rules and the facts of a day go in, moments and sentences come out. Days and times are of the schedule's own zone; a
trading day is one of India's calendar. Every pair of a day and an entry time is one moment, whatever clocks do that
day: a time that is skipped in spring counts as if they had not been changed, and one that comes twice is the first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from app.core.clock import INDIA
from app.core.validation import no_boolean

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MOST_ENTRIES = 24
LOOK_AHEAD = 40  # days: longer than any run of closed days, and a month of expiries
BEFORE_CLOSE = timedelta(minutes=5)  # an exit time that a short session never sees
TWICE = timedelta(seconds=60)  # so soon after a run began by another way the schedule begins no second one


def _no_number(value: Any) -> Any:
    """A number would be taken for seconds since midnight, and true for one of them."""
    if not isinstance(value, str | time):
        raise ValueError("this must be a time such as 09:20")
    return value


def _whole_seconds(value: time) -> time:
    if value.tzinfo is not None or value.microsecond:
        raise ValueError("this must be hours, minutes and perhaps seconds")
    return value


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise ValueError("this is no time zone such as Asia/Kolkata") from None
    return name


TimeOfDay = Annotated[time, BeforeValidator(_no_number), AfterValidator(_whole_seconds)]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Schedule(BaseModel):
    """`square_off` is minutes before the close, `grace` the seconds that an entry may be late, `expiry_days` trading
    days. Exit time, square-off, last entry and most entries hold for every run, also one that a person begins."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    zone: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_+\-/]{1,39}$"), AfterValidator(_known_zone)
    ] = "Asia/Kolkata"
    days: Annotated[tuple[Day, ...], Field(min_length=1, max_length=7)] = ("mon", "tue", "wed", "thu", "fri")
    entries: Annotated[tuple[TimeOfDay, ...], Field(max_length=MOST_ENTRIES)] = ()
    exit_at: TimeOfDay | None = None
    square_off: Annotated[int, Field(ge=1, le=240), BeforeValidator(no_boolean)] | None = None
    expiry: Literal["any", "only", "never", "before"] = "any"
    expiry_days: Annotated[int, Field(ge=1, le=30), BeforeValidator(no_boolean)] = 1
    special: Literal["skip", "trade"] = "skip"
    last_entry: TimeOfDay | None = None
    most_entries: Annotated[int, Field(ge=1, le=100), BeforeValidator(no_boolean)] | None = None
    while_live: Literal["skip", "enter"] = "skip"
    grace: Annotated[int, Field(ge=0, le=900), BeforeValidator(no_boolean)] = 60

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if len(set(self.entries)) != len(self.entries):
            raise ValueError("an entry time is there twice")
        if self.last_entry is not None and any(at > self.last_entry for at in self.entries):
            raise ValueError("an entry time is later than the last entry")
        return self

    @property
    def is_empty(self) -> bool:
        return not (self.entries or self.exit_at or self.square_off or self.last_entry or self.most_entries)

    @property
    def words(self) -> list[str]:
        """As a person would say them, one each."""
        place = "India time" if self.zone == "Asia/Kolkata" else f"{self.zone} time"
        said = []
        if self.entries:
            times = ", ".join(spell(at) for at in sorted(self.entries))
            said.append(f"Enters at {times} {place}, {_days(self.days)}{self._expiry_words}")
            said.append("Trades special sessions as well" if self.special == "trade" else "Skips special sessions")
        if self.exit_at:
            said.append(f"Out at {spell(self.exit_at)} {place}")
        if self.square_off:
            said.append(f"Squares off {self.square_off} min before the close")
        if self.last_entry:
            said.append(f"No entry after {spell(self.last_entry)} {place}")
        if self.most_entries:
            said.append(f"{self.most_entries} {'entry' if self.most_entries == 1 else 'entries'} a day at most")
        return said

    @property
    def _expiry_words(self) -> str:
        days = "the trading day" if self.expiry_days == 1 else f"{self.expiry_days} trading days"
        said = {"only": ", on expiry day only", "never": ", not on expiry day", "before": f", {days} before expiry"}
        return said.get(self.expiry, "")


NO_SCHEDULE = Schedule()


def schedule(saved: dict[str, Any] | None) -> Schedule:
    """As it is kept with a strategy or a run."""
    return Schedule.model_validate(saved) if saved else NO_SCHEDULE


@dataclass(frozen=True, slots=True)
class MarketDay:
    """A day of India's calendar for all exchanges of a strategy together: `opens` None is closed, or around the clock
    where `always`. `expiry` is the nearest one that its legs would trade on that day, None where that is not known."""

    day: date
    opens: datetime | None = None
    closes: datetime | None = None
    always: bool = False
    is_special: bool = False
    name: str = ""
    expiry: date | None = None

    @property
    def is_open(self) -> bool:
        return self.always or self.opens is not None

    def holds(self, moment: datetime) -> bool:
        return self.always or (
            self.opens is not None and self.closes is not None and self.opens <= moment < self.closes
        )

    @property
    def hours(self) -> str:
        if self.opens is None or self.closes is None:
            return "around the clock" if self.always else "closed"
        return f"{self.opens.astimezone(INDIA):%H:%M}–{self.closes.astimezone(INDIA):%H:%M}"


Calendar = Callable[[date], MarketDay]


@dataclass(frozen=True, slots=True)
class Leaving:
    """When a run leaves by its schedule, and which rule says so."""

    at: datetime
    is_square_off: bool
    why: str


@dataclass(frozen=True, slots=True)
class Slot:
    """One entry time of one day: together they name it. `skip` says why it is known not to be entered."""

    day: date
    name: str
    at: datetime
    skip: str = ""
    leaves: Leaving | None = None


@dataclass(frozen=True, slots=True)
class Today:
    """What there is of a strategy when an entry is due."""

    entries: int = 0  # runs that began on that day of the schedule
    is_live: bool = False
    begun_at: datetime | None = None  # the newest run that the schedule did not begin


def slots(rules: Schedule, calendar: Calendar, after: datetime, until: datetime) -> list[Slot]:
    """All entry times in (after, until], ascending; those that will not be entered say why."""
    zone = ZoneInfo(rules.zone)
    day, last = after.astimezone(zone).date(), until.astimezone(zone).date()
    found = []
    while day <= last:
        if DAYS[day.weekday()] in rules.days:
            moments = ((at, moment(day, at, zone)) for at in rules.entries)
            found += [_slot(rules, calendar, day, at, when) for at, when in moments if after < when <= until]
        day += timedelta(days=1)
    return sorted(found, key=lambda slot: (slot.at, slot.name))


def next_entry(rules: Schedule, calendar: Calendar, now: datetime) -> Slot | None:
    """The next one that will be entered; None when there is none in the coming weeks."""
    for ahead in range(LOOK_AHEAD):
        since = now + timedelta(days=ahead)
        found = [one for one in slots(rules, calendar, since, since + timedelta(days=1)) if not one.skip]
        if found:
            return found[0]
    return None


def leaves(rules: Schedule, calendar: Calendar, began: datetime) -> Leaving | None:
    """When a run that began then leaves: at the exit time or the square-off, whichever comes first."""
    found = [one for one in (_exit_time(rules, calendar, began), _square_off(rules, calendar, began)) if one]
    return min(found, key=lambda one: one.at, default=None)


def verdict(rules: Schedule, slot: Slot, now: datetime, today: Today) -> str:
    """Why this entry, which is due, is not made; "" when it is."""
    late = now - slot.at
    if slot.skip:
        return slot.skip
    if late > timedelta(seconds=rules.grace):
        return f"It was due at {slot.name} and the desk came to it {spell_span(late)} later: an entry is never late."
    why = obstacle(rules, now, today.entries)
    if why:
        return why
    if today.begun_at is not None and now - today.begun_at < TWICE:
        return "A run of it had just been begun by another way."
    if today.is_live and rules.while_live == "skip":
        return "A run of it is still live."
    return ""


def obstacle(rules: Schedule, now: datetime, entries: int) -> str:
    """Why no run may begin now, whoever begins it; `entries` is how many began today."""
    local = now.astimezone(ZoneInfo(rules.zone)).time().replace(microsecond=0)
    if rules.last_entry is not None and local > rules.last_entry:
        return f"Its schedule allows no entry after {spell(rules.last_entry)}."
    if rules.most_entries is not None and entries >= rules.most_entries:
        return f"Its schedule allows {rules.most_entries} a day, and so many began today."
    return ""


def day_of(rules: Schedule, now: datetime) -> tuple[datetime, datetime]:
    """From when until when the day of the schedule lasts that a moment lies in."""
    zone = ZoneInfo(rules.zone)
    day = now.astimezone(zone).date()
    return moment(day, time(), zone), moment(day + timedelta(days=1), time(), zone)


def moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)


def spell(at: time) -> str:
    return f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"


def spell_span(span: timedelta) -> str:
    """95 s, 12 min, 3 h"""
    seconds = int(span.total_seconds())
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"


def _slot(rules: Schedule, calendar: Calendar, day: date, at: time, when: datetime) -> Slot:
    why = _closed(rules, calendar, when) or _not_its_expiry(rules, calendar, when)
    return Slot(day, spell(at), when, why, None if why else leaves(rules, calendar, when))


def _closed(rules: Schedule, calendar: Calendar, at: datetime) -> str:
    market = calendar(_india(at))
    if not market.is_open:
        return f"The market is closed: {market.name or NAMES[market.day.weekday()]}."
    if market.is_special and rules.special == "skip":
        return f"It is a special session: {market.name}, {market.hours}."
    if not market.holds(at):
        return f"It lies outside the session of that day, {market.hours}."
    if rules.square_off and market.closes and at >= market.closes - timedelta(minutes=rules.square_off):
        return f"It lies in the last {rules.square_off} min before the close, when the schedule squares off."
    return ""


def _not_its_expiry(rules: Schedule, calendar: Calendar, at: datetime) -> str:
    if rules.expiry == "any":
        return ""
    day = _india(at)
    expiry = calendar(day).expiry
    if expiry is None:
        return "It is not known when its legs expire."
    if rules.expiry == "only":
        return "" if expiry == day else "It is not an expiry day."
    if rules.expiry == "never":
        return "It is an expiry day." if expiry == day else ""
    away = _trading_days_until(calendar, day, expiry)
    return "" if away == rules.expiry_days else f"It is {away} trading {'day' if away == 1 else 'days'} before expiry."


def _trading_days_until(calendar: Calendar, day: date, expiry: date) -> int:
    days = (day + timedelta(days=ahead) for ahead in range(1, (expiry - day).days + 1))
    return sum(1 for each in days if calendar(each).is_open)


def _exit_time(rules: Schedule, calendar: Calendar, began: datetime) -> Leaving | None:
    """The first one after it began on a day with trading; what lies outside the session counts at its edge."""
    if rules.exit_at is None:
        return None
    zone = ZoneInfo(rules.zone)
    first = began.astimezone(zone).date()
    for ahead in range(LOOK_AHEAD):
        asked = moment(first + timedelta(days=ahead), rules.exit_at, zone)
        if asked <= began:
            continue
        at = _within(calendar(_india(asked)), asked)
        if at is not None and at > began:
            return Leaving(at, False, f"exit time of {spell(rules.exit_at)}")
    return None


def _within(market: MarketDay, at: datetime) -> datetime | None:
    if market.always:
        return at
    if market.opens is None or market.closes is None:
        return None
    return max(market.opens, at if at < market.closes else market.closes - BEFORE_CLOSE)


def _square_off(rules: Schedule, calendar: Calendar, began: datetime) -> Leaving | None:
    """In the session that it began in; in the next one where that is over, or about to be."""
    if rules.square_off is None:
        return None
    for ahead in range(LOOK_AHEAD):
        market = calendar(_india(began) + timedelta(days=ahead))
        if market.always:
            return None
        at = market.closes - timedelta(minutes=rules.square_off) if market.closes else began
        if at > began:
            return Leaving(at, True, f"square-off {rules.square_off} min before the close")
    return None


def _india(at: datetime) -> date:
    return at.astimezone(INDIA).date()


def _days(days: tuple[Day, ...]) -> str:
    """Monday to Friday; else each by its name."""
    numbers = sorted({DAYS.index(day) for day in days})
    if len(numbers) == 7:
        return "every day"
    if len(numbers) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{NAMES[numbers[0]]} to {NAMES[numbers[-1]]}"
    return ", ".join(NAMES[number] for number in numbers)
