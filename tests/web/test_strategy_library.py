"""Templates, copies, files and versions: each by its page, and nothing that was saved is ever lost."""

import json
import re

import pytest

from app.core.errors import Denied
from app.strategies.legs import Draft
from app.strategies.models import Strategy
from app.strategies.templates import TEMPLATES, fill
from tests.web.test_builder import typed
from tests.web.trading import Desk


@pytest.fixture
def saved(admin, services):
    """A strategy of one leg in one account; its id."""
    desk = Desk(services)
    account = desk.account()
    share = {f"account-{account.id}": "y", f"multiplier-{account.id}": "2"}
    admin.submit("/strategies/new", **typed(**share))
    return services.strategies.list(desk.owner_id)[0].id


def legs(services, strategy_id: str) -> list[str]:
    strategy = services.strategies.get(Desk(services).owner_id, strategy_id)
    return [f"{leg['action']} {leg['strike']}" for leg in strategy.legs]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda one: one.key)
def test_every_template_is_a_strategy_that_can_be_saved(template):
    draft = Draft.model_validate({"name": template.name, "legs": fill(template.legs, "SENSEX", "BFO", "next_month", 3)})
    assert {leg.underlying for leg in draft.legs} == {"SENSEX"}
    assert min(leg.lots for leg in draft.legs) == 3


def test_a_template_fills_the_builder_for_an_underlying(admin, services):
    page = admin.get("/strategies/templates").text
    assert 'value="iron-condor"' in page
    page = admin.get("/strategies/new?template=call-calendar&underlying=BANKNIFTY&expiry=current_month&lots=2").text
    assert page.count('value="BANKNIFTY"') >= 2
    assert re.search(r'name="legs-0-expiry".*?<option value="next_month" selected', page, re.DOTALL)
    assert 'name="name" value="Call calendar BANKNIFTY"' in page
    assert admin.get("/strategies/new?template=nothing", status=404)


def test_an_own_template_is_saved_used_and_removed(admin, services, saved):
    admin.submit(f"/strategies/{saved}/template", page=f"/strategies/{saved}/edit")
    own = services.library.templates(Desk(services).owner_id)[0]
    assert own.content["accounts"] == []
    assert 'value="OTM2"' in admin.get(f"/strategies/new?template={own.id}").text
    assert 'value="SENSEX"' in admin.get(f"/strategies/new?template={own.id}&underlying=sensex").text
    admin.submit(f"/strategies/templates/{own.id}/remove", page="/strategies/templates")
    assert services.library.templates(own.owner_id) == []


def test_a_copy_has_a_name_of_its_own(admin, services, saved):
    admin.submit(f"/strategies/{saved}/clone", page=f"/strategies/{saved}/edit")
    admin.submit(f"/strategies/{saved}/clone", page=f"/strategies/{saved}/edit")
    names = [strategy.name for strategy in services.strategies.list(Desk(services).owner_id)]
    assert names == ["Strangle", "Strangle copy", "Strangle copy 2"]


def test_a_file_carries_a_strategy_to_another_desk_by_the_names_of_accounts(admin, services, saved, invited):
    text = admin.get(f"/strategies/{saved}/export").text
    told = json.loads(text)
    assert [(share["account"], share["multiplier"]) for share in told["accounts"]] == [("Demo 1", "2")]
    assert "account_id" not in text
    assert Desk(services).account("Demo 2").id not in text
    told["accounts"].append({"account": "Nobody's", "multiplier": "1"})
    sent = admin.submit("/strategies/import", document=json.dumps(told))
    page = admin.get(sent.location).text
    assert "No account here is named Nobody&#39;s" in page
    birla = invited("trader", "Birla")
    mine = Desk(services, "Birla").account("demo 1")
    birla.submit("/strategies/import", document=text)
    copy = services.strategies.list(mine.owner_id)[0]
    assert [share.account_id for share in services.strategies.shares(mine.owner_id, copy.id)] == [mine.id]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("{", "This is no JSON (line 1, column 2)"),
        ("[1]", "This is no strategy of this desk"),
        ({"legs": []}, "legs: List should have at least 1 item"),
        ({"legs": [{"action": "HOLD", "kind": "CE", "underlying": "NIFTY", "lots": 1}]}, "legs.0.action"),
        ({"format_version": 2}, "format_version: Input should be 1"),
        ({"accounts": [{"account": "A"}, {"account": "a"}]}, "an account can take part only once"),
        ({"api_key": "x"}, "api_key: Extra inputs are not permitted"),
    ],
)
def test_a_wrong_file_is_explained_field_by_field_and_nothing_is_saved(admin, services, saved, change, sentence):
    told = json.loads(admin.get(f"/strategies/{saved}/export").text)
    text = change if isinstance(change, str) else json.dumps(told | change)
    page = admin.submit("/strategies/import", status=422, document=text).text
    assert sentence.lower() in page.lower()
    assert Desk(services).count(Strategy) == 1


def test_each_save_that_changes_something_is_a_version_and_old_ones_come_back(admin, services, saved):
    path = f"/strategies/{saved}/edit"
    services.library.restore(Desk(services).owner_id, saved, 1)
    account = services.strategies.shares(Desk(services).owner_id, saved)[0].account_id
    share = {f"account-{account}": "y", f"multiplier-{account}": "2"}
    admin.submit(path, **typed(**share))  # nothing changed
    admin.submit(path, **typed({"strike": "OTM5"}, **share))
    admin.submit(path, **typed({"strike": "OTM5"}, {"kind": "PE"}, **share))
    page = admin.get(f"/strategies/{saved}/versions").text
    assert "3 (in force)" in page
    assert "Leg 1 is SELL 1 lot NIFTY current week OTM5 CE instead of SELL 1 lot NIFTY current week OTM2 CE" in page
    assert "Leg 2 added" in page
    assert page.count("Asha") >= 3
    assert "SELL 1 lot NIFTY current week OTM2 CE" in admin.get(f"/strategies/{saved}/versions/1").text
    admin.submit(f"/strategies/{saved}/versions/1/restore", page=f"/strategies/{saved}/versions")
    assert legs(services, saved) == ["SELL OTM2"]
    assert "Version 1 restored" in admin.get(f"/strategies/{saved}/versions").text
    assert services.strategies.get(Desk(services).owner_id, saved).version == 4


def test_of_two_who_save_at_once_the_later_is_told_and_may_save_on_top(admin, services, saved):
    path = f"/strategies/{saved}/edit"
    admin.submit(path, **typed({"strike": "OTM3"}), version="1")
    page = admin.submit(path, status=409, **typed({"strike": "OTM4"}), version="1").text
    assert "was changed meanwhile by Asha (Leg 1 is SELL" in page
    assert "Save mine as version 3" in page
    admin.submit(path, **typed({"strike": "OTM4"}), version="1", over="2")
    assert legs(services, saved) == ["SELL OTM4"]
    assert services.library.version(Desk(services).owner_id, saved, 2).content["legs"][0]["strike"] == "OTM3"
    with pytest.raises(Denied, match="changed meanwhile"):
        services.library.restore(Desk(services).owner_id, saved, 1, version=2)


def test_legs_are_doubled_and_moved_without_scripts(admin):
    def strikes(**button: str) -> list[str]:
        rows = typed({"strike": "OTM1"}, {"strike": "OTM2"}, {"strike": "OTM3"})
        return re.findall(
            r'name="legs-\d-strike" value="(\w+)"', admin.submit("/strategies/new", status=200, **rows, **button).text
        )

    assert strikes(copy="0") == ["OTM1", "OTM1", "OTM2", "OTM3"]
    assert strikes(up="2") == ["OTM1", "OTM3", "OTM2"]
    assert strikes(up="0") == ["OTM1", "OTM2", "OTM3"]
    assert strikes(down="0") == ["OTM2", "OTM1", "OTM3"]
    assert strikes(drop="1") == ["OTM1", "OTM3"]


def test_what_the_market_chooses_and_prices_is_saved_and_comes_back_as_typed(admin, services):
    first = {"strike_by": "range_first", "strike": "80-120", "expiry": "n_days", "expiry_number": "5",
             "price_type": "LIMIT", "price": "0.5", "price_by": "bid", "chase_times": "3",
             "chase_then": "market"}  # fmt: skip
    second = {"strike_by": "delta", "strike": "0.3", "lots": "130", "counted": "units", "price_type": "SL",
              "trigger": "2", "trigger_by": "percent", "price": "1", "price_by": "trigger"}  # fmt: skip
    admin.submit("/strategies/new", **typed(first, second))
    strategy = services.strategies.list(Desk(services).owner_id)[0]
    one, two = strategy.legs
    assert one["pick"] == {"by": "premium_range", "value": None, "low": "80", "high": "120", "choose": "first"}
    assert (one["expiry"], one["chase"]) == ("days_5", {"times": 3, "every": 5, "then": "market"})
    assert (two["units"], two["lots"], two["trigger_from"]) == (130, None, {"offset": "2", "unit": "percent"})
    page = admin.get(f"/strategies/{strategy.id}/edit").text
    for value in ('value="80-120"', 'value="0.3"', 'value="n_days" selected', 'value="range_first" selected'):
        assert value in page
    assert 'value="units" selected' in page


@pytest.mark.parametrize(
    ("leg", "field", "sentence"),
    [
        ({"strike_by": "premium", "strike": "OTM2"}, "strike", "Type a premium such as 100"),
        ({"strike_by": "range", "strike": "120"}, "strike", "Type a premium such as 100"),
        ({"expiry": "n_month", "expiry_number": "x"}, "expiry", "neither a rule nor a date"),
        ({"price_type": "SL", "price": "5"}, "trigger", "needs one trigger"),
        ({"price_type": "LIMIT", "price_by": "ltp", "price": "x"}, "price", "how far from the market"),
        ({"price_type": "LIMIT", "price_by": "ltp", "chase_times": "0"}, "chase_times", "1 to 50 times"),
        ({"counted": "units", "lots": "0"}, "lots", "whole number of units"),
    ],
)
def test_a_wrong_rule_is_explained_at_its_field(admin, services, leg, field, sentence):
    page = admin.submit("/strategies/new", status=422, **typed(leg)).text
    assert sentence.lower() in page.lower()
    assert re.search(rf'id="legs-0-{field}"[^>]*aria-invalid="true"', page)
    assert Desk(services).count(Strategy) == 0
