"""Pages that look at symbols."""

from app.broadcast.watch import MOST, Watchers
from app.feed.subscriptions import Subscriptions
from app.venues.types import FeedMode, Symbol
from tests.feed.hands import NIFTY, HandClock


def test_a_page_is_served_while_it_renews_its_wish():
    clock, wishes = HandClock(), Subscriptions()
    watchers = Watchers(wishes, clock)
    assert watchers.take({"holder": "1", "symbols": [str(NIFTY)]})
    clock.forward(10)
    assert not watchers.take({"holder": "1", "symbols": [str(NIFTY)]})
    clock.forward(10)
    wishes.expire(clock.monotonic())
    assert wishes.modes() == {NIFTY: FeedMode.LTP}
    clock.forward(10)
    wishes.expire(clock.monotonic())
    assert wishes.modes() == {}


def test_a_closed_page_ends_its_wish_and_odd_names_are_passed_over():
    wishes = Subscriptions()
    watchers = Watchers(wishes, HandClock())
    watchers.take({"holder": "1", "symbols": [str(NIFTY), "nonsense", 7], "mode": "depth"})
    assert wishes.modes() == {NIFTY: FeedMode.DEPTH}
    assert watchers.take({"holder": "1", "symbols": []})
    assert wishes.modes() == {}


def test_a_page_cannot_ask_for_the_whole_market():
    wishes = Subscriptions()
    Watchers(wishes, HandClock()).take({"holder": "1", "symbols": [f"NSE:S{number}" for number in range(2000)]})
    assert len(wishes.modes()) == MOST
    assert Symbol("NSE", "S0") in wishes.modes()
