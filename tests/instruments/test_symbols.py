from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.instruments.symbols import Contract, build, parse, parse_date, spell_date

NAMES = st.from_regex(r"[A-Z][A-Z0-9&-]{0,14}", fullmatch=True)
DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))
STRIKES = st.decimals("0.05", "999999", places=2)


@given(NAMES, DAYS, STRIKES, st.sampled_from(["CE", "PE"]))
def test_an_option_survives_being_spelled_and_read(name, expiry, strike, right):
    contract = Contract(name, right, expiry, strike)
    assert parse(build(contract)) == contract


@given(NAMES, DAYS)
def test_a_future_survives_being_spelled_and_read(name, expiry):
    contract = Contract(name, "FUT", expiry)
    assert parse(build(contract)) == contract


@given(st.text(max_size=40))
def test_any_text_is_read_without_an_error(text):
    parse(text)
    parse_date(text)


@pytest.mark.parametrize(
    ("symbol", "contract"),
    [
        ("NIFTY24NOV2626050CE", Contract("NIFTY", "CE", date(2026, 11, 24), Decimal(26050))),
        ("VEDL25APR24292.5CE", Contract("VEDL", "CE", date(2024, 4, 25), Decimal("292.5"))),
        ("NIFTY24NOV26FUT", Contract("NIFTY", "FUT", date(2026, 11, 24))),
        ("NIFTYNXT5024NOV26FUT", Contract("NIFTYNXT50", "FUT", date(2026, 11, 24))),
        ("BAJAJ-AUTO24NOV269000PE", Contract("BAJAJ-AUTO", "PE", date(2026, 11, 24), Decimal(9000))),
        ("M&M24NOV26FUT", Contract("M&M", "FUT", date(2026, 11, 24))),
    ],
)
def test_the_spellings_of_the_exchange_list_are_read(symbol, contract):
    assert parse(symbol) == contract
    assert build(contract) == symbol


@pytest.mark.parametrize(
    "symbol", ["SBIN", "RELIANCE", "NIFTY", "NIFTY32NOV26FUT", "NIFTY24NOV26", "", "BTC/USDT:USDT"]
)
def test_what_spells_no_contract_is_none(symbol):
    assert parse(symbol) is None


@pytest.mark.parametrize("text", ["24NOV26", "24-NOV-26", "24-Nov-2026", "2026-11-24", " 24nov26 "])
def test_all_spellings_of_a_date_are_one_day(text):
    assert parse_date(text) == date(2026, 11, 24)


def test_a_date_is_spelled_without_the_machines_language():
    assert spell_date(date(2026, 5, 1)) == "01MAY26"


def test_an_option_without_a_strike_cannot_be_spelled():
    with pytest.raises(ValueError, match="needs a strike"):
        build(Contract("NIFTY", "CE", date(2026, 11, 24)))
