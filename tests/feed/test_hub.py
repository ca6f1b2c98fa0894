"""The way of a price through the hub."""

import threading
from datetime import timedelta

import pytest

from app.feed.hub import Hub
from tests.feed.hands import NIFTY, SBIN, HandClock, quote


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def hub(clock):
    return Hub(clock)


def test_listeners_hear_a_price_in_the_thread_that_received_it(hub):
    heard = []
    hub.listen(lambda one: heard.append((one.last, threading.current_thread())))
    assert hub.take(quote(last=100))
    assert heard == [(100, threading.current_thread())]


def test_a_price_that_is_not_trusted_reaches_nobody_and_is_counted(hub):
    heard = []
    hub.listen(heard.append)
    hub.take(quote(last=100))
    assert not hub.take(quote(last=0))
    assert len(heard) == 1
    assert hub.counters() == {"received": 2, "symbols": 1, "dropped: zero": 1}


def test_a_failing_listener_costs_the_others_nothing(hub):
    heard = []

    def fail(_quote):
        raise RuntimeError("broken")

    hub.listen(fail)
    hub.listen(heard.append)
    for last in (100, 101, 102):
        assert hub.take(quote(last=last))
    assert len(heard) == 3


def test_age_and_freshness_count_from_receiving(hub, clock):
    limit = timedelta(seconds=5)
    assert hub.age(NIFTY, clock.now()) is None
    assert hub.fresh(NIFTY, clock.now(), limit) is None
    hub.take(quote(NIFTY, at=clock.now()))
    clock.forward(3)
    assert hub.age(NIFTY, clock.now()) == timedelta(seconds=3)
    assert hub.fresh(NIFTY, clock.now(), limit).symbol == NIFTY
    clock.forward(3)
    assert hub.fresh(NIFTY, clock.now(), limit) is None
    assert hub.newest(SBIN) is None
