"""The one stream of the desk, played by hand."""

from datetime import timedelta

import pytest

from app.core.bus import Bus
from app.feed.client import Feed, FeedSettings, Sources
from app.feed.events import FeedState, FeedSwitched
from app.feed.hub import Hub
from app.feed.subscriptions import Subscriptions
from app.feed.topup import TopUp
from app.venues.types import FeedMode, Symbol
from tests.feed.hands import NIFTY, SBIN, HandClock, HandVenue
from tests.waiting import until


class Bench:
    """A feed over three accounts, with everything in reach of a test."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.accounts = ["a", "b", "c"]
        self.venues = {name: HandVenue(self.clock) for name in self.accounts}
        self.opened = True
        self.hub = Hub(self.clock)
        self.wishes = Subscriptions()
        self.bus = Bus()
        self.switches: list[FeedSwitched] = []
        self.bus.subscribe(FeedSwitched, self.switches.append)
        self.sources = Sources(lambda: self.accounts, self.venues.__getitem__, lambda _exchange, _now: self.opened)
        self.feed = self.make()

    def make(self, **settings) -> Feed:
        return Feed(self.hub, self.wishes, self.sources, self.bus, self.clock, FeedSettings(**settings))

    def start(self) -> None:
        """The primary carries the feed and NIFTY ticks."""
        self.wishes.want("positions", [NIFTY])
        self.feed.step()
        self["a"].live()
        self["a"].tick()
        self.feed.step()

    def __getitem__(self, name):
        return self.venues[name].stream

    def beat(self, seconds: float, *ticking: str) -> None:
        """Let time pass in beats, with these accounts' streams ticking."""
        for _ in range(int(seconds)):
            self.clock.forward(1)
            for name in ticking:
                self[name].tick()
            self.feed.step()

    @property
    def moves(self):
        return [(one.from_account_id, one.to_account_id, one.reason) for one in self.switches]


@pytest.fixture
def bench():
    return Bench()


def test_the_primary_carries_the_feed(bench):
    bench.start()
    assert bench.feed.account_id == "a"
    assert bench["a"].modes == {NIFTY: FeedMode.LTP}
    assert bench.hub.newest(NIFTY).last == 100
    assert bench.moves == [(None, "a", "start")]
    assert not bench.venues["b"].streams


def test_wishes_reach_the_stream_as_they_change(bench):
    bench.start()
    bench.wishes.want("page", [SBIN], FeedMode.DEPTH)
    bench.feed.step()
    assert bench["a"].modes == {NIFTY: FeedMode.LTP, SBIN: FeedMode.DEPTH}
    bench.wishes.drop("page")
    bench.feed.step()
    assert bench["a"].modes == {NIFTY: FeedMode.LTP}


def test_a_call_that_failed_is_made_again_at_the_next_beat(bench):
    bench.start()
    whole, calls = bench["a"].subscribe, []

    def fails_once(symbols, mode):
        calls.append(symbols)
        if len(calls) == 1:
            raise OSError("broken pipe")
        whole(symbols, mode)

    bench["a"].subscribe = fails_once
    bench.wishes.want("page", [SBIN])
    bench.feed.step()
    assert SBIN not in bench["a"].modes
    bench.feed.step()
    assert SBIN in bench["a"].modes


def test_a_lost_connection_moves_the_feed_with_all_that_is_wanted(bench):
    bench.start()
    bench["a"].drop()
    bench.beat(5)
    assert bench.feed.account_id == "a"
    bench.beat(1)
    assert bench.moves[-1] == ("a", "b", "disconnected")
    assert bench["a"].closed
    assert bench["b"].modes == {NIFTY: FeedMode.LTP}


def test_a_refused_sign_in_moves_the_feed_at_once(bench):
    bench.start()
    bench["a"].refuse()
    bench.feed.step()
    assert bench.moves[-1] == ("a", "b", "refused")


def test_silence_is_first_cured_by_subscribing_again_then_moves_the_feed(bench):
    bench.start()
    bench.beat(16)
    assert bench["a"].resubscribed == 1
    assert bench.feed.account_id == "a"
    bench.beat(16)
    assert bench.moves[-1] == ("a", "b", "silent")


def test_a_cured_silence_moves_nothing(bench):
    bench.start()
    bench.beat(16)
    bench.beat(60, "a")
    assert bench["a"].resubscribed == 1
    assert bench.feed.account_id == "a"


def test_out_of_session_silence_and_drops_move_nothing(bench):
    bench.start()
    bench.opened = False
    bench["a"].drop()
    bench.beat(120)
    assert bench.feed.account_id == "a"
    assert bench["a"].resubscribed == 0
    assert bench.feed.status().state is FeedState.CLOSED


def test_nowhere_to_go_the_stream_stays_and_is_cured_again_and_again(bench):
    bench.accounts = ["a"]
    bench.start()
    bench.beat(70)
    assert bench.feed.account_id == "a"
    assert bench["a"].resubscribed >= 2
    assert len(bench.venues["a"].streams) == 1


def test_the_feed_goes_back_when_the_better_account_delivers_and_not_before(bench):
    bench.start()
    bench["a"].drop()
    bench.beat(6)
    bench["b"].live()
    bench.beat(61, "b")
    assert len(bench.venues["a"].streams) == 2, "the primary is tried beside the stand-in"
    assert bench.feed.account_id == "b"
    bench["a"].live()
    bench.beat(1, "b")
    assert bench.feed.account_id == "b", "connected, but it gives no prices yet"
    bench.beat(1, "a", "b")
    assert bench.feed.account_id == "a"
    assert bench.moves[-1] == ("b", "a", "better account is back")
    assert bench["b"].closed
    bench["a"].tick(last=101)
    assert bench.hub.newest(NIFTY).last == 101


def test_a_primary_that_stays_broken_is_tried_ever_more_rarely(bench):
    bench.start()
    bench["a"].drop()
    bench.beat(6)
    bench["b"].live()
    bench.beat(600, "b")
    assert bench.feed.account_id == "b"
    assert len(bench.switches) == 2
    assert 2 <= len(bench.venues["a"].streams) - 1 <= 4
    assert all(stream.closed for stream in bench.venues["a"].streams[:-1])


def test_an_account_that_cannot_be_opened_is_passed_over(bench):
    bench.venues["a"].reachable = False
    bench.wishes.want("positions", [NIFTY])
    bench.feed.step()
    bench.feed.step()
    assert bench.feed.account_id == "b"


def test_a_removed_account_gives_the_feed_up(bench):
    bench.start()
    bench.accounts = ["b", "c"]
    bench.feed.step()
    assert bench.moves[-1] == ("a", "b", "account not available")
    bench.accounts = []
    bench.feed.step()
    assert bench.feed.account_id is None
    bench.clock.forward(6)
    assert bench.feed.status().state is FeedState.DOWN


def test_a_new_session_forgets_who_failed_at_night(bench):
    bench.start()
    bench["a"].refuse()
    bench["a"].on_state = None
    bench.feed.step()
    assert bench.feed.account_id == "b"
    bench["b"].live()
    bench.opened = False
    bench.beat(61)
    bench.opened = True
    bench.beat(1, "b")
    assert len(bench.venues["a"].streams) == 2, "the primary is tried again at the opening"


def test_a_closed_stream_that_still_speaks_is_not_heard(bench):
    bench.start()
    old = bench["a"]
    old.refuse()
    bench.feed.step()
    old.tick(last=105)
    assert bench.hub.newest(NIFTY).last == 100


def test_the_badge_says_how_old_the_newest_price_is(bench):
    bench.start()
    assert bench.feed.status().state is FeedState.LIVE
    bench.clock.forward(3)
    assert bench.feed.status().state is FeedState.SLOW
    bench.clock.forward(3)
    assert bench.feed.status().state is FeedState.STALE
    bench["a"].drop()
    assert bench.feed.status().state is FeedState.DOWN
    assert bench.feed.status().last_at == bench.clock.now() - timedelta(seconds=6)


def test_the_pulse_is_subscribed_and_only_served_symbols_are_asked_for(bench):
    index = Symbol("NSE_INDEX", "NIFTY")
    bench.feed = bench.make(pulse=(index,), serves=lambda symbol: symbol.exchange.startswith("N"))
    bench.wishes.want("bot", [Symbol("GATE", "BTC_USDT"), NIFTY])
    bench.feed.step()
    assert set(bench["a"].modes) == {index, NIFTY}


def test_stale_symbols_are_topped_up_by_request_in_one_batch(bench):
    bench.start()
    bench.wishes.want("page", [SBIN])
    bench.venues["a"].prices = {NIFTY: 103, SBIN: 981}
    topup = TopUp(bench.hub, bench.feed, bench.sources, bench.clock, timedelta(seconds=5))
    assert topup.step() == 1
    assert bench.venues["a"].asked == [[SBIN]], "only what has no young price is asked for"
    bench.clock.forward(6)
    assert topup.step() == 2
    assert bench.hub.newest(NIFTY).last == 103
    assert bench.feed.status().state is FeedState.SLOW, "prices by request are never called live"


def test_a_refused_request_goes_to_the_next_account(bench):
    bench.start()
    bench.clock.forward(6)
    bench.venues["a"].reachable = False
    bench.venues["b"].prices = {NIFTY: 104}
    topup = TopUp(bench.hub, bench.feed, bench.sources, bench.clock, timedelta(seconds=5))
    assert topup.step() == 0
    assert topup.step() == 1
    assert bench.hub.newest(NIFTY).last == 104


def test_out_of_session_only_symbols_without_any_price_are_asked_for_and_not_every_beat(bench):
    bench.start()
    bench.opened = False
    bench.clock.forward(600)
    bench.wishes.want("page", [SBIN])
    topup = TopUp(bench.hub, bench.feed, bench.sources, bench.clock, timedelta(seconds=5))
    topup.step()
    topup.step()
    assert bench.venues["a"].asked == [[SBIN]]
    bench.clock.forward(31)
    topup.step()
    assert len(bench.venues["a"].asked) == 2


def test_the_runner_thread_starts_and_stops(bench):
    bench.wishes.want("positions", [NIFTY])
    bench.feed.start()
    until(lambda: bench.venues["a"].streams)
    bench.feed.stop()
    assert bench.venues["a"].stream.closed
