import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.paper.pricing import ARRAY, Surface, Terms, black76, greeks, implied_volatility

SPOT = 26000.0
DAY = 1 / 365
strikes = st.integers(480, 560).map(lambda n: n * 50.0)
years = st.floats(1 / (365 * 24 * 60), 0.3)
levels = st.floats(0.06, 0.8)
spots = st.floats(24500, 27500)


def price(kind, strike, spot, time, level):
    return Terms(Surface(), kind, strike, 0.05).price(spot, time, level)


@given(strikes, spots, years, levels)
def test_call_minus_put_is_forward_minus_strike_to_half_a_tick(strike, spot, time, level):
    call, put = (price(kind, strike, spot, time, level) for kind in ("CE", "PE"))
    assert call - put == pytest.approx(Surface().forward(spot, time) - strike, abs=0.0251)


@given(strikes, spots, st.floats(0.05, 300), years, levels)
def test_a_rising_spot_never_lowers_a_call_nor_lifts_a_put(strike, spot, rise, time, level):
    assert price("CE", strike, spot + rise, time, level) >= price("CE", strike, spot, time, level)
    assert price("PE", strike, spot + rise, time, level) <= price("PE", strike, spot, time, level)


@given(strikes, spots, years, levels)
def test_a_higher_strike_never_costs_more_for_a_call_nor_less_for_a_put(strike, spot, time, level):
    assert price("CE", strike + 50, spot, time, level) <= price("CE", strike, spot, time, level)
    assert price("PE", strike + 50, spot, time, level) >= price("PE", strike, spot, time, level)


@given(strikes, spots, years, levels, st.sampled_from(["CE", "PE"]))
def test_a_price_is_at_least_one_tick_and_a_multiple_of_it(strike, spot, time, level, kind):
    found = price(kind, strike, spot, time, level)
    assert found >= 0.05
    assert found / 0.05 == pytest.approx(round(found / 0.05), abs=1e-6)


@given(strikes, st.lists(spots, min_size=1, max_size=9), years, levels, st.sampled_from(["CE", "PE", "FUT", "EQ"]))
def test_an_array_is_priced_like_its_single_values(strike, many, time, level, kind):
    terms = Terms(Surface(), kind, strike, 0.05)
    together = terms.price(np.array(many), np.full(len(many), time), level, ARRAY)
    assert together.tolist() == pytest.approx([terms.price(spot, time, level) for spot in many])


def test_a_higher_volatility_makes_both_sides_dearer():
    for kind in ("CE", "PE"):
        assert price(kind, 26000, SPOT, 3 * DAY, 0.20) > price(kind, 26000, SPOT, 3 * DAY, 0.13)


def test_far_puts_carry_more_volatility_than_far_calls():
    surface = Surface()
    forward = surface.forward(SPOT, 7 * DAY)
    low, high = (surface.volatility(0.13, strike, forward, 7 * DAY, ARRAY) for strike in (25000.0, 27000.0))
    assert low > high > 0


def test_at_expiry_nothing_but_intrinsic_value_is_left():
    assert price("CE", 25800, SPOT, 1 / (365 * 24 * 60), 0.13) == pytest.approx(200, abs=0.1)
    assert price("PE", 25800, SPOT, 1 / (365 * 24 * 60), 0.13) == 0.05


# Hull, Options, Futures and Other Derivatives: a European put on a futures price, 1.12
def test_black76_matches_the_textbook():
    assert black76("PE", 20, 20, 4 / 12, 0.25, 0.09) == pytest.approx(1.1166, abs=1e-4)


# One answer of an OpenAlgo server: NIFTY 26050 call at 143.35, forward 26013.05, 3.3294 days, rate 0
def test_greeks_match_the_server():
    time = 3.3294 * DAY
    sigma = implied_volatility("CE", 143.35, 26013.05, 26050, time)
    found = greeks("CE", 26013.05, 26050, time, sigma)
    assert round(sigma * 100, 2) == 16.25
    assert found.delta == pytest.approx(0.4666, abs=1e-4)
    assert found.gamma == pytest.approx(0.000985, abs=1e-6)
    assert found.theta == pytest.approx(-24.1, abs=0.01)
    assert found.vega == pytest.approx(9.8768, abs=1e-3)
    assert found.rho == pytest.approx(-0.013076, abs=1e-6)


@given(st.floats(0.9, 1.1), st.floats(DAY, 0.5), st.floats(0.05, 1.0), st.floats(0, 0.1), st.sampled_from(["CE", "PE"]))
def test_implied_volatility_gives_the_price_back(moneyness, time, sigma, rate, kind):
    paid = black76(kind, 100.0, 100 * moneyness, time, sigma, rate)
    intrinsic = math.exp(-rate * time) * max(0.0, 100 - 100 * moneyness if kind == "CE" else 100 * moneyness - 100)
    assume(paid - intrinsic > 1e-4)
    found = implied_volatility(kind, paid, 100.0, 100 * moneyness, time, rate)
    assert black76(kind, 100.0, 100 * moneyness, time, found, rate) == pytest.approx(paid, abs=1e-8)


@given(st.floats(0.9, 1.1), st.floats(0.02, 0.5), st.floats(0.1, 0.6), st.floats(0, 0.1), st.sampled_from(["CE", "PE"]))
def test_greeks_are_the_slopes_of_the_price(moneyness, time, sigma, rate, kind):
    strike = 100 * moneyness

    def value(forward=100.0, years=time, volatility=sigma):
        return black76(kind, forward, strike, years, volatility, rate)

    found = greeks(kind, 100.0, strike, time, sigma, rate)
    assert found.delta == pytest.approx((value(100.01) - value(99.99)) / 0.02, abs=1e-4)
    assert found.gamma == pytest.approx((value(100.1) - 2 * value() + value(99.9)) / 0.01, abs=1e-2)
    assert found.vega == pytest.approx(
        (value(volatility=sigma + 1e-4) - value(volatility=sigma - 1e-4)) / 0.02, abs=1e-3
    )
    assert found.theta == pytest.approx((value(years=time - 1e-4) - value(years=time + 1e-4)) / 2e-4 / 365, abs=1e-3)
