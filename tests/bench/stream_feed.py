"""The engine's side of the streaming bench, in a process of its own: ticks into the hub, figures out over the link.

`python -m tests.bench.stream_feed <ticks a second>`: says "ready", ends with its input.
"""

import sys
import threading
import time
from decimal import Decimal

import config
from app import wiring
from app.broadcast.coalesce import Broadcaster
from app.broadcast.watch import Watchers
from app.feed.events import FeedState, FeedStatus
from app.feed.hub import Hub
from app.feed.subscriptions import Subscriptions
from app.venues.types import Quote, Symbol
from tests.bench.stream_desk import INDEX, SYMBOLS


def main() -> None:
    services = wiring.build(config.load(), "engine")
    clock, hub = services.clock, Hub(services.clock)
    broadcaster = Broadcaster(
        services.db,
        services.portfolio,
        hub,
        services.link,
        clock,
        lambda: FeedStatus(FeedState.LIVE, "bench", hub.last_at),
    )
    watchers = Watchers(Subscriptions(), clock)
    taken = {"watch": watchers.take, "hello": lambda _payload: broadcaster.send_everything()}
    services.link.listen(lambda kind, payload: taken.get(kind, lambda _payload: None)(payload))
    broadcaster.start()
    stop = threading.Event()
    ticker = threading.Thread(target=tick, args=(hub, services.clock, float(sys.argv[1]), stop))
    ticker.start()
    print("ready", flush=True)
    sys.stdin.read()
    stop.set()
    ticker.join()
    broadcaster.stop()
    services.close()


def tick(hub: Hub, clock: object, a_second: float, stop: threading.Event) -> None:
    """Every symbol in turn, evenly over time; each price differs from the one before."""
    symbols = [Symbol.parse(text) for text in (*SYMBOLS, INDEX)]
    begun, sent = time.monotonic(), 0
    while not stop.wait(0.005):
        due = int((time.monotonic() - begun) * a_second)
        for number in range(sent, due):
            price = Decimal(20000 + number // len(symbols) % 50) / 100
            hub.take(Quote(symbols[number % len(symbols)], price, clock.now()))  # type: ignore[attr-defined]  # a Clock
        sent = due


if __name__ == "__main__":
    main()
