"""Candles of a series that nothing changes any more: closed when they were read, by the calendar of their exchange."""

from app.feed.candle_store import Series
from app.feed.sessions import day_at
from app.instruments.service import InstrumentService
from app.risk.turning import closed
from app.venues.types import Candle


def settled(instruments: InstrumentService, series: Series) -> list[Candle]:
    if series.reading is None:
        return []
    at = series.reading.at
    day = day_at(instruments.calendar(at), series.key.symbol.exchange, at)
    return closed(series.candles, series.key.interval, day, at)
