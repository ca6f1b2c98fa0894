"""What counts on a day, and why: the shipped facts and, above them, what admins overrule.

An override stands above what a venue or a shipped fact says, from its day on, until it is ended or a later one begins.
Without one a venue's own word counts, then the newest fact whose day has come.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from app.instruments.models import FactKind, HolidayKind
from app.instruments.trading_days import Hours, SpecialDay, TradingDays, parse_hours

EVERY = "*"
NONE = "none"  # an auction that is not held
WORDS = {HolidayKind.TRADING: "closed", HolidayKind.SETTLEMENT: "settlement", HolidayKind.ORDINARY: "ordinary"}


@dataclass(frozen=True, slots=True)
class Ruling:
    """One value of one subject (`*` is every one of the exchange) from a day on; `until` is the first day without it.

    `override_id` is "" for what shipped with the desk; the fields after it are of overrides.
    """

    kind: str
    exchange: str
    subject: str
    value: str
    effective_from: date
    source: str
    until: date | None = None
    override_id: str = ""
    reason: str = ""
    set_by: str = ""
    set_at: datetime | None = None
    ended_by: str = ""
    end_reason: str = ""

    @property
    def is_override(self) -> bool:
        return self.override_id != ""

    @property
    def never_counted(self) -> bool:
        return self.until is not None and self.until <= self.effective_from

    def holds_on(self, day: date) -> bool:
        return self.effective_from <= day and (self.until is None or day < self.until)

    @property
    def _rank(self) -> tuple[bool, date, float]:
        return self.is_override, self.effective_from, self.set_at.timestamp() if self.set_at else 0.0


Key = tuple[str, str, str]  # kind, exchange, subject


class Rulings:
    """All that is on record at one moment."""

    def __init__(self, rulings: Iterable[Ruling]) -> None:
        self._by_key: dict[Key, list[Ruling]] = defaultdict(list)
        self._overruled: set[str] = set()
        for ruling in rulings:
            self.add(ruling)

    @property
    def all(self) -> list[Ruling]:
        return [ruling for rulings in self._by_key.values() for ruling in rulings]

    def copy(self) -> "Rulings":
        return Rulings(self.all)

    def add(self, ruling: Ruling) -> None:
        self._by_key[ruling.kind, ruling.exchange, ruling.subject].append(ruling)
        if ruling.is_override:
            self._overruled.add(ruling.kind)

    def holding(self, kind: str, exchange: str, subject: str, day: date) -> Ruling | None:
        """What counts on a day: of the subject itself, else of every subject."""
        for name in (subject, EVERY):
            found = [one for one in self._by_key.get((kind, exchange, name), ()) if one.holds_on(day)]
            if found:
                return max(found, key=lambda one: one._rank)
        return None

    def shipped(self, kind: str, exchange: str, subject: str, day: date) -> Ruling | None:
        """What would count without any override."""
        said = self._by_key.get((kind, exchange, subject), ())
        found = [one for one in said if not one.is_override and one.holds_on(day)]
        return max(found, key=lambda one: one._rank, default=None)

    def override(self, kind: str, exchange: str, subjects: Sequence[str], day: date) -> Ruling | None:
        """The override that counts on a day, of the first of these subjects that has one."""
        for name in subjects:
            found = self.holding(kind, exchange, name, day)
            if found is not None and found.is_override:
                return found
        return None

    def day(self, exchange: str, day: date) -> Ruling | None:
        """What is said of that one day."""
        said = self._by_key.get((FactKind.DAY, exchange, EVERY), ())
        found = [one for one in said if one.effective_from == day and not one.never_counted]
        return max(found, key=lambda one: one._rank, default=None)

    def overrules(self, kind: str) -> bool:
        """Whether anything of this kind was ever overruled."""
        return kind in self._overruled

    def history(self, kind: str, exchange: str, subject: str) -> list[Ruling]:
        """Everything ever said of it, newest day first."""
        return sorted(self._by_key.get((kind, exchange, subject), ()), key=lambda one: one._rank[1:], reverse=True)

    def subjects(self, exchange: str) -> set[str]:
        return {subject for _, found, subject in self._by_key if found == exchange}

    @property
    def exchanges(self) -> set[str]:
        return {exchange for _, exchange, _ in self._by_key}

    def trading_days(self) -> TradingDays:
        """The calendar made of them."""
        hours = {exchange: self._dated(FactKind.SESSION, exchange) for exchange in self._with(FactKind.SESSION)}
        auctions = {
            (kind.value, exchange): self._dated(kind, exchange)
            for kind in (FactKind.PRE_OPEN, FactKind.CLOSING_AUCTION)
            for exchange in self._with(kind)
        }
        always = {exchange: [(day, found or Hours()) for day, found in dated] for exchange, dated in hours.items()}
        return TradingDays(always, self._odd_days(), auctions)

    def _odd_days(self) -> dict[tuple[str, date], SpecialDay]:
        found: dict[tuple[str, date], SpecialDay] = {}
        for exchange in self._with(FactKind.DAY):
            for each in self._by_key[FactKind.DAY, exchange, EVERY]:
                said = self.day(exchange, each.effective_from)
                if said is not None:
                    found[exchange, each.effective_from] = parse_day(said.value)
        return found

    def _with(self, kind: FactKind) -> list[str]:
        return [exchange for found, exchange, subject in self._by_key if found == kind and subject == EVERY]

    def _dated(self, kind: FactKind, exchange: str) -> list[tuple[date, Hours | None]]:
        """The hours that begin to count on each day on which something changes."""
        rulings = self._by_key[kind, exchange, EVERY]
        days = {ruling.effective_from for ruling in rulings} | {ruling.until for ruling in rulings if ruling.until}
        return [(day, _hours(self.holding(kind, exchange, EVERY, day))) for day in sorted(days)]


def _hours(ruling: Ruling | None) -> Hours | None:
    return None if ruling is None or ruling.value == NONE else parse_hours(ruling.value)


def parse_day(text: str) -> SpecialDay:
    """`closed Diwali`, `settlement Id-E-Milad`, `ordinary`, or `18:15-19:15 Muhurat`; raises ValueError."""
    first, _, name = text.strip().partition(" ")
    for kind, word in WORDS.items():
        if first.lower() == word:
            return SpecialDay(kind, name.strip())
    opens, closes = parse_span(first)
    return SpecialDay(HolidayKind.SPECIAL, name.strip(), opens, closes)


def spell_day(day: SpecialDay) -> str:
    """What `parse_day` reads."""
    word = WORDS.get(HolidayKind(day.kind), f"{day.opens:%H:%M}-{day.closes:%H:%M}" if day.opens else "")
    return f"{word} {day.name}".strip()


def parse_span(text: str) -> tuple[time, time]:
    """`09:15-15:30`; raises ValueError when it is none or ends before it begins."""
    opens, _, closes = text.partition("-")
    found = time.fromisoformat(opens), time.fromisoformat(closes)
    if found[0] >= found[1] or found[0].tzinfo or found[1].tzinfo:
        raise ValueError(f"{text!r} ends before it begins")
    return found
