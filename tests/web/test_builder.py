"""Writing a strategy down: wrong input is shown at its field, kept as typed, and changes nothing."""

import re

import pytest

from app.risk.limits import limits
from app.strategies.exit_rule import exit_rule
from app.strategies.models import Strategy
from app.strategies.schedule import schedule
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
    ("price_type", "ICEBERG", "Choose MARKET, LIMIT, SL or SL-M"),
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


@pytest.mark.parametrize(("field", "value", "sentence"), [
    ("offset", "1.5", "whole ticks"), ("offset", "lots", "whole ticks"), ("convert_after", "0", "whole seconds"),
    ("tries", "51", "1 to 50"), ("first_pause", "0", "seconds from 0.1"), ("longest_pause", "0.1", "not fewer"),
])  # fmt: skip
def test_a_wrong_way_out_is_explained_at_its_field(admin, services, field, value, sentence):
    fields = {"exits-price_type": "LIMIT", f"exits-{field}": value}
    assert sentence in admin.submit("/strategies/new", status=422, **typed(**fields)).text
    assert not services.strategies.list(Desk(services).owner_id)


def test_a_limit_exit_is_saved_and_shown_again(admin, services):
    fields = {"exits-price_type": "LIMIT", "exits-offset": "2", "exits-convert_after": "9"}
    admin.submit("/strategies/new", **typed(**fields))
    strategy = services.strategies.list(Desk(services).owner_id)[0]
    assert exit_rule(strategy.exits).words == "at a limit of 2 ticks better than the last price, at market after 9 s"
    assert 'name="exits-convert_after" value="9"' in admin.get(f"/strategies/{strategy.id}/edit").text


LIMITS = {
    "limits-of": "account", "limits-stop_value": "25", "limits-stop_unit": "percent", "limits-trail_value": "4000",
    "limits-trail_factor": "0.5", "limits-lock_at": "9000", "limits-lock_keep": "3000", "limits-until": "15:10",
    "legs-0-stop_value": "30", "legs-0-stop_unit": "percent",
}  # fmt: skip


def test_limits_are_saved_and_shown_again(admin, services):
    admin.submit("/strategies/new", **typed(**LIMITS))
    strategy = services.strategies.list(Desk(services).owner_id)[0]
    assert limits(strategy.limits).words == [
        "Stop at a loss of 25 % of the net premium",
        "Trailing stop 4000 below the best profit by 50 % of its way",
        "Keeps 3000 once 9000 were reached",
        "Out at 15:10 India time",
    ]
    assert strategy.legs[0]["stop"] == {"value": "30", "unit": "percent"}
    page = admin.get(f"/strategies/{strategy.id}/edit").text
    for name, value in LIMITS.items():
        if not name.endswith(("_unit", "-of")):
            assert f'name="{name}" value="{value}"' in page


LOOKED_AT = {
    "limits-even_value": "900", "limits-even_unit": "amount", "limits-others_to_cost": "y",
    "limits-premium_stop_value": "440", "limits-premium_stop_unit": "level", "limits-premium_target_value": "50",
    "limits-premium_target_unit": "percent", "limits-underlying_above": "25200", "limits-underlying_below": "24800",
    "limits-supertrend_when": "breakout", "limits-supertrend_on": "leg", "limits-supertrend_leg": "1",
    "limits-supertrend_timeframe": "15m", "limits-supertrend_period": "7", "limits-supertrend_multiplier": "2.5",
    "limits-delta_beyond": "0.4", "limits-delta_on": "run", "legs-0-trail_value": "12", "legs-0-trail_unit": "percent",
    "legs-0-even_value": "20", "legs-0-even_unit": "points", "legs-0-stop_value": "80",
    "legs-0-stop_unit": "underlying_points",
}  # fmt: skip


def test_what_else_a_run_looks_at_is_saved_shown_again_and_told_in_its_fold(admin, services):
    admin.submit("/strategies/new", **typed(**LOOKED_AT))
    strategy = services.strategies.list(Desk(services).owner_id)[0]
    assert limits(strategy.limits).words == [
        "Stop of the combined premium at 440",
        "Target of the combined premium 50 % from entry",
        "Stop moves to cost at a profit of 900",
        "When one leg is stopped, the others' stops move to their cost",
        "Out when the underlying is above 25200 or below 24800",
        "Out at a breakout: Supertrend 7, 2.5 on 15m candles of leg 1 turns up at a close",
        "Out when the net delta per unit is 0.4 or more on either side",
    ]
    assert strategy.legs[0]["trail"] == {"value": "12", "unit": "percent"}
    page = admin.get(f"/strategies/{strategy.id}/edit").text
    for name, value in LOOKED_AT.items():
        assert f'name="{name}" value="{value}"' in page or f'<option value="{value}" selected' in page
    assert "Stop of the combined premium at 440. Target of the combined premium 50 % from entry</span>" in page
    admin.submit(f"/strategies/{strategy.id}/edit", **typed(**(LOOKED_AT | {"limits-others_to_cost": ""})))
    assert not limits(services.strategies.list(Desk(services).owner_id)[0].limits).others_to_cost


@pytest.mark.parametrize(("field", "value", "sentence"), [
    ("limits-even_value", "0", "above zero"), ("limits-premium_stop_unit", "lots", "points, percent or a level"),
    ("limits-underlying_below", "25300", "under the one above"), ("limits-supertrend_leg", "2", "number of a leg"),
    ("limits-supertrend_leg", "", "number of a leg"), ("limits-supertrend_period", "1.5", "from 1 to 100"),
    ("limits-supertrend_when", "up", "breakout or a breakdown"), ("limits-supertrend_timeframe", "2m", "a candle"),
    ("limits-delta_beyond", "-1", "above 0"), ("legs-0-trail_value", "x", "above zero"),
])  # fmt: skip
def test_what_is_wrong_with_it_is_explained_at_its_field(admin, services, field, value, sentence):
    assert sentence in admin.submit("/strategies/new", status=422, **typed(**(LOOKED_AT | {field: value}))).text
    assert not services.strategies.list(Desk(services).owner_id)


@pytest.mark.parametrize(("field", "value", "sentence"), [
    ("limits-stop_value", "-5", "above zero"), ("limits-target_value", "much", "above zero"),
    ("limits-trail_factor", "2", "follows half"), ("limits-lock_keep", "9000", "less than the profit"),
    ("limits-lock_gain", "50", "no more than the step"), ("limits-until", "25:61", "in India time"),
    ("limits-of", "desk", "the run or each account"), ("legs-0-stop_value", "1e40", "above zero"),
    ("legs-0-stop_unit", "lots", "above zero"),
])  # fmt: skip
def test_a_wrong_limit_is_explained_at_its_field(admin, services, field, value, sentence):
    fields = LIMITS | {"limits-lock_step": "10", "limits-lock_gain": "5", field: value}
    assert sentence in admin.submit("/strategies/new", status=422, **typed(**fields)).text
    assert not services.strategies.list(Desk(services).owner_id)


SCHEDULE = {
    "schedule-entries": "11:00, 09:20", "schedule-mon": "y", "schedule-fri": "y", "schedule-exit_at": "15:15",
    "schedule-square_off": "5", "schedule-expiry": "before", "schedule-expiry_days": "2", "schedule-most_entries": "1",
}  # fmt: skip


def test_a_schedule_is_saved_and_shown_again(admin, services):
    admin.submit("/strategies/new", **typed(**SCHEDULE))
    strategy = services.strategies.list(Desk(services).owner_id)[0]
    assert schedule(strategy.schedule).words[0] == (
        "Enters at 09:20, 11:00 India time, Monday, Friday, 2 trading days before expiry"
    )
    page = admin.get(f"/strategies/{strategy.id}/edit").text
    assert 'name="schedule-entries" value="09:20, 11:00"' in page
    assert 'name="schedule-exit_at" value="15:15"' in page
    assert 'name="schedule-mon" value="y" checked' in page
    assert 'name="schedule-tue" value="y">' in page


def test_days_alone_are_no_schedule(admin, services):
    admin.submit("/strategies/new", **typed(**{"schedule-mon": "y", "schedule-grace": "9"}))
    assert services.strategies.list(Desk(services).owner_id)[0].schedule is None


@pytest.mark.parametrize(("field", "value", "sentence"), [
    ("schedule-entries", "9.20", "times such as 09:20"), ("schedule-entries", "09:20 09:20", "there twice"),
    ("schedule-exit_at", "25:61", "a time such as 15:10"), ("schedule-square_off", "0", "minutes from 1 to 240"),
    ("schedule-zone", "Mars/Olympus", "a time zone such as"), ("schedule-expiry", "never ever", "Choose which days"),
    ("schedule-expiry_days", "99", "days from 1 to 30"), ("schedule-last_entry", "10:00", "later than the last entry"),
])  # fmt: skip
def test_a_wrong_schedule_is_explained_at_its_field(admin, services, field, value, sentence):
    assert sentence in admin.submit("/strategies/new", status=422, **typed(**SCHEDULE | {field: value})).text
    assert not services.strategies.list(Desk(services).owner_id)


KEPT = {"legs-0-stop_value": "30", "legs-0-target_value": "40", "legs-0-held": "broker", "legs-0-product": "NRML"}


def test_who_holds_a_legs_stop_and_target_is_saved_and_shown_again(admin, services):
    admin.submit("/strategies/new", **typed(**KEPT))
    strategy = services.strategies.list(Desk(services).owner_id)[0]
    assert strategy.legs[0]["at_broker"] is True
    assert (
        '<option value="broker" selected>at the broker, if it can</option>'
        in admin.get(f"/strategies/{strategy.id}/edit").text
    )
    admin.submit(f"/strategies/{strategy.id}/edit", **typed(**KEPT | {"legs-0-held": "desk"}))
    assert not services.strategies.list(Desk(services).owner_id)[0].legs[0]["at_broker"]


@pytest.mark.parametrize(("change", "sentence"), [
    ({"legs-0-target_value": ""}, "Only a stop and a target together can rest at the broker"),
    ({"legs-0-trail_value": "5"}, "A stop that moves can"),
    ({"legs-0-product": "MIS"}, "for NRML and CNC alone"),
    ({"legs-0-stop_unit": "underlying_points"}, "of its own price"),
])  # fmt: skip
def test_what_cannot_rest_at_a_broker_is_said_beside_the_choice(admin, services, change, sentence):
    answer = admin.submit("/strategies/new", status=422, **typed(**KEPT | change))
    before, _, after = answer.text.partition(sentence)
    assert after and 'name="legs-0-held"' in before.rpartition("<select")[2]
    assert services.strategies.list(Desk(services).owner_id) == []
