"""Payoffs against examples worked out by hand, and what is true of every set of legs."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.portfolio.black76 import Setting, solve, years_until
from app.strategies.payoff import payoff
from app.strategies.payoff_world import Market, PayoffLeg, Supposed

EXAMPLES = json.loads((Path(__file__).parents[1] / "data" / "payoff.json").read_text())["examples"]
NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
SPOT = Decimal(26000)
FIRST, LATER = NOW + timedelta(days=3), NOW + timedelta(days=10)
MARKET = Market(NOW, SPOT, {FIRST: 26000.0, LATER: 26000.0}, {FIRST: 0.12, LATER: 0.12})


def leg(kind: str, units: int, entry: str, strike: str = "0", days: int | None = 3, **more) -> PayoffLeg:
    expires = None if days is None else NOW + timedelta(days=days)
    price = Decimal(entry)
    return replace(PayoffLeg(kind, Decimal(units), price, price, Decimal(strike), expires), **more)


def at(found, price: int):
    return next(point for point in found.points if point.price == price)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["name"])
def test_figures_are_those_worked_out_by_hand(example):
    found = payoff([leg(*each) for each in example["legs"]], MARKET, Supposed())

    assert found.premium == Decimal(example["premium"])
    for name in ("max_profit", "max_loss"):
        extreme, expected = getattr(found, name), example[name]
        if expected is None:
            assert extreme.amount is None
            continue
        assert float(extreme.amount) == pytest.approx(float(expected[0]), abs=2 if not found.is_exact else 0)
        if expected[1] is not None:
            assert float(extreme.at) == pytest.approx(float(expected[1]), abs=0 if found.is_exact else 15)
    if example["breakevens"] is not None:
        assert list(found.breakevens) == [Decimal(price) for price in example["breakevens"]]
    if "chance" in example:
        assert float(found.chance) == pytest.approx(example["chance"], abs=1e-4)


def test_greeks_are_those_of_the_option_chain_for_all_units():
    legs = [leg("CE", -130, "118", "26100"), leg("PE", 65, "121", "25900"), leg("FUT", 65, "26000")]
    setting = Setting(26000.0, years_until(FIRST, NOW))
    chain = solve(setting, np.array([26100.0, 25900.0]), np.array([True, False]), np.array([118.0, 121.0]))

    found = payoff(legs, MARKET, Supposed())

    for name, future in (("delta", 65), ("gamma", 0), ("theta", 0), ("vega", 0)):
        values = getattr(chain, name)
        expected = -130 * values[0] + 65 * values[1] + future
        assert float(getattr(found.greeks, name)) == pytest.approx(expected, abs=1e-5)
    assert found.legs[0].volatility == pytest.approx(chain.volatility[0])
    assert not found.legs[0].is_assumed


def test_nothing_is_gained_yet_at_the_price_of_this_moment():
    found = payoff([leg("CE", -65, "130", "26000"), leg("PE", -65, "120", "26000")], MARKET, Supposed())
    assert abs(found.now) <= Decimal("0.01")
    assert at(found, 26000).today == found.now


def test_what_is_supposed_moves_today_and_not_the_expiry():
    legs = [leg("CE", -65, "130", "26000"), leg("PE", -65, "120", "26000")]
    usual = payoff(legs, MARKET, Supposed())
    later = payoff(legs, MARKET, Supposed(at=NOW + timedelta(days=2)))
    wilder = payoff(legs, MARKET, Supposed(volatility=Decimal(5)))
    away = payoff(legs, MARKET, Supposed(spot=Decimal(1)))

    assert later.now > usual.now > wilder.now
    assert away.spot == Decimal("26260.00")
    assert away.now < usual.now
    assert usual.breakevens == later.breakevens == wilder.breakevens == away.breakevens
    assert at(usual, 26100).expiry == at(later, 26100).expiry


def test_no_time_beyond_the_first_expiry_is_supposed():
    legs = [leg("CE", -65, "130", "26000")]
    found = payoff(legs, MARKET, Supposed(at=NOW + timedelta(days=99)))
    assert found.at == FIRST
    assert all(point.today == point.expiry for point in found.points)


def test_an_option_whose_price_means_no_volatility_takes_that_at_the_money_and_says_so():
    found = payoff([leg("CE", 65, "400", "25500")], MARKET, Supposed())  # below its intrinsic value
    assert found.legs[0].is_assumed
    assert found.legs[0].volatility == 0.12


def test_without_any_volatility_only_the_expiry_is_drawn():
    market = replace(MARKET, volatility={})
    found = payoff([leg("CE", 65, "400", "25500")], market, Supposed())
    assert found.now is None
    assert found.chance is None
    assert found.greeks.delta is None
    assert {point.today for point in found.points} == {None}
    assert list(found.breakevens) == [Decimal(25900)]
    assert payoff([leg("CE", 65, "130", "26000"), leg("CE", 65, "400", "25500", 10)], market, Supposed()) is None


def test_shares_alone_never_expire_and_go_with_their_price():
    found = payoff([leg("EQ", 100, "25000", days=None, price=SPOT)], MARKET, Supposed(spot=Decimal(-1)))
    assert found.expires is None
    assert found.now == Decimal("74000.00")
    assert list(found.breakevens) == [Decimal(25000)]


def test_profit_that_is_booked_already_lifts_everything():
    legs = [leg("CE", -65, "130", "26000")]
    found = payoff(legs, MARKET, Supposed(), Decimal(650))
    assert list(found.breakevens) == [Decimal(26140)]
    assert found.max_profit.amount == 9100


STRIKES = st.integers(510, 530).map(lambda number: str(number * 50))
ENTRIES = st.integers(1, 8000).map(lambda ticks: str(Decimal(ticks) / 20))
UNITS = st.integers(-3, 3).filter(bool).map(lambda lots: lots * 65)
OPTIONS = st.builds(leg, st.sampled_from(["CE", "PE"]), UNITS, ENTRIES, STRIKES)
FUTURES = st.builds(leg, st.just("FUT"), UNITS, st.integers(25900, 26100).map(str))
LATERS = st.builds(leg, st.sampled_from(["CE", "PE"]), UNITS, ENTRIES, STRIKES, st.just(10))


def by_hand(legs, price: Decimal) -> Decimal:
    total = Decimal(0)
    for each in legs:
        ahead = {"CE": max(price - each.strike, Decimal(0)), "PE": max(each.strike - price, Decimal(0))}
        total += each.units * (ahead.get(each.kind, price) - each.entry)
    return total


@given(st.lists(st.one_of(OPTIONS, FUTURES), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_at_expiry_it_is_the_sum_of_the_legs_in_straight_lines_between_strikes(legs):
    found = payoff(legs, MARKET, Supposed())
    assert found.is_exact
    assert all(point.expiry == by_hand(legs, point.price) for point in found.points)
    strikes = {each.strike for each in legs if each.is_option}
    for (a, b), (_, c) in pairwise(pairwise(found.points)):
        if b.price not in strikes:
            straight = a.expiry + (c.expiry - a.expiry) * (b.price - a.price) / (c.price - a.price)
            assert abs(b.expiry - straight) < Decimal("1e-15")
    for price in found.breakevens:
        assert abs(by_hand(legs, price)) < Decimal("1e-15")
    for extreme, sign in ((found.max_profit, 1), (found.max_loss, -1)):
        if extreme.amount is not None:
            assert by_hand(legs, extreme.at) == extreme.amount
            probes = (Decimal(0), Decimal(10**6), *(point.price for point in found.points))
            assert all(sign * by_hand(legs, price) <= sign * extreme.amount for price in probes)
        else:
            assert sign * by_hand(legs, Decimal(10**9)) > 10**6
    assert found.chance is None or 0 <= found.chance <= 1


@given(st.lists(OPTIONS, min_size=1, max_size=3), st.lists(LATERS, min_size=1, max_size=2))
@settings(max_examples=25, deadline=None)
def test_with_a_later_option_zeros_are_zeros_and_extremes_are_not_passed(near, far):
    found = payoff([*near, *far], MARKET, Supposed())
    assert not found.is_exact
    slack = Decimal("0.05") * sum(abs(each.units) for each in (*near, *far))
    for point in found.points:
        assert found.max_profit.amount is None or point.expiry <= found.max_profit.amount + slack
        assert found.max_loss.amount is None or point.expiry >= found.max_loss.amount - slack
    assert all(abs(at(found, price).expiry) <= slack for price in found.breakevens if _is_drawn(found, price))
    for low, high in pairwise(found.points):
        if low.expiry * high.expiry < 0:
            assert any(low.price <= price <= high.price for price in found.breakevens)


def _is_drawn(found, price: Decimal) -> bool:
    return found.points[0].price <= price <= found.points[-1].price
