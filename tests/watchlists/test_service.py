"""A person's lists."""

import pytest

from app.core.errors import Denied, Invalid, NotFound
from app.instruments.service import InstrumentService
from app.venues.types import Symbol
from app.watchlists import service as room
from app.watchlists.pasted import Pasted, read
from app.watchlists.service import WatchlistService
from tests.alerts.conftest import listed
from tests.feed.hands import MORNING, HandClock
from tests.portfolio.rows import Desk

SYMBOLS = [Symbol("NSE", "SBIN"), Symbol("NSE", "TCS"), Symbol("NSE", "M&M"), Symbol("BSE", "SBIN")]


@pytest.fixture
def lists(db):
    Desk(db)
    Desk(db, "u2")
    with db.write() as session:
        session.add_all(listed(symbol, MORNING) for symbol in SYMBOLS)
    return WatchlistService(db, HandClock(), InstrumentService(db), lambda _event: None)


@pytest.fixture
def mine(lists):
    return lists.create("u1", "Mine")


def names(lists, watchlist_id):
    return [f"{row.exchange}:{row.symbol}" for row in lists.symbols("u1", watchlist_id)]


def test_symbols_are_added_once_and_stand_in_the_order_they_are_moved_to(lists, mine):
    for exchange, symbol in (("nse", "sbin"), ("NSE", "TCS"), ("NSE", "M&M")):
        assert lists.add("u1", mine, exchange, symbol)
    assert not lists.add("u1", mine, "NSE", "TCS")
    lists.move("u1", mine, "NSE", "M&M", -1)
    lists.move("u1", mine, "NSE", "M&M", -1)
    lists.move("u1", mine, "NSE", "M&M", -1)  # it is the first already
    assert names(lists, mine) == ["NSE:M&M", "NSE:SBIN", "NSE:TCS"]
    assert lists.remove("u1", mine, "nse", "sbin")
    assert not lists.remove("u1", mine, "NSE", "SBIN")
    assert names(lists, mine) == ["NSE:M&M", "NSE:TCS"]
    assert lists.move("u1", mine, "nse", "tcs", -1)
    assert not lists.move("u1", mine, "NSE", "SBIN", -1)
    assert names(lists, mine) == ["NSE:TCS", "NSE:M&M"]


def test_what_nobody_lists_is_not_added(lists, mine):
    with pytest.raises(Invalid, match="attention"):
        lists.add("u1", mine, "NSE", "NOSUCH")


def test_a_paste_adds_what_is_clear_and_tells_the_rest(lists, mine):
    lists.add("u1", mine, "NSE", "TCS")
    done = lists.paste("u1", mine, "nse:sbin, TCS\nM&M; SBIN NOSUCH <b>")
    assert names(lists, mine) == ["NSE:TCS", "NSE:SBIN", "NSE:M&M"]
    assert (done.added, done.known, done.unclear) == (2, 1, ["SBIN"])
    assert done.unknown == ["NOSUCH", "<B>"]


def test_pasted_text_is_read_once_per_symbol_in_its_order():
    assert read(" NSE:SBIN,sbin\nNSE:SBIN ") == ([Pasted("NSE", "SBIN"), Pasted("", "SBIN")], [])
    assert read("  ") == ([], [])


def test_limits_are_told_and_nothing_is_cut_silently(lists, mine, monkeypatch):
    monkeypatch.setattr(room, "MOST_SYMBOLS", 2)
    assert lists.paste("u1", mine, "NSE:SBIN NSE:TCS NSE:M&M").left == 1
    with pytest.raises(Denied, match="Mine has 2 symbols"):
        lists.add("u1", mine, "NSE", "M&M")
    monkeypatch.setattr(room, "MOST_LISTS", 1)
    with pytest.raises(Invalid) as refused:
        lists.create("u1", "Another")
    assert "You have 1 lists" in refused.value.fields["name"][0]


def test_names_are_given_once_and_lists_keep_their_order(lists, mine):
    second = lists.create("u1", "  Bank   options ")
    for wrong in ("", " ", "x" * 41, "mine"):
        with pytest.raises(Invalid):
            lists.create("u1", wrong)
    with pytest.raises(Invalid):
        lists.rename("u1", second, "MINE")
    lists.rename("u1", second, "Banks")
    lists.move_list("u1", second, -1)
    assert [row.name for row, _ in lists.lists("u1")] == ["Banks", "Mine"]
    lists.add("u1", second, "NSE", "SBIN")
    assert [count for _, count in lists.lists("u1")] == [1, 0]
    assert lists.delete("u1", second) == 1
    assert [row.name for row, _ in lists.lists("u1")] == ["Mine"]


def test_somebody_elses_list_is_not_found(lists, mine):
    acts = (
        lambda: lists.symbols("u2", mine), lambda: lists.rename("u2", mine, "x"), lambda: lists.delete("u2", mine),
        lambda: lists.add("u2", mine, "NSE", "SBIN"), lambda: lists.paste("u2", mine, "NSE:SBIN"),
        lambda: lists.move("u2", mine, "NSE", "SBIN", 1), lambda: lists.move_list("u2", mine, 1),
    )  # fmt: skip
    for act in acts:
        with pytest.raises(NotFound):
            act()
