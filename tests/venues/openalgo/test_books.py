"""Account books: whole, or an error."""

from decimal import Decimal

import pytest

from app.core.errors import Retry, Unknown
from app.venues.openalgo import books
from app.venues.types import Mode, Symbol
from tests.venues.openalgo.captures import body


def test_the_recorded_order_book_has_all_its_rows_in_their_mode():
    read = books.orders(body("ana-026"))
    assert len(read) == 7
    assert {report.mode for report in read} == {Mode.PAPER}


def test_two_trades_that_look_the_same_are_two_trades():
    (row, *_) = body("ana-027")["data"]
    plain = {name: value for name, value in row.items() if name != "tradeid"}
    assert len(books.trades({"status": "success", "data": [plain, plain]})) == 2


def test_positions_are_signed_and_closed_ones_stay_with_zero():
    call, _ = books.positions(body("ana-028"))
    assert (call.symbol, call.quantity) == (Symbol("NFO", "NIFTY24NOV2626050CE"), 2795)
    assert call.average_price == Decimal("139.46")
    assert {report.quantity for report in books.positions(body("ana-052"))} == {0}


def test_a_poor_position_row_says_none_and_reads_text_numbers():
    row = {"symbol": "SBIN", "exchange": "NSE", "product": "mis", "quantity": "-10", "average_price": "981.80"}
    (position,) = books.positions({"data": [row]})
    assert (position.quantity, position.average_price) == (-10, Decimal("981.80"))
    assert (position.last_price, position.pnl, position.product) == (None, None, "MIS")


def test_funds_come_as_numbers_or_as_text():
    assert books.funds(body("ana-053")).available == Decimal("10012184.9")
    live = {"data": {"availablecash": "1234.50", "utiliseddebits": "0.00", "collateral": ""}}
    assert books.funds(live).available == Decimal("1234.50")
    assert (books.funds(live).used, books.funds(live).collateral) == (0, None)


@pytest.mark.parametrize("data", [{}, None, [], {"availablecash": ""}, {"availablecash": None}])
def test_an_empty_success_is_a_failed_reading_of_funds_and_no_zero(data):
    with pytest.raises(Retry):
        books.funds({"status": "success", "data": data})


def test_margin_is_read_under_its_usual_names():
    assert books.margin(body("mkt-034")).total == Decimal("202902.96")
    assert books.margin({"data": {"margin_required": "5"}}).total == 5
    with pytest.raises(Unknown):
        books.margin({"data": {}})


@pytest.mark.parametrize("data", [None, {}, "", {"orders": None}, {"orders": [7]}])
def test_a_book_that_did_not_load_is_no_empty_book(data):
    with pytest.raises(Unknown):
        books.orders({"status": "success", "data": data})


def test_an_empty_book_is_empty():
    assert books.orders({"data": {"orders": []}}) == []
    assert books.holdings(body("ana-031")) == []
    assert books.trades({"data": []}) == []
