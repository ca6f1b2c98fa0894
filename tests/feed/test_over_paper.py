"""The feed over real OpenAlgo servers: prices come in, a dead server moves it, the refused one is passed over."""

from datetime import timedelta

import pytest

from app.core.bus import Bus
from app.core.clock import SystemClock
from app.feed.client import Feed, FeedSettings, Sources
from app.feed.events import FeedState, FeedSwitched
from app.feed.failover import FailoverRules
from app.feed.hub import Hub
from app.feed.subscriptions import Subscriptions
from app.feed.topup import TopUp
from app.venues.openalgo.line import Pauses
from app.venues.openalgo.venue import OpenAlgoVenue
from app.venues.types import FeedMode, PriceSource, Symbol
from tests.feed.hands import NIFTY, SBIN
from tests.paper.running import PaperServer
from tests.venues.openalgo.paper import connection
from tests.waiting import until

RELIANCE = Symbol("NSE", "RELIANCE")
QUICK = FailoverRules(disconnect=2.0, silence=3.0, hold=0.5, bar=1.0, longest_bar=2.0, trial=10.0)
PAUSES = Pauses(first=0.05, longest=10.0, refused=0.2)  # soon so long that a dead server counts as disconnected


@pytest.fixture(scope="module")
def paper():
    with PaperServer([{"name": "first"}, {"name": "second"}], step_ms=100) as server:
        yield server


@pytest.fixture
def desk(paper):
    venues = {name: OpenAlgoVenue(connection(paper[name]), pauses=PAUSES) for name in ("first", "second")}
    bus, clock, switches = Bus(), SystemClock(), []
    bus.subscribe(FeedSwitched, switches.append)
    sources = Sources(lambda: list(venues), venues.__getitem__, lambda _exchange, _now: True)
    hub, wishes = Hub(clock), Subscriptions()
    feed = Feed(hub, wishes, sources, bus, clock, FeedSettings(rules=QUICK, beat=0.05))
    topup = TopUp(hub, feed, sources, clock, timedelta(seconds=2))
    wishes.want("test", [NIFTY, SBIN], FeedMode.QUOTE)
    feed.start()
    until(lambda: feed.status().state is FeedState.LIVE and feed.account_id == "first" and hub.newest(SBIN))
    yield feed, hub, switches, topup
    feed.stop()
    for venue in venues.values():
        venue.close()
    paper.heal()
    paper.tell("login", logged_in=True)


def new_price(hub):
    """Wait for a quote that is newer than what is known."""
    before = hub.newest(NIFTY)
    until(lambda: (quote := hub.newest(NIFTY)) and (before is None or quote.received_at > before.received_at))


def test_a_tick_of_the_server_reaches_the_hub(desk):
    feed, hub, _, _ = desk
    new_price(hub)
    assert feed.account_id == "first"
    assert hub.newest(NIFTY).last > 0
    assert hub.newest(NIFTY).previous_close is not None


def test_a_server_whose_broker_logged_out_loses_the_feed_and_gets_it_back(desk, paper):
    feed, hub, switches, _ = desk
    new_price(hub)
    paper.tell("login", logged_in=False, broker="first")
    paper.fault("market_drop", broker="first", next=1)
    until(lambda: feed.account_id == "second")
    new_price(hub)
    paper.tell("login", logged_in=True, broker="first")
    until(lambda: feed.account_id == "first", timeout=60)
    new_price(hub)
    until(lambda: [one.to_account_id for one in switches[-3:]] == ["first", "second", "first"])


def test_a_server_that_falls_silent_loses_the_feed(desk, paper):
    feed, hub, switches, _ = desk
    new_price(hub)
    paper.fault("market_silent", broker="first")
    until(lambda: feed.account_id == "second")
    until(lambda: switches[-1].reason == "silent")  # told a moment later
    new_price(hub)


def test_prices_come_by_request_while_no_stream_gives_any(desk, paper):
    _, hub, _, topup = desk
    new_price(hub)
    paper.fault("market_silent")
    topup_gave = until(topup.step, timeout=20)
    assert topup_gave >= 1


def test_the_best_prices_come_streamed_while_somebody_looks_and_by_request_when_the_stream_falls_silent(desk, paper):
    feed, hub, _, topup = desk
    feed._subscriptions.want("page", [SBIN], FeedMode.DEPTH)

    def ladder():
        quote = hub.newest(SBIN)
        return quote.ladder if quote else None

    streamed = until(lambda: (found := ladder()) and found.bids and found, timeout=20)
    assert (len(streamed.asks), streamed.source) == (5, PriceSource.STREAM)
    paper.fault("market_silent")
    asked = until(lambda: topup.step() and (found := ladder()) and found.source is PriceSource.REQUEST and found, 30)
    assert len(asked.bids) == 5
    assert asked.total_bid is not None


def test_peer_4_2_02_a_silent_stream_is_not_called_live_and_requests_bring_the_price(desk, paper):
    """Elsewhere the last price that was ever streamed wins over every newer one that was asked for."""
    feed, hub, _, topup = desk
    new_price(hub)
    paper.fault("market_silent")
    until(lambda: feed.status().state is not FeedState.LIVE, timeout=20)
    until(topup.step, timeout=20)
    until(lambda: topup.step() and hub.newest(NIFTY).source is PriceSource.REQUEST, timeout=20)


def test_peer_4_2_03_a_symbol_that_never_ticks_is_priced_by_request(desk, paper):
    feed, hub, _, topup = desk
    new_price(hub)
    paper.fault("market_silent", symbol="RELIANCE")
    feed._subscriptions.want("page", [RELIANCE])
    until(lambda: topup.step() and hub.newest(RELIANCE), timeout=20)
    assert hub.newest(RELIANCE).source is PriceSource.REQUEST


def test_peer_4_4_after_a_drop_everything_is_subscribed_again_and_a_dead_feed_is_left(desk, paper):
    feed, hub, switches, _ = desk
    new_price(hub)
    stream = feed._line._stream
    paper.fault("market_drop", broker="first", next=1)
    until(lambda: stream.counters.reconnects == 1)
    seen = {symbol: hub.newest(symbol).received_at for symbol in (NIFTY, SBIN)}
    until(lambda: all(hub.newest(symbol).received_at > at for symbol, at in seen.items()))
    paper.fault("market_drop", broker="first")
    until(lambda: feed.account_id == "second")
    until(lambda: switches[-1].reason == "disconnected")
    new_price(hub)
