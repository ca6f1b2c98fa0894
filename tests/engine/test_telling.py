"""What happened becomes one line of a person's list, and nobody reads of somebody else's account."""

from types import SimpleNamespace

import pytest

from app.accounts.events import HealthChanged
from app.core.clock import SystemClock
from app.engine.telling import Telling
from app.execution.events import Alarm
from app.execution.sender import ApprovalWanted
from app.feed.events import FeedSwitched
from app.notify.service import NotifyService
from app.risk.events import StandingChanged
from app.risk.models import KillSwitch
from tests.feed.hands import MORNING
from tests.portfolio.rows import Desk


@pytest.fixture
def desk(db):
    desk = Desk(db)
    desk.account("a1")
    Desk(db, "u2").account("b1")
    notify = NotifyService(db, SystemClock(), lambda _event: None)
    desk.notify, desk.telling = notify, Telling(SimpleNamespace(db=db, notify=notify), None)
    return desk


def lines(desk, owner="u1"):
    return [(row.level, row.subject, row.text, row.link, row.times) for row in desk.notify.list(owner)]


def test_an_alarm_told_twice_is_one_line_that_leads_to_what_it_is_about(desk):
    for _ in range(2):
        desk.telling.alarm(Alarm("u1", "a1", "order:o1", "was refused."))
    assert lines(desk) == [("alarm", "An order needs you", "a1: was refused.", "/orders/o1", 2)]


def test_an_account_in_trouble_is_told_to_its_owner_and_a_healthy_one_to_nobody(desk):
    desk.telling.health_changed(HealthChanged("u1", "a1", "ok", "broker not logged in", "Log in."))
    desk.telling.health_changed(HealthChanged("u1", "a1", "broker not logged in", "ok", ""))
    desk.telling.approval_wanted(ApprovalWanted("b1"))
    assert [line[1] for line in lines(desk)] == ["a1: broker not logged in"]
    assert [line[1] for line in lines(desk, "u2")] == ["b1 needs you"]


def test_a_switch_of_the_feed_is_told_to_all_without_naming_strangers_accounts(desk):
    desk.telling.feed_switched(FeedSwitched(None, "a1", "", MORNING))
    desk.telling.feed_switched(FeedSwitched("a1", "b1", "silent", MORNING))
    ((_, _, mine, *_),) = lines(desk)
    ((_, _, theirs, *_),) = lines(desk, "u2")
    assert mine == "Live prices came from a1 and come from another account of the desk now (silent)."
    assert theirs == "Live prices came from another account of the desk and come from b1 now (silent)."


def test_a_kill_switch_is_told_once_however_far_it_gets(desk):
    with desk.db.write() as session:
        session.add(
            KillSwitch(
                slot="s", kind="owner", extent_id="u1", name="Your desk", owner_id="u1", by="Asha", reason="news",
                flatten=True, at=MORNING,
            )
        )  # fmt: skip
    for _ in range(3):
        desk.telling.standing_changed(StandingChanged("u1"))
    ((level, subject, text, link, times),) = lines(desk)
    assert (level, subject, link, times) == ("alarm", "Kill switch: Your desk", "/risk", 1)
    assert text == "Pressed by Asha: news. New entries are blocked and positions are exited."
