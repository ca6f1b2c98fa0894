"""What pages and API say of an instrument: each value with where it comes from, and everything ever said of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from app.core.clock import day_in_india
from app.core.money import plain
from app.instruments.checks import WORDS
from app.instruments.models import FactKind, Instrument, Reading
from app.instruments.rulings import EVERY, Ruling, Rulings
from app.instruments.service import SIZES, InstrumentService
from app.instruments.symbols import OPTIONS

HOURS = (FactKind.SESSION, FactKind.PRE_OPEN, FactKind.CLOSING_AUCTION)
MOST_READINGS = 60


@dataclass(frozen=True, slots=True)
class Value:
    """`origin` is override, venue, shipped or unknown; `instead_of` what would count without the override."""

    kind: str
    label: str
    text: str
    origin: str
    source: str
    ruling: Ruling | None = None
    instead_of: str = ""


@dataclass(frozen=True, slots=True)
class Moved:
    """A value that a reading of the venue's list changed."""

    at: datetime
    label: str
    before: str
    after: str
    contracts: int


@dataclass(frozen=True, slots=True)
class Contract:
    row: Instrument
    values: Sequence[Value]
    history: Sequence[Ruling]
    moved: Sequence[Moved]
    read_age: timedelta | None

    @property
    def is_dated(self) -> bool:
        return self.row.expiry is not None

    @property
    def is_option(self) -> bool:
        return self.row.kind in OPTIONS


def contract_of(instruments: InstrumentService, listed: Instrument, now: datetime) -> Contract:
    """`listed` as the venue has it."""
    rulings, today = instruments.rulings(now), day_in_india(now)
    values = [_size(rulings, listed, kind, today) for kind in SIZES]
    values += [_of_exchange(rulings, listed, kind, today) for kind in HOURS]
    if listed.expiry is not None:
        values.append(_fact(rulings.holding(FactKind.SPOT, listed.exchange, listed.name, today), FactKind.SPOT))
    readings = instruments.readings(listed.venue_kind, listed.exchange, MOST_READINGS)
    return Contract(
        listed,
        [value for value in values if value.text or value.kind in SIZES],
        _history(rulings, listed),
        _moves(readings, listed.name),
        instruments.age(listed.venue_kind, listed.exchange, now),
    )


def _size(rulings: Rulings, row: Instrument, kind: FactKind, today: date) -> Value:
    """An admin's word, else the venue's, else what shipped."""
    own: Decimal | None = getattr(row, SIZES[kind])
    said = f"{row.source}'s list"
    without = rulings.shipped(kind, row.exchange, row.name, today)
    usual = plain(own) if own is not None else without.value if without else ""
    ruled = rulings.override(kind, row.exchange, (row.symbol, row.name), today)
    if ruled is not None:
        return Value(kind, WORDS[kind], ruled.value, "override", ruled.source, ruled, usual)
    if own is not None:
        return Value(kind, WORDS[kind], usual, "venue", said)
    return _fact(without, kind)


def _of_exchange(rulings: Rulings, row: Instrument, kind: FactKind, today: date) -> Value:
    return _fact(rulings.holding(kind, row.exchange, EVERY, today), kind)


def _fact(ruling: Ruling | None, kind: FactKind) -> Value:
    if ruling is None:
        return Value(kind, WORDS[kind], "", "unknown", "")
    origin = "override" if ruling.is_override else "shipped"
    return Value(kind, WORDS[kind], ruling.value, origin, ruling.source, ruling)


def _history(rulings: Rulings, row: Instrument) -> list[Ruling]:
    found = [
        ruling
        for kind in SIZES
        for name in {row.symbol, row.name}
        for ruling in rulings.history(kind, row.exchange, name)
    ]
    found += [ruling for kind in HOURS for ruling in rulings.history(kind, row.exchange, EVERY)]
    return sorted(found, key=lambda one: (one.effective_from, one.kind), reverse=True)


def _moves(readings: Sequence[Reading], name: str) -> list[Moved]:
    return [
        Moved(reading.at, field.replace("_", " "), before, after, count)
        for reading in readings
        for changed, field, before, after, count in reading.detail.get("changed", ())
        if changed == name
    ]


# -- the calendar


@dataclass(frozen=True, slots=True)
class Happening:
    """Of one day: a holiday, a special session, a settlement holiday, or expiries."""

    kind: str
    text: str
    exchanges: str


@dataclass(frozen=True, slots=True)
class Day:
    day: date
    happenings: Sequence[Happening]
    when: str  # past, today, this week, later


def days_of(instruments: InstrumentService, first: date, last: date, now: datetime, name: str = "") -> list[Day]:
    """Days with something on them, ascending; expiries of one underlying or of all."""
    calendar, today = instruments.calendar(now), day_in_india(now)
    found: dict[date, list[Happening]] = {}
    odd: dict[tuple[date, str, str], list[str]] = {}
    for day, exchange, special in calendar.odd_days(first, last):
        opens = f" {special.opens:%H:%M}–{special.closes:%H:%M}" if special.opens and special.closes else ""
        odd.setdefault((day, special.kind, f"{special.name}{opens}"), []).append(exchange)
    for (day, kind, text), exchanges in odd.items():
        traded = [exchange for exchange in exchanges if not exchange.endswith("_INDEX")]
        found.setdefault(day, []).append(Happening(kind, text, ", ".join(traded or exchanges)))
    for day, exchange, names in instruments.expiring(first, last, name):
        found.setdefault(day, []).append(Happening("expiry", names, exchange))
    return [Day(day, found[day], _when(day, today)) for day in sorted(found)]


def _when(day: date, today: date) -> str:
    if day <= today:
        return "today" if day == today else "past"
    monday = today - timedelta(days=today.weekday())
    return "this week" if day < monday + timedelta(days=7) else "later"
