"""More symbols than a server takes, over real servers: further connections, and prices of every symbol."""

from app.core.bus import Bus
from app.core.clock import SystemClock
from app.feed.client import Feed, FeedSettings, Sources
from app.feed.hub import Hub
from app.feed.subscriptions import Subscriptions
from app.venues.types import FeedMode, Symbol
from tests.feed.test_over_paper import QUICK
from tests.paper.running import PaperServer
from tests.venues.openalgo.paper import open_venue
from tests.waiting import until


def test_what_one_connection_does_not_take_is_carried_by_the_next_and_by_the_next_account():
    limits = {"stream_symbols": 5, "socket_symbols": 3}
    with PaperServer([{"name": "first", **limits}, {"name": "second", **limits}], step_ms=100) as paper:
        venues = {name: open_venue(paper[name]) for name in ("first", "second")}
        clock = SystemClock()
        hub, wishes = Hub(clock), Subscriptions()
        sources = Sources(lambda: list(venues), venues.__getitem__, lambda _exchange, _now: True)
        feed = Feed(hub, wishes, sources, Bus(), clock, FeedSettings(rules=QUICK, beat=0.05))
        listed = [row["symbol"] for row in paper["first"].call("search", query="NIFTY24NOV", exchange="NFO")[1]["data"]]
        symbols = [Symbol("NFO", name) for name in listed[:8]]
        wishes.want("test", symbols, FeedMode.LTP)
        feed.start()
        try:
            until(lambda: all(hub.newest(symbol) for symbol in symbols))

            def carried():
                return {(one.account_id, one.number): one.symbols for one in feed.report().connections}

            # The server's own limit is for all its connections together.
            wanted = {("first", 0): 3, ("first", 1): 2, ("second", 0): 3}
            until(lambda: wanted.items() <= carried().items() and feed.report().left_out == 0)
        finally:
            feed.stop()
            for venue in venues.values():
                venue.close()
