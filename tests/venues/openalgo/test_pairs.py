"""Stops and targets that rest as one at an OpenAlgo server: over a paper broker that keeps them, and one without."""

from decimal import Decimal

import pytest

from app.core.errors import Unknown
from app.core.ids import new_id
from app.venues.openalgo import pairs
from app.venues.openalgo.answers import Reply, placed
from app.venues.types import CancelOrder, OrderStatus, Outcome, PlaceOrder, PriceType, Product, Side, Symbol
from tests.paper.running import PaperServer
from tests.venues.openalgo.paper import open_venue
from tests.waiting import until

CALL = Symbol("NFO", "NIFTY24NOV2626050CE")
ROW = {
    "trigger_id": 7, "trigger_type": "two-leg", "status": "active", "symbol": CALL.name, "exchange": CALL.exchange,
    "trigger_prices": [100.0, 140.0], "created_at": "2026-11-20T10:00:00",
    "legs": [
        {"action": "SELL", "quantity": 65, "price": 95.0, "pricetype": "LIMIT", "product": "NRML"},
        {"action": "SELL", "quantity": 65, "price": 140.0, "pricetype": "LIMIT", "product": "NRML"},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def paper():
    with PaperServer([{"name": "zerodha"}, {"name": "alpha"}], step_ms=100) as running:
        yield running


@pytest.fixture
def venue(paper):
    paper.reset()
    opened = open_venue(paper["zerodha"])
    yield opened
    opened.close()


def pair(last: Decimal, side: Side = Side.SELL, **more) -> PlaceOrder:
    away = 20 * side.opposite.sign
    prices = {"trigger_price": last - away, "price": last - away, "target_trigger": last + away}
    prices["target_price"] = last + away
    return PlaceOrder(new_id(), CALL, side, Decimal(65), PriceType.OCO, **{"product": Product.NRML} | prices | more)


def last_of(venue) -> Decimal:
    return venue.quotes([CALL])[CALL].last


@pytest.mark.parametrize("side", list(Side))
def test_a_pair_is_placed_shown_as_it_was_asked_for_and_taken_back(venue, side):
    command = pair(last_of(venue), side)
    placed = venue.place(command)
    assert placed.outcome is Outcome.DONE and placed.venue_order_id.startswith(pairs.PREFIX)
    (shown,) = venue.pairs()
    assert (shown.venue_order_id, shown.status) == (placed.venue_order_id, OrderStatus.TRIGGER_PENDING)
    assert (shown.side, shown.quantity, shown.product) == (side, command.quantity, "NRML")
    assert (shown.price, shown.trigger_price) == (command.price, command.trigger_price)
    back = CancelOrder(placed.venue_order_id, command.client_order_id, CALL, price_type=PriceType.OCO)
    assert venue.cancel(back).outcome is Outcome.DONE
    assert venue.pairs() == []
    assert venue.cancel(back).outcome is Outcome.REFUSED


def test_what_is_touched_becomes_an_order_at_its_limit(venue, paper):
    last = last_of(venue)
    command = pair(last, target_trigger=last + Decimal("0.05"), target_price=last + Decimal("0.05"))
    assert venue.place(command).outcome is Outcome.DONE
    paper.tell("market", name="NIFTY", shift=2)
    until(lambda: venue.pairs() == [], 20)
    (child,) = venue.orders()
    assert (child.price, child.side, child.quantity) == (command.target_price, Side.SELL, command.quantity)
    paper.tell("market", name="NIFTY", pin=None)


def test_a_broker_that_keeps_none_refuses_in_its_words(paper):
    venue = open_venue(paper["alpha"])
    answer = venue.place(pair(last_of(venue)))
    assert (answer.outcome, answer.login_needed) == (Outcome.REFUSED, False)
    assert "not supported" in answer.reason
    venue.close()


def test_what_lies_on_the_wrong_side_of_the_market_is_refused(venue):
    last = last_of(venue)
    answer = venue.place(pair(last, trigger_price=last + 5, price=last + 5))
    assert answer.outcome is Outcome.REFUSED and "below" in answer.reason


@pytest.mark.parametrize("change", [{"target_price": None}, {"trigger_price": None}, {"product": Product.MIS}])
def test_what_a_server_cannot_be_told_is_refused_before_it_is_asked(venue, change):
    last = last_of(venue)
    assert venue.place(pair(last, **change)).outcome is Outcome.REFUSED
    assert venue.pairs() == []


def test_who_buys_back_has_the_stop_above():
    body = pairs.place_body(pair(Decimal(100), Side.BUY))
    assert (body["triggerprice_sl"], body["triggerprice_tg"]) == (80, 120)
    legs = [leg | {"action": "BUY"} for leg in ROW["legs"]]
    (report,) = pairs.reports({"data": [ROW | {"legs": legs}]})
    assert (report.trigger_price, report.price) == (Decimal(140), Decimal(140))


def test_triggers_of_one_leg_are_nobodys_pair():
    assert pairs.reports({"data": [ROW | {"legs": ROW["legs"][:1], "trigger_prices": [100]}]}) == []


@pytest.mark.parametrize("broken", [
    {"trigger_id": None}, {"trigger_prices": [100]}, {"trigger_prices": [100, 0]}, {"symbol": ""},
    {"legs": [{"action": "?"}, {}]}, {"legs": [{"action": "SELL", "quantity": 0}, {}]},
])  # fmt: skip
def test_a_row_that_says_too_little_makes_the_book_no_book(broken):
    with pytest.raises(Unknown):
        pairs.reports({"data": [ROW | broken]})


@pytest.mark.parametrize(("body", "known", "outcome", "name"), [
    ({"status": "success", "trigger_id": 7}, "", Outcome.DONE, "gtt:7"),
    ({"status": "success"}, "gtt:7", Outcome.DONE, "gtt:7"),
    ({"status": "success"}, "", Outcome.UNKNOWN, None),
    ({"status": "error", "message": "no", "trigger_id": 7}, "gtt:7", Outcome.REFUSED, None),
    ({"status": "success", "pending_order_id": 3}, "", Outcome.REFUSED, None),
])  # fmt: skip
def test_an_answer_is_done_where_it_says_so_and_the_trigger_is_known(body, known, outcome, name):
    answer = placed(pairs.as_order(Reply(200, body), known))
    assert (answer.outcome, answer.venue_order_id) == (outcome, name)
