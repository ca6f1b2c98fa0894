"""Sorting, exact numbers and bulk writing differ between databases: the same questions, the same answers."""

from datetime import date
from decimal import Decimal

import pytest

from app.instruments.contracts import ContractRule
from tests.instruments.conftest import NOW, ListedBy, chain, equity, future

WEEK, MONTH = date(2026, 11, 23), date(2026, 12, 29)


@pytest.fixture
def db(postgres_db):
    return postgres_db


def test_a_list_is_synced_searched_and_resolved(instruments):
    instruments.seed()
    contracts = [*chain("NIFTY", WEEK, 9800, 10200, 100), *chain("NIFTY", MONTH, 9000, 11000, 500)]
    venue = ListedBy({"NFO": [*contracts, future("NIFTY", MONTH)], "NSE": [equity("M&M"), equity("NIFTYBEES")]})
    first = instruments.sync(venue, ["NFO", "NSE"], NOW, "openalgo", "zerodha")
    again = instruments.sync(venue, ["NFO", "NSE"], NOW, "openalgo", "zerodha")
    assert [row.added for row in first] == [21, 2]
    assert [(row.added, row.changed, row.gone) for row in again] == [(0, 0, 0)] * 2
    found = [row.symbol for row in instruments.search("nifty ce", exchange="NFO")]
    assert found[:3] == ["NIFTY23NOV269800CE", "NIFTY23NOV269900CE", "NIFTY23NOV2610000CE"]
    assert [row.symbol for row in instruments.search("m&")] == ["M&M"]
    rule = ContractRule("Leg 1", "NFO", "NIFTY", "CE", "current_month", "OTM1")
    assert instruments.resolve("openalgo", rule, Decimal("9990"), NOW).strike == 10100
