"""The payoff's pages and their API twin: of what is typed, of a strategy, of its preview and of what a run holds."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest

from app.broadcast.chain_keys import ChainKey
from app.core import errands
from app.core.clock import day_in_india
from app.execution.models import Intent, Order
from app.strategies.models import LegRun
from tests.chains import list_chain
from tests.web.client import lint
from tests.web.test_builder import typed
from tests.web.trading import LIKE_ALL, RESOLVED, Desk

SPOT = "26012.5"


@pytest.fixture
def days(services):
    """Two days to come, a week apart, on which there is trading."""
    services.instruments.seed()
    calendar = services.instruments.calendar(services.clock.now())
    day = day_in_india(services.clock.now()) + timedelta(days=2)
    while not all(calendar.is_trading_day("NFO", each) for each in (day, day + timedelta(days=7))):
        day += timedelta(days=1)
    return day, day + timedelta(days=7)


@pytest.fixture
def market(app, services, days):
    """A chain of two expiries, and a fixture that says what the engine tells of it: `tell(key=value)`."""
    list_chain(services.instruments, services.clock.now(), 10, days)
    hub = app.extensions["live"].hub

    def tell(age=0.0, **figures):
        at = int((services.clock.now().timestamp() - age) * 1000)
        cells = {key: {"v": value, "k": "price", "c": "INR", "at": at} for key, value in figures.items()}
        hub.take("tick", {"owner": "*", "cells": cells})

    return tell


def symbol(day, strike: int, kind: str) -> str:
    return f"NFO:NIFTY{day:%d%b%y}{strike}{kind}".upper()


@pytest.fixture
def priced(market, days):
    """A straddle's two prices, the later call's, and what both chains hang on."""
    first, later = days
    market(**{
        "ltp:NSE_INDEX:NIFTY": SPOT,
        f"ltp:{symbol(first, 26000, 'CE')}": "130", f"ltp:{symbol(first, 26000, 'PE')}": "120",
        f"ltp:{symbol(later, 26000, 'CE')}": "260",
        **{f"forward:sum@{ChainKey('NFO', 'NIFTY', day)}": "26020" for day in days},
        **{f"iv:sum@{ChainKey('NFO', 'NIFTY', day)}": "12" for day in days},
    })  # fmt: skip
    return market


def straddle(days, **more):
    fixed = {"expiry": "date", "expiry_date": days[0].isoformat(), "strike": "26000"}
    return typed({"kind": "CE", **fixed}, {"kind": "PE", **fixed}, **more)


def look(admin, **form) -> str:
    """As the builder's page fetches it."""
    token = {"csrf_token": admin.token("/strategies/new")}
    answer = admin.client.post("/strategies/payoff", data=token | form, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    lint(answer, whole=False)
    return answer.text


def strip(page: str) -> dict[str, str]:
    text = re.sub(r"<[^>]+>|\s+", " ", re.sub(r"</d[td]>", "|", page[page.index('<dl class="strip') :]))
    parts = [" ".join(part.split()) for part in text.split("|")]
    return dict(zip(parts[::2], parts[1::2], strict=False))


def test_the_legs_that_are_typed_have_a_payoff_and_nothing_is_saved(admin, services, priced, days):
    page = look(admin, **straddle(days, name=""))

    told = strip(page)
    assert "16,250.00" in told["Max profit"]
    assert told["Max loss"] == "Unlimited"
    assert told["Break-even"] == "25,750.00 · 26,250.00"
    assert told["Premium received"] == "₹16,250.00"
    assert re.fullmatch(r"\d\d\.\d %", told["Chance of profit"])
    assert page.count("<polyline") == 4
    assert not services.strategies.list(Desk(services).owner_id)


def test_without_scripts_the_builder_works_it_out_by_its_button(admin, priced, days):
    page = admin.submit("/strategies/new", status=200, **straddle(days, name="Half", payoff="1")).text
    assert 'value="Half"' in page
    assert "25,750.00 · 26,250.00" in strip(page[page.index("payoff-1-title") :])["Break-even"]


def test_what_is_supposed_comes_from_the_address_and_a_wrong_word_is_said(admin, services, priced, days):
    admin.submit("/strategies/new", **straddle(days))
    strategy = services.strategies.list(Desk(services).owner_id)[0].id
    usual = admin.get(f"/strategies/{strategy}/payoff").text
    moved = admin.get(f"/strategies/{strategy}/payoff?payoff-spot=2&payoff-volatility=3").text
    wrong = admin.get(f"/strategies/{strategy}/payoff?payoff-spot=lots&payoff-day=1999-01-01").text

    assert "Profit now" in strip(usual)
    assert "26,532.75" in moved
    assert "▼" in strip(moved)["Profit as supposed"]
    assert "Type per cent from -50 to 50." in wrong
    assert "Choose a day from today on." in wrong
    later = admin.get(f"/strategies/{strategy}/payoff?payoff-day={days[0]}").text
    assert strip(later)["Profit as supposed"].startswith("▲")


def test_a_price_that_is_not_known_is_waited_for_and_an_old_one_said(admin, market, days):
    assert "there is no price of NIFTY yet" in look(admin, **straddle(days, name=""))
    market(**{"ltp:NSE_INDEX:NIFTY": SPOT})
    page = look(admin, **straddle(days, name=""))
    assert "No price yet of" in page
    assert "data-payoff-waits" in page
    old = {f"ltp:{symbol(days[0], 26000, kind)}": "120" for kind in ("CE", "PE")}
    market(**old, age=200)
    page = look(admin, **straddle(days, name=""))
    assert "The oldest price here is" in page
    assert "3\xa0min" in page
    assert strip(page)["Chance of profit"] == "–"


def test_a_leg_that_is_not_whole_is_named(admin, priced, days):
    assert "Leg 2: " in look(admin, **typed({}, {"kind": "PE", "lots": "none"}, name=""))


def test_a_calendar_is_bent_and_a_future_with_shares_stands_apart(admin, priced, days):
    first, later = ({"expiry": "date", "expiry_date": day.isoformat(), "strike": "26000"} for day in days)
    page = look(admin, **typed(first, later | {"action": "BUY"}, name=""))
    told = strip(page)
    assert told["Max loss"].startswith("▼")
    assert told["Premium paid"] == "₹8,450.00"
    assert told["Break-even"].count("·") == 1


@pytest.fixture
def held(services, priced, days):
    """A run that sold the straddle's call at 171.05, in one account."""
    desk = Desk(services)
    account = desk.account("Alpha")
    strategy = desk.strategy(account)
    name = symbol(days[0], 26000, "CE").removeprefix("NFO:")
    run = desk.run(strategy_id=strategy)
    run_part = desk.part(run, account)
    with services.db.write() as session:
        for row in (*session.query(LegRun), *session.query(Order), *session.query(Intent)):
            row.symbol = name
    return run, run_part


def test_a_run_has_its_payoff_at_its_real_prices_with_what_it_costs(admin, held):
    run, _ = held
    page = admin.get(f"/runs/{run.id}/payoff").text
    told = strip(page)
    assert told["Break-even"] == "26,171.05"
    assert told["Premium received"] == "₹3,11,311.00"
    assert told["Profit now"] == "▲ +₹74,711.00"
    assert "Charges coming out" in page
    assert 'hx-get="/runs/' in admin.get(f"/runs/{run.id}").text


def test_a_run_in_live_and_paper_accounts_says_that_they_are_drawn_together(admin, services, held, days):
    run, _ = held
    said = "Live and paper accounts are drawn together here"
    assert said not in admin.get(f"/runs/{run.id}/payoff").text
    desk = Desk(services)
    desk.part(run, desk.account("Real", mode="live"))
    with services.db.write() as session:
        for row in session.query(LegRun):
            row.symbol = symbol(days[0], 26000, "CE").removeprefix("NFO:")
    assert said in admin.get(f"/runs/{run.id}/payoff").text


def test_a_run_that_holds_nothing_says_so(admin, services):
    desk = Desk(services)
    run = desk.run(desk.account(), state="closed")
    with services.db.write() as session:
        for row in session.query(Order):
            row.filled_quantity, row.filled_at = 0, None
    assert "Nothing is held in this run now" in admin.get(f"/runs/{run.id}/payoff").text


def test_programs_get_the_same_figures(admin, services, priced, days, held):
    like_both = {"action": "SELL", "underlying": "NIFTY", "expiry": days[0].isoformat(), "strike": "26000", "lots": 1}
    legs = [like_both | {"kind": kind} for kind in ("CE", "PE")]
    headers = {"X-CSRFToken": admin.token("/settings")}
    shown = admin.client.post("/api/v1/payoff", json={"legs": legs}, headers=headers).json
    curve = shown["underlyings"][0]["curve"]
    assert curve["breakevens"] == ["25750", "26250"]
    assert curve["max_profit"] == {"amount": "16250", "at": "26000"}
    assert curve["max_loss"]["amount"] is None
    assert Decimal(curve["greeks"]["theta"]) > 0
    assert len(curve["points"]) > 30

    of_run = admin.client.get(f"/api/v1/runs/{held[0].id}/payoff?spot=1").json
    assert of_run["underlyings"][0]["curve"]["breakevens"] == ["26171.05"]
    assert of_run["underlyings"][0]["curve"]["spot"] == "26272.62"
    assert of_run["accounts"][0]["account"] == "Alpha"
    strategy = services.strategies.list(Desk(services).owner_id)[0].id
    unlisted = admin.client.get(f"/api/v1/strategies/{strategy}/payoff?wait=0").json
    assert "has no strike OTM4" in unlisted["trouble"] or unlisted["underlyings"][0]["trouble"]
    wrong = admin.client.get(f"/api/v1/strategies/{strategy}/payoff?spot=99")
    assert (wrong.status_code, list(wrong.json["error"]["fields"])) == (422, ["spot"])


def test_a_preview_shows_the_payoff_of_the_contracts_it_found_and_what_each_account_pays(admin, services, priced, days):
    desk = Desk(services)
    account = desk.account("Alpha")
    takes_part = {f"account-{account.id}": "y", f"multiplier-{account.id}": "2"}
    typed_only = look(admin, **straddle(days), **takes_part)
    assert "Alpha" in typed_only
    assert "A preview asks for it." in typed_only

    admin.submit("/strategies/new", **straddle(days), **takes_part)
    strategy = services.strategies.list(desk.owner_id)[0].id
    found = [
        RESOLVED | {"number": number, "exchange": "NFO", "symbol": symbol(days[0], 26000, kind).removeprefix("NFO:")}
        for number, kind in enumerate(("CE", "PE"), 1)
    ]
    own = [{"number": number, "lots": 2, "quantity": "130", "slices": ["130"]} for number in (1, 2)]
    errand = desk.answer(strategy)
    row = LIKE_ALL | {"account_id": account.id, "name": account.name, "legs": own}
    errands.finish(services.db, errand, desk.now, {"trouble": "", "legs": found, "accounts": [row]}, None)
    page = admin.get(f"/strategies/{strategy}/preview/{errand}/payoff", fragment=True).text
    assert strip(page)["Break-even"] == "25,750.00 · 26,250.00"
    assert "₹2,45,000.50" in page

    saved = admin.get(f"/strategies/{strategy}/payoff").text
    assert "₹2,45,000.50" in saved
    assert "A preview asks for it." not in saved
