"""The option chain's page and its API twin: what is listed, what this process heard, and the legs that are picked."""

import re
from decimal import Decimal
from urllib.parse import unquote

import pytest

from app.broadcast.chain_keys import ChainKey
from app.users.roles import Role
from app.web.chain_basket import collected, leg_rows
from app.web.chain_look import streamed_look
from app.web.format import amount, exact, grown, step
from tests.chains import DAY, LATER, list_chain

KEY = ChainKey("NFO", "NIFTY", DAY)
CALL, PUT = "NFO:NIFTY24NOV2626000CE", "NFO:NIFTY24NOV2626000PE"


@pytest.fixture
def chain(services):
    """Listed far from now, so that no expiry is ever past."""
    list_chain(services.instruments, services.clock.now(), 30, (DAY.replace(year=2099), LATER.replace(year=2099)))
    return ChainKey("NFO", "NIFTY", DAY.replace(year=2099))


@pytest.fixture
def heard(app, chain, services):
    """The engine told of one call and of the chain as a whole."""
    at = int(services.clock.now().timestamp() * 1000)

    def cell(value, kind):
        return {"v": value, "k": kind, "c": None, "at": at}

    cells = {
        f"26000CE:ltp@{chain}": cell("123.05", "price"), f"26000CE:iv@{chain}": cell("13.00", "number"),
        f"26000CE:oi@{chain}": cell("8460790", "amount"), f"26000CE:oi_bar@{chain}": cell("72", "share"),
        f"26000CE:delta@{chain}": cell(None, "number"), f"atm:sum@{chain}": cell("26000", "number"),
        f"spot:sum@{chain}": cell("26012.5", "price"), f"source:sum@{chain}": cell("parity", "word"),
    }  # fmt: skip
    app.extensions["live"].hub.take("tick", {"owner": "*", "cells": cells})
    return chain


def test_without_instruments_the_page_says_so(admin):
    assert "No options are on record yet" in admin.get("/chain").text
    assert admin.client.get("/chain/rows").status_code == 404
    assert admin.client.get("/api/v1/chain").status_code == 404


def test_the_nearest_expiry_is_shown_with_what_is_known(admin, heard):
    page = admin.get("/chain").text

    assert 'aria-current="page">24\xa0Nov\xa02099' in page
    assert page.count("<tr data-strike") == 21
    assert '<tr data-strike="26000" class="atm"' in page
    assert ">123.05</span>" in page
    assert "84.61\xa0L" in page
    assert 'value="72"' in page
    assert "from calls and puts" in page
    assert "nan" not in page.lower().replace("finance", "")


def test_every_figure_of_a_trader_has_its_live_cell_on_the_page_and_its_name_in_the_api(admin, heard):
    page = admin.get("/chain?view=all").text
    for name in ("ltp", "change", "percent", "volume", "oi", "oic", "iv", "delta", "gamma", "theta", "vega"):
        assert f'data-cell="26000CE:{name}@{heard}"' in page
        assert f'data-cell="26000PE:{name}@{heard}"' in page
    for bar in ("oi_bar", "oic_bar"):
        assert re.search(f'<meter data-cell="26000PE:{bar}@{heard}"', page)
    for name in ("pcr", "pcr_volume", "max_pain", "straddle", "atm", "iv", "spot", "forward"):
        assert f'data-cell="{name}:sum@{heard}"' in page
    told = admin.client.get("/api/v1/chain?underlying=NIFTY&wait=0").json
    assert {"put_call_ratio", "put_call_ratio_by_volume", "max_pain", "straddle", "at_the_money"} <= set(told)
    option = told["strikes"][0]["call"]
    assert {"last_price", "change", "open_interest", "open_interest_change", "volume"} <= set(option)
    assert {"implied_volatility", "delta", "gamma", "theta", "vega"} <= set(option)


def test_what_is_not_known_is_a_dash(admin, heard):
    page = admin.get("/chain?view=greeks").text

    assert f'data-cell="26000CE:delta@{heard}"' in page
    assert page.count(">–</span>") > 200


@pytest.mark.parametrize(
    "address",
    [
        "/chain?underlying=nothing&expiry=never&span=x&view=y",
        "/chain?span=0",
        "/chain?span=999&view=all",
        "/chain?expiry=2099-12-01&leg=rubbish&pick=Z:a:b&drop=999",
        "/chain/rows?centre=NaN",
        "/chain/rows?centre=1e999",
    ],
)
def test_what_nobody_can_read_falls_back_to_what_is_usual(admin, chain, address):
    assert admin.client.get(address).status_code == 200


def test_strikes_stay_where_they_are_while_the_money_is_near(admin, heard):
    near = admin.client.get("/chain/rows?centre=26200").text
    far = admin.client.get("/chain/rows?centre=26300").text

    assert 'data-strike="26700"' in near
    assert 'data-strike="26500"' in far
    assert 'data-strike="26550"' not in far


def test_legs_are_picked_added_up_and_taken_back():
    legs = [str(pick) for pick in collected([], f"B:{CALL}")]
    legs = [str(pick) for pick in collected(legs, f"S:{PUT}")]
    legs = [str(pick) for pick in collected(legs, f"B:{CALL}")]

    assert legs == [f"B:{CALL}:2", f"S:{PUT}:1"]
    assert [str(pick) for pick in collected(legs, f"S:{CALL}")] == [f"B:{CALL}:1", f"S:{PUT}:1"]
    assert [str(pick) for pick in collected(legs, f"B:{PUT}")] == [f"B:{CALL}:2"]
    assert [str(pick) for pick in collected(legs, dropped="0")] == [f"S:{PUT}:1"]
    assert len(collected([f"B:NFO:X{number}:1" for number in range(40)], f"B:{CALL}")) == 20


@pytest.mark.parametrize("text", ["", "B", f"Z:{CALL}", "B::X", "B:NFO:", f"B:{CALL}:0", f"B:{CALL}:20000", "B:NFO:é"])
def test_what_is_no_leg_is_left_out(text):
    assert collected([text]) == []


def test_a_leg_keeps_its_own_strike_and_day():
    values = leg_rows([f"S:{CALL}:3"])[0].values

    assert values.items() >= {
        "action": "SELL", "kind": "CE", "underlying": "NIFTY", "expiry": "date", "expiry_date": "2026-11-24",
        "strike": "26000", "lots": "3",
    }.items()  # fmt: skip
    assert leg_rows(["B:NSE:SBIN:1"])[0].values["kind"] == "SYMBOL"


def test_picked_legs_open_the_builder(admin, chain):
    page = admin.get(f"/strategies/new?leg=S:{CALL}:3&leg=B:{PUT}:1").text
    there = admin.client.get(f"/chain/strategy?leg=S:{CALL}:3")

    assert page.count('<option value="SELL" selected>') == 1
    assert 'value="26000"' in page
    assert there.status_code == 303
    assert unquote(there.location).endswith(f"/strategies/new?leg=S:{CALL}:3")
    assert admin.client.get("/chain/strategy?strategy_id=01KAJ9Q4T5V6W7X8Y9Z0A1B2C3").status_code == 404


def test_one_who_only_looks_picks_nothing_for_the_builder(invited, heard):
    viewer = invited(Role.VIEWER.value, "Vera")

    page = viewer.get(f"/chain?leg=B:{CALL}:1").text

    assert "Picked legs" in page
    assert "Open the builder" not in page
    assert viewer.client.get(f"/chain/strategy?leg=B:{CALL}:1").status_code == 403


def test_the_api_tells_the_same(admin, heard):
    body = admin.client.get("/api/v1/chain?underlying=NFO:NIFTY&strikes=2&wait=0").json

    assert (body["at_the_money"], body["spot"], body["forward_from"]) == ("26000", "26012.5", "parity")
    assert [row["strike"] for row in body["strikes"]] == ["25900", "25950", "26000", "26050", "26100"]
    call = body["strikes"][2]["call"]
    assert (call["last_price"], call["implied_volatility"], call["delta"]) == ("123.05", "13", None)
    assert call["priced_at"] is not None
    assert body["strikes"][0]["put"]["last_price"] is None
    assert len(body["expiries"]) == 2


def test_the_api_names_what_is_not_listed(admin, chain):
    for query in ("underlying=NOTHING", "underlying=NIFTY&expiry=2098-01-01"):
        assert admin.client.get(f"/api/v1/chain?{query}").status_code == 404
    assert admin.client.get("/api/v1/chain?strikes=0").status_code == 422


def test_a_stream_watches_the_columns_it_shows():
    look = streamed_look({"chain": str(KEY), "view": "greeks", "span": "20"})

    assert look.wish == "NFO:NIFTY24NOV26#20"
    assert "iv@NFO:NIFTY24NOV26" in look.shelves
    assert "sum@NFO:NIFTY24NOV26" in look.shelves
    assert "oi@NFO:NIFTY24NOV26" not in look.shelves
    assert streamed_look({"chain": "rubbish"}) is None


def test_a_chain_that_is_let_go_is_forgotten(app, heard):
    hub = app.extensions["live"].hub
    assert hub.of_symbols([heard.shelf("ltp")])

    hub.take("gone", {"of": f"@{heard}"})

    assert hub.of_symbols([heard.shelf("ltp")]) == {}


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (amount, "9750", "9,750"), (amount, "100000", "1.00\xa0L"), (amount, "9999600", "1.00\xa0Cr"),
        (amount, None, "–"),
        (grown, "-289055", "−2.89\xa0L"), (grown, "5", "+5"), (grown, "0", "0"), (grown, None, "–"),
        (step, "12.3", "+12.30"), (step, "-0.05", "−0.05"), (step, "0", "0.00"), (step, None, "–"),
        (exact, "13.00", "13.00"), (exact, "26050", "26,050"), (exact, "0.001124", "0.001124"), (exact, None, "–"),
    ],
)  # fmt: skip
def test_figures_are_short_and_signed(write, value, text):
    assert write(None if value is None else Decimal(value)) == text
