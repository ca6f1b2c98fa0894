"""REST answers beyond the recorded ones: keys, odd bodies, live wording, the reference a client needs."""

import time

import pytest

from tests.paper.running import OPTION, PaperServer
from tests.waiting import until

ORDER = {"strategy": "t", "symbol": OPTION, "exchange": "NFO", "action": "BUY", "quantity": 65, "product": "NRML"}


@pytest.fixture(scope="module")
def paper():
    brokers = [
        {"name": "zerodha"},
        {"name": "textual", "text_numbers": True, "clock": "%d-%b-%Y %H:%M:%S"},
        {"name": "renaming", "modify_renames": True},
        {"name": "absent", "logged_in": False},
        {"name": "limited", "limits": True},
        {"name": "sim", "mode": "analyze"},
        {"name": "far", "rtt_ms": 100},
    ]
    with PaperServer(brokers) as server:
        yield server


@pytest.fixture
def broker(paper):
    return paper["zerodha"]


def test_a_wrong_key_and_a_missing_login_look_alike_but_for_search(paper, broker):
    absent = paper["absent"]
    refused = {"status": "error", "message": "Invalid openalgo apikey"}
    assert absent.call("ping") == (403, refused)
    assert broker.call("ping", apikey="wrong") == (403, refused)
    assert absent.call("search", query="SBIN", exchange="NSE")[0] == 200
    assert broker.call("search", apikey="wrong", query="SBIN")[0] == 403


def test_live_answers_never_name_a_mode(broker):
    for endpoint in ("ping", "funds", "orderbook", "tradebook", "positionbook", "holdings"):
        assert "mode" not in broker.call(endpoint)[1]
    assert "mode" not in broker.call("placeorder", **ORDER)[1]


@pytest.mark.parametrize("value", [10**30, 1e300, "1e999", "nan", True, None, [], {}, "", "6 5", -65])
def test_an_odd_quantity_is_refused_and_places_nothing(paper, broker, value):
    paper.reset()
    status, answer = broker.call("placeorder", **{**ORDER, "quantity": value})
    assert status == 400
    assert answer["message"].startswith("{'quantity': ['")
    assert paper.books("zerodha")["orders"] == []


@pytest.mark.parametrize("body", ["[]", "null", '"x"', "7"])
def test_a_body_that_is_no_object_is_refused(broker, body):
    answer = broker.http.post("/api/v1/placeorder", content=body, headers={"Content-Type": "application/json"})
    assert answer.json()["message"] == "{'_schema': ['Invalid input type.']}"


def test_an_unknown_symbol_is_the_brokers_business(broker):
    assert broker.call("placeorder", **{**ORDER, "symbol": "NOSUCH"}) == (
        400,
        {"status": "error", "message": "Invalid trading symbol"},
    )


def test_some_brokers_write_numbers_and_times_their_own_way(paper):
    broker = paper["textual"]
    orderid = broker.place()[1]["orderid"]
    assert broker.order(orderid)["quantity"] == "65"
    assert "-Nov-2026 " in broker.order(orderid)["timestamp"]
    position = broker.call("positionbook")[1]["data"][0]
    assert (position["quantity"], type(position["average_price"])) == ("65", str)


def test_some_brokers_give_a_modified_order_a_new_id(paper):
    broker = paper["renaming"]
    old = broker.place(pricetype="LIMIT", price=5)[1]["orderid"]
    terms = {**ORDER, "pricetype": "LIMIT", "price": 6, "trigger_price": 0, "disclosed_quantity": 0}
    new = broker.call("modifyorder", orderid=old, **terms)[1]["orderid"]
    assert new != old
    assert [row["orderid"] for row in broker.call("orderbook")[1]["data"]["orders"]] == [new]


def test_the_average_of_a_live_order_is_that_of_its_first_trade(paper, broker):
    paper.reset()
    orderid = broker.place(quantity=1755)[1]["orderid"]
    first = paper.books("zerodha")["orders"][0]["fills"][0]["price"]
    status = broker.call("orderstatus", strategy="t", orderid=orderid)[1]["data"]
    assert status["average_price"] in (0.0, float(first))


def test_gtt_is_not_for_every_broker(paper):
    assert paper["textual"].call("gttorderbook")[0] == 501
    assert paper["zerodha"].call("gttorderbook")[0] == 200


def test_a_round_trip_takes_its_time(paper):
    began = time.monotonic()
    assert paper["far"].place()[0] == 200
    assert time.monotonic() - began >= 0.1


def test_candles_queue_up_where_limits_are_on(paper):
    span = {"symbol": "SBIN", "exchange": "NSE", "interval": "D", "start_date": "2026-11-18", "end_date": "2026-11-19"}
    began = time.monotonic()
    assert [paper["limited"].call("history", **span)[0] for _ in range(3)] == [200] * 3
    assert time.monotonic() - began >= 0.7


def test_each_endpoint_has_a_window_of_its_own(paper):
    broker = paper["limited"]
    until(lambda: [broker.place(pricetype="LIMIT", price=5)[0] for _ in range(11)][-1] == 429)
    assert broker.call("cancelallorder", strategy="t")[0] == 200


def test_margin_rewards_a_hedge(broker):
    def needed(*legs):
        positions = [
            {"symbol": s, "exchange": "NFO", "action": a, "product": "NRML", "pricetype": "MARKET", "quantity": "65"}
            for a, s in legs
        ]
        return broker.call("margin", positions=positions)[1]["data"]["total_margin_required"]

    assert needed(("SELL", OPTION), ("BUY", "NIFTY24NOV2626200CE")) < needed(("SELL", OPTION))


def test_a_basket_buys_before_it_sells(paper, broker):
    paper.reset()
    legs = [
        {"symbol": OPTION, "exchange": "NFO", "action": action, "quantity": 65, "product": "NRML"}
        for action in ("SELL", "BUY", "SELL", "BUY")
    ]
    answer = broker.call("basketorder", strategy="t", orders=legs)[1]
    assert {row["status"] for row in answer["results"]} == {"success"}
    assert [o["action"] for o in paper.books("zerodha")["orders"]] == ["BUY", "BUY", "SELL", "SELL"]


def test_cancel_all_of_the_simulator_passes_a_waiting_stop_over(paper):
    broker = paper["sim"]
    broker.place(pricetype="SL-M", trigger_price=900)
    assert broker.call("cancelallorder", strategy="t")[1]["canceled_orders"] == []
