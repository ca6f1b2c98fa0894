"""The hub between the link and the open streams."""

import threading

import pytest

from app.web.live import MOST_STREAMS, MOST_WAITING, RING, LiveHub, Watcher
from tests.feed.hands import HandClock


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def hub(clock):
    return LiveHub(clock)


def watcher(hub, clock, owner="u1", user=None, last_id="", watched=()):
    one = Watcher(owner, user or owner, "pass", frozenset(watched), clock.monotonic())
    assert hub.join(one, last_id)
    return one


def taken(one, clock):
    return one.take(0, clock.monotonic())


def tick(hub, owner="u1", whole=False, **values):
    cells = {key: {"v": str(value), "k": "money", "c": "INR", "at": 1} for key, value in values.items()}
    hub.take("tick", {"owner": owner, "cells": cells, **({"whole": True} if whole else {})})


def price(hub, key, value, owner="*"):
    hub.take("tick", {"owner": owner, "cells": {key: {"v": str(value), "k": "price", "c": "INR", "at": 1}}})


def texts(batch):
    return {key: figure.raw["v"] for key, figure in batch.packet.figures.items()}


def test_the_present_figures_come_first(hub, clock):
    tick(hub, a=1, b=2)
    tick(hub, b=3)
    assert texts(taken(watcher(hub, clock), clock)) == {"a": "1", "b": "3"}


def test_a_whole_message_forgets_what_is_gone(hub, clock):
    tick(hub, a=1, b=2)
    tick(hub, whole=True, b=3)
    assert texts(taken(watcher(hub, clock), clock)) == {"b": "3"}


def test_one_owner_never_sees_anothers(hub, clock):
    mine, theirs = watcher(hub, clock, "u1"), watcher(hub, clock, "u2")
    tick(hub, "u1", secret=1)
    hub.take("changed", {"owner": "u1", "rooms": ["orders"]})
    hub.take("notice", {"owner": "u1", "level": "warn", "text": "x"})
    assert len(taken(mine, clock).happenings) == 2
    batch = taken(theirs, clock)
    assert (batch.packet.figures, batch.happenings) == ({}, [])
    assert texts(taken(watcher(hub, clock, "u2"), clock)) == {}


def test_prices_of_the_market_reach_only_who_watches_them_and_an_index_everybody(hub, clock):
    watching, other = watcher(hub, clock, watched=["NSE:SBIN"]), watcher(hub, clock, "u2")
    price(hub, "ltp:NSE:SBIN", 980)
    price(hub, "ltp:NSE_INDEX:NIFTY", 24000)
    assert texts(taken(watching, clock)) == {"ltp:NSE:SBIN": "980", "ltp:NSE_INDEX:NIFTY": "24000"}
    assert texts(taken(other, clock)) == {"ltp:NSE_INDEX:NIFTY": "24000"}
    assert set(taken(watcher(hub, clock, "u3"), clock).packet.figures) == {"ltp:NSE_INDEX:NIFTY"}


def test_a_slow_browser_keeps_only_the_newest_of_each_figure(hub, clock):
    slow, quick = watcher(hub, clock), watcher(hub, clock)
    for value in range(5000):
        tick(hub, a=value, b=-value)
        hub.take("changed", {"owner": "u1", "rooms": [f"order:{value}"]})
        assert texts(taken(quick, clock))["a"] == str(value)
    batch = taken(slow, clock)
    assert texts(batch) == {"a": "4999", "b": "-4999"}
    assert len(batch.happenings) <= MOST_WAITING + 1
    assert any(one.name == "changed" and one.data is None for one in batch.happenings), "it is told to fetch all"


def test_who_comes_back_is_told_what_was_missed(hub, clock):
    hub.take("changed", {"owner": "u1", "rooms": ["orders"]})
    seen = hub.spell(taken(watcher(hub, clock), clock).seq)
    hub.take("changed", {"owner": "u1", "rooms": ["positions"]})
    hub.take("notice", {"owner": "u1", "level": "alarm", "text": "look", "link": "/orders/1"})
    missed = taken(watcher(hub, clock, last_id=seen), clock).happenings
    assert [(one.name, one.data) for one in missed] == [
        ("changed", ["positions"]),
        ("notice", {"level": "alarm", "text": "look", "link": "/orders/1"}),
    ]


def test_a_newcomer_is_told_nothing_of_before(hub, clock):
    hub.take("changed", {"owner": "u1", "rooms": ["orders"]})
    assert taken(watcher(hub, clock), clock).happenings == []


@pytest.mark.parametrize("last_id", ["another-12", "nonsense", "-", "1" * 500])
def test_an_id_of_another_process_means_everything_may_have_changed(hub, clock, last_id):
    (only,) = taken(watcher(hub, clock, last_id=last_id), clock).happenings
    assert (only.name, only.data) == ("changed", None)


@pytest.mark.parametrize("number", ["²", "٣", "9" * 5000, "-1", ""])
def test_what_is_no_number_of_this_process_means_so_too(hub, clock, number):
    boot = hub.newest_id.partition("-")[0]
    (only,) = taken(watcher(hub, clock, last_id=f"{boot}-{number}"), clock).happenings
    assert (only.name, only.data) == ("changed", None)


def test_who_was_away_for_longer_than_is_remembered_fetches_everything(hub, clock):
    start = hub.spell(taken(watcher(hub, clock), clock).seq)
    for _ in range(RING + 1):
        hub.take("changed", {"owner": "u1", "rooms": ["orders"]})
    (only,) = taken(watcher(hub, clock, last_id=start), clock).happenings
    assert only.data is None


def test_six_streams_a_person_and_no_more(hub, clock):
    open_ones = [watcher(hub, clock) for _ in range(MOST_STREAMS)]
    seventh = Watcher("u1", "u1", "pass", frozenset(), clock.monotonic())
    assert not hub.join(seventh)
    watcher(hub, clock, user="u2")
    hub.leave(open_ones[0])
    assert hub.join(seventh)


def test_streams_nobody_reads_end_and_make_room(hub, clock):
    stuck = [watcher(hub, clock) for _ in range(MOST_STREAMS)]
    clock.forward(31)
    taken(stuck[0], clock)
    hub.take("beat", {"engine_at": 1, "feed": {}})
    assert [one.closed for one in stuck] == [False] + [True] * 5
    assert len(hub.watchers()) == 1


def test_a_waiting_stream_wakes_at_once(hub, clock):
    one, got = watcher(hub, clock), []
    taken(one, clock)
    thread = threading.Thread(target=lambda: got.append(one.take(10, clock.monotonic())))
    thread.start()
    tick(hub, a=1)
    thread.join(30)
    assert texts(got[0]) == {"a": "1"}


def test_figures_for_many_pages_are_written_once(hub, clock):
    watchers = [watcher(hub, clock, user=f"user {number}") for number in range(3)]
    tick(hub, a=1)
    one, *others = [taken(each, clock).packet for each in watchers]
    assert one.shown == b'{"a":{"t":"\xe2\x96\xb2\xc2\xa0+\xe2\x82\xb91.00","s":"up","at":1}}'
    for other in others:
        assert other.figures["a"].written("a") is one.figures["a"].written("a")


def test_of_two_prices_of_one_symbol_the_newer_is_told(hub, clock):
    one = watcher(hub, clock, watched=["NSE:SBIN"])
    price(hub, "ltp:NSE:SBIN", 980, owner="u1")
    price(hub, "ltp:NSE:SBIN", 981)
    assert texts(taken(one, clock)) == {"ltp:NSE:SBIN": "981"}
    price(hub, "ltp:NSE:SBIN", 982)
    price(hub, "ltp:NSE:SBIN", 983, owner="u1")
    assert texts(taken(one, clock)) == {"ltp:NSE:SBIN": "983"}


def test_prices_wait_for_their_turn_and_what_happened_does_not(hub, clock):
    one = watcher(hub, clock, watched=["NSE:SBIN"])
    one.pace = 60.0
    price(hub, "ltp:NSE:SBIN", 980)
    assert texts(taken(one, clock)) == {"ltp:NSE:SBIN": "980"}
    price(hub, "ltp:NSE:SBIN", 981)
    got = []
    thread = threading.Thread(target=lambda: got.append(one.take(30, clock.monotonic())))
    thread.start()
    hub.take("changed", {"owner": "u1", "rooms": ["orders"]})
    thread.join(10)
    assert [happening.data for happening in got[0].happenings] == [["orders"]]
    assert texts(got[0]) == {"ltp:NSE:SBIN": "981"}, "what is newer goes along"


def test_who_signs_out_is_told_nothing_more(hub, clock):
    one, other = watcher(hub, clock), watcher(hub, clock)
    other.pass_id = "another"
    hub.leave_pass("pass")
    assert (one.closed, other.closed) == (True, False)


def test_a_price_that_was_asked_for_is_shown_as_such_and_makes_nothing_live(hub, clock):
    cell = {"v": "26000", "k": "price", "c": "INR", "at": 5_000, "src": "request"}
    hub.take("tick", {"owner": "*", "cells": {"ltp:NSE_INDEX:NIFTY": cell}})
    assert hub.priced_at is None
    assert hub.indices()["ltp:NSE_INDEX:NIFTY"].shown["src"] == "request"
    price(hub, "ltp:NSE_INDEX:NIFTY", 26001)
    assert hub.priced_at is not None
    assert "src" not in hub.indices()["ltp:NSE_INDEX:NIFTY"].shown
