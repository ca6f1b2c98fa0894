"""Writing a strategy down: wrong input is shown at its field, kept as typed, and changes nothing."""

import re

import pytest

from app.strategies.models import Strategy
from tests.web.trading import Desk

LEG = {
    "action": "SELL", "kind": "CE", "exchange": "NFO", "underlying": "NIFTY", "expiry": "current_week",
    "expiry_date": "", "strike": "OTM2", "symbol": "", "lots": "1", "product": "NRML",
    "price_type": "MARKET", "price": "",
}  # fmt: skip


def typed(*legs: dict[str, str], **fields: str) -> dict[str, str]:
    rows = {f"legs-{n}-{name}": value for n, leg in enumerate(legs or [{}]) for name, value in (LEG | leg).items()}
    return {"name": "Strangle", "on_failure": "unwind", **rows, **fields}


def test_a_strategy_is_saved_with_its_legs_and_accounts(admin, services):
    desk = Desk(services)
    account = desk.account()
    share = {f"account-{account.id}": "y", f"multiplier-{account.id}": "1.5"}
    admin.submit("/strategies/new", **typed({}, {"kind": "PE", "action": "BUY"}, **share))
    strategy = services.strategies.list(desk.owner_id)[0]
    assert [leg["kind"] for leg in strategy.legs] == ["CE", "PE"]
    assert str(services.strategies.shares(desk.owner_id, strategy.id)[0].multiplier) == "1.5"
    page = admin.get("/strategies").text
    assert "SELL 1 lot NIFTY current week OTM2 CE" in page
    assert "Demo 1 × 1.5" in page


def test_what_was_saved_comes_back_to_be_edited(admin, services):
    desk = Desk(services)
    admin.submit("/strategies/new", **typed({"expiry": "date", "expiry_date": "2026-12-24"}))
    strategy = services.strategies.list(desk.owner_id)[0]
    page = admin.get(f"/strategies/{strategy.id}/edit").text
    assert 'value="2026-12-24"' in page
    admin.submit(f"/strategies/{strategy.id}/edit", **typed({"lots": "3"}, name="Strangle 2"))
    again = services.strategies.get(desk.owner_id, strategy.id)
    assert (again.name, again.legs[0]["lots"], again.version) == ("Strangle 2", 3, 2)


def test_what_somebody_changed_meanwhile_is_not_overwritten(admin, services):
    desk = Desk(services)
    admin.submit("/strategies/new", **typed())
    strategy = services.strategies.list(desk.owner_id)[0]
    path = f"/strategies/{strategy.id}/edit"
    assert 'name="version" value="1"' in admin.get(path).text
    admin.submit(path, **typed(name="Theirs"), version="1")
    page = admin.submit(path, status=409, **typed(name="Mine"), version="1").text
    assert "Theirs was changed meanwhile" in page
    assert 'value="Mine"' in page
    assert 'name="version" value="1"' in page
    admin.submit(path, status=409, **typed(name="Mine"), version="1")
    assert services.strategies.get(desk.owner_id, strategy.id).name == "Theirs"


def test_fields_that_a_kind_of_leg_does_not_use_cannot_refuse_it(admin, services):
    admin.submit("/strategies/new", **typed({"kind": "SYMBOL", "symbol": "SBIN", "strike": "what?", "price": "x"}))
    assert services.strategies.list(Desk(services).owner_id)[0].legs[0]["symbol"] == "SBIN"


WRONG = [
    ("lots", "", "whole number of lots"),
    ("lots", "0", "whole number of lots"),
    ("lots", "-5", "whole number of lots"),
    ("lots", "1" + "0" * 30, "whole number of lots"),
    ("lots", "NaN", "whole number of lots"),
    ("lots", "1.5", "whole number of lots"),
    ("lots", "🚀", "whole number of lots"),
    ("action", "HOLD", "Choose BUY or SELL"),
    ("kind", "XX", "Choose CE, PE, FUT or SYMBOL"),
    ("underlying", "", "say which underlying"),
    ("underlying", "🚀", "Letters, digits"),
    ("underlying", "<script>", "Letters, digits"),
    ("strike", "OTM0", "strike"),
    ("strike", "NaN", "strike"),
    ("expiry", "someday", "expiry"),
    ("expiry", "date", "neither a rule nor a date"),
    ("product", "MTF", "Choose NRML, MIS or CNC"),
    ("price_type", "SL", "Choose MARKET or LIMIT"),
]


@pytest.mark.parametrize(("field", "value", "sentence"), WRONG)
def test_a_wrong_value_is_explained_at_its_field_and_nothing_is_saved(admin, services, field, value, sentence):
    page = admin.submit("/strategies/new", status=422, **typed({}, {field: value})).text
    assert sentence.lower() in page.lower()
    assert re.search(rf'id="legs-1-{field}"[^>]*aria-invalid="true"', page)
    assert 'value="Strangle"' in page
    assert Desk(services).count(Strategy) == 0


@pytest.mark.parametrize("price", ["", "0", "-1", "NaN", "Infinity", "1e30", "abc", "1" * 200])
def test_a_limit_leg_needs_a_price_that_can_be_one(admin, services, price):
    page = admin.submit("/strategies/new", status=422, **typed({"price_type": "LIMIT", "price": price})).text
    assert re.search(r'id="legs-0-price"[^>]*aria-invalid="true"', page)
    assert Desk(services).count(Strategy) == 0


@pytest.mark.parametrize("multiplier", ["", "0", "-1", "NaN", "1" + "0" * 30, "1.23456", "two"])
def test_a_wrong_multiplier_is_explained_at_its_account(admin, services, multiplier):
    account = Desk(services).account()
    share = {f"account-{account.id}": "y", f"multiplier-{account.id}": multiplier}
    page = admin.submit("/strategies/new", status=422, **typed(**share)).text
    assert "Type a number above 0" in page
    assert f'value="{multiplier}"' in page
    assert f'name="account-{account.id}" value="y" checked' in page
    assert Desk(services).count(Strategy) == 0


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "\x00"])
def test_a_wrong_name_is_explained_at_the_name(admin, services, name):
    page = admin.submit("/strategies/new", status=422, **typed(name=name)).text
    assert "1 to 80 characters" in page
    assert Desk(services).count(Strategy) == 0


def test_a_name_in_any_script_is_welcome_and_shown_as_typed(admin, services):
    admin.submit("/strategies/new", **typed(name="<b>लोहा</b> 🦅"))
    assert "&lt;b&gt;लोहा&lt;/b&gt; 🦅" in admin.get("/strategies").text


def test_two_strategies_cannot_have_one_name(admin, services):
    admin.submit("/strategies/new", **typed())
    assert "already have a strategy" in admin.submit("/strategies/new", status=422, **typed()).text


def test_somebody_elses_account_cannot_take_part(admin, services, invited):
    account = Desk(services).account()
    birla = invited("trader", "Birla")
    page = birla.submit("/strategies/new", status=422, **typed(**{f"account-{account.id}": "y"})).text
    assert "does not exist" in page
    assert "Demo 1" not in page
    assert Desk(services).count(Strategy) == 0


def test_rows_come_and_go_without_scripts_and_nothing_is_saved(admin, services):
    page = admin.submit("/strategies/new", status=200, add="1", **typed({"strike": "OTM7"})).text
    assert page.count('value="OTM7"') == 2
    page = admin.submit("/strategies/new", status=200, drop="0", **typed({"strike": "OTM7"}, {"strike": "OTM8"})).text
    assert 'value="OTM7"' not in page
    assert 'name="legs-0-strike" value="OTM8"' in page
    assert Desk(services).count(Strategy) == 0


@pytest.mark.parametrize("legs", [0, 21])
def test_a_strategy_has_at_least_one_leg_and_not_too_many(admin, services, legs):
    fields = typed(*[{}] * legs) if legs else {"name": "Strangle", "on_failure": "unwind"}
    assert "1 to 20 legs" in admin.submit("/strategies/new", status=422, **fields).text
    assert Desk(services).count(Strategy) == 0


def test_a_body_of_a_megabyte_is_refused_and_nothing_is_saved(admin, services):
    admin.submit("/strategies/new", status=413, **typed(name="x" * 1_000_001))
    assert Desk(services).count(Strategy) == 0


def test_odd_field_names_are_not_read(admin, services):
    odd = {"legs-99999-lots": "1", "legs-x-lots": "1", "legs-0-__class__": "1", "drop": "-1"}
    page = admin.submit("/strategies/new", status=200, **typed(**odd)).text
    assert page.count('class="leg"') == 2  # the one leg, and the template of the next


def test_saving_can_lead_straight_to_the_preview(admin, services):
    answer = admin.submit("/strategies/new", preview="1", **typed())
    assert re.fullmatch(r"/strategies/\w{26}/preview/\w{26}", answer.location)


def test_a_viewer_cannot_write_strategies(services, invited):
    viewer = invited("viewer", "Chitra")
    viewer.get("/strategies/new", 403)
    assert "New strategy" not in viewer.get("/strategies").text
