"""Candles on record: wanted by pages and programs, read by the engine, kept for everybody."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import orjson
from sqlalchemy import ColumnElement, and_, delete, select

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


@dataclass(frozen=True, slots=True)
class Series:
    """What is on record of one contract and interval; `reading` None: it was never read."""

    key: SeriesKey
    candles: Sequence[Candle] = ()
    reading: Reading | None = None
    tried_at: datetime | None = None
    trouble: str = ""


class CandleStore:
    def __init__(self, db: Database, clock: Clock, link: Link) -> None:
        self._db = db
        self._clock = clock
        self._link = link

    # -- for readers

    def want(self, keys: Sequence[SeriesKey]) -> list[Series]:
        """What is on record of each, in their order; the engine is asked to keep them fresh for a while."""
        now = self._clock.now()
        rows = self._rows(keys)
        tired = [key for key in keys if key not in rows or now - rows[key].wanted_at > RENEWED]
        if tired:
            self._renew(tired, now)
        return [_series(key, rows.get(key)) for key in keys]

    def follow(self, keys: Sequence[SeriesKey]) -> dict[SeriesKey, datetime | None]:
        """As `want`, without the candles: when each was read, or tried to be read, last."""
        now, table = self._clock.now(), CandleSeries
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

    # -- for the engine

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
