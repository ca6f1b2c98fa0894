"""What the chart page costs a browser: 2,000 candles with four kinds of lines, whose newest bar moves four times a
second."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from app.core.clock import epoch_ms
from app.core.stepping import Stepping
from app.feed.baskets import SeriesKey
from app.feed.candles import Reading
from app.venues.types import Candle, Symbol
from tests.bench.chain_page import GOAL, HERTZ, KEY, in_a_browser, served
from tests.chains import list_chain

BARS = 2_000
MINUTE = timedelta(minutes=1)
NEW_BAR_EVERY = 40  # tellings: six times as often as a minute brings one
LINES = "on=supertrend&on=bollinger&on=ema&on=vwap"


def measure(seconds: float) -> dict[str, float]:
    with served() as (services, app, address):
        now = services.clock.now().replace(second=0, microsecond=0)
        list_chain(services.instruments, now, 4, (KEY.expiry.replace(year=2099),))
        option = services.instruments.search("NIFTY CE", "openalgo")[0]
        symbol = Symbol(option.exchange, option.symbol)
        candles = [_candle(now - MINUTE * (BARS - number), number) for number in range(BARS)]
        services.candles.keep(SeriesKey(symbol, "1m"), candles, Reading(now))
        feed = Feed(app.extensions["live"].hub, symbol, candles[-1])
        path = f"/chart?exchange={symbol.exchange}&symbol={symbol.name}&interval=1m&{LINES}"
        found = in_a_browser(address, feed, path, "#chart-legend", seconds, ready="span:nth-child(6)")
    return {"bars": BARS, **found}


def tell(result: dict[str, Any]) -> str:
    return (
        f"a chart in Chromium, {result['bars']:.0f} candles with lines, moving at {HERTZ} Hz: "
        f"{result['browser']:.1f} % of one core (the goal is {GOAL:.0f} %), {result['kilobytes']:.1f} KB a second"
    )


def _candle(start: Any, number: int) -> Candle:
    middle = Decimal(10_000 + number * 37 % 900) / 100
    return Candle(start, middle, middle + 2, middle - 1, middle + 1, Decimal(65 * (1 + number % 9)))


class Feed(Stepping):
    """The engine's part: the newest bar at each telling, and the next one now and then."""

    def __init__(self, hub: Any, symbol: Symbol, last: Candle) -> None:
        super().__init__("bench-feed", 1 / HERTZ)
        self._hub, self._symbol, self._last, self._count = hub, symbol, last, 0

    def step(self) -> None:
        self._count += 1
        start = int((self._last.start + MINUTE * (1 + self._count // NEW_BAR_EVERY)).timestamp())
        close = Decimal(10_000 + (self._count * 7) % 400) / 100
        row = [start, "102", str(max(close, Decimal(104))), str(min(close, Decimal(99))), str(close), str(self._count)]
        cell = {"v": str(close), "k": "bars", "c": None, "at": epoch_ms(self._last.start), "bars": [row], "read": 0}
        self._hub.take("tick", {"owner": "*", "cells": {f"bar:1m:{self._symbol}": cell}})
