"""Stopping takes one question, going on a password; the state stands at the head of every page."""

import pytest
from sqlalchemy import select

from app.accounts.models import Account
from app.execution.models import Order
from app.risk.models import KillSwitch
from app.strategies.models import AccountRun
from tests.web.conftest import PASSWORD
from tests.web.trading import Desk

RELEASE = {"word": "RELEASE", "password": PASSWORD}


@pytest.fixture
def desk(admin, services) -> Desk:
    return Desk(services)


@pytest.fixture
def run(desk):
    """A live run in one account that holds something, and an entry order at the venue."""
    account = desk.account("Demo 1")
    made = desk.run(account)
    desk.order(account, state="open")
    return made


def all_of(services, model):
    with services.db.read() as session:
        return session.scalars(select(model)).all()


def test_the_button_stands_on_every_page_and_its_question_counts_first(admin, services, run):
    for path in ("/", "/orders", "/settings", "/risk"):
        assert 'href="/risk/kill"' in admin.get(path).text
    question = admin.get("/risk/kill", fragment=True).text
    for text in (
        "<strong>1 entry order</strong> in 1 account",
        "<strong>1 position</strong>",
        "Stop and exit 1 position",
    ):
        assert text in question
    assert all_of(services, KillSwitch) == []


def test_pressing_stops_exits_and_tells_how_far_it_is(admin, services, run):
    admin.submit("/risk/kill", why="the news", flatten="y")
    (kill,) = all_of(services, KillSwitch)
    assert (kill.kind, kill.by, kill.reason, kill.flatten) == ("user", "Asha", "the news", True)
    assert [part.exit_reason for part in all_of(services, AccountRun)] == ["kill switch: the news"]
    assert sum(order.cancel_asked_at is not None for order in all_of(services, Order)) == 1
    page = admin.get("/risk").text
    for text in ("Kill switch of your desk", "Pressed by Asha", "At work", "1 of 1", "Working…"):
        assert text in page
    assert admin.get("/risk/live", fragment=True).text.count("Working…") == 1


def test_holding_positions_is_the_other_button(admin, services, run):
    admin.submit("/risk/kill")
    assert [part.exit_reason for part in all_of(services, AccountRun)] == [None]
    services.risk.look()
    assert "Positions are held" in admin.get("/risk").text


def test_the_state_is_unmistakable_on_every_page(admin, services, desk, run):
    admin.submit("/risk/kill", why="the news")
    for path in ("/", "/orders", "/settings", "/strategies", f"/runs/{run.id}"):
        page = admin.get(path).text
        assert "Your desk takes no new entries: halted, set by Asha at" in page
        assert "because: the news." in page
    assert "halted" in admin.get("/risk/banner", fragment=True).text


def test_an_account_can_be_paused_there_and_says_so(admin, services, run):
    (account,) = all_of(services, Account)
    asked = {"kind": "account", "id": account.id}
    admin.submit("/risk/state", "/risk", **asked, state="REDUCING", why="lunch")
    assert "Demo 1 takes no new entries: reducing, set by Asha" in admin.get("/").text
    admin.submit("/risk/state", "/risk", **asked, state="ACTIVE")
    assert "takes no new entries" not in admin.get("/orders").text
    admin.submit("/risk/state", "/risk", **asked, state="SLEEPING", status=404)


def test_a_release_asks_for_the_word_and_the_password(admin, services, run):
    admin.submit("/risk/kill")
    wrong = admin.submit("/risk/release", word="release", password=PASSWORD, status=422).text
    assert "Type RELEASE, in capitals" in wrong
    assert "not your password" in admin.submit("/risk/release", word="RELEASE", password="wrong", status=422).text
    assert "halted" in admin.get("/risk/banner", fragment=True).text
    admin.submit("/risk/release", **RELEASE)
    assert "takes no new entries" not in admin.get("/").text
    assert "Released by Asha" in admin.get("/risk").text
    admin.submit("/risk/release", "/risk", status=409, **RELEASE)
    actions = [entry.action for entry in services.trail.find(limit=10)]
    assert [one for one in actions if one.startswith(("kill", "risk"))] == [
        "kill.released", "risk.state", "kill.pressed", "risk.state",
    ]  # fmt: skip


def test_a_halt_is_not_lifted_by_resuming(admin, services, run):
    (account,) = all_of(services, Account)
    admin.submit("/risk/kill", kind="account", id=account.id)
    admin.submit(f"/accounts/{account.id}/resume", "/accounts", status=409)
    admin.submit("/risk/state", "/risk", kind="account", id=account.id, state="ACTIVE", status=409)
    assert all_of(services, Account)[0].trading_state == "HALTED"


def test_a_strategy_can_be_stopped_and_is_not_started(admin, services, desk, run):
    admin.submit("/risk/kill", "/risk", kind="strategy", id=run.strategy_id, flatten="y")
    assert "Iron condor takes no new entries: halted" in admin.get("/").text
    preview = desk.answer(run.strategy_id, all_of(services, Account)[0])
    refused = admin.submit(f"/strategies/{run.strategy_id}/run", "/strategies", intent_id=preview, status=409)
    assert "Nothing was started" in refused.text


def test_the_whole_desk_is_an_admins_to_stop_and_everybody_sees_it(admin, services, run, invited):
    birla = invited("trader", "Birla")
    birla.submit("/risk/kill", "/risk", kind="desk", status=409)
    admin.submit("/risk/kill", kind="desk", why="exchange down")
    page = birla.get("/").text
    assert "The whole desk takes no new entries: halted, set by Asha" in page
    shown = birla.get("/risk").text
    assert "Kill switch of the whole desk" in shown
    assert "Demo 1" not in shown
    birla.submit("/risk/release", "/risk", kind="desk", status=409, **RELEASE)


def test_somebody_elses_account_and_strategy_are_not_there(admin, services, run, invited):
    (account,) = all_of(services, Account)
    birla = invited("trader", "Birla")
    for kind, row_id in (("account", account.id), ("strategy", run.strategy_id), ("planet", "x"), ("account", "")):
        asked = {"kind": kind, "id": row_id}
        birla.get(f"/risk/kill?kind={kind}&id={row_id}", 404)
        birla.get(f"/risk/release?kind={kind}&id={row_id}", 404)
        birla.submit("/risk/kill", "/risk", status=404, **asked)
        birla.submit("/risk/state", "/risk", status=404, state="HALTED", **asked)
    birla.submit("/risk/kill")
    assert "takes no new entries" not in admin.get("/").text
    assert all_of(services, AccountRun)[0].exit_reason is None


def test_a_viewer_sees_it_and_can_stop_nothing(admin, services, run, invited):
    viewer = invited("viewer", "Chitra")
    page = viewer.get("/risk").text
    assert "Demo 1" in page
    assert "/risk/kill" not in page
    viewer.get("/risk/kill", 403)
    viewer.submit("/risk/kill", "/settings/security", status=403)
