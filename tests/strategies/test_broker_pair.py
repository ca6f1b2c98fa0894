"""At which prices a leg's stop and target rest at the broker, by hand-checked examples."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.risk.limits import LegRules
from app.risk.rules import LegGain, LegLevel
from app.strategies.broker_pair import PairTerms, obstacle, pair_terms
from app.venues.types import Side

TICK = Decimal("0.05")


def rules(stop: tuple[str, str] = ("30", "points"), target: tuple[str, str] = ("40", "points")) -> LegRules:
    levels = (LegLevel.model_validate({"value": value, "unit": unit}) for value, unit in (stop, target))
    return LegRules(*levels)


def terms(*values: str) -> PairTerms:
    return PairTerms(*map(Decimal, values))


@pytest.mark.parametrize(("side", "entry", "levels", "expected"), [
    (Side.BUY, "200", rules(), terms("170", "161.5", "240", "240")),
    (Side.SELL, "200", rules(), terms("230", "241.5", "160", "160")),
    (Side.BUY, "101.03", rules(("20", "percent"), ("30", "percent")), terms("80.8", "76.75", "131.35", "131.35")),
    (Side.BUY, "200", rules(("150", "price"), ("260.02", "price")), terms("150", "142.5", "260", "260")),
    (Side.SELL, "200", rules(("1300", "amount"), ("2600", "amount")), terms("220", "231", "160", "160")),
])  # fmt: skip
def test_the_stop_gives_a_twentieth_away_and_the_target_nothing(side, entry, levels, expected):
    assert pair_terms(side, Decimal(entry), Decimal(65), levels, TICK) == expected


@pytest.mark.parametrize(("side", "levels"), [
    (Side.BUY, rules(("300", "points"))),  # below zero
    (Side.SELL, rules(target=("200", "points"))),
    (Side.BUY, rules(("260", "price"), ("250", "price"))),  # the wrong way round
])  # fmt: skip
def test_where_there_are_no_such_prices_nothing_rests(side, levels):
    assert pair_terms(side, Decimal(200), Decimal(65), levels, TICK) is None


@given(
    st.sampled_from(list(Side)), st.decimals("1", "5000", places=2), st.decimals("0.05", "400", places=2),
    st.decimals("0.05", "400", places=2),
)  # fmt: skip
def test_what_rests_is_on_a_tick_and_its_stop_and_target_lie_on_either_side_of_each_other(side, entry, stop, target):
    found = pair_terms(side, entry, Decimal(65), rules((str(stop), "points"), (str(target), "points")), TICK)
    if found is None:
        return
    prices = (found.stop_trigger, found.stop_price, found.target_trigger, found.target_price)
    assert all(price > 0 and price % TICK == 0 for price in prices)
    assert (found.target_trigger - found.stop_trigger) * side.sign > 0
    assert (found.stop_price - found.stop_trigger) * side.opposite.sign >= 0  # towards a fill


@pytest.mark.parametrize(("levels", "product", "why"), [
    (LegRules(rules().stop), "NRML", "together"),
    (rules(("1", "underlying_percent")), "NRML", "underlying"),
    (LegRules(rules().stop, rules().target, trail=LegGain(value=Decimal(5))), "NRML", "moves"),
    (LegRules(rules().stop, rules().target, even=LegGain(value=Decimal(5))), "NRML", "moves"),
    (rules(), "MIS", "NRML and CNC"),
    (rules(), "NRML", ""),
    (rules(), "CNC", ""),
])  # fmt: skip
def test_what_cannot_rest_at_a_broker_says_why(levels, product, why):
    assert why in obstacle(levels, product)
    assert bool(why) == bool(obstacle(levels, product))
