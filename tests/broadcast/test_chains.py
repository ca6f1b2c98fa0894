"""Chains that somebody looks at: wanted of the feed, told four times a second, let go when nobody looks any more."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from app.broadcast.chain_book import ChainBook
from app.broadcast.chain_keys import ChainKey
from app.broadcast.chains import Chains
from app.feed.hub import Hub
from app.feed.subscriptions import Subscriptions
from app.instruments.service import InstrumentService
from app.venues.types import FeedMode, Symbol
from tests.broadcast.conftest import KeepingLink
from tests.chains import DAY, list_chain
from tests.feed.hands import HandClock, quote

KEY = ChainKey("NFO", "NIFTY", DAY)
SPOT = Symbol("NSE_INDEX", "NIFTY")


class Watch:
    def __init__(self, db) -> None:
        self.clock, self.link, self.subscriptions = HandClock(), KeepingLink(), Subscriptions()
        self.hub = Hub(self.clock)
        instruments = InstrumentService(db)
        list_chain(instruments, self.clock.now())
        self.book = ChainBook(instruments)
        self.chains = Chains(
            self.book, self.hub, self.subscriptions, self.link, self.clock, rate=0.065, yesterday={}, wake=list
        )

    def wish(self, *chains, holder="web"):
        self.chains.take({"holder": holder, "symbols": list(chains)})

    def price(self, strike, kind, last):
        self.hub.take(quote(Symbol("NFO", f"NIFTY24NOV26{strike}{kind}"), last, self.clock.now(), volume=650))

    def spot(self, last):
        self.hub.take(quote(SPOT, last, self.clock.now()))

    def turn(self, seconds=0.25):
        self.clock.forward(seconds)
        self.chains.step()
        found = {}
        for payload in self.link.take("tick"):
            assert payload["owner"] == "*"
            found |= payload["cells"]
        return found

    def wanted(self, mode):
        return {symbol.name for symbol, wanted in self.subscriptions.modes().items() if wanted is mode}


@pytest.fixture
def watch(db):
    return Watch(db)


def test_nobody_looks_and_nothing_is_done(watch):
    watch.spot(26010)

    assert watch.turn() == {}
    assert watch.subscriptions.modes() == {}


def test_the_strikes_around_the_money_are_wanted_in_depth(watch):
    watch.spot(26010)
    watch.wish(KEY.wish(2))

    cells = watch.turn()

    assert cells["atm:sum@NFO:NIFTY24NOV26"]["v"] == "26000"
    strikes = (25750, 25800, 25850, 25900, 25950, 26000, 26050, 26100, 26150, 26200, 26250)
    assert watch.wanted(FeedMode.DEPTH) == {f"NIFTY24NOV26{one}{kind}" for one in strikes for kind in ("CE", "PE")}
    assert watch.wanted(FeedMode.QUOTE) == {"NIFTY", "NIFTY24NOV26FUT"}


def test_ten_pages_of_a_chain_want_no_more_than_one(watch):
    watch.spot(26010)
    for number in range(10):
        watch.wish(KEY.wish(2), holder=f"web-{number}")
    watch.turn()
    alone = watch.subscriptions.modes()

    watch.wish(holder="web-0")
    watch.turn()

    assert watch.subscriptions.modes() == alone


def test_the_widest_look_counts(watch):
    watch.spot(26010)
    watch.wish(KEY.wish(1), holder="narrow")
    watch.wish(KEY.wish(5), holder="wide")
    watch.turn()
    wide = len(watch.wanted(FeedMode.DEPTH))
    watch.wish(holder="wide")
    watch.turn()

    assert (wide, len(watch.wanted(FeedMode.DEPTH))) == (34, 18)


def test_the_strikes_wanted_follow_the_money(watch):
    watch.spot(26010)
    watch.wish(KEY.wish(1))
    watch.turn()
    watch.spot(26510)
    cells = watch.turn()

    assert cells["atm:sum@NFO:NIFTY24NOV26"]["v"] == "26500"
    assert "NIFTY24NOV2626700CE" in watch.wanted(FeedMode.DEPTH)
    assert "NIFTY24NOV2626000CE" not in watch.wanted(FeedMode.DEPTH)


@pytest.mark.parametrize("how", ["let go", "forgotten"])
def test_a_chain_nobody_looks_at_is_released(watch, how):
    watch.spot(26010)
    watch.wish(KEY.wish(2))
    watch.turn()

    if how == "let go":
        watch.wish()
    watch.turn(0.25 if how == "let go" else 15.1)

    assert watch.subscriptions.modes() == {}
    assert watch.link.take("gone") == [{"of": "@NFO:NIFTY24NOV26"}]
    assert watch.chains.shown() == {}


def test_only_news_is_told_and_everything_now_and_then(watch):
    watch.spot(26010)
    watch.price(26000, "CE", "150.2")
    watch.wish(KEY.wish(2))
    whole = len(watch.turn())
    assert watch.turn() == {}

    watch.price(26000, "CE", "151")
    assert "26000CE:ltp@NFO:NIFTY24NOV26" in watch.turn()
    watch.chains.send_everything()
    assert len(watch.turn()) == whole


def test_another_web_process_is_told_everything(watch):
    watch.spot(26010)
    watch.wish(KEY.wish(2), holder="first")
    whole = len(watch.turn())
    watch.wish(KEY.wish(2), holder="second")

    assert len(watch.turn()) == whole
    watch.wish(KEY.wish(2), holder="second")
    assert watch.turn() == {}


def test_what_is_not_listed_costs_nothing(watch):
    watch.wish("NFO:NIFTY01JAN30#5", "rubbish", "NFO:NIFTY24NOV26#")

    assert watch.turn() == {}
    assert watch.subscriptions.modes() == {}


def test_the_nearest_to_the_money_come_first(watch):
    watch.spot(26010)
    watch.wish(KEY.wish(1))
    watch.turn()

    nearest = watch.chains.nearest(KEY, watch.chains.shown()[KEY])

    assert [one.name for one in nearest[:2]] == ["NIFTY24NOV2626000CE", "NIFTY24NOV2626000PE"]
    assert len(nearest) == 6


def test_a_chain_ends_when_its_session_closes(watch):
    """The 24th is a holiday on record: then it ends when it usually would."""
    listing = watch.book.listing(KEY, watch.clock.now())

    assert listing.expires == datetime(2026, 11, 24, 10, 10, tzinfo=UTC)
    assert listing.options[0].tick == Decimal("0.05")
    assert listing.spot == SPOT
    assert listing.expires - watch.clock.now() > timedelta(days=4)
