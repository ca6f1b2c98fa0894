"""Wishes for candles: of one owner the newest count, and what exits go by is known apart."""

import pytest

from app.core.link import SilentLink
from app.feed.baskets import SeriesKey
from app.feed.candle_store import MOST_WISHES, WANTED, CandleStore
from app.venues.types import Symbol
from tests.feed.hands import HandClock


def key(number: int) -> SeriesKey:
    return SeriesKey(Symbol("NFO", f"NIFTY{number}CE"), "5m")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def store(any_db, clock) -> CandleStore:
    return CandleStore(any_db, clock, SilentLink())


def look(store: CandleStore, clock: HandClock, numbers: range, owner_id: str) -> None:
    for number in numbers:
        clock.forward(0.01)
        store.want([key(number)], owner_id)


def test_of_one_owners_wishes_the_newest_stay_and_nobody_elses_go(store, clock):
    store.want([key(0), key(1)], "other")
    look(store, clock, range(MOST_WISHES + 20), "greedy")
    assert store.wanted() == [key(0), key(1), *map(key, range(20, MOST_WISHES + 20))]
    look(store, clock, range(5, 6), "greedy")
    assert store.wanted() == [key(0), key(1), *map(key, range(21, MOST_WISHES + 20)), key(5)]


def test_wishes_that_are_over_push_out_none(store, clock):
    look(store, clock, range(MOST_WISHES), "greedy")
    clock.forward(WANTED.total_seconds() + 1)
    look(store, clock, range(100, 100 + MOST_WISHES), "greedy")
    assert store.wanted() == [key(number) for number in range(100, 100 + MOST_WISHES)]


def test_what_is_followed_is_urgent_while_somebody_follows_it_whoever_looks_at_it(store, clock):
    store.follow([key(0)])
    store.follow([key(1)])
    look(store, clock, range(MOST_WISHES + 20), "greedy")
    assert store.urgent() == [key(0), key(1)]
    clock.forward(20)
    store.follow([key(0)])
    assert store.wanted()[-1] == key(0)
    clock.forward(20)
    assert store.urgent() == [key(0)]
    clock.forward(20)
    assert store.urgent() == []
