"""The instrument master of a real OpenAlgo server, read whole and used."""

from datetime import datetime
from decimal import Decimal

import pytest

from app.instruments.contracts import ContractRule
from app.instruments.symbols import build, parse
from tests.paper.running import START, PaperServer
from tests.venues.openalgo.paper import open_venue


@pytest.fixture(scope="module")
def venue():
    with PaperServer([{"name": "zerodha"}]) as server:
        opened = open_venue(server["zerodha"])
        yield opened
        opened.close()


def test_its_list_is_read_and_a_leg_is_resolved_from_it(instruments, venue):
    now = datetime.fromisoformat(START)
    instruments.seed()
    counts = instruments.sync(venue, ["NSE", "NFO", "NSE_INDEX"], now, "openalgo", "zerodha")
    assert all(row.added and not row.gone for row in counts)
    again = instruments.sync(venue, ["NFO"], now, "openalgo", "zerodha")[0]
    assert (again.added, again.changed, again.gone) == (0, 0, 0)
    rule = ContractRule("Leg 1", "NFO", "NIFTY", "CE", "current_week", "ATM")
    found = instruments.resolve("openalgo", rule, Decimal(26012), now)
    assert abs(found.strike - 26012) <= 50
    assert build(parse(found.symbol)) == found.symbol
    assert found.lot_size == instruments.lot_size("NFO", "NIFTY", now.date())
    assert instruments.freeze_quantity(found, now.date()) == 1800
    assert instruments.find("openalgo", *instruments.spot_symbol("NFO", "NIFTY", now.date())) is not None
