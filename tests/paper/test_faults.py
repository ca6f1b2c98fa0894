"""Each fault does what it says, when it says, and nothing after it is cleared."""

import json
import re
import time
from contextlib import closing

import httpx
import pytest
import websocket

from app.paper.faults import KINDS, parse
from tests.paper.running import OPTION, ROOT, PaperServer
from tests.waiting import until


@pytest.fixture(scope="module")
def server():
    with PaperServer([{"name": "zerodha"}, {"name": "angel"}]) as paper:
        yield paper


@pytest.fixture
def paper(server):
    server.reset()
    server.tell("market", name="NIFTY", pin=26000)
    return server


@pytest.fixture
def broker(paper):
    return paper["zerodha"]


def placed(paper):
    return paper.books("zerodha")["orders"]


# -- answers


def test_latency_is_felt_on_both_ways(paper, broker):
    paper.fault("latency", ms=200, endpoint="ping")
    began = time.monotonic()
    assert broker.call("ping")[0] == 200
    assert time.monotonic() - began >= 0.19


def test_a_hanging_answer_leaves_an_order_behind(paper, broker, monkeypatch):
    paper.fault("lost", endpoint="placeorder", next=1)
    with monkeypatch.context() as hurried:
        hurried.setattr(broker.http, "timeout", 0.3)
        with pytest.raises(httpx.ReadTimeout):
            broker.place()
    until(lambda: [order["status"] for order in placed(paper)] == ["complete"])
    assert broker.place()[0] == 200


def test_a_reset_connection_leaves_an_order_behind(paper, broker):
    paper.fault("lost", how="reset", endpoint="placeorder", next=1)
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        broker.place()
    assert len(placed(paper)) == 1


def test_a_call_lost_on_the_way_places_nothing(paper, broker):
    paper.fault("lost", how="reset", placed=False, endpoint="placeorder", next=1)
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        broker.place()
    assert placed(paper) == []


@pytest.mark.parametrize(("was_placed", "orders"), [(False, 0), (True, 1)])
@pytest.mark.parametrize(("kind", "status"), [("error", 500), ("html", 502), ("null_orderid", 200)])
def test_an_answer_can_be_spoiled_before_or_after_the_order(paper, broker, kind, status, was_placed, orders):
    paper.fault(kind, endpoint="placeorder", placed=was_placed, next=1)
    code, answer = broker.place()
    assert code == status
    assert len(placed(paper)) == orders
    if kind == "null_orderid":
        assert answer == {"status": "success", "orderid": None}
    if kind == "html":
        assert answer.startswith("<html>")


def test_html_can_come_with_a_good_status(paper, broker):
    paper.fault("html", status=200, endpoint="orderbook", next=1)
    assert broker.call("orderbook")[0] == 200
    assert broker.call("orderbook")[1]["status"] == "success"


def test_the_two_rate_limits_look_different(paper, broker):
    paper.fault("rate_limit", next=1)
    assert broker.place() == (429, {"message": "10 per 1 second"})
    paper.fault("broker_rate_limit", next=1)
    status, answer = broker.place()
    assert (status, answer["status"]) == (429, "error")
    assert placed(paper) == []


@pytest.mark.parametrize("book", ["orderbook", "tradebook", "positionbook"])
def test_a_book_can_fail_or_be_empty(paper, broker, book):
    broker.place()
    paper.fault("error", endpoint=book, next=1)
    assert broker.call(book)[0] == 500
    paper.fault("empty_book", endpoint=book, next=1)
    data = broker.call(book)[1]["data"]
    assert (data["orders"] if book == "orderbook" else data) == []
    data = broker.call(book)[1]["data"]
    assert data["orders"] if book == "orderbook" else data


def test_a_dead_token_still_pings_but_trades_no_more(paper, broker):
    paper.fault("dead_token")
    assert broker.call("ping")[0] == 200
    assert broker.call("funds") == (200, {"status": "success", "data": {}})
    assert broker.place()[0] == 401


# -- when


def test_every_third_call_is_struck(paper, broker):
    paper.fault("error", endpoint="ping", every=3)
    assert [broker.call("ping")[0] for _ in range(6)] == [200, 200, 500, 200, 200, 500]


def test_only_the_nth_order_is_rejected(paper, broker):
    paper.fault("reject", nth=2, reason="RMS: blocked")
    for _ in range(3):
        broker.place()
    assert [order["status"] for order in placed(paper)] == ["complete", "rejected", "complete"]
    assert placed(paper)[1]["reason"] == "RMS: blocked"


def test_chance_is_the_same_each_time(paper, broker):
    def strikes():
        paper.reset()
        paper.fault("error", endpoint="ping", probability=0.5)
        return [broker.call("ping")[0] for _ in range(20)]

    assert strikes() == strikes()


def test_a_fault_keeps_to_its_broker_symbol_and_side(paper, broker):
    paper.fault("error", broker="zer*", endpoint="place*", symbol="NIFTY*CE", action="SELL")
    assert broker.place(action="SELL")[0] == 500
    assert broker.place()[0] == 200
    assert broker.place(symbol="NIFTY24NOV2626050PE", action="SELL")[0] == 200
    assert paper["angel"].place(action="SELL")[0] == 200


def test_a_cleared_fault_strikes_no_more(paper, broker):
    fault = paper.fault("error", endpoint="ping")
    assert broker.call("ping")[0] == 500
    paper.control.delete(f"/_paper/faults/{fault}")
    assert broker.call("ping")[0] == 200


@pytest.mark.parametrize(
    "spec",
    [
        {"kind": "gremlin"},
        {"kind": "latency", "mss": 5},
        {"kind": "latency", "ms": "long"},
        {"kind": "error", "next": 0},
        {"kind": "error", "next": 1, "every": 2},
        {"kind": "error", "probability": 2},
        {"kind": "price", "how": "sideways"},
        {"kind": "error", "broker": "nobody"},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(paper, spec):
    answer = paper.control.post("/_paper/faults", json=spec)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert paper.state("zerodha")["faults"] == []


# -- orders


def test_a_rejection_can_come_at_the_gateway(paper, broker):
    paper.fault("reject", at_gateway=True, next=1)
    assert broker.place()[0] == 400
    assert placed(paper) == []


def test_slow_fills_arrive_later(paper, broker):
    paper.fault("slow_fills", ms=2000)
    orderid = broker.place()[1]["orderid"]
    assert broker.order(orderid)["order_status"] == "open"
    until(lambda: broker.order(orderid)["order_status"] == "complete")


def test_partial_fills_go_on_or_stop(paper, broker):
    paper.fault("partial_fills", fraction=0.5, rest="never", next=1)
    stuck = broker.place(quantity=260)[1]["orderid"]
    order = placed(paper)[0]
    assert (order["status"], order["filled"]) == ("open", 130)
    paper.fault("partial_fills", fraction=0.5, next=1)
    moving = broker.place(quantity=260)[1]["orderid"]
    until(lambda: broker.order(moving)["order_status"] == "complete")
    assert broker.order(stuck)["order_status"] == "open"
    broker.call("cancelorder", strategy="t", orderid=stuck)
    assert (placed(paper)[0]["status"], placed(paper)[0]["filled"]) == ("cancelled", 130)


def test_a_slow_cancel_can_lose_to_a_fill(paper, broker):
    ltp = broker.call("quotes", symbol=OPTION, exchange="NFO")[1]["data"]["ltp"]
    orderid = broker.place(pricetype="LIMIT", price=round(round((ltp - 15) / 0.05) * 0.05, 2))[1]["orderid"]
    paper.fault("slow_cancel", ms=60_000)
    assert broker.call("cancelorder", strategy="t", orderid=orderid)[0] == 200
    paper.tell("market", name="NIFTY", pin=25850)
    until(lambda: broker.order(orderid)["order_status"] == "complete")


def test_an_order_can_be_late_in_the_book(paper, broker):
    paper.fault("late_book", ms=2000)
    orderid = broker.place()[1]["orderid"]
    assert broker.call("orderbook")[1]["data"]["orders"] == []
    until(lambda: broker.call("orderbook")[1]["data"]["orders"])
    assert broker.order(orderid)


def test_a_broker_can_show_a_status_of_its_own(paper, broker):
    paper.fault("raw_status", text="validation pending", ms=2000)
    orderid = broker.place()[1]["orderid"]
    assert broker.order(orderid)["order_status"] == "validation pending"
    until(lambda: broker.order(orderid)["order_status"] == "complete")


def test_the_analyzer_can_be_switched_behind_our_back(paper, broker):
    paper.fault("analyzer_switch")
    assert broker.place()[1]["mode"] == "analyze"


def test_a_call_can_meet_a_semi_auto_server(paper, broker):
    paper.fault("semi_auto", next=1)
    assert broker.place()[1]["mode"] == "semi_auto"
    assert "orderid" in broker.place()[1]


# -- login


def test_logged_out_until_somebody_logs_in(paper, broker):
    with broker.stream() as stream:
        stream.ask(action="subscribe", symbol="NIFTY", exchange="NSE_INDEX", mode=1)
        paper.fault("logged_out")
        assert broker.call("ping")[0] == 403
        assert broker.call("search", query="SBIN")[0] == 200
        paper.tell("login")
        assert broker.call("ping")[0] == 200
        stream.say(action="subscribe", symbol="NIFTY", exchange="NSE_INDEX", mode=1)
        said = stream.hear()
        while said.get("type") == "market_data":
            said = stream.hear()
        assert (said["code"], said["message"]) == ("BROKER_ERROR", "Broker adapter not found")
        assert stream.ask(action="authenticate", api_key=broker.api_key)["status"] == "success"
        stream.say(action="subscribe", symbol="NIFTY", exchange="NSE_INDEX", mode=1)
        assert stream.hear_type("market_data")["symbol"] == "NIFTY"


# -- streams


def updates(stream, count):
    return [stream.hear_type("order_update")["order_status"] for _ in range(count)]


def test_order_updates_can_double(paper, broker):
    paper.fault("order_duplicate")
    with broker.stream() as stream:
        stream.ask(action="subscribe_orders")
        broker.place()
        assert updates(stream, 4) == ["open", "open", "complete", "complete"]


def test_order_updates_can_change_places(paper, broker):
    paper.fault("order_reorder", next=1)
    with broker.stream() as stream:
        stream.ask(action="subscribe_orders")
        broker.place()
        assert updates(stream, 2) == ["complete", "open"]


def test_order_updates_can_be_silent(paper, broker):
    fault = paper.fault("order_silent")
    with broker.stream() as stream:
        stream.ask(action="subscribe_orders")
        broker.place()
        paper.control.delete(f"/_paper/faults/{fault}")
        second = broker.place()[1]["orderid"]
        assert stream.hear_type("order_update")["orderid"] == second


def test_an_order_update_can_cost_the_connection(paper, broker):
    paper.fault("order_drop", next=1)
    with closing(broker.socket()) as socket:
        socket.send(json.dumps({"action": "authenticate", "api_key": broker.api_key}))
        socket.send(json.dumps({"action": "subscribe_orders"}))
        assert [json.loads(socket.recv())["type"] for _ in range(2)] == ["auth", "subscribe_orders"]
        assert broker.place()[0] == 200
        with pytest.raises((websocket.WebSocketException, ConnectionError)):
            socket.recv()


@pytest.fixture
def ticks(broker):
    with broker.stream() as stream:
        stream.ask(action="subscribe", symbol="BANKNIFTY", exchange="NSE_INDEX", mode=1)
        yield stream


def test_ticks_can_stop_without_a_word(paper, broker, ticks):
    ticks.hear_type("market_data")
    paper.fault("market_silent", symbol="BANKNIFTY")
    ticks.say(action="subscribe", symbol="NIFTY", exchange="NSE_INDEX", mode=1)
    ticks.hear_type("subscribe")
    seen = [ticks.hear_type("market_data")["symbol"] for _ in range(3)]
    assert "BANKNIFTY" not in seen[1:]


def test_ticks_can_double_and_change_places(paper, ticks):
    heard = []

    def one_more():
        heard.append(ticks.hear_type("market_data")["data"]["timestamp"])
        return heard

    fault = paper.fault("market_duplicate")
    until(lambda: len(set(one_more())) < len(heard), every=0)
    paper.control.delete(f"/_paper/faults/{fault}")
    heard.clear()
    paper.fault("market_reorder", every=2)
    until(lambda: one_more() != sorted(heard), every=0)


def test_garbage_comes_between_the_ticks(paper, ticks):
    def is_garbage(frame):
        try:
            json.loads(frame)
        except ValueError:
            return True
        return False

    frames = []
    paper.fault("market_garbage", next=1)
    until(lambda: frames.append(ticks.socket.recv()) or sum(map(is_garbage, frames)) >= 2, every=0)
    until(lambda: not is_garbage(ticks.socket.recv()), every=0)


def test_a_tick_can_cost_the_connection(paper, ticks):
    paper.fault("market_drop", next=1)
    with pytest.raises((websocket.WebSocketException, ConnectionError)):
        while True:
            ticks.hear()


def quote(broker):
    return broker.call("quotes", symbol="BANKNIFTY", exchange="NSE_INDEX")[1]["data"]["ltp"]


def test_prices_can_be_zero_absurd_or_frozen(paper, broker):
    true = quote(broker)
    for spec, expected in (({"how": "zero"}, 0), ({"how": "fixed", "value": 1}, 1)):
        paper.fault("price", symbol="BANKNIFTY", **spec)
        assert quote(broker) == expected
        paper.heal()
    paper.fault("price", symbol="BANKNIFTY", how="multiply", value=10)
    assert quote(broker) > 5 * true
    paper.heal()
    paper.fault("price", symbol="BANKNIFTY", how="freeze")
    frozen = quote(broker)
    paper.tell("market", name="BANKNIFTY", shift=2)
    assert quote(broker) == frozen
    paper.heal()
    assert quote(broker) > frozen


def test_the_guide_names_every_fault_and_nothing_else():
    guide = (ROOT / "docs" / "paper-broker.md").read_text("utf-8")
    named = {spec["kind"] for spec in map(json.loads, re.findall(r'\{"kind".*?\}', guide)) if parse(spec, "f1")}
    named |= set(re.findall(r"`((?:order|market)_\w+)`", guide))
    assert named == set(KINDS)


def test_the_control_endpoint_is_closed_to_web_pages(paper):
    answer = paper.control.get("/_paper/state", headers={"Origin": "https://example.com"})
    assert answer.status_code == 403
    answer = paper.control.get("/_paper/state", headers={"Host": "example.com"})
    assert answer.status_code == 403
