"""Rows of an account's books: what differs, and what a pushed order may say over a book."""

from decimal import Decimal

from app.broadcast.parts import (
    difference,
    funds_rows,
    held_rows,
    order_row,
    order_rows,
    quantities,
    trade_rows,
    with_order,
)
from app.broadcast.rates import Budget, fresh_for
from app.venues.types import (
    FundsReport,
    OrderReport,
    OrderStatus,
    PositionReport,
    PriceType,
    Side,
    Symbol,
    TradeReport,
)

SYMBOL = Symbol("NFO", "NIFTY24NOV2626050CE")


def order(name="v1", status=OrderStatus.OPEN, filled=None, price="100"):
    return OrderReport(
        name, SYMBOL, Side.BUY, Decimal(150), PriceType.LIMIT, "NRML", status, status.value, price=Decimal(price),
        filled_quantity=None if filled is None else Decimal(filled),
    )  # fmt: skip


def trade(order_id, price="100"):
    return TradeReport(order_id, SYMBOL, Side.BUY, Decimal(75), Decimal(price))


def held(quantity, pnl="0"):
    return PositionReport(SYMBOL, "NRML", Decimal(quantity), Decimal(100), Decimal(101), Decimal(pnl))


def test_what_the_venue_did_not_say_is_null_and_never_zero():
    (row,) = funds_rows(FundsReport(Decimal("120000.50")), "INR").values()
    assert (row["available"], row["used"], row["total"], row["collateral"]) == ("120000.5", None, None, None)
    (row,) = funds_rows(FundsReport(Decimal(100), used=Decimal(20)), "INR").values()
    assert row["total"] == "120"


def test_two_readings_differ_by_the_rows_that_changed_and_the_ids_that_went():
    before = order_rows([order("v1"), order("v2")])
    after = order_rows([order("v1"), order("v3", price="99")])
    came, gone = difference(before, after)
    assert ([row["id"] for row in came], gone) == (["v3"], ["v2"])
    assert difference(after, dict(after)) == ([], [])


def test_two_fills_that_look_the_same_stay_two():
    rows = trade_rows([trade("v1"), trade("v1"), trade("v2")])
    assert list(rows) == ["v1-1", "v1-2", "v2-1"]
    assert rows["v1-1"]["value"] == "7500"


def test_profit_moves_without_the_quantities_and_a_closed_position_counts_as_nothing():
    assert quantities(held_rows([held(75, "10")])) == quantities(held_rows([held(75, "-20")]))
    assert quantities(held_rows([held(0)])) == {}


def test_a_pushed_order_goes_over_its_row_and_keeps_what_it_does_not_say():
    book = order_rows([order(filled=75)])
    pushed = with_order(book, order_row(order(status=OrderStatus.FILLED, filled=150)))
    assert (pushed["v1"]["status"], pushed["v1"]["filled_quantity"]) == ("filled", "150")
    silent = with_order(pushed, order_row(order(status=OrderStatus.FILLED)))
    assert silent is not None
    assert silent["v1"]["filled_quantity"] == "150"
    assert with_order({}, order_row(order("v9")))["v9"]["status"] == "open"


def test_an_update_that_comes_late_or_twice_changes_nothing():
    book = order_rows([order(status=OrderStatus.CANCELLED, filled=75)])
    assert with_order(book, order_row(order(status=OrderStatus.OPEN, filled=75))) is book
    assert with_order(book, order_row(order(status=OrderStatus.CANCELLED, filled=0))) is book
    assert with_order(book, order_row(order(status=OrderStatus.CANCELLED, filled=75))) is book


def test_a_part_is_stale_after_three_missed_readings_and_not_for_one_slow_answer():
    assert (fresh_for(2).total_seconds(), fresh_for(30).total_seconds()) == (10, 90)


def test_a_budget_of_readings_is_counted_over_the_last_minute():
    budget = Budget(3)
    for second in range(3):
        assert budget.wait(second) == 0.0
        budget.note(second)
    assert budget.wait(10) == 50.0
    assert budget.wait(60) == 0.0
