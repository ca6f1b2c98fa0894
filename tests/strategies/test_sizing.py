"""Lots of an account: examples worked by hand, and what holds whatever the figures are."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from app.core.errors import Invalid
from app.core.validation import parse
from app.strategies.legs import Draft
from app.strategies.sizing import Costs, Figure, Purse, Sizing, Terms, ratio, size
from app.strategies.sizing_settings import MarginRow, SizingRules

DATA = json.loads((Path(__file__).parent.parent / "data" / "sizing.json").read_text("utf-8"))
NOW = datetime(2026, 11, 23, 4, 15, tzinfo=UTC)


def exact(values: dict) -> dict:
    return {name: Decimal(text) if isinstance(text, str) and name != "grade" else text for name, text in values.items()}


def purse_of(free: str, cash: str = "0", equity: str | None = None) -> Purse:
    return Purse(Decimal(free), Decimal(cash), Decimal(equity) if equity else None, NOW)


def sized(case: dict):
    purse = purse_of(**case["purse"]) if "purse" in case else None
    costs = Costs(**{name: Figure(value) for name, value in exact(case.get("costs", {})).items()})
    return size(Sizing.model_validate(case["rule"]), case["legs"], Terms(**exact(case["terms"])), purse, costs)


@pytest.mark.parametrize("case", DATA["cases"], ids=lambda case: case["name"])
def test_it_gives_what_a_person_reckons(case):
    found = sized(case)
    assert list(found.lots) == case["lots"], case["arithmetic"]
    assert found.why == case.get("why", "")
    assert found.record["capped_by"] == case.get("capped_by", "")
    assert found.record["asked"] == case.get("asked", found.record["asked"])
    json.dumps(found.record)


@pytest.mark.parametrize("case", DATA["table"], ids=lambda case: case["name"])
def test_a_table_of_margins_gives_what_a_person_reckons(case):
    found = MarginRow.model_validate(case["row"]).margin(**case["sold"], expires=case["expires"])
    assert found == (None if case["margin"] is None else Decimal(case["margin"])), case["arithmetic"]


def test_without_funds_nothing_is_sized_and_the_reason_is_passed_on():
    found = size(
        Sizing(method="margin"), [1], Terms(grade="A", percent=Decimal(95)), None, Costs(), "Its funds are old."
    )
    assert (found.lots, found.why) == ((0,), "Its funds are old.")


def test_a_cost_that_is_not_known_leaves_the_account_out_and_says_why():
    costs = Costs(margin=Figure(trouble="The venue gave no margin."))
    found = size(Sizing(method="margin"), [1], Terms(grade="A", percent=Decimal(95)), purse_of("1000000"), costs)
    assert (found.lots, found.why) == ((0,), "The venue gave no margin.")


def test_a_cap_in_value_that_cannot_be_reckoned_lets_nothing_through():
    costs = Costs(value=Figure(trouble="There is no price of X that can be trusted now."))
    found = size(Sizing(), [1], Terms(max_value=Decimal(1000)), None, costs)
    assert (found.lots, found.why) == ((0,), "There is no price of X that can be trusted now.")


MONEY = st.decimals("0", "100000000", places=2)
COST = st.decimals("0.01", "5000000", places=2)
LEGS = st.lists(st.integers(1, 60), min_size=1, max_size=4)
RULES = st.sampled_from([
    {"method": "margin"}, {"method": "premium", "budget": "40000"},
    {"method": "premium", "budget": "25", "unit": "percent"}, {"method": "equity", "budget": "30", "unit": "percent"},
    {"method": "risk", "budget": "2", "unit": "percent"}, {"method": "volatility", "budget": "90000"},
]).map(Sizing.model_validate)  # fmt: skip


@st.composite
def worlds(draw):
    cost = Costs(*(Figure(draw(COST)) for _ in range(5)))
    terms = Terms(
        draw(st.decimals("0.1", "20", places=2)), "A", draw(st.decimals("1", "100", places=2)),
        draw(st.none() | st.integers(1, 500)), draw(st.none() | st.decimals("1", "10000000", places=2)),
    )  # fmt: skip
    return draw(LEGS), terms, cost


@settings(max_examples=150, deadline=None)
@given(RULES, worlds(), MONEY, MONEY, MONEY)
def test_whatever_is_asked_lots_are_whole_sets_within_every_cap(rule, world, free, cash, equity):
    legs, terms, cost = world
    lots = size(rule, legs, terms, Purse(free, cash, equity, NOW), cost).lots
    sets, rest = divmod(lots[0], ratio(legs)[0])
    assert rest == 0
    assert lots == tuple(each * sets for each in ratio(legs))
    assert max(lots) <= (terms.max_lots or 10_000)
    assert terms.max_value is None or sets * cost.value.value <= terms.max_value
    if rule.method == "premium":
        assert sets * cost.premium.value <= cash
    else:
        assert sets * cost.margin.value <= free
    if rule.method == "margin":
        assert sets * cost.margin.value <= free * terms.percent / 100 * terms.multiplier


@settings(max_examples=100, deadline=None)
@given(RULES, worlds(), MONEY, MONEY)
def test_more_funds_never_give_fewer_lots(rule, world, funds, more):
    legs, terms, cost = world
    fewer = size(rule, legs, terms, Purse(funds, funds, funds, NOW), cost).lots
    richer = size(rule, legs, terms, Purse(funds + more, funds + more, funds + more, NOW), cost).lots
    assert richer >= fewer


@settings(max_examples=100, deadline=None)
@given(worlds())
def test_a_cap_never_gives_more_than_the_fixed_lots_it_caps(world):
    legs, terms, cost = world
    free = size(Sizing(), legs, Terms(terms.multiplier), None, cost).lots
    capped = size(Sizing(), legs, terms, None, cost).lots
    assert all(each <= most for each, most in zip(capped, free, strict=True))
    assert max(capped) <= (terms.max_lots or max(free))


# -- what may be written down


def draft(**more):
    leg = {"action": "SELL", "kind": "CE", "underlying": "NIFTY", "lots": 1}
    return parse(Draft, {"name": "x", "legs": [leg]} | more)


@pytest.mark.parametrize(("rule", "said"), [
    ({"method": "premium", "budget": "1"}, "needs a leg that buys"),
    ({"method": "risk", "budget": "1"}, "needs the distance of a stop"),
    ({"method": "equity", "budget": "1"}, "percent"),
    ({"method": "equity", "budget": "101", "unit": "percent"}, "100 at most"),
    ({"method": "risk", "stop_points": "5"}, "Say the budget"),
    ({"method": "margin", "budget": "5"}, "has no budget"),
])  # fmt: skip
def test_a_size_that_cannot_be_reckoned_is_refused_at_its_field(rule, said):
    with pytest.raises(Invalid) as refused:
        draft(sizing=rule)
    assert list(refused.value.fields) == ["sizing"]
    assert said in refused.value.fields["sizing"][0]


@pytest.mark.parametrize("more", [
    {"sizing": {"method": "risk", "budget": "1", "stop_points": "5"}},
    {"sizing": {"method": "risk", "budget": "1"}, "limits": {"stop": {"value": "20", "unit": "percent"}}},
])  # fmt: skip
def test_a_size_by_risk_takes_its_own_points_or_the_strategys_stop(more):
    assert draft(**more).sizing.method == "risk"


def test_a_grade_and_an_underlying_are_there_once():
    with pytest.raises(ValidationError, match="each grade"):
        SizingRules(grades=[{"name": "a", "percent": 5}, {"name": "A", "percent": 6}])
    with pytest.raises(ValidationError, match="each underlying"):
        SizingRules(margins=[{"underlying": "NIFTY"}, {"underlying": "NIFTY"}])
