"""What the streams do that only OpenAlgo asks for."""

import socket
from contextlib import closing

import pytest
from structlog.testing import capture_logs

from app.venues.openalgo.line import Pauses
from app.venues.openalgo.streams import Outbox
from app.venues.port import StreamState
from app.venues.types import FeedMode, Mode, OrderStatus, Symbol
from tests.paper.running import PaperServer
from tests.venues.conformance import Seen, market, order_news
from tests.venues.openalgo.paper import open_venue
from tests.venues.openalgo.peers import http, scripted
from tests.waiting import threads_ended, until

CALL = Symbol("NFO", "NIFTY24NOV2626050CE")


@pytest.fixture(scope="module")
def paper():
    with PaperServer([{"name": "zerodha"}, {"name": "silent", "push": False}], step_ms=100) as running:
        yield running


@pytest.fixture
def venue(paper):
    paper.reset()
    opened = open_venue(paper["zerodha"])
    yield opened
    opened.close()


def test_hundreds_of_symbols_go_out_in_batches_one_after_the_other():
    outbox = Outbox()
    outbox.add("subscribe", FeedMode.LTP, [Symbol("NSE", f"S{number}") for number in range(450)])
    sizes = []
    while batch := outbox.next(0.0):
        assert outbox.next(0.0) is None
        sizes.append(len(batch.symbols))
        outbox.on_the_way = None
    assert sizes == [200, 200, 50]


def test_five_hundred_symbols_all_get_their_prices(venue):
    symbols = [contract.symbol for contract in venue.contracts("NFO")][:500]
    assert len(symbols) == 500
    with market(venue) as (stream, seen):
        stream.subscribe(symbols, FeedMode.LTP)
        until(lambda: {quote.symbol for quote in seen.quotes} == set(symbols), timeout=60, every=0.2)
        assert stream.refused == {}


def test_what_the_server_would_not_subscribe_is_kept_with_its_words(venue):
    nobody = Symbol("NSE", "NOSUCH")
    with market(venue) as (stream, seen):
        stream.subscribe([nobody, CALL], FeedMode.LTP)
        until(lambda: seen.of(CALL))
        assert "not found" in stream.refused[nobody]
        assert (stream.quiet_for(nobody), stream.quiet_for(CALL) is not None) == (None, True)


def test_counters_tell_frames_rubbish_and_reconnects(paper, venue):
    with market(venue) as (stream, seen):
        paper.fault("market_garbage", next=3)
        stream.subscribe([CALL], FeedMode.LTP)
        until(lambda: stream.counters.garbage >= 6)
        until(lambda: len(seen.of(CALL)) > 3)
        paper.fault("market_drop", next=1)
        until(lambda: stream.counters.reconnects == 1)
        assert stream.counters.frames > 6
        assert stream.counters.last_frame_at.tzinfo is not None


def test_a_new_broker_login_is_recovered_by_signing_in_again(paper, venue):
    with market(venue) as (stream, seen):
        stream.subscribe([CALL], FeedMode.LTP)
        until(lambda: seen.of(CALL))
        paper.tell("login", logged_in=False)
        paper.tell("login", logged_in=True)
        seen.quotes.clear()
        stream.resubscribe()
        until(lambda: seen.of(CALL))
        assert seen.times_live() == 1


def test_signing_in_again_without_a_login_is_refused_and_recovers(paper, venue):
    with market(venue) as (stream, seen):
        stream.subscribe([CALL], FeedMode.LTP)
        until(lambda: seen.of(CALL))
        paper.tell("login", logged_in=False)
        stream.resubscribe()
        until(lambda: StreamState.REFUSED in seen.states)
        paper.tell("login", logged_in=True)
        seen.quotes.clear()
        until(lambda: seen.of(CALL))


def test_a_subscription_without_a_login_behind_it_leads_to_a_new_sign_in(paper, venue):
    with market(venue) as (stream, seen):
        paper.tell("login", logged_in=False)
        stream.subscribe([CALL], FeedMode.LTP)
        until(lambda: StreamState.REFUSED in seen.states)
        paper.tell("login", logged_in=True)
        until(lambda: seen.of(CALL))


def test_a_wrong_key_is_refused_in_the_servers_words_and_never_told(paper):
    messages = []
    with (
        capture_logs() as logs,
        closing(open_venue(paper["zerodha"], api_key="wrong-key-0123456789")) as venue,
        closing(venue.market_stream(lambda _: None, lambda state, message: messages.append((state, message)))),
    ):
        until(lambda: [state for state, _ in messages if state is StreamState.REFUSED])
    assert any("Invalid API key" in message for _, message in messages)
    assert "wrong-key" not in str(messages) + str(logs)


def test_an_update_of_a_partial_fill_and_of_a_rejection_is_whole(paper, venue):
    paper.fault("partial_fills", fraction=0.5, rest="never", next=1)
    with order_news(venue) as seen:
        paper["zerodha"].place(quantity=130)
        until(lambda: [r for r in seen.reports if r.status is OrderStatus.PARTIALLY_FILLED])
        paper.fault("reject", reason="Not today", next=1)
        paper["zerodha"].place()
        until(lambda: [r for r in seen.reports if r.status is OrderStatus.REJECTED])
    partial = next(r for r in seen.reports if r.status is OrderStatus.PARTIALLY_FILLED)
    assert (partial.filled_quantity, partial.quantity, partial.mode) == (65, 130, Mode.LIVE)
    assert next(r for r in seen.reports if r.status is OrderStatus.REJECTED).reason == "Not today"


def test_orders_of_another_app_are_reported_too(paper, venue):
    with order_news(venue) as seen:
        paper.tell(
            "foreign-order",
            broker="zerodha",
            symbol=CALL.name,
            exchange="NFO",
            action="BUY",
            quantity=65,
            pricetype="MARKET",
            product="NRML",
        )
        until(lambda: seen.reports)


def test_a_broker_that_pushes_nothing_still_counts_as_live(paper):
    with closing(open_venue(paper["silent"])) as venue, order_news(venue) as seen:
        assert seen.states[-1] is StreamState.LIVE


def test_a_server_that_accepts_and_says_nothing_is_left_quickly_when_closing(paper):
    with socket.create_server(("127.0.0.1", 0)) as mute, threads_ended():
        venue = open_venue(paper["zerodha"], stream_url=f"ws://127.0.0.1:{mute.getsockname()[1]}")
        stream = venue.market_stream(lambda _: None, Seen().on_state)
        stream.close()
        venue.close()


def test_a_stream_goes_through_the_accounts_proxy_with_its_credentials(paper):
    asked = []

    def refuse(connected, request):
        asked.append(request)
        connected.sendall(http(b"", 407))
        return False

    seen = Seen()
    with scripted(refuse) as proxy:
        way = {"proxy": f"http://me:pass@127.0.0.1:{proxy.port}", "stream_url": "ws://openalgo.test:8765"}
        with (
            closing(open_venue(paper["zerodha"], **way)) as venue,
            closing(venue.market_stream(lambda _: None, seen.on_state)),
        ):
            until(lambda: asked and StreamState.DOWN in seen.states)
    assert asked[0].startswith(b"CONNECT openalgo.test:8765")
    assert b"Proxy-Authorization: Basic bWU6cGFzcw==" in asked[0]


def test_closing_does_not_wait_for_the_next_attempt(paper):
    seen = Seen()
    with (
        threads_ended(),
        closing(open_venue(paper["zerodha"], api_key="wrong")) as venue,
        closing(venue.order_stream(seen.reports.append, seen.on_state)),
    ):
        until(lambda: StreamState.REFUSED in seen.states)


def test_pauses_grow_to_the_longest_and_scatter():
    pauses = Pauses(first=0.5, longest=30)
    assert 0.25 <= pauses.after(0) <= 0.5
    assert 15 <= pauses.after(50) <= 30
    assert len({pauses.after(3) for _ in range(20)}) > 1
