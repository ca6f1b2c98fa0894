"""Implied volatility and greeks against an independent library's figures, and where nothing can be said."""

import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.portfolio.black76 import Setting, forward_by_parity, solve, years_until

GOLD = json.loads((Path(__file__).parents[1] / "data" / "black76.json").read_text())["options"]
DAY = 1 / 365


def solve_one(kind, strike, price, setting):
    found = solve(setting, np.array([float(strike)]), np.array([kind == "CE"]), np.array([float(price)]))
    return {name: float(getattr(found, name)[0]) for name in ("volatility", "delta", "gamma", "theta", "vega")}


@pytest.mark.parametrize("row", GOLD, ids=lambda row: f"{row['strike']} {row['kind']} {row['days']:.3g} d")
def test_figures_are_those_of_another_library(row):
    setting = Setting(row["forward"], row["days"] * DAY, row["rate"], tick=1e-9)

    found = solve_one(row["kind"], row["strike"], row["price"], setting)

    assert found["volatility"] == pytest.approx(row["volatility"], rel=1e-6)
    for name in ("delta", "gamma", "theta", "vega"):
        assert found[name] == pytest.approx(row[name], rel=1e-5, abs=1e-9)


def test_a_whole_chain_is_solved_at_once():
    setting = Setting(26050, 3 * DAY, 0.065)
    gold = [row for row in GOLD if row["forward"] == 26050 and row["days"] == 3.25]

    found = solve(
        setting,
        np.array([float(row["strike"]) for row in gold]),
        np.array([row["kind"] == "CE" for row in gold]),
        np.array([row["price"] for row in gold]),
    )

    assert np.isfinite(found.volatility).all()
    assert (found.delta[::2] > 0).all()
    assert (found.delta[1::2] < 0).all()


@pytest.mark.parametrize(
    ("kind", "strike", "price", "days"),
    [
        pytest.param("CE", 26000, 49.9, 3, id="below its intrinsic value"),
        pytest.param("CE", 26000, 50.0, 3, id="at its intrinsic value"),
        pytest.param("PE", 26100, 50.02, 0.0007, id="less than a tick above it"),
        pytest.param("CE", 26000, 26051, 3, id="a call above the forward"),
        pytest.param("PE", 26000, 26001, 3, id="a put above its strike"),
        pytest.param("CE", 26000, 0, 3, id="no price"),
        pytest.param("CE", 26000, -1, 3, id="a price below zero"),
        pytest.param("CE", 26000, math.nan, 3, id="an unknown price"),
        pytest.param("CE", 26000, 60, 0, id="no time left"),
        pytest.param("CE", 0, 60, 3, id="no strike"),
        pytest.param("CE", 40000, 2000, 0.01, id="a volatility beyond belief"),
    ],
)
def test_nothing_is_said_where_a_price_says_nothing(kind, strike, price, days):
    found = solve_one(kind, strike, price, Setting(26050, days * DAY))

    assert all(math.isnan(value) for value in found.values())


def test_without_a_forward_nothing_is_said():
    assert math.isnan(solve_one("CE", 26000, 60, Setting(0, DAY))["volatility"])


def test_an_empty_chain_has_no_figures():
    assert len(solve(Setting(26050, DAY), np.array([]), np.array([], dtype=bool), np.array([])).delta) == 0


@given(
    strike=st.integers(20000, 32000),
    price=st.floats(-10, 12000) | st.just(math.nan),
    minutes=st.integers(0, 600_000),
    kind=st.sampled_from(("CE", "PE")),
    forward=st.floats(0, 60000),
)
def test_a_figure_is_finite_or_not_there_at_all(strike, price, minutes, kind, forward):
    found = solve_one(kind, strike, price, Setting(forward, minutes / (365 * 1440), 0.065))

    known = [math.isfinite(value) for value in found.values()]
    assert all(known) or not any(known)
    if known[0]:
        assert 0 < found["volatility"] < 5
        assert 0 <= abs(found["delta"]) <= 1


def test_time_is_counted_in_whole_minutes_until_the_close():
    closes = datetime(2026, 11, 24, 10, 10, tzinfo=UTC)

    assert years_until(closes, closes - timedelta(days=365)) == 1
    assert years_until(closes, closes - timedelta(minutes=2, seconds=59)) == pytest.approx(2 / (365 * 1440))
    assert years_until(closes, closes - timedelta(seconds=59)) == 0
    assert years_until(closes, closes + timedelta(days=1)) == 0


def test_the_forward_follows_from_calls_and_puts():
    assert forward_by_parity([(100, 12, 4), (110, 6, 8)], 1.0) == 108
    assert forward_by_parity([(100, 12, 4)], 0.5) == 116


def test_one_old_price_does_not_move_the_forward():
    strikes = [26000, 26050, 26100, 26150, 26200]
    calls, puts = [150.0, 120, 95, 72, 54], [100.0, 120, 145, 172, 40]

    assert forward_by_parity(zip(strikes, calls, puts, strict=True), 1.0) == 26050


def test_without_a_strike_that_has_both_there_is_no_forward():
    assert forward_by_parity([(100, 12, math.nan), (110, math.nan, 8)], 1.0) is None
    assert forward_by_parity([], 1.0) is None
