"""A feed that repeats itself, or sends nonsense, is as good as silent: it is told, decides nothing, and is left."""

from datetime import timedelta

import pytest

from app.feed.events import FeedState, SourceChanged
from app.feed.topup import TopUp
from app.venues.types import PriceSource, Symbol
from tests.feed.hands import NIFTY, HandClock
from tests.feed.test_client import Bench

INDEX = Symbol("NSE_INDEX", "NIFTY")
LIMIT = timedelta(seconds=5)


class Pulsing(Bench):
    """A desk that watches an index; an account's stream gives the index and an option each second."""

    def __init__(self) -> None:
        super().__init__()
        self.feed = self.make(pulse=(INDEX,))
        self.sources_told: list[SourceChanged] = []
        self.bus.subscribe(SourceChanged, self.sources_told.append)
        self.level = 26_000
        self.start()

    def pass_by(self, seconds: float, moving: str = "", frozen: str = "") -> None:
        for _ in range(int(seconds)):
            self.clock.forward(1)
            self.level += 1
            for name in moving:
                self[name].live()
                self[name].tick(INDEX, self.level)
                self[name].tick(NIFTY, 100 + self.level % 7)
            for name in frozen:
                self[name].live()
                self[name].tick(INDEX, 25_999)
                self[name].tick(NIFTY, 100)
            self.feed.step()

    @property
    def fresh(self):
        return self.hub.fresh(NIFTY, self.clock.now(), LIMIT)


@pytest.fixture
def bench():
    return Pulsing()


def test_prices_that_move_are_live_and_decide(bench):
    bench.pass_by(30, moving="a")
    assert bench.feed.status().state is FeedState.LIVE
    assert bench.feed.status().source is PriceSource.STREAM
    assert bench.fresh.source is PriceSource.STREAM


def test_a_frozen_feed_is_called_frozen_since_its_last_move_and_decides_nothing(bench):
    bench.pass_by(5, moving="a")
    bench.pass_by(1, frozen="a")
    moved = bench.clock.now()
    bench.pass_by(13, frozen="a")
    status = bench.feed.status()
    assert (status.state, status.last_at, status.source) == (FeedState.FROZEN, moved, None)
    assert bench.hub.newest(NIFTY).last == 100
    assert bench.fresh is None
    assert bench.hub.dropped["from a feed that stands still"] > 0


def test_a_frozen_feed_is_signed_in_anew_and_then_left(bench):
    bench.pass_by(5, moving="a")
    bench.pass_by(18, frozen="a")
    assert bench["a"].resubscribed == 1
    bench.pass_by(15, frozen="a")
    assert bench.moves[-1] == ("a", "b", "frozen")
    bench.pass_by(3, moving="b")
    assert bench.feed.status().state is FeedState.LIVE
    assert bench.fresh is not None


def test_a_better_account_that_stands_still_does_not_get_the_feed_back(bench):
    bench.pass_by(5, moving="a")
    bench.pass_by(33, frozen="a")
    bench.pass_by(120, moving="b", frozen="a")
    assert len(bench.venues["a"].streams) >= 2, "it was tried"
    assert bench.feed.account_id == "b"


def test_a_feed_that_moves_again_is_believed_again(bench):
    bench.pass_by(5, moving="a")
    bench.pass_by(12, frozen="a")
    bench.pass_by(2, moving="a")
    assert bench.feed.account_id == "a"
    assert bench.feed.status().state is FeedState.LIVE
    assert bench.fresh is not None


def test_requests_take_over_from_a_frozen_stream_when_they_move(bench):
    topup = TopUp(bench.hub, bench.feed, bench.sources, bench.clock, LIMIT)
    bench.accounts = ["a"]
    bench.pass_by(5, moving="a")
    bench.pass_by(12, frozen="a")
    for number in range(3):
        bench.venues["a"].prices = {INDEX: 26_500 + number, NIFTY: 130 + number}
        topup.step()
        bench.pass_by(4, frozen="a")
    assert bench.fresh.last == 132
    assert bench.fresh.source is PriceSource.REQUEST
    status = bench.feed.status()
    assert (status.state, status.source) == (FeedState.SLOW, PriceSource.REQUEST)


def test_requests_that_repeat_the_frozen_price_decide_nothing_either(bench):
    topup = TopUp(bench.hub, bench.feed, bench.sources, bench.clock, LIMIT)
    bench.accounts = ["a"]
    bench.pass_by(5, moving="a")
    bench.venues["a"].prices = {INDEX: 25_999, NIFTY: 100}
    for _ in range(10):
        bench.pass_by(2, frozen="a")
        topup.step()
    assert bench.fresh is None
    assert bench.feed.status().state is FeedState.FROZEN


def test_zeros_are_silence_not_life(bench):
    bench.pass_by(5, moving="a")
    for _ in range(33):
        bench.clock.forward(1)
        if not bench["a"].closed:
            bench["a"].tick(INDEX, 0)
            bench["a"].tick(NIFTY, "NaN")
        bench.feed.step()
    assert bench.moves[-1] == ("a", "b", "silent")
    assert bench.hub.dropped["zero"] >= 15
    assert bench.hub.dropped["not a number"] >= 15
    assert bench.fresh is None


def test_each_change_of_the_source_is_told_once_it_lasts(bench):
    topup = TopUp(bench.hub, bench.feed, bench.sources, bench.clock, LIMIT)
    bench.accounts = ["a"]
    bench.pass_by(5, moving="a")
    assert [one.after for one in bench.sources_told] == [PriceSource.STREAM]
    bench.pass_by(10)
    assert bench.sources_told[-1].after is None
    for number in range(4):
        bench.venues["a"].prices = {INDEX: 26_500 + number, NIFTY: 130 + number}
        topup.step()
        bench.pass_by(2)
    assert [one.after for one in bench.sources_told[1:]] == [None, PriceSource.REQUEST]
    bench.pass_by(5, moving="a")
    last = bench.sources_told[-1]
    assert (last.before, last.after, last.account_id) == (PriceSource.REQUEST, PriceSource.STREAM, "a")


def test_out_of_the_pulses_hours_standing_still_is_no_fault_and_silence_is_borne_longer(bench):
    bench.sources = type(bench.sources)(
        bench.sources.accounts, bench.sources.venue, lambda exchange, _now: exchange == "NFO"
    )
    bench.feed = bench.make(pulse=(INDEX,))
    bench.feed.step()
    bench.pass_by(3, moving="a")
    bench.pass_by(30, frozen="a")
    assert bench.feed.status().state is FeedState.LIVE
    assert bench.fresh is not None
    bench.pass_by(60)
    assert bench["a"].resubscribed == 0
    bench.pass_by(70)
    assert bench["a"].resubscribed == 1


def test_what_is_stale_is_named_in_the_report(bench):
    bench.pass_by(5, moving="a")
    assert bench.feed.report().stale == []
    bench.pass_by(6)
    assert set(bench.feed.report().stale) == {INDEX, NIFTY}
    bench.opened = False
    assert bench.feed.report().stale == []
    assert isinstance(bench.clock, HandClock)


def test_going_from_one_frozen_account_to_another_is_no_movement(bench):
    bench.pass_by(5, moving="a")
    moved = bench.clock.now()
    for second in range(80):
        bench.clock.forward(1)
        for number, name in enumerate("abc"):
            for stream in [one for one in bench.venues[name].streams if not one.closed]:
                stream.live()
                stream.tick(INDEX, 25_990 + number)
                stream.tick(NIFTY, 100 + number)
        bench.feed.step()
        if second > 12:
            assert bench.fresh is None
            assert bench.feed.status().source is None
    assert len(bench.switches) >= 2, "it went elsewhere to look"
    assert bench.feed.status().last_at <= moved + timedelta(seconds=1)
