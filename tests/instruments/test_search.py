"""What people type, and what they mean by it."""

from datetime import date

import pytest

from app.instruments.models import Family
from app.venues.types import ContractReport, Symbol
from tests.instruments.conftest import NOW, ListedBy, chain, equity, future

FIRST, SECOND, MONTH = date(2026, 11, 17), date(2026, 11, 24), date(2026, 12, 29)


@pytest.fixture
def market(instruments):
    nifty = [row for day in (FIRST, SECOND, MONTH) for row in chain("NIFTY", day, 24000, 25000, 100)]
    bank = chain("BANKNIFTY", MONTH, 51800, 52200, 100)
    index = [
        ContractReport(Symbol("NSE_INDEX", name), name, "INDEX", equity("X").lot_size, equity("X").tick)
        for name in ("NIFTY", "BANKNIFTY")
    ]
    named = ContractReport(Symbol("NSE", "SBIN"), "State Bank of India", "EQ", equity("X").lot_size, equity("X").tick)
    lists = {
        "NFO": [
            *nifty,
            *bank,
            future("NIFTY", SECOND),
            future("NIFTY", MONTH),
            *chain("RELIANCE", MONTH, 1400, 1500, 20),
        ],
        "NSE": [equity(name) for name in ("RELIANCE", "BANKBARODA", "NIFTYBEES", "M&M", "3MINDIA")] + [named],
        "NSE_INDEX": index,
    }
    instruments.sync(ListedBy(lists), list(lists), NOW, "openalgo", "zerodha")
    return instruments


@pytest.mark.parametrize("text, symbols", [
    ("nifty 24 nov 24500 ce", ["NIFTY24NOV2624500CE"]),
    ("NIFTY 24NOV26 24500CE", ["NIFTY24NOV2624500CE"]),
    ("nifty nov 24 24500 ce", ["NIFTY24NOV2624500CE"]),
    ("nifty24nov2624500ce", ["NIFTY24NOV2624500CE"]),
    ("nifty24500ce", ["NIFTY17NOV2624500CE", "NIFTY24NOV2624500CE", "NIFTY29DEC2624500CE"]),
    ("nifty 24500 ce", ["NIFTY17NOV2624500CE", "NIFTY24NOV2624500CE", "NIFTY29DEC2624500CE"]),
    ("bank 52000 pe", ["BANKNIFTY29DEC2652000PE"]),
    ("bank nifty fut", []),
    ("nifty fut", ["NIFTY24NOV26FUT", "NIFTY29DEC26FUT"]),
    ("nifty dec fut", ["NIFTY29DEC26FUT"]),
    ("state", ["SBIN"]),
    ("m&m", ["M&M"]),
    ("3m", ["3MINDIA"]),
    ("reliance nfo 1440 ce", ["RELIANCE29DEC261440CE"]),
    ("nifty 30 nov 24500 ce", []),
    ("nifty 24550 ce", []),
    ("zzz", []),
])  # fmt: skip
def test_a_search_finds_just_that(market, text, symbols):
    assert [row.symbol for row in market.search(text)] == symbols


@pytest.mark.parametrize("text, first", [
    ("nifty", ["NIFTY", "NIFTYBEES", "NIFTY24NOV26FUT", "NIFTY29DEC26FUT"]),
    ("bank", ["BANKNIFTY", "BANKBARODA", "BANKNIFTY29DEC2651800CE"]),
    ("reliance", ["RELIANCE", "RELIANCE29DEC261400CE"]),
    ("nifty 245", ["NIFTY17NOV2624500CE", "NIFTY17NOV2624500PE", "NIFTY24NOV2624500CE"]),
])  # fmt: skip
def test_the_best_stands_first(market, text, first):
    assert [row.symbol for row in market.search(text)][: len(first)] == first


def test_a_contract_that_is_gone_is_not_found(market):
    market.sync(ListedBy({"NSE": [equity("RELIANCE")]}), ["NSE"], NOW, "openalgo", "zerodha")
    assert market.search("state") == []
    assert market.search("bankb") == []


def test_masters_of_an_older_desk_are_found_after_a_start(market, db):
    with db.write() as session:
        session.execute(Family.__table__.delete())
    assert market.search("nifty") == []
    assert market.fill_families()
    assert market.search("nifty")[0].symbol == "NIFTY"
    assert not market.fill_families()


def test_a_reading_tells_whose_values_moved(market):
    moved = chain("NIFTY", MONTH, 24000, 25000, 100)
    lists = {
        "NFO": [ContractReport(r.symbol, r.name, r.kind, r.lot_size + 5, r.tick, r.expiry, r.strike) for r in moved]
    }
    market.sync(ListedBy(lists), ["NFO"], NOW, "openalgo", "zerodha")
    newest = market.readings("openalgo", "NFO")[0]
    assert newest.detail["changed"] == [["NIFTY", "lot_size", "65", "70", 22]]
    assert ["BANKNIFTY", 10] in newest.detail["gone"]
    assert (newest.added, newest.changed) == (0, 22)
