"""The schedule of a strategy on its pages and over the API: seen before it is armed, armed everywhere, disarmed."""

from datetime import timedelta

import pytest

from app.strategies.legs import AccountShare, Draft, Leg
from app.strategies.models import ReadyCheck, ScheduledEntry
from tests.web.trading import Desk

LEG = Leg(action="BUY", kind="CE", underlying="NIFTY", strike="ATM", lots=2)
IN_UNITS = Leg(action="SELL", kind="PE", underlying="NIFTY", strike="ATM", units=75)


def scheduled(desk: Desk, *accounts, legs=(LEG,), **schedule) -> str:
    shares = [AccountShare(account_id=account.id, multiplier=2) for account in accounts]
    rules = {"entries": ["09:20"], "exit_at": "15:15", "square_off": 5} | schedule
    draft = Draft(name="Early bird", legs=list(legs), accounts=shares, schedule=rules)
    return desk.services.strategies.create(desk.owner_id, draft)


@pytest.fixture
def desk(admin, services) -> Desk:
    services.instruments.seed()
    return Desk(services)


def test_arming_says_in_numbers_what_it_will_do_and_then_it_is_seen(admin, desk):
    strategy_id = scheduled(desk, desk.account(), desk.account("Demo 2", "live"))
    asked = admin.get(f"/strategies/{strategy_id}/arm").text
    assert "2 accounts" in asked and "8 lots in all at each entry" in asked
    assert "BUY 2 lots NIFTY current week ATM CE" in asked and "Out at 15:15 India time" in asked
    admin.submit(f"/strategies/{strategy_id}/arm", version="1")
    page = admin.get(f"/strategies/{strategy_id}/schedule").text
    assert "Armed" in page and "by Asha" in page and "Enters" in page and "Disarm" in page
    listed = admin.get("/strategies").text
    assert "Armed" in listed and f"/strategies/{strategy_id}/schedule" in listed
    admin.submit(f"/strategies/{strategy_id}/disarm", f"/strategies/{strategy_id}/schedule")
    assert "Not armed" in admin.get(f"/strategies/{strategy_id}/schedule").text


@pytest.mark.parametrize(
    ("legs", "said"), [([IN_UNITS], "150 units"), ([LEG, IN_UNITS], "4 lots and 150 units"), ([LEG], "4 lots")]
)
def test_a_leg_that_is_counted_in_units_is_told_apart_from_lots(admin, desk, legs, said):
    strategy_id = scheduled(desk, desk.account(), legs=legs)
    asked = admin.get(f"/strategies/{strategy_id}/arm").text
    assert f"{said} in all at each entry" in asked and f"Arm it: {said} in 1 account" in asked


def test_what_was_changed_after_it_was_looked_at_is_not_armed(admin, desk):
    strategy_id = scheduled(desk, desk.account())
    admin.submit(f"/strategies/{strategy_id}/arm", status=409, version="7")
    admin.submit(f"/strategies/{strategy_id}/arm", status=422, version="")
    assert desk.services.strategies.get(desk.owner_id, strategy_id).armed_at is None


def test_without_accounts_there_is_nothing_to_arm(admin, desk):
    strategy_id = scheduled(desk)
    assert "add at least one first" in admin.get(f"/strategies/{strategy_id}/arm").text
    admin.submit(f"/strategies/{strategy_id}/arm", status=409, version="1")


def test_every_entry_that_was_due_is_there_with_its_run_or_its_reason(admin, desk):
    account = desk.account()
    strategy_id = scheduled(desk, account)
    run = desk.run(account, strategy_id=strategy_id)
    for outcome, reason, run_id, days in (("started", "", run.id, 1), ("missed", "It came late.", None, 2)):
        at = desk.now - timedelta(days=days)
        desk.save(
            ScheduledEntry(
                owner_id=desk.owner_id, strategy_id=strategy_id, day=at.date(), slot="09:20", due_at=at,
                decided_at=at, outcome=outcome, reason=reason, run_id=run_id, told_at=at,
            )
        )  # fmt: skip
    page = admin.get(f"/strategies/{strategy_id}/schedule").text
    assert f"/runs/{run.id}" in page and "It came late." in page and "Not made" in page


def test_a_run_says_when_it_leaves_by_itself(admin, desk):
    account = desk.account()
    run = desk.run(account, strategy_id=scheduled(desk, account))
    with desk.db.write() as session:
        session.merge(run).schedule = {"exit_at": "15:15:00"}
    assert "exit time of 15:15" in admin.get(f"/runs/{run.id}").text
    assert admin.client.get(f"/api/v1/runs/{run.id}").json["leaves_at"].endswith("Z")


def test_what_the_engine_has_armed_stands_at_the_head_of_every_page(admin, desk):
    assert "armed" not in admin.get("/orders").text.split("</header>")[0]
    told = {"armed": 2, "next_at": (desk.now + timedelta(hours=1)).isoformat(), "name": "Early bird"}
    desk.services.pulse.beat("schedule", {"owners": {desk.owner_id: told}})
    assert '2 armed<span class="hide-phone"> · ' in admin.get("/orders").text


def test_who_is_ready_is_told_by_account_and_what_is_wanting_stands_on_the_dashboard(admin, desk):
    account = desk.account()
    well, ill = ({"name": "Login", "state": state, "text": text} for state, text in (("ok", "In."), ("bad", "Out!")))
    told = {
        "feed": well,
        "strategies": [
            {
                "id": "s1", "name": "Early bird", "next_entry": "", "findings": [well],
                "accounts": [{"id": account.id, "name": account.name, "is_ready": False, "findings": [ill]}],
            }
        ],
    }  # fmt: skip
    assert "Nothing was looked at yet" in admin.get("/strategies/readiness").text
    assert "not ready" not in admin.get("/").text
    desk.save(ReadyCheck(owner_id=desk.owner_id, at=desk.now, ready=0, wanting=1, findings=told))
    desk.services.pulse.beat(f"ready:{desk.owner_id}", {"ready": 0, "wanting": 1})
    page = admin.get("/strategies/readiness").text
    assert "Not ready" in page and "Out!" in page
    assert "1 account</a> was not ready for what is armed" in admin.get("/").text
    admin.submit("/strategies/readiness")
