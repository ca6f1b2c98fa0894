"""The room's front desk: masters kept fresh, contracts found, and what is known about them."""

import threading
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import ColumnElement, and_, delete, select

from app.core.db import Database
from app.core.errors import Invalid
from app.core.money import number
from app.core.recent import Recent
from app.instruments import facts
from app.instruments.contracts import ContractRule, Listed, resolve
from app.instruments.expiries import NoExpiry, expiry_for
from app.instruments.models import Fact, FactKind, Holiday, Instrument, Master
from app.instruments.search import DERIVATIVES, SEARCH_LIMIT, query
from app.instruments.sync import Lister, SyncCounts, sync_exchange
from app.instruments.trading_days import TradingDays

RECENT = timedelta(seconds=30)


class InstrumentService:
    # One service per process: it keeps the calendar it last read.
    def __init__(self, db: Database) -> None:
        self._db = db
        self._calendar: TradingDays | None = None
        self._calendar_read_at: datetime | None = None
        self._lock = threading.Lock()
        self._families: Recent[list[date]] = Recent(RECENT)
        self._chains: Recent[list[Listed]] = Recent(RECENT)

    # -- masters

    def sync(
        self, venue: Lister, exchanges: Iterable[str], now: datetime, venue_kind: str, source: str
    ) -> list[SyncCounts]:
        """Read the lists of these exchanges anew. `source` says whose list it is, for people."""
        return [sync_exchange(self._db, venue, venue_kind, exchange, source, now) for exchange in exchanges]

    def masters(self) -> list[Master]:
        with self._db.read() as session:
            return list(session.scalars(select(Master).order_by(Master.venue_kind, Master.exchange)))

    def age(self, venue_kind: str, exchange: str, now: datetime) -> timedelta | None:
        """How long ago the list was read; None when it never was."""
        with self._db.read() as session:
            read_at = session.scalar(
                select(Master.synced_at).where(Master.venue_kind == venue_kind, Master.exchange == exchange)
            )
        return now - read_at if read_at else None

    def forget_expired(self, before: date) -> int:
        """Delete contracts that expired before a day and are no longer listed; how many."""
        gone = and_(Instrument.active.is_(False), Instrument.expiry < before)
        with self._db.write() as session:
            ids = session.scalars(select(Instrument.id).where(gone).limit(2_000)).all()
            session.execute(delete(Instrument).where(Instrument.id.in_(ids)))
        return len(ids)

    # -- looking up

    def find(self, venue_kind: str, exchange: str, symbol: str) -> Instrument | None:
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
        return [row for row in rows if (row.exchange, row.symbol) in wanted]

    def search(
        self, text: str, venue_kind: str = "", exchange: str = "", limit: int = SEARCH_LIMIT
    ) -> list[Instrument]:
        """See `search.query`."""
        statement = query(text, venue_kind, exchange, limit)
        if statement is None:
            return []
        with self._db.read() as session:
            return list(session.scalars(statement))

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

    def listed(self, venue_kind: str, exchange: str, name: str, expiry: date | None = None) -> list[Listed]:
        """The contracts of an underlying that are listed now, of one expiry or of all."""
        rows = select(Instrument).where(_family(venue_kind, exchange, name))
        if expiry is not None:
            rows = rows.where(Instrument.expiry == expiry)
        with self._db.read() as session:
            return [as_listed(row) for row in session.scalars(rows)]

    def resolve(self, venue_kind: str, rule: ContractRule, spot: Decimal | None, now: datetime) -> Listed:
        """The contract a leg means now. Raises CannotResolve with a sentence."""
        if rule.symbol:
            row = self.find(venue_kind, rule.exchange, rule.symbol)
            listed = [as_listed(row)] if row is not None and row.active else []
        else:
            listed = self._family_of(venue_kind, rule, now)
        return resolve(rule, spot, listed, self.calendar(now).trading_date(rule.exchange, now))

    def _family_of(self, venue_kind: str, rule: ContractRule, now: datetime) -> list[Listed]:
        """The contracts a rule chooses from: those of its expiry, or all of them so that it can say why not."""
        today = self.calendar(now).trading_date(rule.exchange, now)
        family = (venue_kind, rule.exchange, rule.underlying)
        days = self._families.get((*family, rule.kind), now, lambda: self.expiries(*family, (rule.kind,)))
        try:
            expiry = expiry_for(rule.expiry, days, today)
        except NoExpiry:
            return self.listed(*family)
        return self._chains.get((*family, expiry), now, lambda: self.listed(*family, expiry))

    # -- facts

    def seed(self) -> int:
        """Add the shipped facts and holidays that are missing."""
        with self._db.write() as session:
            return facts.seed(session)

    def freeze_quantity(self, instrument: Instrument | Listed, day: date) -> Decimal | None:
        """The most units one order may carry: the venue's word, else the fact of that day; None: not known,
        so a caller must not split by guess.
        """
        if instrument.freeze_quantity is not None:
            return instrument.freeze_quantity
        return number(self._fact(FactKind.FREEZE_QUANTITY, instrument.exchange, instrument.name, day))

    def lot_size(self, exchange: str, name: str, day: date) -> Decimal | None:
        """The lot on record for a day; the venue's own list comes before it."""
        return number(self._fact(FactKind.LOT_SIZE, exchange, name, day))

    def spot_symbol(self, exchange: str, name: str, day: date) -> tuple[str, str] | None:
        """Where the price of an underlying is: ("NSE_INDEX", "NIFTY"); None when not known."""
        value = self._fact(FactKind.SPOT, exchange, name, day)
        if value is None:
            return None
        spot_exchange, _, symbol = value.partition(":")
        return spot_exchange, name if symbol == facts.EVERY else symbol

    def record_fact(self, fact: Fact) -> Fact:
        """Record a fact of a person or a circular; it wins over the shipped one of the same day."""
        _check_fact(FactKind(fact.kind), fact.value)
        with self._db.write() as session:
            recorded = facts.put(session, fact)
        self._forget_calendar()
        return recorded

    def record_holidays(self, rows: Iterable[Holiday]) -> None:
        with self._db.write() as session:
            facts.put_holidays(session, rows)
        self._forget_calendar()

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
        """The trading days, read again every minute: another process may have corrected them."""
        with self._lock:
            old = self._calendar_read_at
            if self._calendar is None or old is None or now - old > timedelta(minutes=1) or now < old:
                with self._db.read() as session:
                    self._calendar = facts.trading_days(session)
                self._calendar_read_at = now
            return self._calendar

    def _forget_calendar(self) -> None:
        with self._lock:
            self._calendar = None

    def _fact(self, kind: FactKind, exchange: str, name: str, day: date) -> str | None:
        with self._db.read() as session:
            return facts.true_on(session, kind, exchange, name, day)


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
