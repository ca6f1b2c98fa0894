"""Contracts by the names people use."""

import pytest

from app.web.contracts import contract_name
from tests.web.trading import Desk


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("NIFTY24NOV2626400CE", "NIFTY 24 Nov 26 26,400 CE"),
        ("BANKNIFTY03DEC26100000PE", "BANKNIFTY 3 Dec 26 1,00,000 PE"),
        ("USDINR27NOV2684.25CE", "USDINR 27 Nov 26 84.25 CE"),
        ("M&M24NOV26FUT", "M&M 24 Nov 26 FUT"),
        ("RELIANCE", "RELIANCE"),
        ("NIFTY31FEB2624000CE", "NIFTY31FEB2624000CE"),
    ],
)
def test_a_symbol_is_read_as_people_say_it(symbol, name):
    assert contract_name(symbol) == name


def test_pages_show_the_name_with_the_symbol_on_hover_and_the_api_gives_both(admin, services):
    desk = Desk(services)
    run = desk.run(desk.account())
    shown = '<span title="NIFTY24DEC2624400CE">NIFTY 24 Dec 26 24,400 CE</span>'
    for path in ("/orders", f"/runs/{run.id}", "/positions", "/"):
        assert shown in admin.get(path).text, path
    order = admin.client.get("/api/v1/journal/orders").json["items"][0]
    leg = admin.client.get(f"/api/v1/runs/{run.id}").json["parts"][0]["legs"][0]
    for one in (order, leg, admin.client.get("/api/v1/positions").json["items"][0]):
        assert (one["symbol"], one["name"]) == ("NIFTY24DEC2624400CE", "NIFTY 24 Dec 26 24,400 CE")
