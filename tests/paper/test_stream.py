"""The WebSocket beyond what was recorded: order of things, modes, logins, capacity to annoy."""

import json
import select
from contextlib import closing

import pytest

from tests.paper.running import PaperServer

NIFTY = {"symbol": "NIFTY", "exchange": "NSE_INDEX"}


@pytest.fixture(scope="module")
def paper():
    with PaperServer([{"name": "zerodha"}, {"name": "mute", "push": False}]) as server:
        yield server


@pytest.fixture
def stream(paper):
    with paper["zerodha"].stream() as stream:
        yield stream


def test_an_order_update_is_there_before_the_answer(paper, stream):
    stream.ask(action="subscribe_orders")
    for _ in range(20):
        paper["zerodha"].place()
        assert select.select([stream.socket.sock], [], [], 0)[0], "the answer came first"
        assert [stream.hear()["order_status"] for _ in range(2)] == ["open", "complete"]


def test_a_rejection_tells_its_reason_only_here(paper, stream):
    stream.ask(action="subscribe_orders")
    orderid = paper["zerodha"].place(quantity=10)[1]["orderid"]
    update = stream.hear()
    assert (update["orderid"], update["order_status"]) == (orderid, "rejected")
    assert "lot size" in update["rejection_reason"]
    assert "rejection_reason" not in paper["zerodha"].order(orderid)


def test_a_broker_without_push_says_nothing(paper):
    with paper["mute"].stream() as stream:
        assert stream.ask(action="subscribe_orders")["status"] == "success"
        paper["mute"].place()
        assert stream.ask(action="ping", timestamp=1)["type"] == "pong"


def test_unsubscribing_without_a_mode_leaves_ltp_running(stream):
    stream.ask(action="subscribe", mode=1, **NIFTY)
    stream.say(action="unsubscribe", **NIFTY)
    assert stream.hear_type("unsubscribe")["status"] == "success"
    assert stream.hear_type("market_data")["mode"] == 1


def test_of_two_modes_only_the_higher_is_sent(stream):
    stream.ask(action="subscribe", mode="LTP", **NIFTY)
    stream.say(action="subscribe", mode="depth", **NIFTY)
    stream.hear_type("subscribe")
    assert {stream.hear_type("market_data")["mode"] for _ in range(3)} == {3}


def test_all_symbols_wrong_is_still_partial(stream):
    answer = stream.ask(action="subscribe", symbols=[{"symbol": "NO", "exchange": "NSE"}], mode=1)
    assert (answer["status"], answer["subscriptions"][0]["status"]) == ("partial", "error")


def test_a_thousand_symbols_in_one_message(paper, stream):
    rows = paper["zerodha"].call("search", query="NIFTY", exchange="NFO")[1]["data"]
    symbols = [{"symbol": row["symbol"], "exchange": "NFO"} for row in rows]
    stream.say(action="subscribe", symbols=symbols, mode=1)
    answer = stream.hear_type("subscribe")
    assert (answer["status"], len(answer["subscriptions"])) == ("success", 500)


ODD = ["[]", "7", "null", '{"action":["subscribe"]}', '{"action":"subscribe"}', '{"action":"subscribe","symbols":[7]}']
ODD_MODES = [
    f'{{"action":"subscribe","symbol":"SBIN","exchange":"NSE","mode":{mode}}}' for mode in ("{}", "[1]", "null", "2.5")
]


@pytest.mark.parametrize("text", [*ODD, *ODD_MODES])
def test_odd_messages_get_an_error_and_no_more(stream, text):
    stream.socket.send(text)
    assert stream.hear()["status"] in ("error", "partial")
    assert stream.ask(action="ping", timestamp=5)["client_timestamp"] == 5


def test_a_logged_out_broker_has_no_feed(paper):
    paper.tell("login", broker="mute", logged_in=False)
    with closing(paper["mute"].socket()) as socket:
        socket.send(json.dumps({"action": "authenticate", "api_key": paper["mute"].api_key}))
        answer = json.loads(socket.recv())
    assert (answer["code"], answer["message"]) == ("BROKER_ERROR", "No broker configuration found for user")


def test_a_server_takes_so_many_symbols_of_all_and_so_many_of_one_client():
    listed = [{"name": "small", "stream_symbols": 3, "socket_symbols": 2}]
    with PaperServer(listed) as paper, paper["small"].stream() as one, paper["small"].stream() as other:
        names = ("SBIN", "RELIANCE", "TCS")
        asked = {"action": "subscribe", "symbols": [{"symbol": name, "exchange": "NSE"} for name in names], "mode": 1}

        def answered(stream):
            stream.say(**asked)
            return [entry["status"] for entry in stream.hear_type("subscribe")["subscriptions"]]

        assert answered(one) == ["success", "success", "error"]
        assert answered(one) == ["success", "success", "error"]
        assert answered(other) == ["success", "success", "error"], "those two are streamed already"
        other.ask(action="unsubscribe_all")
        other.say(action="subscribe", symbol="TCS", exchange="NSE", mode=1)
        assert other.hear_type("subscribe")["subscriptions"][0]["status"] == "success"
        other.say(action="subscribe", symbol="INFY", exchange="NSE", mode=1)
        assert "capacity" in other.hear_type("subscribe")["subscriptions"][0]["message"]


def test_prices_can_be_wrong_on_the_stream_alone():
    with PaperServer([{"name": "zerodha"}]) as paper, paper["zerodha"].stream() as stream:
        paper.fault("price", how="fixed", value=1, endpoint="stream")
        stream.say(action="subscribe", symbol="SBIN", exchange="NSE", mode=1)
        assert stream.hear_type("market_data")["data"]["ltp"] == 1
        assert paper["zerodha"].call("quotes", symbol="SBIN", exchange="NSE")[1]["data"]["ltp"] > 1
