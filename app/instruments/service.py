"""The room's front desk: masters kept fresh, contracts found, and what is known about them."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import ColumnElement, and_, delete, func, select

from app.core.clock import Clock, SystemClock, day_in_india
from app.core.db import Database
from app.core.errors import Invalid
from app.core.money import number
from app.core.recent import Recent
from app.instruments import facts, families
from app.instruments.contracts import CannotResolve, ContractRule, Listed, resolve
from app.instruments.expiries import NoExpiry, expiry_for
from app.instruments.market_hours import Phase, phases
from app.instruments.models import Fact, FactKind, Family, Holiday, Instrument, Master, Reading
from app.instruments.rulings import EVERY, Rulings
from app.instruments.search import DERIVATIVES, SEARCH_LIMIT, search
from app.instruments.sync import Asked, Lister, SyncCounts, sync_exchange
from app.instruments.trading_days import TradingDays

EXCHANGES = {"openalgo": ("NSE_INDEX", "BSE_INDEX", "NSE", "BSE", "NFO", "BFO")}  # read of each kind of venue
SYNC = "sync_masters"  # the errand that reads them all at once
TOO_OLD = timedelta(days=7)  # a master that nobody read for so long is an alarm
PHASES = 6  # of a market that are known ahead: more than a day
NAMED = 6  # underlyings of one expiry that are told by name
RECENT = timedelta(minutes=10)
SYNCED = timedelta(seconds=2)  # how soon another process's reading of a master is noticed
OVERRULED = timedelta(seconds=5)  # how soon an override is, should the word of it be lost
SIZES = {FactKind.LOT_SIZE: "lot_size", FactKind.TICK: "tick", FactKind.FREEZE_QUANTITY: "freeze_quantity"}


class InstrumentService:
    # One service per process: it keeps what it last read.
    def __init__(self, db: Database, clock: Clock | None = None) -> None:
        self._db = db
        self._clock = clock or SystemClock()
        self._known: _Known | None = None
        self._lock = threading.Lock()
        self._version: Recent[object] = Recent(OVERRULED)
        self._masters: Recent[list[Master]] = Recent(timedelta(minutes=1))
        self._synced: Recent[datetime | None] = Recent(SYNCED)
        self._families: Recent[list[date]] = Recent(RECENT)
        self._chains: Recent[list[Listed]] = Recent(RECENT)

    # -- masters

    def sync(
        self, venue: Lister, exchanges: Iterable[str], now: datetime, venue_kind: str, source: str | Asked
    ) -> list[SyncCounts]:
        """Read the lists of these exchanges anew. `source` says whose list it is, for people."""
        asked = source if isinstance(source, Asked) else Asked("", source, source)
        return [sync_exchange(self._db, venue, venue_kind, exchange, asked, self._clock, now) for exchange in exchanges]

    def readings(self, venue_kind: str = "", exchange: str = "", limit: int = 50) -> list[Reading]:
        """What the last readings changed, newest first."""
        wanted = [(Reading.venue_kind, venue_kind), (Reading.exchange, exchange)]
        query = select(Reading).where(*(column == value for column, value in wanted if value))
        with self._db.read() as session:
            return list(session.scalars(query.order_by(Reading.at.desc(), Reading.id.desc()).limit(limit)))

    def reading(self, reading_id: str) -> Reading | None:
        with self._db.read() as session:
            return session.get(Reading, reading_id)

    def fill_families(self) -> bool:
        """Write the families of masters that have none yet; True when there were some."""
        with self._db.read() as session:
            without = families.missing(session)
        for venue_kind, exchange in without:
            families.refresh(self._db, venue_kind, exchange)
        return bool(without)

    def masters(self) -> list[Master]:
        with self._db.read() as session:
            return list(session.scalars(select(Master).order_by(Master.venue_kind, Master.exchange)))

    def recent_masters(self, now: datetime) -> list[Master]:
        """As they were up to a minute ago, for what every page shows."""
        return self._masters.get("", now, self.masters)

    def age(self, venue_kind: str, exchange: str, now: datetime) -> timedelta | None:
        """How long ago the list was read; None when it never was."""
        read_at = self._synced_at(venue_kind, exchange)
        return now - read_at if read_at else None

    def _synced_at(self, venue_kind: str, exchange: str) -> datetime | None:
        with self._db.read() as session:
            return session.scalar(
                select(Master.synced_at).where(Master.venue_kind == venue_kind, Master.exchange == exchange)
            )

    def forget_expired(self, before: date) -> int:
        """Delete contracts that expired before a day and are no longer listed; how many."""
        gone = and_(Instrument.active.is_(False), Instrument.expiry < before)
        with self._db.write() as session:
            ids = session.scalars(select(Instrument.id).where(gone).limit(2_000)).all()
            session.execute(delete(Instrument).where(Instrument.id.in_(ids)))
        return len(ids)

    # -- looking up

    def find(self, venue_kind: str, exchange: str, symbol: str) -> Instrument | None:
        """With what admins overruled; `find_listed` has it as the venue says."""
        row = self.find_listed(venue_kind, exchange, symbol)
        return self._as_ruled([row])[0] if row else None

    def find_listed(self, venue_kind: str, exchange: str, symbol: str) -> Instrument | None:
        with self._db.read() as session:
            return session.scalar(
                select(Instrument).where(
                    Instrument.venue_kind == venue_kind,
                    Instrument.exchange == exchange,
                    Instrument.symbol == symbol,
                )
            )

    def find_many(self, venue_kind: str, symbols: Iterable[tuple[str, str]]) -> list[Instrument]:
        """The instruments among these (exchange, symbol) pairs that are on record."""
        wanted = set(symbols)
        names = {name for _, name in wanted}
        with self._db.read() as session:
            rows = session.scalars(
                select(Instrument).where(Instrument.venue_kind == venue_kind, Instrument.symbol.in_(names))
            ).all()
        return list(self._as_ruled([row for row in rows if (row.exchange, row.symbol) in wanted]))

    def search(
        self, text: str, venue_kind: str = "", exchange: str = "", limit: int = SEARCH_LIMIT
    ) -> list[Instrument]:
        """See `search.search`."""
        with self._db.read() as session:
            found = search(session, text, venue_kind, exchange, limit)
        return list(self._as_ruled(found))

    def underlyings(self, venue_kind: str, exchange: str) -> list[str]:
        """Names that have derivatives on an exchange."""
        with self._db.read() as session:
            return list(
                session.scalars(
                    select(Instrument.name)
                    .where(
                        Instrument.venue_kind == venue_kind,
                        Instrument.exchange == exchange,
                        Instrument.kind.in_(DERIVATIVES),
                        Instrument.active,
                    )
                    .distinct()
                    .order_by(Instrument.name)
                )
            )

    def expiries(self, venue_kind: str, exchange: str, name: str, kinds: Sequence[str]) -> list[date]:
        """Listed expiries of an underlying, ascending, past ones included as long as they are listed."""
        with self._db.read() as session:
            days = session.scalars(
                select(Instrument.expiry)
                .where(_family(venue_kind, exchange, name), Instrument.kind.in_(kinds))
                .distinct()
            )
            return sorted(day for day in days if day is not None)

    def expiry_days(self, since: date, name: str) -> list[date]:
        """The days on which anything of an underlying expires, on any exchange."""
        query = select(Family.expiry).where(Family.name == name, Family.symbol == "", Family.expiry >= since).distinct()
        with self._db.read() as session:
            return sorted(day for day in session.scalars(query) if day is not None)

    def expiring(self, first: date, last: date, name: str = "") -> list[tuple[date, str, str]]:
        """(day, exchange, names) of what expires, of one underlying or of all: the longest chains are named first."""
        here = and_(Family.symbol == "", Family.expiry >= first, Family.expiry <= last)
        query = select(Family.expiry, Family.exchange, Family.name, func.sum(Family.contracts)).where(here)
        if name:
            query = query.where(Family.name == name)
        with self._db.read() as session:
            rows = session.execute(query.group_by(Family.expiry, Family.exchange, Family.name)).all()
        found: dict[tuple[date, str], list[tuple[int, str]]] = {}
        for day, exchange, each, contracts in rows:
            if day is not None:
                found.setdefault((day, exchange), []).append((-int(contracts), each))
        return [(day, exchange, _names(sorted(names))) for (day, exchange), names in sorted(found.items())]

    def listed(self, venue_kind: str, exchange: str, name: str, expiry: date | None = None) -> list[Listed]:
        """The contracts of an underlying that are listed now, of one expiry or of all."""
        rows = select(Instrument).where(_family(venue_kind, exchange, name))
        if expiry is not None:
            rows = rows.where(Instrument.expiry == expiry)
        with self._db.read() as session:
            found = session.scalars(rows).all()
        return [as_listed(row) for row in self._as_ruled(found)]

    def resolve(self, venue_kind: str, rule: ContractRule, spot: Decimal | None, now: datetime) -> Listed:
        """The contract a leg means now. Raises CannotResolve with a sentence."""
        if rule.symbol:
            row = self.find(venue_kind, rule.exchange, rule.symbol)
            listed = [as_listed(row)] if row is not None and row.active else []
        else:
            rule, listed = self._family_of(venue_kind, rule, now)
        return resolve(rule, spot, listed, self.calendar(now).trading_date(rule.exchange, now))

    def chain(self, venue_kind: str, rule: ContractRule, now: datetime) -> list[Listed]:
        """What is listed of the expiry that a rule means, all strikes and kinds. Raises CannotResolve."""
        today = self.calendar(now).trading_date(rule.exchange, now)
        rule, found = self._family_of(venue_kind, rule, now)
        try:
            days = (row.expiry for row in found if row.kind == rule.kind and row.expiry)
            expiry = expiry_for(rule.expiry, days, today)
        except NoExpiry as error:
            raise CannotResolve(f"{rule.leg}: {rule.underlying} {rule.kind}: {error}.") from None
        return [row for row in found if row.expiry == expiry]

    def _family_of(self, venue_kind: str, rule: ContractRule, now: datetime) -> tuple[ContractRule, list[Listed]]:
        """The contracts a rule chooses from: those of its expiry, which it names as a date from here on (among them no
        other can be counted), or all of them so that it can say why not."""
        today = self.calendar(now).trading_date(rule.exchange, now)
        family = (venue_kind, rule.exchange, rule.underlying)
        master = family[:2]
        synced = self._synced.get(master, now, lambda: self._synced_at(*master))
        version = (synced, self._read(now).version)
        days = self._families.get((*family, rule.kind, version), now, lambda: self.expiries(*family, (rule.kind,)))
        try:
            expiry = expiry_for(rule.expiry, days, today)
        except NoExpiry:
            return rule, self.listed(*family)
        chain = self._chains.get((*family, expiry, version), now, lambda: self.listed(*family, expiry))
        return replace(rule, expiry=expiry.isoformat()), chain

    # -- facts

    def seed(self) -> int:
        """Add the shipped facts and holidays that are missing."""
        with self._db.write() as session:
            return facts.seed(session)

    def freeze_quantity(self, instrument: Instrument | Listed, day: date) -> Decimal | None:
        """The most units one order may carry: an admin's word, else the venue's, else the fact of that day; None: not
        known, so a caller must not split by guess.
        """
        rulings = self.rulings(self._clock.now())
        place = (FactKind.FREEZE_QUANTITY, instrument.exchange)
        ruled = rulings.override(*place, (instrument.symbol, instrument.name), day)
        if ruled is not None:
            return number(ruled.value)
        if instrument.freeze_quantity is not None:
            return instrument.freeze_quantity
        return number(self._fact(FactKind.FREEZE_QUANTITY, instrument.exchange, instrument.name, day))

    def lot_size(self, exchange: str, name: str, day: date) -> Decimal | None:
        """The lot on record for a day; the venue's own list comes before it, unless an admin overruled it."""
        return number(self._fact(FactKind.LOT_SIZE, exchange, name, day))

    def spot_symbol(self, exchange: str, name: str, day: date) -> tuple[str, str] | None:
        """Where the price of an underlying is: ("NSE_INDEX", "NIFTY"); None when not known."""
        value = self._fact(FactKind.SPOT, exchange, name, day)
        if value is None:
            return None
        spot_exchange, _, symbol = value.partition(":")
        return spot_exchange, name if symbol == EVERY else symbol

    def record_fact(self, fact: Fact) -> Fact:
        """Record a fact of a person or a circular; it wins over the shipped one of the same day."""
        _check_fact(FactKind(fact.kind), fact.value)
        with self._db.write() as session:
            recorded = facts.put(session, fact)
        self.forget()
        return recorded

    def record_holidays(self, rows: Iterable[Holiday]) -> None:
        with self._db.write() as session:
            facts.put_holidays(session, rows)
        self.forget()

    def facts(self, kind: FactKind | None = None) -> list[Fact]:
        rows = select(Fact).order_by(Fact.kind, Fact.exchange, Fact.subject, Fact.effective_from.desc())
        with self._db.read() as session:
            return list(session.scalars(rows.where(Fact.kind == kind) if kind else rows))

    def holidays(self, year: int) -> list[Holiday]:
        with self._db.read() as session:
            return list(
                session.scalars(
                    select(Holiday)
                    .where(Holiday.date >= date(year, 1, 1), Holiday.date <= date(year, 12, 31))
                    .order_by(Holiday.date, Holiday.exchange)
                )
            )

    def calendar(self, now: datetime) -> TradingDays:
        """The trading days; see `rulings`."""
        return self._read(now).calendar

    def phases(self, exchange: str, now: datetime) -> list[Phase]:
        """What an exchange's market is in now, and what comes; worked out once for all who ask."""
        known = self._read(now)
        found = known.phases.get(exchange)
        if found is None or not found[0].begins <= now or (found[0].ends is not None and now >= found[0].ends):
            found = known.phases[exchange] = phases(known.calendar, exchange, now, PHASES)
        return found

    def exchanges(self, venue_kinds: Iterable[str], now: datetime) -> list[str]:
        """What can be traded at these kinds of venue: as their masters say, or as they are read."""
        kinds = set(venue_kinds)
        found = [row.exchange for row in self.recent_masters(now) if row.venue_kind in kinds]
        return found or [exchange for kind in sorted(kinds) for exchange in EXCHANGES.get(kind, ())]

    def rulings(self, now: datetime) -> Rulings:
        """What counts and why, read again when an override was set or ended, and every minute: another process may
        have done it."""
        return self._read(now).rulings

    def forget(self) -> None:
        """Something was overruled: look again."""
        with self._lock:
            self._known = None
            self._version = Recent(OVERRULED)

    def _read(self, now: datetime) -> "_Known":
        with self._lock:
            known = self._known
            version = self._version.get("", now, self._read_version)
            if known is None or known.version != version or not timedelta() <= now - known.at <= timedelta(minutes=1):
                with self._db.read() as session:
                    rulings = facts.read(session)
                known = self._known = _Known(rulings, rulings.trading_days(), version, now, {})
            return known

    def _read_version(self) -> object:
        with self._db.read() as session:
            return facts.version(session)

    def _fact(self, kind: FactKind, exchange: str, name: str, day: date) -> str | None:
        found = self.rulings(self._clock.now()).holding(kind, exchange, name, day)
        return found.value if found else None

    def _as_ruled(self, rows: Sequence[Instrument]) -> Sequence[Instrument]:
        """The rows with what an admin overruled; they belong to no session any more."""
        now = self._clock.now()
        rulings, today = self.rulings(now), day_in_india(now)
        kinds = [(kind, name) for kind, name in SIZES.items() if rulings.overrules(kind)]
        for row in rows if kinds else ():
            for kind, name in kinds:
                ruled = rulings.override(kind, row.exchange, (row.symbol, row.name), today)
                if ruled is not None:
                    setattr(row, name, Decimal(ruled.value))
        return rows


@dataclass(frozen=True, slots=True)
class _Known:
    rulings: Rulings
    calendar: TradingDays
    version: object
    at: datetime
    phases: dict[str, list[Phase]]


def _names(sizes: Sequence[tuple[int, str]]) -> str:
    """The longest chains by name, the rest as a number."""
    more = len(sizes) - NAMED
    return ", ".join(name for _, name in sizes[:NAMED]) + (f" and {more} more" if more > 0 else "")


def as_listed(row: Instrument) -> Listed:
    return Listed(
        exchange=row.exchange,
        symbol=row.symbol,
        name=row.name,
        kind=row.kind,
        lot_size=row.lot_size,
        tick=row.tick,
        expiry=row.expiry,
        strike=row.strike,
        freeze_quantity=row.freeze_quantity,
    )


def _family(venue_kind: str, exchange: str, name: str) -> ColumnElement[bool]:
    return and_(
        Instrument.name == name,
        Instrument.exchange == exchange,
        Instrument.venue_kind == venue_kind,
        Instrument.active,
    )


def _check_fact(kind: FactKind, value: str) -> None:
    size = number(value)
    wrong = kind in (FactKind.LOT_SIZE, FactKind.TICK, FactKind.FREEZE_QUANTITY) and (
        size is None or not 0 < size < 1_000_000_000
    )
    if wrong:
        raise Invalid.field("value", "Say a number above zero and below a thousand million.")
