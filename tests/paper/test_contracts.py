from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.paper.contracts import LISTING, Universe, future_symbol, option_symbol, parse_expiry, parse_symbol

START = date(2026, 11, 21)
UNIVERSE = Universe(START)
names = st.sampled_from([row["name"] for row in LISTING["indices"]] + ["M&M", "VEDL", "360ONE"])
expiries = st.dates(min_value=date(2020, 1, 1), max_value=date(2049, 12, 31))
strikes = st.decimals(min_value="0.05", max_value="200000", places=2).map(Decimal)


@given(names, expiries, strikes, st.sampled_from(["CE", "PE"]))
def test_an_option_symbol_can_be_read_back(name, expiry, strike, kind):
    parts = parse_symbol(option_symbol(name, expiry, strike, kind))
    assert parts is not None
    assert (parts.name, parts.kind, parts.expiry, parts.strike) == (name, kind, expiry, strike)


@given(names, expiries)
def test_a_future_symbol_can_be_read_back(name, expiry):
    parts = parse_symbol(future_symbol(name, expiry))
    assert parts is not None
    assert (parts.name, parts.kind, parts.expiry) == (name, "FUT", expiry)


@pytest.mark.parametrize("contract", UNIVERSE.all("NFO")[::37] + UNIVERSE.all("BFO")[::37], ids=lambda c: c.symbol)
def test_every_listed_symbol_says_what_the_contract_is(contract):
    parts = parse_symbol(contract.symbol)
    assert parts is not None
    assert (parts.name, parts.kind, parts.expiry, parts.strike) == (
        contract.name,
        contract.kind,
        contract.expiry,
        contract.strike,
    )


@pytest.mark.parametrize("symbol", ["SBIN", "NIFTY", "NIFTY99XXX2626050CE", "NIFTY24NOV26"])
def test_other_symbols_are_no_derivatives(symbol):
    assert parse_symbol(symbol) is None


def test_a_fractional_strike_keeps_its_decimals_and_a_whole_one_has_none():
    assert option_symbol("VEDL", date(2024, 4, 25), Decimal("292.5"), "CE") == "VEDL25APR24292.5CE"
    assert option_symbol("NIFTY", date(2026, 11, 24), Decimal("26050.00"), "CE") == "NIFTY24NOV2626050CE"


@pytest.mark.parametrize("text", ["24NOV26", "24-NOV-26", "24-Nov-2026", "24NOV2026"])
def test_an_expiry_is_read_in_each_spelling_of_the_server(text):
    assert parse_expiry(text) == date(2026, 11, 24)


@pytest.mark.parametrize(
    ("name", "exchange", "lot", "freeze"),
    [
        ("NIFTY", "NFO", 65, 1800),
        ("BANKNIFTY", "NFO", 30, 600),
        ("FINNIFTY", "NFO", 60, 1800),
        ("MIDCPNIFTY", "NFO", 120, 2800),
        ("SENSEX", "BFO", 20, 1000),
    ],
)
def test_derivatives_carry_lot_freeze_and_tick(name, exchange, lot, freeze):
    expiry = UNIVERSE.expiries(name, exchange, "futures")[0]
    future = UNIVERSE.find(future_symbol(name, expiry), exchange)
    _, call, _ = UNIVERSE.chain(name, expiry)[40]
    assert future is not None
    assert call is not None
    assert {(c.lot_size, c.freeze_quantity) for c in (future, call)} == {(lot, freeze)}
    assert (future.tick, call.tick) == (Decimal("0.1"), Decimal("0.05"))


def test_a_share_has_no_known_freeze_quantity():
    share = UNIVERSE.find("SBIN", "NSE")
    assert share is not None
    assert (share.kind, share.lot_size, share.freeze_quantity, share.tick) == ("EQ", 1, 1, Decimal("0.05"))


def test_there_are_thirty_shares_and_six_indices():
    assert len(UNIVERSE.all("NSE")) == 30
    assert {c.name for c in UNIVERSE.all("NSE_INDEX")} == {
        "NIFTY",
        "BANKNIFTY",
        "FINNIFTY",
        "MIDCPNIFTY",
        "INDIAVIX",
    }
    assert [c.name for c in UNIVERSE.all("BSE_INDEX")] == ["SENSEX"]


def test_a_chain_lists_calls_and_puts_by_ascending_strike():
    chain = UNIVERSE.chain("NIFTY", date(2026, 11, 24))
    strikes = [strike for strike, _, _ in chain]
    assert strikes == [Decimal(24000 + 50 * i) for i in range(81)]
    assert all(call and put and call.strike == put.strike == strike for strike, call, put in chain)


def test_an_unknown_series_has_an_empty_chain_and_no_expiries():
    assert UNIVERSE.chain("NIFTY", date(2030, 1, 1)) == []
    assert UNIVERSE.expiries("NOSUCH", "NFO", "options") == []
    assert UNIVERSE.expiries("NIFTY", "BFO", "options") == []


def test_a_search_needs_every_word():
    found = UNIVERSE.search("nifty 24nov26 26050 ce", "NFO")
    assert "NIFTY24NOV2626050CE" in {c.symbol for c in found}
    assert all("24NOV26" in c.symbol and c.symbol.endswith("CE") for c in found)
    assert UNIVERSE.search("NOSUCH", None) == []


def test_ids_and_tokens_are_unique():
    contracts = UNIVERSE.all()
    assert len({c.id for c in contracts}) == len({c.token for c in contracts}) == len(contracts)


def test_an_expired_series_gives_way_to_a_new_one_but_can_still_be_found():
    universe = Universe(START, lambda: date(2026, 11, 25))
    assert universe.expiries("NIFTY", "NFO", "options") == [
        date(2026, 12, 1),
        date(2026, 12, 8),
        date(2026, 12, 15),
        date(2026, 12, 22),
    ]
    assert "NIFTY24NOV26FUT" not in {c.symbol for c in universe.all("NFO")}
    assert universe.find("NIFTY24NOV26FUT", "NFO") is not None


def test_the_underlying_of_a_derivative_is_its_index():
    assert [UNIVERSE.underlying(name).exchange for name in ("NIFTY", "SENSEX", "SBIN")] == [
        "NSE_INDEX",
        "BSE_INDEX",
        "NSE",
    ]
    assert UNIVERSE.underlying("NOSUCH") is None
