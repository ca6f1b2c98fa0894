"""What the port says about an OpenAlgo server, against the paper broker."""

import subprocess
import sys
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from app.core.errors import Refused, Retry
from app.core.ids import new_id
from app.venues.openalgo import register
from app.venues.port import Venue
from app.venues.registry import Registry
from app.venues.types import CancelOrder, Mode, ModifyOrder, Outcome, PlaceOrder, PriceType, Product, Side, Symbol
from tests.paper.running import PaperServer
from tests.venues.openalgo.paper import PaperControl, connection, open_venue

CALL = Symbol("NFO", "NIFTY24NOV2626050CE")


@pytest.fixture(scope="module")
def paper():
    with PaperServer([{"name": "zerodha"}, {"name": "text", "text_numbers": True}]) as running:
        yield running


@pytest.fixture
def control(paper):
    paper.reset()
    return PaperControl(paper, "zerodha")


@pytest.fixture
def venue(paper, control):
    opened = open_venue(paper["zerodha"])
    yield opened
    opened.close()


def order(**changes):
    wanted = {"side": Side.BUY, "quantity": Decimal(65), "price_type": PriceType.MARKET, "product": Product.NRML}
    return PlaceOrder(**{"client_order_id": new_id(), "symbol": CALL, **wanted, **changes})


def test_it_is_opened_by_its_kind_and_imports_the_sdk_only_then(paper):
    registry = Registry()
    register(registry)
    opened: Venue = registry.open(connection(paper["zerodha"]))
    with closing(opened):
        assert opened.identity() == "zerodha"
    look = "import sys, app.venues.openalgo; sys.exit('pandas' in sys.modules or 'openalgo' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", look], check=False).returncode == 0


def test_no_command_leaves_after_its_turn_and_it_is_proven_that_none_did(venue, control):
    now = datetime.now(UTC)
    resting = venue.place(order(price_type=PriceType.LIMIT, price=Decimal("0.05"), not_after=now + timedelta(hours=1)))
    name, late = resting.venue_order_id, {"not_after": now}
    before = control.orders()
    terms = {"side": Side.BUY, "quantity": Decimal(65), "price_type": PriceType.LIMIT, "product": Product.NRML}
    answers = [
        venue.place(order(**late)),
        venue.modify(ModifyOrder(name, new_id(), CALL, price=Decimal("0.10"), **terms, **late)),
        venue.cancel(CancelOrder(name, new_id(), CALL, **late)),
    ]
    assert [answer.outcome for answer in answers] == [Outcome.UNAVAILABLE] * 3
    assert control.orders() == before


def test_a_server_in_semi_auto_mode_places_nothing_and_says_so(paper, venue, control):
    paper.tell("mode", semi_auto=True)
    answer = venue.place(order())
    assert (answer.outcome, answer.awaiting_approval) == (Outcome.REFUSED, True)
    assert control.orders() == []
    refused = venue.cancel(CancelOrder("1", new_id(), CALL))
    assert refused.outcome is Outcome.REFUSED
    assert "semi-auto" in refused.reason.lower()


def test_each_answer_tells_the_mode_it_was_given_in(paper, venue):
    assert (venue.mode(), venue.place(order()).mode) == (Mode.LIVE, Mode.LIVE)
    paper.tell("mode", analyze=True)
    assert (venue.mode(), venue.place(order()).mode) == (Mode.PAPER, Mode.PAPER)
    assert {report.mode for report in venue.orders()} == {Mode.PAPER}


def test_the_brokers_own_rate_limit_proves_nothing(paper, venue, control):
    paper.fault("broker_rate_limit", endpoint="placeorder", next=1)
    assert venue.place(order()).outcome is Outcome.UNKNOWN
    assert control.asked() == 1


def test_what_can_not_be_said_to_the_server_is_not_sent(venue, control):
    answer = venue.place(order(product=Product.SPOT))
    assert answer.outcome is Outcome.REFUSED
    assert control.asked() == 0


def test_it_can_not_find_orders_by_our_id_and_says_so(venue):
    assert not venue.capabilities.client_order_id
    with pytest.raises(Refused):
        venue.find(new_id())


def test_a_logged_out_server_refuses_readings_and_placings(paper, venue):
    paper.tell("login", logged_in=False)
    with pytest.raises(Refused) as caught:
        venue.orders()
    assert caught.value.details["code"] == "403"
    assert venue.place(order()).outcome is Outcome.REFUSED


def test_empty_funds_of_a_dead_token_are_a_failed_reading(paper, venue):
    paper.fault("dead_token")
    with pytest.raises(Retry):
        venue.funds()


def test_numbers_in_text_are_numbers(paper, control):
    with closing(open_venue(paper["text"])) as venue:
        venue.place(order())
        (report,) = venue.orders()
        (position,) = venue.positions()
    assert (report.quantity, position.quantity) == (65, 65)


def test_the_master_names_lots_and_a_single_contract_its_freeze_quantity_too(venue):
    contracts = {contract.symbol: contract for contract in venue.contracts("NFO")}
    assert contracts[CALL].lot_size == 65
    assert contracts[CALL].freeze_quantity is None
    assert venue.contract(CALL).freeze_quantity == 1800
    assert contracts[CALL].expiry in venue.expiries("NIFTY", "NFO", "options")
    assert venue.expiries("NOSUCH", "NFO", "options") == []


def test_history_is_a_list_of_candles(venue):
    candles = venue.history(Symbol("NSE", "SBIN"), "5m", date(2026, 11, 17), date(2026, 11, 19))
    assert len(candles) > 100
    assert all(candle.low <= candle.open <= candle.high for candle in candles)
    assert candles == sorted(candles, key=lambda candle: candle.start)


def test_the_strategy_text_arrives_as_our_label(paper, venue):
    venue.place(order(tag="AB-17 straddle"))
    assert paper.books("zerodha")["orders"][0]["strategy"] == "AB-17-straddle"
