"""Commands to bodies and rows to reports."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Unknown
from app.venues.openalgo.orders import (
    cancel_body,
    label,
    margin_row,
    modify_body,
    obstacle,
    order_report,
    place_body,
    status,
    trade_report,
    update_report,
    wire,
)
from app.venues.types import (
    CancelOrder,
    Mode,
    ModifyOrder,
    OrderStatus,
    PlaceOrder,
    PriceType,
    Product,
    Side,
    Symbol,
    TimeInForce,
)
from tests.venues.openalgo.captures import body, capture, received

CALL = Symbol("NFO", "NIFTY24NOV2626050CE")
ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def order(**changes):
    wanted = {
        "client_order_id": ID,
        "symbol": CALL,
        "side": Side.BUY,
        "quantity": Decimal(65),
        "price_type": PriceType.LIMIT,
        "product": Product.NRML,
        "price": Decimal("151.5"),
        "tag": "AB-17-straddle",
    }
    return PlaceOrder(**{**wanted, **changes})


# -- Commands


def test_a_placing_has_exactly_the_fields_of_the_endpoint():
    assert place_body(order()) == {
        "strategy": "AB-17-straddle",
        "symbol": "NIFTY24NOV2626050CE",
        "exchange": "NFO",
        "action": "BUY",
        "quantity": 65,
        "pricetype": "LIMIT",
        "product": "NRML",
        "price": 151.5,
        "trigger_price": 0,
        "disclosed_quantity": 0,
    }


def test_a_modification_has_all_eleven_fields_but_the_key():
    change = ModifyOrder("2611", ID, CALL, Side.BUY, Decimal(130), PriceType.LIMIT, Product.NRML, Decimal("70.8"))
    expected = {name for name in capture("ana-019")["request"]["json"] if name != "apikey"}
    assert set(modify_body(change)) == expected
    assert modify_body(change)["quantity"] == 130


def test_a_cancellation_names_the_order_alone():
    assert cancel_body(CancelOrder("2611", ID, CALL, "AB-17-straddle")) == {
        "strategy": "AB-17-straddle",
        "orderid": "2611",
    }


def test_a_margin_question_has_its_numbers_as_text():
    row = margin_row(order())
    assert set(capture("mkt-034")["request"]["json"]["positions"][0]) <= set(row)
    assert (row["quantity"], row["price"], row["trigger_price"]) == ("65", "151.5", "0")


@pytest.mark.parametrize(
    ("kind", "price", "trigger"),
    [(PriceType.MARKET, 0, 0), (PriceType.LIMIT, 9.5, 0), (PriceType.SL, 9.5, 9.25), (PriceType.SL_M, 0, 9.25)],
)
def test_a_price_travels_only_where_the_price_type_has_one(kind, price, trigger):
    sent = place_body(order(price_type=kind, price=Decimal("9.5"), trigger_price=Decimal("9.25")))
    assert (sent["price"], sent["trigger_price"]) == (price, trigger)


@pytest.mark.parametrize(
    "changes",
    [
        {"product": Product.SPOT},
        {"quantity": Decimal(0)},
        {"quantity": Decimal("0.5")},
        {"price": None},
        {"price_type": PriceType.SL_M},
        {"time_in_force": TimeInForce.IOC},
        {"post_only": True},
    ],
)
def test_what_the_server_cannot_do_is_refused_before_it_is_sent(changes):
    assert obstacle(order(**changes))


def test_an_exit_that_asks_to_only_reduce_is_not_refused():
    assert obstacle(order(reduce_only=True)) == ""
    assert obstacle(order(symbol=Symbol("CRYPTO", "BTCUSD"), quantity=Decimal("0.5"))) == ""


@given(st.decimals(min_value="0.01", max_value="99999999999999", places=4))
def test_no_price_loses_a_digit_on_the_wire(price):
    assert Decimal(str(wire(price))) == price


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("AB-17-straddle", "AB-17-straddle"),
        ("iron_condor v2!", "iron-condor-v2"),
        ("AB", "AB-mirrordesk"),
        ("", "RRFFQ69G5FAV"),
        ("x" * 50, "x" * 32),
    ],
)
def test_the_strategy_text_is_safe_and_long_enough(tag, expected):
    made = label(tag, ID)
    assert made.endswith(expected)
    assert len(made) >= 8


@given(st.text())
def test_any_tag_becomes_a_safe_one(tag):
    made = label(tag, ID)
    assert 8 <= len(made) <= 32
    assert made.isascii()
    assert made.replace("-", "").isalnum()


# -- Reports


@pytest.mark.parametrize(
    ("word", "filled", "expected"),
    [
        ("complete", None, OrderStatus.FILLED),
        ("COMPLETE", None, OrderStatus.FILLED),
        ("Rejected", None, OrderStatus.REJECTED),
        ("cancelled", Decimal(30), OrderStatus.CANCELLED),
        ("EXPIRED", None, OrderStatus.EXPIRED),
        ("open", None, OrderStatus.OPEN),
        ("open", Decimal(0), OrderStatus.OPEN),
        ("open", Decimal(30), OrderStatus.PARTIALLY_FILLED),
        ("trigger pending", None, OrderStatus.TRIGGER_PENDING),
        ("TRIGGER_PENDING", None, OrderStatus.TRIGGER_PENDING),
        ("put order req received", None, OrderStatus.OPEN),
        ("validation pending", None, OrderStatus.OPEN),
        ("modified", None, OrderStatus.OPEN),
        ("TRANSIT", None, OrderStatus.OPEN),
        ("unknown", None, OrderStatus.OPEN),
        ("", None, OrderStatus.OPEN),
    ],
)
def test_four_words_are_final_and_all_others_mean_working(word, filled, expected):
    assert status(word, filled) is expected


LIVE_ROW = {
    "orderid": "250408000989443",
    "symbol": "NIFTY24NOV2626050CE",
    "exchange": "NFO",
    "action": "BUY",
    "product": "NRML",
    "pricetype": "MARKET",
    "quantity": "65",
    "price": 0.0,
    "trigger_price": 0.0,
    "order_status": "complete",
    "timestamp": "08-Apr-2025 13:58:03",
}


def test_a_poor_live_row_says_none_for_what_it_does_not_know():
    report = order_report(LIVE_ROW, Mode.LIVE)
    assert report.quantity == 65
    assert (report.price, report.trigger_price, report.filled_quantity, report.average_price) == (None,) * 4
    assert report.at == datetime(2025, 4, 8, 8, 28, 3, tzinfo=UTC)
    assert (report.status, report.raw_status) == (OrderStatus.FILLED, "complete")


def test_a_rich_simulator_row_is_read_whole():
    filled, waiting, refused = (order_report(row) for row in body("ana-026")["data"]["orders"][:3])
    assert (filled.filled_quantity, filled.average_price) == (65, Decimal("214.2"))
    assert (filled.price_type, filled.trigger_price) == (PriceType.SL_M, Decimal("209.2"))
    assert (waiting.status, waiting.price, waiting.filled_quantity) == (
        OrderStatus.CANCELLED,
        Decimal("70.8"),
        0,
    )
    assert refused.reason.startswith("Cannot sell SBIN")


def test_a_single_order_answer_spells_the_price_type_differently():
    assert order_report(body("ana-024")["data"]).price_type is PriceType.SL_M
    assert order_report(body("ana-024")["data"]).status is OrderStatus.TRIGGER_PENDING


@pytest.mark.parametrize("missing", ["orderid", "symbol", "exchange", "action", "quantity"])
def test_a_row_without_what_makes_it_an_order_spoils_the_book(missing):
    with pytest.raises(Unknown, match=missing):
        order_report({**LIVE_ROW, missing: None})


@pytest.mark.parametrize(
    ("word", "price", "expected"),
    [
        ("SLM", 0, PriceType.SL_M),
        ("SL_M", 0, PriceType.SL_M),
        ("sl", 5, PriceType.SL),
        ("STOP", 5, PriceType.LIMIT),
        ("", 0, PriceType.MARKET),
    ],
)
def test_a_brokers_own_word_for_the_price_type_is_read_as_well_as_can_be(word, price, expected):
    assert order_report({**LIVE_ROW, "pricetype": word, "price": price}).price_type is expected


def test_recorded_updates_are_reports():
    opened, complete, rejected = (update_report(frame) for frame in received("ws-016")[2:])
    assert (opened.status, opened.filled_quantity) == (OrderStatus.OPEN, None)
    assert (complete.filled_quantity, complete.average_price) == (65, Decimal("148.6"))
    assert complete.mode is Mode.PAPER
    assert rejected.status is OrderStatus.REJECTED
    assert rejected.reason


def test_a_partly_filled_update_is_partly_filled():
    frame = {**received("ws-016")[2], "filled_quantity": 30, "pending_quantity": 35}
    assert update_report(frame).status is OrderStatus.PARTIALLY_FILLED
    assert update_report({**frame, "filled_quantity": 0, "pending_quantity": 65}).filled_quantity == 0


def test_a_recorded_trade_is_a_report():
    trade = trade_report(body("ana-027")["data"][0])
    assert (trade.quantity, trade.price, trade.side) == (65, Decimal("214.2"), Side.BUY)
    assert trade.venue_trade_id == "TRADE-20261121-073612-97091b23"


def test_a_trade_that_says_quantity_zero_is_worth_its_value():
    row = {**LIVE_ROW, "quantity": 0, "average_price": "139.35", "trade_value": 9057.75}
    assert trade_report(row).quantity == 65
    assert trade_report(row).venue_trade_id is None


def test_a_trade_without_price_or_quantity_spoils_the_book():
    with pytest.raises(Unknown):
        trade_report({**LIVE_ROW, "average_price": 0})
    with pytest.raises(Unknown):
        trade_report({**LIVE_ROW, "quantity": 0, "average_price": 139.35})
