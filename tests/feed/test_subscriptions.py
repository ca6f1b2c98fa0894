"""Who wants what."""

from hypothesis import given
from hypothesis import strategies as st

from app.feed.subscriptions import Difference, Subscriptions, difference
from app.venues.types import FeedMode, Symbol
from tests.feed.hands import NIFTY, SBIN

LTP, QUOTE, DEPTH = FeedMode.LTP, FeedMode.QUOTE, FeedMode.DEPTH


def test_a_symbol_is_asked_for_once_and_left_with_its_last_holder():
    wishes = Subscriptions()
    assert wishes.want("a", [NIFTY]) == Difference((), {LTP: (NIFTY,)})
    assert not wishes.want("b", [NIFTY])
    assert not wishes.drop("a")
    assert wishes.drop("b") == Difference((NIFTY,))
    assert not wishes.drop("b")


def test_the_richest_mode_wins_and_falls_back():
    wishes = Subscriptions()
    wishes.want("position", [NIFTY], LTP)
    assert wishes.want("ticket", [NIFTY], DEPTH) == Difference((NIFTY,), {DEPTH: (NIFTY,)})
    assert not wishes.want("page", [NIFTY], QUOTE)
    wishes.drop("ticket")
    assert wishes.modes() == {NIFTY: QUOTE}


def test_wanting_again_replaces_what_was_wanted():
    wishes = Subscriptions()
    wishes.want("page", [NIFTY])
    change = wishes.want("page", [SBIN])
    assert change == Difference((NIFTY,), {LTP: (SBIN,)})


def test_a_wish_that_is_not_renewed_ends():
    wishes = Subscriptions()
    wishes.want("page:1", [NIFTY], until=10.0)
    wishes.want("positions", [SBIN])
    assert not wishes.expire(9.9)
    assert wishes.expire(10.0) == Difference((NIFTY,))
    assert wishes.modes() == {SBIN: LTP}


MODES = st.dictionaries(
    st.sampled_from([Symbol("NSE", name) for name in "ABCDE"]), st.sampled_from(list(FeedMode)), max_size=5
)


@given(MODES, MODES)
def test_applying_a_difference_gives_what_is_wanted(have, want):
    change = difference(have, want)
    result = {symbol: mode for symbol, mode in have.items() if symbol not in change.unsubscribe}
    for mode, symbols in change.subscribe.items():
        assert not set(symbols) & set(result), "nothing is asked for twice on one socket"
        result.update(dict.fromkeys(symbols, mode))
    assert result == want
