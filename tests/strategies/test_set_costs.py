"""What one set of legs takes, reckoned by hand."""

from datetime import date
from decimal import Decimal

import pytest

from app.risk.limits import Limits
from app.strategies import set_costs
from app.strategies.legs import Leg
from app.strategies.set_costs import Line, Move
from app.strategies.sizing_settings import MarginRow

NIFTY = MarginRow(underlying="NIFTY", option=250_000, option_expiry=205_000, pair=320_000, future=215_000)


def line(action="SELL", kind="CE", lots=1, price="100", number=1, expires=False, stop=None, underlying="NIFTY"):
    leg = Leg(action=action, kind=kind, underlying=underlying, lots=lots, stop=stop)
    return Line(
        number, leg, "NFO", f"{underlying}{kind}", underlying, kind, lots, Decimal(65 * lots),
        Decimal(price) if price else None, expires, date(2026, 11, 24), Decimal(25800),
    )  # fmt: skip


def test_a_premium_is_what_bought_options_cost():
    # 65 x 120.50 = 7,832.50; what the sold leg takes in is not counted
    assert set_costs.premium([line("BUY", price="120.5"), line("SELL")]).value == Decimal("7832.50")


def test_the_value_counts_every_leg():
    # 65 x 100 + 130 x 80 = 6,500 + 10,400
    assert set_costs.value([line(), line("BUY", "PE", 2, "80")]).value == Decimal(16_900)


def test_a_leg_without_a_price_has_no_value_and_says_so():
    found = set_costs.value([line(), line("BUY", "PE", price="")])
    assert (found.value, found.trouble) == (None, "There is no price of NIFTYPE that can be trusted now.")


def test_a_table_pays_bought_options_in_full_and_binds_sold_ones():
    # pair 320,000 + bought call 65 x 40 = 2,600
    lines = [line(), line(kind="PE"), line("BUY", price="40")]
    assert set_costs.table_margin(lines, [NIFTY]).value == Decimal(322_600)


def test_a_contract_on_its_expiry_day_binds_what_that_day_binds():
    # the call expires today: 205,000; the put does not: 250,000; two days are no pair
    assert set_costs.table_margin([line(expires=True), line(kind="PE")], [NIFTY]).value == Decimal(455_000)


@pytest.mark.parametrize(("lines", "said"), [
    ([line(underlying="SENSEX")], "sold options of SENSEX on NFO."),
    ([line(kind="FUT", underlying="SENSEX", expires=True)], "futures of SENSEX on NFO on its expiry day."),
])  # fmt: skip
def test_a_table_without_the_figure_says_which_is_missing(lines, said):
    found = set_costs.table_margin(lines, [NIFTY])
    assert found.value is None
    assert found.trouble == f"Your margin table has no figure for {said}"


POINTS = Limits.model_validate({"stop": {"value": "20", "unit": "points"}})
PERCENT = Limits.model_validate({"stop": {"value": "25", "unit": "percent"}})


@pytest.mark.parametrize(("lines", "limits", "points", "value"), [
    ([line(lots=2), line("BUY", lots=1)], POINTS, Decimal(30), 30 * 65),  # own points, units of the smallest leg
    ([line(lots=2), line("BUY", lots=1)], POINTS, None, 20 * 65),
    ([line(price="100"), line("BUY", price="40")], PERCENT, None, Decimal(65 * 60) * 25 / 100),  # of the net premium
    ([line(stop={"value": 10, "unit": "points"})], Limits(), None, 650),
    ([line(stop={"value": 30, "unit": "percent"})], Limits(), None, 30 * 65),
    ([line(stop={"value": 140, "unit": "price"})], Limits(), None, 40 * 65),
    ([line("BUY", stop={"value": 90, "unit": "price"})], Limits(), None, 10 * 65),
])  # fmt: skip
def test_a_risk_is_the_distance_to_the_stop(lines, limits, points, value):
    assert set_costs.risk(lines, limits, points).value == value


def test_a_price_beyond_the_stop_has_no_risk_to_size_by():
    found = set_costs.risk([line("BUY", stop={"value": 110, "unit": "price"})], Limits(), None)
    assert (found.value, found.trouble) == (None, "The price of NIFTYCE is at its stop or beyond it.")


MOVES = {"NIFTY": Move(Decimal(25_800), Decimal("0.85"), "0.85 % a day")}


def test_a_future_moves_with_its_underlying():
    # 65 x 25,800 x 0.85 % = 14,254.50
    found = set_costs.volatility([line("BUY", "FUT")], MOVES, lambda _line: None)
    assert found.value == Decimal("14254.50")


def test_options_move_by_their_delta_and_the_heavier_side_counts():
    # sold call: -0.4 x 65 = -26 units; sold put: +0.5 x 65 = 32.5 units, the heavier: 32.5 x 25,800 x 0.85 %
    delta = {"CE": Decimal("0.4"), "PE": Decimal("-0.5")}
    found = set_costs.volatility([line(), line(kind="PE")], MOVES, lambda one: delta[one.kind])
    assert found.value == Decimal("7127.25")


def test_a_delta_that_is_not_known_is_said():
    found = set_costs.volatility([line()], MOVES, lambda _line: None)
    assert (found.value, found.trouble) == (None, "How far NIFTYCE follows NIFTY is not known.")


def test_the_daily_movement_is_the_deviation_of_daily_changes():
    # ln(101/100) = 0.995033 % up and down, twice: mean 0, deviation sqrt(4 x 0.995033^2 / 3) = 1.148965 %
    closes = [Decimal(each) for each in (100, 101, 100, 101, 100)]
    assert set_costs.daily_percent(closes) == Decimal("1.148965")
    assert set_costs.daily_percent(closes[:4]) is None
