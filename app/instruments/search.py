"""Finding an instrument by what a person types: `nifty`, `nifty 24 nov 24500 ce`, `bank 52000 pe`, `reliance`.

The first word begins a name or a symbol, the others narrow it down: a kind, a month, a day or year of expiry, a strike
or its beginning, an exchange, or a part of the name. A search first finds families (see `models.Family`), of which even
a long master has some thousand, and then reads the few contracts of the best of them; both by an index on every
database. Cash and indices come before contracts, the name as typed before longer ones, futures before options, near
expiries before far ones, an exact strike before one that begins with it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import ColumnElement, Row, and_, case, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.core.money import number, plain
from app.instruments.models import Family, Instrument
from app.instruments.symbols import FUTURE, MONTHS, OPTIONS

DERIVATIVES = (FUTURE, *OPTIONS)
SEARCH_LIMIT = 50
MOST_WORDS = 8
MOST_FAMILIES = 400
MOST_NAMED = 60  # families asked for one by one
LONGEST = 64
LAST_CHARACTER = "\U0010ffff"
_RANK = {"INDEX": 0, "EQ": 1, FUTURE: 3}  # anything else in cash is 2, options are 4
_GLUED = re.compile(r"[0-9]+(?:\.[0-9]+)?|[^0-9]+")  # 24nov26, 24500ce


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was typed, taken apart. `dates` are a day or a year beside a month; `numbers` are strikes, or days and years
    that stand alone; `texts` is anything else."""

    begins: str
    kind: str = ""
    month: int = 0
    dates: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()

    @property
    def narrows_contracts(self) -> bool:
        return bool(self.kind or self.month or self.numbers)


def search(session: Session, text: str, venue_kind: str, exchange: str, limit: int) -> list[Instrument]:
    """The best first; nothing when nothing was typed that could be found."""
    words = text[:LONGEST].upper().replace("\0", "").split()[:MOST_WORDS]
    if not words:
        return []
    inside = _place(Instrument, venue_kind, exchange)
    wanted = understand(words)
    most = max(limit, MOST_FAMILIES)
    families = _families(session, wanted, _place(Family, venue_kind, exchange), most)
    if not families and (apart := _taken_apart(words)) is not None:
        wanted = apart
        families = _families(session, wanted, _place(Family, venue_kind, exchange), most)
    found = _Contracts(session, inside, limit).of(wanted, families)
    if len(found) < limit and any(character.isdigit() for character in words[0]):
        found += _by_symbol(session, words, inside, limit)
    return list({row.id: row for row in found}.values())[:limit]


def understand(words: Sequence[str]) -> Wanted:
    """Words in upper case; the first is where a name begins."""
    parts = [part for word in words[1:] for part in (_GLUED.findall(word) if word[0].isdigit() else [word])]
    wanted = Wanted(words[0])
    for n, part in enumerate(parts):
        beside = {parts[n - 1] if n else "", parts[n + 1] if n + 1 < len(parts) else ""}
        wanted = _with(wanted, part, bool(beside & set(MONTHS)))
    return wanted


def _with(wanted: Wanted, word: str, by_month: bool) -> Wanted:
    if word in DERIVATIVES and not wanted.kind:
        return replace(wanted, kind=word)
    if word in MONTHS and not wanted.month:
        return replace(wanted, month=MONTHS.index(word) + 1)
    if by_month and word.isdigit() and (len(word) <= 2 or word.startswith("20") and len(word) == 4):
        return replace(wanted, dates=(*wanted.dates, word))
    if number(word) is not None:
        return replace(wanted, numbers=(*wanted.numbers, word))
    return replace(wanted, texts=(*wanted.texts, word))


def _taken_apart(words: Sequence[str]) -> Wanted | None:
    """`nifty24500ce` or `nifty24nov`: a name with the rest glued to it."""
    name, *rest = _GLUED.findall(words[0])
    glued = bool(rest) and not name[0].isdigit()
    return understand([name, "".join(rest), *words[1:]]) if glued else None


def _place(table: Any, venue_kind: str, exchange: str) -> list[ColumnElement[bool]]:
    wanted = ((table.venue_kind, venue_kind), (table.exchange, exchange))
    return [column == value for column, value in wanted if value]


def _begins(column: InstrumentedAttribute[str], word: str) -> ColumnElement[bool]:
    """A range, not LIKE: it uses the index on every database."""
    return and_(column >= word, column < word + LAST_CHARACTER)


def _families(session: Session, wanted: Wanted, place: Sequence[ColumnElement[bool]], limit: int) -> list[Row[Any]]:
    """The best first."""
    rank = case(*[(Family.kind == kind, place) for kind, place in _RANK.items()], (Family.symbol == "", 4), else_=2)
    columns = (Family.exchange, Family.name, Family.symbol, Family.kind, Family.expiry, Family.contracts)
    query = select(*columns).where(_begins(Family.word, wanted.begins), *place, *map(_in_name, wanted.texts))
    if wanted.kind:
        query = query.where(Family.kind == wanted.kind)
    elif wanted.narrows_contracts:
        query = query.where(Family.symbol == "")
    order = (
        Family.expiry.is_(None).desc(),
        (Family.word != wanted.begins),
        rank,
        Family.expiry,
        func.length(Family.word),
        Family.word,
        Family.exchange,
        Family.kind,
    )
    rows = session.execute(query.order_by(*order).limit(limit))
    return [cast(Row[Any], row) for row in rows if row.expiry is None or _may_expire(wanted, row.expiry)]


def _in_name(word: str) -> ColumnElement[bool]:
    return or_(Family.word.contains(word, autoescape=True), Family.exchange == word)


def _may_expire(wanted: Wanted, expiry: date) -> bool:
    return (not wanted.month or expiry.month == wanted.month) and all(_expires(expiry, text) for text in wanted.dates)


@dataclass(frozen=True, slots=True)
class _Contracts:
    """Reads the contracts of families that were found."""

    session: Session
    inside: Sequence[ColumnElement[bool]]
    limit: int

    def of(self, wanted: Wanted, families: Sequence[Row[Any]]) -> list[Instrument]:
        cash = self._cash([(row.exchange, row.symbol) for row in families if row.symbol][: self.limit])
        dated = [row for row in families if not row.symbol]
        if not wanted.numbers:
            return [*cash, *self._dated(_enough(dated, self.limit), (), self.limit)]
        return [*cash, *self._numbered(wanted.numbers, dated)]

    def _cash(self, keys: Sequence[tuple[str, str]]) -> list[Instrument]:
        if not keys:
            return []
        place = {key: n for n, key in reversed(list(enumerate(keys)))}
        query = select(Instrument).where(Instrument.active, Instrument.symbol.in_({name for _, name in keys}))
        rows = [row for row in self.session.scalars(query.where(*self.inside)) if (row.exchange, row.symbol) in place]
        return sorted(rows, key=lambda row: place[row.exchange, row.symbol])

    def _numbered(self, numbers: Sequence[str], families: Sequence[Row[Any]]) -> list[Instrument]:
        """Each number says an expiry or a strike: the exact strikes first, then what begins like them."""
        strikes = [value for value in map(number, numbers) if value is not None]
        exact = [Instrument.strike.in_(strikes)]
        found = [row for row in self._dated(families, exact, MOST_FAMILIES) if _says(row, numbers)]
        if len(found) < self.limit:
            fitting = [row for row in families if any(_expires(row.expiry, text) for text in numbers)] or families
            spelled = [Instrument.symbol.contains(text, autoescape=True) for text in numbers]
            near = self._dated(_enough(fitting, 20 * self.limit), spelled, 40 * self.limit)
            found += [row for row in near if _says(row, numbers)]
        return found

    def _dated(
        self, families: Sequence[Row[Any]], narrowed: Sequence[ColumnElement[bool]], limit: int
    ) -> list[Instrument]:
        """In the order of the families, low strikes first."""
        if not families:
            return []
        place = {(row.name, row.exchange, row.kind, row.expiry): n for n, row in reversed(list(enumerate(families)))}
        query = select(Instrument).where(Instrument.active, *self.inside, _in_families(list(place)), *narrowed)
        rows = [(place.get((row.name, row.exchange, row.kind, row.expiry)), row) for row in self.session.scalars(query)]
        listed = [(at, row.strike or Decimal(0), row) for at, row in rows if at is not None]
        return [row for _, _, row in sorted(listed, key=lambda each: each[:2])[:limit]]


def _in_families(keys: Sequence[tuple[str, str, str, date]]) -> ColumnElement[bool]:
    """Of many, their parts: an index takes those, and what belongs to none of them is left out afterwards."""
    columns = (Instrument.name, Instrument.exchange, Instrument.kind, Instrument.expiry)
    if len(keys) > MOST_NAMED:
        parts = (set(part) for part in zip(*keys, strict=True))
        return and_(*(column.in_(part) for column, part in zip(columns, parts, strict=True)))
    return or_(*(and_(*(c == value for c, value in zip(columns, key, strict=True))) for key in keys))


def _enough(families: Sequence[Row[Any]], limit: int) -> list[Row[Any]]:
    """As many of them as fill the list."""
    taken, contracts = [], 0
    for row in families:
        if contracts >= limit:
            break
        taken.append(row)
        contracts += row.contracts
    return taken


def _says(row: Instrument, numbers: Sequence[str]) -> bool:
    """Whether every number typed is its strike, the beginning of it, or the day or year of its expiry."""
    strike = plain(row.strike) if row.strike is not None else ""
    return all(strike.startswith(text) or _expires(row.expiry, text) for text in numbers)


def _expires(expiry: date | None, text: str) -> bool:
    """Whether a number is its day or its year."""
    if expiry is None:
        return False
    return text in (str(expiry.day), f"{expiry.day:02}", str(expiry.year), f"{expiry.year % 100:02}")


def _by_symbol(
    session: Session, words: Sequence[str], place: Sequence[ColumnElement[bool]], limit: int
) -> list[Instrument]:
    """What a whole symbol begins with: NIFTY24NOV2624."""
    narrowed = [
        Instrument.kind == word if word in DERIVATIVES else Instrument.symbol.contains(word, autoescape=True)
        for word in words[1:]
    ]
    query = select(Instrument).where(Instrument.active, _begins(Instrument.symbol, words[0]), *place, *narrowed)
    order = (Instrument.expiry.is_(None).desc(), Instrument.expiry, func.length(Instrument.symbol), Instrument.symbol)
    return list(session.scalars(query.order_by(*order).limit(limit)))
