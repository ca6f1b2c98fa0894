"""The life of orders at a live broker, over the wire."""

from decimal import Decimal

import pytest

from tests.paper.running import OPTION, PaperServer
from tests.waiting import until

FUTURE = "NIFTY24NOV26FUT"


@pytest.fixture(scope="module")
def server():
    brokers = [{"name": "zerodha"}, {"name": "strict", "refuse_at_gateway": ["symbol", "freeze", "margin"]}]
    with PaperServer(brokers) as paper:
        yield paper


@pytest.fixture
def paper(server):
    server.reset()
    server.tell("market", name="NIFTY", pin=26000)
    return server


@pytest.fixture
def broker(paper):
    return paper["zerodha"]


def ltp(broker, symbol=OPTION, exchange="NFO") -> float:
    return broker.call("quotes", symbol=symbol, exchange=exchange)[1]["data"]["ltp"]


def truth(paper, orderid, broker="zerodha"):
    return next(o for o in paper.books(broker)["orders"] if o["orderid"] == orderid)


def on_tick(price: float) -> float:
    return round(round(price / 0.05) * 0.05, 2)


def test_a_market_order_fills_and_is_traded(broker):
    orderid = broker.place()[1]["orderid"]
    assert len(orderid) == 15
    assert orderid.isdigit()
    assert broker.order(orderid)["order_status"] == "complete"
    trades = [row for row in broker.call("tradebook")[1]["data"] if row["orderid"] == orderid]
    assert sum(row["quantity"] for row in trades) == 65
    position = broker.call("positionbook")[1]["data"][0]
    assert (position["symbol"], position["quantity"]) == (OPTION, 65)


def test_a_live_row_tells_no_more_than_eleven_things(broker):
    row = broker.order(broker.place()[1]["orderid"])
    assert len(row) == 11
    assert row.keys().isdisjoint({"average_price", "filled_quantity", "rejection_reason", "strategy"})


def test_a_large_market_order_takes_several_fills(paper, broker):
    order = truth(paper, broker.place(quantity=1755)[1]["orderid"])
    filled = sum(fill["quantity"] for fill in order["fills"])
    assert len(order["fills"]) > 1
    assert filled == order["filled"] <= 1755
    until(lambda: truth(paper, order["orderid"])["status"] == "complete")


def test_a_limit_order_rests_until_the_market_comes_to_it(paper, broker):
    orderid = broker.place(pricetype="LIMIT", price=on_tick(ltp(broker) - 20))[1]["orderid"]
    assert broker.order(orderid)["order_status"] == "open"
    paper.tell("market", name="NIFTY", pin=25850)
    until(lambda: broker.order(orderid)["order_status"] == "complete")
    assert Decimal(truth(paper, orderid)["average_price"]) <= Decimal(truth(paper, orderid)["price"])


def test_a_stop_waits_for_its_trigger_then_fills(paper, broker):
    broker.place()
    stop = {"action": "SELL", "pricetype": "SL-M", "trigger_price": on_tick(ltp(broker) - 10)}
    orderid = broker.place(**stop)[1]["orderid"]
    assert broker.order(orderid)["order_status"] == "trigger pending"
    paper.tell("market", name="NIFTY", pin=25850)
    until(lambda: broker.order(orderid)["order_status"] == "complete")


def test_a_stop_limit_may_trigger_and_stay_open(paper, broker):
    trigger = on_tick(ltp(broker) - 10)
    stop = {"action": "SELL", "pricetype": "SL", "trigger_price": trigger, "price": trigger}
    orderid = broker.place(**stop)[1]["orderid"]
    paper.tell("market", name="NIFTY", pin=25700)
    until(lambda: broker.order(orderid)["order_status"] == "open")


def test_a_cancelled_order_stays_cancelled(broker):
    orderid = broker.place(pricetype="LIMIT", price=5)[1]["orderid"]
    assert broker.call("cancelorder", strategy="t", orderid=orderid)[0] == 200
    assert broker.order(orderid)["order_status"] == "cancelled"
    status, answer = broker.call("cancelorder", strategy="t", orderid=orderid)
    assert status == 400
    assert "mode" not in answer


def test_a_modified_order_has_its_new_terms(broker):
    order = {"pricetype": "LIMIT", "price": 5}
    orderid = broker.place(**order)[1]["orderid"]
    changed = {"price": 6.05, "quantity": 130, "pricetype": "LIMIT", "trigger_price": 0, "disclosed_quantity": 0}
    same = {"symbol": OPTION, "exchange": "NFO", "action": "BUY", "product": "NRML", "strategy": "t"}
    assert broker.call("modifyorder", orderid=orderid, **same, **changed)[0] == 200
    row = broker.order(orderid)
    assert (row["price"], row["quantity"], row["order_status"]) == (6.05, 130, "open")


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ({"quantity": 10}, "lot size"),
        ({"quantity": 1950}, "freeze quantity"),
        ({"pricetype": "LIMIT", "price": 100.02}, "tick size"),
        ({"pricetype": "LIMIT", "price": 90000}, "circuit limits"),
        ({"product": "CNC"}, "not allowed"),
        ({"pricetype": "LIMIT"}, "cannot be zero"),
        ({"pricetype": "SL-M", "trigger_price": 1}, "Trigger price"),
        ({"symbol": FUTURE, "quantity": 1755, "action": "SELL"}, ""),
    ],
)
def test_a_live_broker_takes_the_order_and_rejects_it_later(paper, broker, order, words):
    times = 8 if not words else 1  # the future is sold until the money is used up
    status, answer = [broker.place(**order) for _ in range(times)][-1]
    assert (status, answer["status"]) == (200, "success")
    assert broker.order(answer["orderid"])["order_status"] == "rejected"
    assert (words or "Insufficient funds") in truth(paper, answer["orderid"])["reason"]


def test_a_broker_can_refuse_at_its_gateway_instead(paper):
    status, answer = paper["strict"].place(quantity=1950)
    assert status == 400
    assert "freeze" in answer["message"]
    assert paper.books("strict")["orders"] == []


def test_an_exit_is_never_refused_for_money(paper, broker):
    for _ in range(8):
        broker.place(symbol=FUTURE, quantity=1755, action="SELL")
    assert float(broker.call("funds")[1]["data"]["availablecash"]) < 5_000_000
    bought = broker.place(symbol=FUTURE, quantity=1755)[1]["orderid"]
    assert broker.order(bought)["order_status"] != "rejected"


def test_funds_are_five_texts_that_add_up(paper, broker):
    broker.place()
    broker.place(action="SELL", quantity=130)
    funds = broker.call("funds")[1]["data"]
    assert set(map(type, funds.values())) == {str}
    ledger = paper.books("zerodha")["ledger"]
    free = Decimal(funds["availablecash"]) + Decimal(funds["utiliseddebits"])
    assert free == Decimal(ledger["cash"]) + Decimal(funds["m2mrealized"])
    assert Decimal(ledger["charges"]) > 0


def test_closing_everything_says_success_even_if_refused(paper, broker):
    broker.place(symbol=FUTURE, quantity=1300)
    broker.place(symbol=FUTURE, quantity=1300)
    answer = broker.call("closeposition", strategy="t")[1]
    assert answer == {"status": "success", "message": "All Open Positions Squared Off"}
    assert paper.books("zerodha")["orders"][-1]["status"] == "rejected"


def test_cancel_all_takes_waiting_stops_too(broker):
    broker.place(pricetype="LIMIT", price=5)
    broker.place(pricetype="SL-M", trigger_price=on_tick(ltp(broker) + 50))
    answer = broker.call("cancelallorder", strategy="t")[1]
    assert len(answer["canceled_orders"]) == 2


def test_a_smart_order_sends_the_difference(paper, broker):
    smart = {"symbol": OPTION, "exchange": "NFO", "action": "BUY", "product": "NRML", "pricetype": "MARKET"}
    broker.call("placesmartorder", strategy="t", quantity=65, position_size=130, **smart)
    broker.call("placesmartorder", strategy="t", quantity=65, position_size=65, **smart)
    orders = paper.books("zerodha")["orders"]
    assert [(o["action"], o["quantity"]) for o in orders] == [("BUY", 130), ("SELL", 65)]


def test_a_semi_auto_server_queues_and_refuses(paper, broker):
    paper.tell("mode", semi_auto=True)
    status, answer = broker.place()
    assert (status, answer["mode"]) == (200, "semi_auto")
    assert "orderid" not in answer
    assert broker.call("cancelallorder", strategy="t")[0] == 403
    approved = paper.tell("approve", broker="zerodha", pending_order_id=answer["pending_order_id"])
    assert approved["answer"]["orderid"] == paper.books("zerodha")["orders"][0]["orderid"]


def test_switching_the_analyzer_switches_the_books(broker):
    broker.place()
    broker.call("analyzer/toggle", mode=True)
    answer = broker.call("orderbook")[1]
    assert (answer["mode"], answer["data"]["orders"]) == ("analyze", [])
    assert len(broker.place()[1]["orderid"]) == 14
    broker.call("analyzer/toggle", mode=False)
    assert len(broker.call("orderbook")[1]["data"]["orders"]) == 1


def test_an_order_from_another_app_appears_in_the_book(paper, broker):
    order = {"symbol": OPTION, "exchange": "NFO", "action": "BUY", "quantity": 65, "product": "NRML"}
    placed = paper.tell("foreign-order", broker="zerodha", **order)["placed"][0]["order"]
    assert placed["foreign"] is True
    assert broker.order(placed["orderid"])["order_status"] == "complete"


def test_a_trigger_order_places_its_child(paper, broker):
    sbin = ltp(broker, "SBIN", "NSE")
    terms = {"symbol": "SBIN", "exchange": "NSE", "action": "BUY", "product": "CNC", "quantity": 1}
    below = {"trigger_type": "SINGLE", "triggerprice_sl": on_tick(sbin * 0.98), "price": on_tick(sbin)}
    assert broker.call("placegttorder", strategy="t", **terms, **below)[0] == 200
    assert broker.call("gttorderbook")[1]["data"][0]["trigger_type"] == "single"
    paper.tell("market", name="SBIN", shift=-3)
    until(lambda: paper.books("zerodha")["orders"])
    assert broker.call("gttorderbook")[1]["data"] == []


def test_a_closed_market_rejects_and_a_new_day_starts_with_empty_books():
    night = {"sessions": "calendar", "start": "2026-11-20T23:59:54+05:30"}
    with PaperServer([{"name": "zerodha"}], **night) as paper:
        broker = paper["zerodha"]
        order = truth(paper, broker.place()[1]["orderid"])
        assert (order["status"], "closed" in order["reason"]) == ("rejected", True)
        until(lambda: paper.books("zerodha")["orders"] == [])
