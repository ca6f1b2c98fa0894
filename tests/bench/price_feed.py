"""`python -m tests.bench.price_feed`: what 2,000 symbols cost the feed, in memory and in processor time per tick.

Everything but the socket is real: the wire's JSON becomes a quote, is judged, kept and told to a listener.
"""

import time
import tracemalloc
from typing import Any

import orjson

from app.core.bus import Bus
from app.feed.client import Feed, FeedSettings, Sources
from app.feed.hub import Hub
from app.feed.subscriptions import Subscriptions
from app.venues.openalgo.market import streamed
from app.venues.types import FeedMode, Symbol
from tests.feed.hands import HandClock, HandVenue

SYMBOLS = 2_000
ROUNDS = 50
INDEX = Symbol("NSE_INDEX", "NIFTY")


def frame(number: int) -> bytes:
    """A tick in the plainest mode, as most are."""
    return orjson.dumps({"ltp": 100 + number % 40 / 20, "timestamp": 1795225143193})


def full(number: int) -> bytes:
    """A tick with its day and five levels a side."""
    side = [{"price": 100 + level / 20, "quantity": 75 * level, "orders": level} for level in range(1, 6)]
    day: dict[str, Any] = {"open": 100.0, "high": 104.0, "low": 98.0, "close": 99.5, "volume": 120000 + number, "oi": 5}
    return orjson.dumps({**orjson.loads(frame(number)), **day, "depth": {"buy": side[::-1], "sell": side}})


def measure() -> dict[str, float]:
    clock = HandClock()
    venue, hub, wishes = HandVenue(clock), Hub(clock), Subscriptions()
    venue.takes = SYMBOLS
    symbols = [Symbol("NFO", f"NIFTY24NOV26{20_000 + number}CE") for number in range(SYMBOLS)]
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    sources = Sources(lambda: ["a"], lambda _account: venue, lambda _exchange, _now: True)
    feed = Feed(hub, wishes, sources, Bus(), clock, FeedSettings(pulse=(INDEX,)))
    wishes.want("page", symbols, FeedMode.DEPTH)
    for _ in range(4):
        feed.step()
    kept = [_play(venue, clock, symbols, wire, 1) and tracemalloc.get_traced_memory()[0] for wire in (frame, full)]
    tracemalloc.stop()
    bare, deep = (_play(venue, clock, symbols, wire, ROUNDS) for wire in (frame, full))
    began = time.process_time()
    for _ in range(20):
        feed.step()
    beat = (time.process_time() - began) / 20
    return {
        "bare_mb": (kept[0] - before) / 1e6,
        "depth_mb": (kept[1] - before) / 1e6,
        "bare_us": bare * 1e6,
        "depth_us": deep * 1e6,
        "beat_ms": beat * 1e3,
        "connections": len(feed.report().connections),
    }


def _play(venue: HandVenue, clock: HandClock, symbols: list[Symbol], wire: Any, rounds: int) -> float:
    """Processor seconds per tick."""
    texts = [wire(number) for number in range(40)]
    began = time.process_time()
    for turn in range(rounds):
        clock.forward(0.01)
        for number, symbol in enumerate(symbols):
            quote = streamed(symbol, orjson.loads(texts[(number + turn) % 40]), clock.now())
            if quote is not None:
                venue.streams[number * len(venue.streams) // len(symbols)].on_quote(quote)
    return (time.process_time() - began) / (rounds * len(symbols))


if __name__ == "__main__":
    for name, value in measure().items():
        print(f"{name:12} {value:10.2f}")
