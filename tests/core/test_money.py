"""Numbers from outside, and numbers on their way out."""

from decimal import Decimal

import pytest

from app.core.money import number, on_tick, plain


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (320.5, "320.5"),
        ("320.50", "320.50"),
        (" 7 ", "7"),
        (0, "0"),
        ("0", "0"),
        ("-12.05", "-12.05"),
        ("1e3", "1000"),
        (0.1, "0.1"),
        (10**30, "1" + "0" * 30),
        (Decimal("2.5"), "2.5"),
    ],
)
def test_a_number_is_read_exactly(given, meant):
    assert number(given) == Decimal(meant)


@pytest.mark.parametrize(
    "given", [None, "", "  ", "-", "n/a", "NaN", "inf", float("nan"), True, False, [], {}, "1,000"]
)
def test_what_is_no_number_is_absent_and_never_zero(given):
    assert number(given) is None


@pytest.mark.parametrize(
    ("price", "tick", "fits"),
    [
        ("100.05", "0.05", True),
        ("100.07", "0.05", False),
        ("-0.10", "0.05", True),
        ("3", "0", True),
        ("0.3", "0.1", True),
    ],
)
def test_a_price_on_its_tick(price, tick, fits):
    assert on_tick(Decimal(price), Decimal(tick)) is fits


@pytest.mark.parametrize(
    ("value", "text"),
    [("1E+2", "100"), ("2.50", "2.5"), ("100", "100"), ("0.00", "0"), ("-7.10", "-7.1"), ("1E-12", "0.000000000001")],
)
def test_plain_text_has_no_exponent_and_no_trailing_zeros(value, text):
    assert plain(Decimal(value)) == text
