"""Sizes on the pages: the settings, the builder's panel, what a preview and a run tell of each account."""

import pytest

from app.core.errands import Errand
from app.strategies.models import AccountRun
from app.strategies.sizing import sizing
from app.web.strategy_form import LEG_FIELDS
from tests.web.trading import Desk

HERE = "/settings/sizing"
GRADES = {"grades-0-name": "a", "grades-0-percent": "80", "grades-1-name": "", "grades-1-percent": ""}
FUNDS = {"funds_age": "60", "on_stale": "lots"}
ROW = {"margins-0-exchange": "NFO", "margins-0-underlying": "nifty", "margins-0-option": "250000"}
RECORD = {
    "method": "margin", "words": "The grade's share of the free margin", "asked": [3, 3], "allowed": [2, 2],
    "capped_by": "the account's most of 2 lots", "margin": "640000", "margin_source": "the venue", "free": "1000000",
    "funds_at": "2026-11-21T08:00:00+00:00", "notes": ["Its funds are old."], "why": "",
    "rows": [
        {"name": "Multiplier", "value": "1", "unit": "times", "source": "", "at": None},
        {"name": "Grade A", "value": "95", "unit": "percent", "source": "", "at": None},
        {"name": "Margin of one set", "value": "320000", "unit": "money", "source": "the venue", "at": None},
    ],
}  # fmt: skip


LEG = {f"legs-0-{name}": text for name, text in (LEG_FIELDS | {"action": "SELL"}).items()}


def test_grades_and_margins_are_kept_as_typed_and_shown_again(admin, services):
    page = admin.get(HERE).text
    assert 'value="95"' in page
    assert 'value="36"' in page
    admin.submit(HERE, **GRADES, **FUNDS, **ROW)
    rules = services.sizing.rules(Desk(services).owner_id)
    assert [(grade.name, grade.percent) for grade in rules.grades] == [("A", 80)]
    assert (rules.funds_age, rules.on_stale, rules.margins[0].underlying) == (60, "lots", "NIFTY")
    assert 'value="250000"' in admin.get(HERE).text


@pytest.mark.parametrize(("field", "value", "said"), [
    ("grades-0-percent", "101", "Above 0, 100 at most."), ("grades-0-name", "ä b", "Letters and digits"),
    ("grades-0-name", "", "Letters and digits"), ("margins-0-option", "-1", "An amount above zero"),
    ("margins-0-underlying", "", "Its name, such as NIFTY"), ("funds_age", "1", "from 5 to 86,400"),
    ("on_stale", "hope", "Choose what happens"), ("grades-1-name", "A", "only once"),
])  # fmt: skip
def test_a_wrong_setting_is_told_at_its_field_and_changes_nothing(admin, services, field, value, said):
    fields = GRADES | FUNDS | ROW | {field: value}
    if field == "grades-1-name":
        fields["grades-1-percent"] = "5"
    assert said in admin.submit(HERE, status=422, **fields).text
    assert services.sizing.rules(Desk(services).owner_id).percent("A") == 95


def test_a_size_and_caps_are_saved_with_a_strategy_and_shown_again(admin, services):
    desk = Desk(services)
    account = desk.account()
    size = {"sizing-method": "risk", "sizing-budget": "2", "sizing-unit": "percent", "sizing-stop_points": "30"}
    share = {f"account-{account.id}": "y", f"grade-{account.id}": "b", f"max_lots-{account.id}": "7"}
    admin.submit("/strategies/new", name="Sized", **LEG, **size, **share)
    strategy = services.strategies.list(desk.owner_id)[0]
    assert sizing(strategy.sizing).words == "Risk of 2 % of the equity to the stop per account"
    kept = services.strategies.shares(desk.owner_id, strategy.id)[0]
    assert (kept.grade, kept.max_lots, kept.max_value) == ("B", 7, None)
    page = admin.get(f"/strategies/{strategy.id}/edit").text
    assert 'name="sizing-stop_points" value="30"' in page
    assert f'id="max_lots-{account.id}" value="7"' in page


@pytest.mark.parametrize(("fields", "said"), [
    ({"sizing-method": "premium", "sizing-budget": "5000"}, "needs a leg that buys"),
    ({"sizing-method": "risk", "sizing-budget": "5000"}, "needs the distance of a stop"),
    ({"sizing-method": "equity", "sizing-budget": "300"}, "a percentage of 100 at most"),
    ({"sizing-method": "guess"}, "Choose how the lots are found."),
    ({"sizing-method": "volatility", "sizing-budget": "5000", "sizing-days": "1"}, "whole days from 5 to 250"),
    ({"max_lots": "0.5"}, "Type whole lots from 1 to 10,000"), ({"max_value": "-1"}, "Type an amount above zero"),
])  # fmt: skip
def test_a_size_that_makes_no_sense_is_refused_beside_its_field(admin, services, fields, said):
    account = Desk(services).account()
    typed = {f"{name}-{account.id}" if name.startswith("max") else name: text for name, text in fields.items()}
    page = admin.submit("/strategies/new", status=422, name="X", **LEG, **typed, **{f"account-{account.id}": "y"}).text
    assert said in page


def test_what_an_account_allows_is_kept_with_it_and_copied_to_the_run(admin, services):
    desk = Desk(services)
    account = desk.account(grade="A", max_lots=5)
    strategy_id = desk.strategy(account)
    assert "grade A, at most 5 lots" in admin.get(f"/accounts/{account.id}").text
    run_id = services.strategies.run(desk.owner_id, strategy_id, "k")
    taking_part = services.strategies.get_run(desk.owner_id, run_id).accounts[0]
    assert (taking_part["grade"], taking_part["max_lots"]) == ("A", 5)


def test_a_preview_tells_each_accounts_size_and_what_does_not_fit(admin, services):
    desk = Desk(services)
    account = desk.account()
    strategy_id = desk.strategy(account)
    errand_id = desk.answer(strategy_id, account)
    with services.db.write() as session:
        errand = session.get(Errand, errand_id)
        row = dict(errand.answer["accounts"][0]) | {"sizing": RECORD, "margin": "1100000"}
        errand.answer = errand.answer | {"accounts": [row]}
    page = admin.get(f"/strategies/{strategy_id}/preview/{errand_id}").text
    for said in ("3, 2", "capped by the account&#39;s most of 2 lots", "₹10,00,000.00", "95 %", "Its funds are old."):
        assert said in page, said
    assert "₹1,00,000.00 more is needed than is free" in page


def test_a_run_tells_the_figures_its_lots_came_from(admin, services):
    desk = Desk(services)
    run = desk.run(desk.account())
    with services.db.write() as session:
        session.query(AccountRun).filter_by(run_id=run.id).update({"sizing": RECORD})
    page = admin.get(f"/runs/{run.id}").text
    assert "Size: 2 lots of 3 asked, capped by the account&#39;s most of 2 lots" in page
    assert "₹3,20,000.00" in page
