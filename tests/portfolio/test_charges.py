"""Estimated charges against examples worked out by hand, and what must hold of any order."""

import json
from dataclasses import fields
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.portfolio.charge_rates import estimate, shipped_rates
from app.portfolio.charges import Charges, Dealt, charges

EXAMPLES = json.loads((Path(__file__).parents[1] / "data" / "charges.json").read_text())
TODAY = date(2026, 11, 20)
OPTION = "NIFTY24NOV2626050CE"


def dealt(exchange, symbol, product, side, turnover, on) -> Dealt:
    return Dealt(exchange, symbol, product, side, Decimal(turnover), date.fromisoformat(str(on)))


@pytest.mark.parametrize("example", EXAMPLES, ids=[example["what"].split(":")[0] for example in EXAMPLES])
def test_charges_are_as_worked_out_by_hand(example):
    found = estimate(dealt(*example["dealt"]))
    assert {field.name: str(getattr(found, field.name)) for field in fields(Charges)} == example["charges"]
    assert str(found.total) == example["total"]


@pytest.mark.parametrize(
    ("exchange", "symbol"), [("CRYPTO", "BTCUSDT"), ("NFO", "NOTACONTRACT"), ("NSE_INDEX", "NIFTY")]
)
def test_what_has_no_price_list_is_unknown_and_not_free(exchange, symbol):
    assert estimate(dealt(exchange, symbol, "NRML", "BUY", "1000", TODAY)) is None


def test_a_day_before_the_first_rate_is_unknown():
    assert estimate(dealt("NFO", OPTION, "NRML", "SELL", "1000", "2016-01-02")) is None


def test_without_rates_nothing_is_known():
    assert charges(dealt("NFO", OPTION, "NRML", "SELL", "1000", TODAY), ()) is None


def test_each_rate_names_its_source_and_its_first_day():
    assert all(rate.source and rate.effective <= TODAY for rate in shipped_rates())


@settings(max_examples=40, deadline=None)
@given(st.decimals(0, 10**8, places=2), st.sampled_from(["BUY", "SELL"]), st.sampled_from(["NRML", "MIS", "CNC"]))
def test_charges_are_never_negative_and_grow_with_the_turnover(turnover, side, product):
    less, more = (
        estimate(Dealt("NSE", "SBIN", product, side, amount, TODAY)).total for amount in (turnover, turnover + 1000)
    )
    assert 0 <= less <= more
