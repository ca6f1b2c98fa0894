"""However many charts somebody asks for, the engine is asked to keep only the newest of them."""

from app.core.ids import new_id
from app.feed.baskets import SeriesKey
from app.feed.candle_store import MOST_WISHES
from app.instruments.models import Instrument
from app.venues.types import Symbol
from tests.web.api.conftest import instrument
from tests.web.trading import NIFTY, Desk

INTERVALS = ("1m", "3m", "5m", "10m", "15m", "30m", "1h")


def test_a_reader_who_asks_for_many_charts_leaves_the_newest_wishes_only(admin, services):
    desk, first = Desk(services), instrument(services)
    put = {name: getattr(first, name) for name in Instrument.__table__.columns.keys()}  # noqa: SIM118  # columns, not a dictionary
    symbols = [Symbol(NIFTY["exchange"], f"NIFTY24DEC26{strike}PE") for strike in range(24000, 24450, 50)]
    desk.save(first, *[Instrument(**put | {"id": new_id(), "kind": "PE", "symbol": one.name}) for one in symbols])
    keys = [SeriesKey(symbol, interval) for symbol in symbols for interval in INTERVALS]
    for key in keys:
        admin.get(f"/chart/bars?exchange={key.symbol.exchange}&symbol={key.symbol.name}&interval={key.interval}")
    assert set(services.candles.wanted()) == set(keys[-MOST_WISHES:])
    assert len(keys) > MOST_WISHES
