"""Candles on record: wanted by pages and programs, read by the engine, kept for everybody.

What exits and waiting legs follow is read before what people look at, and of one owner's wishes the newest count: so
nobody who looks, at however much, keeps the candle away that an exit is decided by.
"""

import threading
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import orjson
from sqlalchemy import ColumnElement, and_, delete, or_, select, update

from app.core.clock import Clock
from app.core.db import Database, after_commit
from app.core.ids import new_id
from app.core.link import Link
from app.core.money import number, plain
from app.feed.baskets import SeriesKey
from app.feed.candles import Reading
from app.feed.models import CandleSeries
from app.venues.types import Candle, Symbol

RENEWED = timedelta(seconds=10)  # how old a wish is when it is written again
WANTED = timedelta(seconds=30)  # how long a wish lasts
KEPT = timedelta(days=7)
MOST_WISHES = 50  # of one owner at a time: the engine reads about so many while a wish lasts


@dataclass(frozen=True, slots=True)
class Series:
    """What is on record of one contract and interval; `reading` None: it was never read."""

    key: SeriesKey
    candles: Sequence[Candle] = ()
    reading: Reading | None = None
    tried_at: datetime | None = None
    trouble: str = ""


class _Held:
    """What is wished for in this process, by whom, and when it was wished for last. From any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wishes: dict[str, dict[SeriesKey, datetime]] = {}

    def take(self, who: str, keys: Sequence[SeriesKey], now: datetime, most: int | None = None) -> list[SeriesKey]:
        """What this pushes out and nobody else here holds."""
        with self._lock:
            fresh = dict.fromkeys(keys, now)
            lasting = {key: at for key, at in self._lasting(who, now).items() if key not in fresh} | fresh
            pushed_out = list(lasting)[:-most] if most else []  # the newest stand last
            self._wishes[who] = {key: lasting[key] for key in list(lasting)[len(pushed_out) :]}
            return [key for key in pushed_out if not any(key in self._lasting(other, now) for other in self._wishes)]

    def of(self, who: str, now: datetime) -> list[SeriesKey]:
        with self._lock:
            return list(self._lasting(who, now))

    def _lasting(self, who: str, now: datetime) -> dict[SeriesKey, datetime]:
        return {key: at for key, at in self._wishes.get(who, {}).items() if now - at <= WANTED}


class CandleStore:
    def __init__(self, db: Database, clock: Clock, link: Link) -> None:
        self._db = db
        self._clock = clock
        self._link = link
        self._held, self._followed = _Held(), _Held()

    # -- for readers

    def want(self, keys: Sequence[SeriesKey], owner_id: str = "") -> list[Series]:
        """What is on record of each, in their order; the engine is asked to keep them fresh for a while. Of the wishes
        of an owner the newest stay."""
        now = self._clock.now()
        pushed_out = self._held.take(owner_id, keys, now, MOST_WISHES) if owner_id else []
        if pushed_out:
            self._let_go(pushed_out, now)
        rows = self._rows(keys)
        tired = [key for key in keys if key not in rows or now - rows[key].wanted_at > RENEWED]
        if tired:
            self._renew(tired, now)
        return [_series(key, rows.get(key)) for key in keys]

    def follow(self, keys: Sequence[SeriesKey]) -> dict[SeriesKey, datetime | None]:
        """For the engine, whose exits and waiting legs go by them: read before all that is only wanted. When each was
        read, or tried to be read, last."""
        now, table = self._clock.now(), CandleSeries
        self._followed.take("", keys, now)
        query = select(table.exchange, table.symbol, table.interval, table.wanted_at, table.tried_at)
        names = {key.symbol.name for key in keys}
        with self._db.read() as session:
            rows = session.execute(query.where(table.symbol.in_(names))).all()
        found = {SeriesKey(Symbol(row.exchange, row.symbol), row.interval): row for row in rows}
        tired = [key for key in keys if key not in found or now - found[key].wanted_at > RENEWED]
        if tired:
            self._renew(tired, now)
        return {key: found[key].tried_at if key in found else None for key in keys}

    def _renew(self, keys: Sequence[SeriesKey], now: datetime) -> None:
        with self._db.write() as session:
            for key in dict.fromkeys(keys):
                row = session.scalar(select(CandleSeries).where(_is(key)))
                if row is None:
                    name = {"exchange": key.symbol.exchange, "symbol": key.symbol.name, "interval": key.interval}
                    session.add(CandleSeries(id=new_id(), **name, wanted_at=now))
                else:
                    row.wanted_at = now
            after_commit(session, lambda: self._link.send("candles", {}))

    def _let_go(self, keys: Sequence[SeriesKey], now: datetime) -> None:
        """Whoever wants them in another process, or follows them, wishes again when it looks next."""
        with self._db.write() as session:
            change = update(CandleSeries).where(or_(*map(_is, keys))).values(wanted_at=now - 2 * WANTED)
            session.execute(change, execution_options={"synchronize_session": False})

    # -- for the engine

    def urgent(self) -> list[SeriesKey]:
        """What is followed in this process."""
        return self._followed.of("", self._clock.now())

    def wanted(self) -> list[SeriesKey]:
        """The oldest wish first."""
        since = self._clock.now() - WANTED
        table = CandleSeries
        query = select(table.exchange, table.symbol, table.interval).where(table.wanted_at >= since)
        with self._db.read() as session:
            rows = session.execute(query.order_by(table.wanted_at)).all()
        return [SeriesKey(Symbol(exchange, symbol), interval) for exchange, symbol, interval in rows]

    def read(self, keys: Sequence[SeriesKey]) -> list[Series]:
        rows = self._rows(keys)
        return [_series(key, rows.get(key)) for key in keys]

    def keep(self, key: SeriesKey, candles: Sequence[Candle], reading: Reading) -> None:
        with self._db.write() as session:
            row = self._row(session.scalar(select(CandleSeries).where(_is(key))), key)
            row.bars, row.read_at, row.traded = _packed(candles), reading.at, reading.traded
            row.tried_at, row.trouble = reading.at, ""
            session.add(row)

    def fail(self, key: SeriesKey, trouble: str) -> None:
        with self._db.write() as session:
            row = self._row(session.scalar(select(CandleSeries).where(_is(key))), key)
            row.tried_at, row.trouble = self._clock.now(), trouble
            session.add(row)

    def sweep(self) -> None:
        """Forget what nobody has looked at for a week."""
        with self._db.write() as session:
            session.execute(delete(CandleSeries).where(CandleSeries.wanted_at < self._clock.now() - KEPT))

    def _row(self, known: CandleSeries | None, key: SeriesKey) -> CandleSeries:
        """A chart that is only streamed wants its candles too."""
        name = {"exchange": key.symbol.exchange, "symbol": key.symbol.name, "interval": key.interval}
        return known or CandleSeries(id=new_id(), **name, wanted_at=self._clock.now())

    def _rows(self, keys: Sequence[SeriesKey]) -> dict[SeriesKey, CandleSeries]:
        if not keys:
            return {}
        names = {key.symbol.name for key in keys}
        table = CandleSeries
        with self._db.read() as session:
            found = session.scalars(
                select(table).where(table.symbol.in_(names), table.interval.in_({key.interval for key in keys}))
            ).all()
        rows = {SeriesKey(Symbol(row.exchange, row.symbol), row.interval): row for row in found}
        return {key: rows[key] for key in keys if key in rows}


def _is(key: SeriesKey) -> ColumnElement[bool]:
    return and_(
        CandleSeries.exchange == key.symbol.exchange,
        CandleSeries.symbol == key.symbol.name,
        CandleSeries.interval == key.interval,
    )


def _series(key: SeriesKey, row: CandleSeries | None) -> Series:
    if row is None:
        return Series(key)
    reading = Reading(row.read_at, row.traded) if row.read_at else None
    return Series(key, _unpacked(row.bars), reading, row.tried_at, row.trouble)


def _packed(candles: Sequence[Candle]) -> bytes:
    rows = [[int(one.start.timestamp()), *map(_text, _figures(one))] for one in candles]
    return zlib.compress(orjson.dumps(rows), 6)


def _figures(one: Candle) -> tuple[Decimal | None, ...]:
    return one.open, one.high, one.low, one.close, one.volume, one.open_interest


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _unpacked(bars: bytes | None) -> list[Candle]:
    rows = orjson.loads(zlib.decompress(bars)) if bars else []
    return [_candle(at, [Decimal(text) for text in figures], interest) for at, *figures, interest in rows]


def _candle(at: int, figures: Sequence[Decimal], interest: str | None) -> Candle:
    opened, high, low, close, volume = figures
    return Candle(datetime.fromtimestamp(at, UTC), opened, high, low, close, volume, number(interest))
