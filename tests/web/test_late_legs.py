"""Legs that wait and come again in the builder, in files, over the API and on the page of a run."""

import json
import re

import pytest

from app.risk.limits import limits
from tests.web.test_builder import typed
from tests.web.trading import NIFTY, Desk

LATE = {
    "legs-0-wait_value": "2", "legs-0-wait_unit": "percent", "legs-0-wait_way": "down", "legs-0-stop_value": "20",
    "legs-0-stop_unit": "points", "legs-0-again_times": "3", "legs-0-again_how": "at_cost",
    "legs-0-again_after": "stop", "legs-0-again_strike": "same", "legs-1-range_start": "09:15",
    "legs-1-range_end": "09:30", "legs-1-range_of": "contract", "legs-1-range_side": "below",
    "legs-1-range_strike": "start",
    "legs-1-range_last": "11:00",
}  # fmt: skip
WORDS = [
    ["waits until its price moved 2 % down", "entered again at its first entry price after its stop, 3 times at most"],
    ["waits until its price is below the low of 09:15 to 09:30, until 11:00"],
]
NUMBERED = {
    "legs-0-was": "1", "legs-1-was": "2", "limits-delta_beyond": "0.4", "limits-delta_on": "leg",
    "limits-delta_leg": "2", "limits-delta_leg_was": "2", "limits-supertrend_when": "breakout",
    "limits-supertrend_on": "leg", "limits-supertrend_leg": "1", "limits-supertrend_leg_was": "1",
}  # fmt: skip


def test_when_a_leg_is_entered_is_saved_shown_again_and_taken_to_another_desk(admin, services):
    desk = Desk(services)
    admin.submit("/strategies/new", **typed({}, {"kind": "PE"}, **LATE))
    strategy = services.strategies.list(desk.owner_id)[0]
    page = admin.get(f"/strategies/{strategy.id}/edit").text
    for name, value in LATE.items():
        assert f'name="{name}" value="{value}"' in page or f'<option value="{value}" selected' in page
    assert page.count("<details open>") >= 2
    told = admin.get(f"/strategies/{strategy.id}/versions/1").text
    assert all(sentence in told for leg in WORDS for sentence in leg)
    file = json.loads(admin.get(f"/strategies/{strategy.id}/export").text)
    assert file["legs"][1]["breakout"]["last"] == "11:00:00"
    admin.submit("/strategies/import", document=json.dumps(file | {"name": "Elsewhere"}))
    copy = next(one for one in services.strategies.list(desk.owner_id) if one.name == "Elsewhere")
    assert copy.legs == strategy.legs


@pytest.mark.parametrize(("field", "value", "sentence"), [
    ("legs-0-wait_value", "0", "how far its price moves"), ("legs-0-wait_way", "sideways", "how far its price moves"),
    ("legs-0-again_times", "21", "from 1 to 20"), ("legs-0-again_strike", "new", "it is the same contract"),
    ("legs-0-stop_value", "", "and has none"), ("legs-1-range_end", "09:10", "the end after the start"),
    ("legs-1-range_start", "soon", "times such as 09:15"), ("legs-1-range_last", "09:20", "after the end of the range"),
    ("legs-1-range_strike", "breakout", "needs to know it"), ("legs-1-wait_value", "5", "for a move or for a range"),
])  # fmt: skip
def test_what_is_wrong_with_it_is_explained_in_its_fold(admin, services, field, value, sentence):
    page = admin.submit("/strategies/new", status=422, **typed({}, {"kind": "PE"}, **(LATE | {field: value}))).text
    assert sentence in page
    assert re.search(r'id="legs-[01]-(wait|range|again)_[a-z]+"[^>]*aria-invalid="true"', page)
    assert not services.strategies.list(Desk(services).owner_id)


def test_a_limit_follows_its_leg_to_its_new_number_and_the_person_is_told(admin, services):
    page = admin.submit("/strategies/new", status=200, up="1", **typed({}, {"kind": "PE"}, **NUMBERED)).text
    assert 'name="limits-delta_leg" value="1"' in page and 'name="limits-supertrend_leg" value="2"' in page
    assert "The delta exit looks at leg 1 now, which was leg 2." in page
    moved = {name: value for name, value in NUMBERED.items() if "was" not in name}
    swapped = {"legs-0-was": "2", "legs-1-was": "1", "limits-delta_leg_was": "2", "limits-supertrend_leg_was": "1"}
    admin.submit("/strategies/new", **typed({"kind": "PE"}, {}, **moved, **swapped))
    rules = limits(services.strategies.list(Desk(services).owner_id)[0].limits)
    assert (rules.delta.leg, rules.supertrend.leg) == (1, 2)


def test_a_limit_goes_with_its_leg_and_the_person_is_told(admin, services):
    page = admin.submit("/strategies/new", status=200, drop="1", **typed({}, {"kind": "PE"}, **NUMBERED)).text
    assert "The delta exit looked at leg 2, which was removed: it is no longer set." in page
    assert 'name="limits-delta_beyond" value=""' in page and 'name="limits-supertrend_leg" value="1"' in page


def test_a_number_that_a_person_typed_stays_as_typed(admin, services):
    typed_anew = NUMBERED | {"legs-0-was": "2", "legs-1-was": "1", "limits-delta_leg": "1"}
    admin.submit("/strategies/new", **typed({}, {"kind": "PE"}, **typed_anew))
    assert limits(services.strategies.list(Desk(services).owner_id)[0].limits).delta.leg == 1


def test_the_page_of_a_run_says_what_is_waited_for_and_the_price_now(admin, services):
    desk = Desk(services)
    run = desk.run(desk.account())
    desk.waiting_leg(run)
    page, symbol = admin.get(f"/runs/{run.id}").text, NIFTY["symbol"]
    assert f"Waits for NFO:{symbol} at or above 182.5, counted from 178.95 at " in page
    assert re.search(rf'now <span class="cell" data-cell="ltp:NFO:{symbol}"[^>]*>176.1', page)
    assert f"/runs/{run.id}/legs/WAITS/exit" in page
    question = admin.get(f"/runs/{run.id}/legs/WAITS/exit").text
    assert "waits" in question
    admin.submit(f"/runs/{run.id}/legs/WAITS/exit")
    assert services.strategies.leg_runs(desk.owner_id, run.id)[1].exit_reason == "by hand"
