"""Live cells as browsers show them."""

from app.web.figures import figure_of


def cell(value, kind="money", **rest):
    return {"v": value, "k": kind, "c": "INR", "at": 7, **rest}


def test_money_is_signed_and_says_its_direction():
    assert figure_of(cell("1234.5"), None).shown == {"t": "▲\u00a0+₹1,234.50", "s": "up", "at": 7}
    assert figure_of(cell("-0.004"), None).shown == {"t": "₹0.00", "s": "flat", "at": 7}
    assert figure_of(cell("-12", c="USDT"), None).shown["t"] == "▼\u00a0−12.00\u00a0USDT"


def test_what_is_unknown_is_a_dash_and_never_zero():
    assert figure_of(cell(None), None).shown == {"t": "–", "s": "flat", "at": 7}


def test_a_price_has_the_decimals_of_its_tick_and_remembers_where_it_came_from():
    first = figure_of(cell("171.5", "price", tick="0.05"), None)
    up = figure_of(cell("171.55", "price", tick="0.05"), first)
    still = figure_of(cell("171.55", "price", tick="0.05"), up)
    down = figure_of(cell("171", "price", tick="0.05"), still)
    assert [one.shown["t"] for one in (first, up, down)] == ["171.50", "171.55", "171.00"]
    assert [one.shown["s"] for one in (first, up, still, down)] == ["flat", "up", "up", "down"]


def test_a_quantity_is_just_that():
    assert figure_of(cell("-75", "qty"), None).shown == {"t": "−75", "s": "flat", "at": 7}
