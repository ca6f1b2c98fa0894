"""A strike chosen by the market: the fitting one, only from fresh prices, and never past one that nobody knows."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from app.instruments.contracts import Listed
from app.strategies.strikes import Candidate, CannotPick, StrikePick, pick

SPOT = Decimal(24400)
PREMIUMS = {24300: "180", 24350: "150", 24400: "121", 24450: "97", 24500: "76", 24550: "58"}


def option(strike: int, price: str | None, delta: str | None = None) -> Candidate:
    row = Listed(
        "NFO", f"N{strike}CE", "NIFTY", "CE", Decimal(65), Decimal("0.05"), date(2026, 11, 24), Decimal(strike)
    )
    return Candidate(row, Decimal(price) if price else None, Decimal(delta) if delta else None)


def chain(**unknown: None) -> list[Candidate]:
    return [option(strike, unknown.get(f"k{strike}", price)) for strike, price in PREMIUMS.items()]


def by(**rule: object) -> StrikePick:
    return StrikePick.model_validate(rule)


@pytest.mark.parametrize(
    ("rule", "strike"),
    [
        ({"by": "premium", "value": 100}, 24450),
        ({"by": "premium", "value": "67"}, 24500),
        ({"by": "premium", "value": 1000}, 24300),
        ({"by": "premium_range", "low": 70, "high": 160}, 24400),
        ({"by": "premium_range", "low": 70, "high": 100}, 24500),
        ({"by": "premium_range", "low": 70, "high": 100, "choose": "first"}, 24450),
        ({"by": "premium_range", "low": 140, "high": 200, "choose": "first"}, 24350),
    ],
)
def test_a_premium_chooses_the_listed_strike_that_fits(rule: dict[str, object], strike: int) -> None:
    assert pick(by(**rule), chain(), SPOT).strike == strike


def test_a_delta_is_counted_without_its_sign() -> None:
    puts = [option(24300, None, "-0.38"), option(24350, None, "-0.44"), option(24400, "100", "-0.51")]
    assert pick(by(by="delta", value="0.4"), puts, SPOT).strike == 24300


def test_a_strike_beside_one_that_nobody_knows_is_not_chosen_and_both_are_named() -> None:
    with pytest.raises(CannotPick, match=r"N24400CE beside N24450CE has no fresh price"):
        pick(by(by="premium", value=100), chain(k24400=None), SPOT)
    assert pick(by(by="premium", value=60), chain(k24400=None), SPOT).strike == 24550


def test_nothing_in_the_range_says_what_was_nearest_and_no_price_at_all_says_so() -> None:
    with pytest.raises(CannotPick, match="no strike has a premium from 98 to 119; the nearest is N24450CE at 97"):
        pick(by(by="premium_range", low=98, high=119), chain(), SPOT)
    with pytest.raises(CannotPick, match="no strike has a fresh delta"):
        pick(by(by="delta", value="0.3"), chain(), SPOT)


@pytest.mark.parametrize(
    "rule",
    [
        {"by": "premium"},
        {"by": "delta", "value": 1},
        {"by": "delta", "value": -0.3},
        {"by": "premium_range", "low": 80},
        {"by": "premium_range", "low": 80, "high": 80},
        {"by": "premium", "value": True},
        {"by": "premium", "value": 100, "low": 3},
        {"by": "oi", "value": 100},
    ],
)
def test_a_rule_that_says_too_little_or_too_much_is_refused(rule: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        by(**rule)


@settings(max_examples=60)
@given(
    st.lists(st.integers(1, 400), min_size=1, max_size=12, unique=True),
    st.integers(1, 400),
    st.sets(st.integers(0, 11)),
)
def test_what_is_chosen_is_the_nearest_of_the_known_or_nothing_is(prices, wanted, hidden) -> None:
    ladder = [
        option(24000 + 50 * n, None if n in hidden else str(price))
        for n, price in enumerate(sorted(prices, reverse=True))
    ]
    try:
        chosen = pick(by(by="premium", value=wanted), ladder, SPOT)
    except CannotPick:
        assert any(one.price is None for one in ladder)
    else:
        assert all(abs(one.price - wanted) >= abs(chosen.price - wanted) for one in ladder if one.price is not None)
