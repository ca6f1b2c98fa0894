from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.instruments.contracts import (
    CannotResolve,
    ContractRule,
    Listed,
    at_the_money,
    resolve,
    strike_for,
)

NEAR, FAR = date(2026, 11, 23), date(2026, 12, 1)
TODAY = date(2026, 11, 19)
# 50 apart near the money, 100 apart further out: no step would compute these.
STRIKES = [Decimal(n) for n in (25800, 25900, 25950, 26000, 26050, 26100, 26200, 26300)]
LISTED = [
    Listed("NFO", f"NIFTY-{expiry:%d%b}-{strike}-{kind}", "NIFTY", kind, Decimal(65), Decimal("0.05"), expiry, strike)
    for expiry in (NEAR, FAR)
    for strike in STRIKES
    for kind in ("CE", "PE")
] + [Listed("NFO", f"NIFTY-{day:%d%b}-FUT", "NIFTY", "FUT", Decimal(65), Decimal("0.1"), day) for day in (NEAR, FAR)]


def leg(kind="CE", strike="ATM", expiry="current_week", underlying="NIFTY"):
    return ContractRule("Leg 1", "NFO", underlying, kind, expiry, strike)


@pytest.mark.parametrize(
    ("kind", "strike", "expected"),
    [
        ("CE", "ATM", 26000),
        ("PE", "ATM", 26000),
        ("CE", "OTM1", 26050),
        ("CE", "OTM3", 26200),
        ("CE", "ITM2", 25900),
        ("PE", "OTM1", 25950),
        ("PE", "OTM3", 25800),
        ("PE", "ITM4", 26300),
        ("CE", "26200", 26200),
        ("PE", "25800.0", 25800),
    ],
)
def test_strikes_are_counted_along_the_listed_ones(kind, strike, expected):
    found = resolve(leg(kind, strike), Decimal("26012.35"), LISTED, TODAY)
    assert (found.strike, found.kind, found.expiry) == (expected, kind, NEAR)


def test_a_future_needs_no_price():
    assert resolve(leg("FUT", "", "next_week"), None, LISTED, TODAY).expiry == FAR


def test_an_explicit_symbol_is_taken_as_it_is():
    wanted = LISTED[5].symbol
    assert resolve(ContractRule("Leg 2", "NFO", symbol=wanted), None, LISTED, TODAY).symbol == wanted


@pytest.mark.parametrize(
    ("rule", "spot", "sentence"),
    [
        (leg("CE", "OTM9"), "26000", r"Leg 1: NIFTY CE of 23 Nov 2026 has no strike OTM9: listed are 25800 to 26300\."),
        (leg("CE", "26025"), "26000", "has no strike 26025"),
        (leg("CE", "OTM"), "26000", "is not a strike rule"),
        (leg("CE", "ATM"), None, "Leg 1: there is no price of NIFTY"),
        (leg("CE", "ATM"), "0", "there is no price of NIFTY"),
        (leg("CE", "ATM"), "NaN", "there is no price of NIFTY"),
        (leg("CE", "ATM", "24NOV26"), "26000", "the expiry 24 Nov 2026 is not listed"),
        (leg(underlying="NOSUCH"), "26000", "NOSUCH has no CE contracts on NFO"),
        (ContractRule("Leg 3", "NFO", symbol="NOPE"), "1", r"Leg 3: NOPE is not listed on NFO\."),
    ],
)
def test_what_cannot_be_resolved_is_told_with_the_legs_name(rule, spot, sentence):
    with pytest.raises(CannotResolve, match=sentence):
        resolve(rule, Decimal(spot) if spot else None, LISTED, TODAY)


def test_between_two_strikes_the_lower_one_is_at_the_money():
    assert at_the_money(Decimal(26025), STRIKES) == 26000


@given(
    st.lists(st.decimals("1", "99999", places=1), min_size=1, max_size=40),
    st.decimals("1", "99999", places=2),
    st.integers(1, 20),
)
def test_calls_and_puts_mirror_each_other_around_the_money(strikes, spot, steps):
    assert strike_for(f"OTM{steps}", "CE", spot, strikes) == strike_for(f"ITM{steps}", "PE", spot, strikes)
    assert strike_for(f"ITM{steps}", "CE", spot, strikes) == strike_for(f"OTM{steps}", "PE", spot, strikes)
    centre, out = strike_for("ATM", "CE", spot, strikes), strike_for("OTM1", "CE", spot, strikes)
    assert centre in strikes
    assert out is None or out > centre
