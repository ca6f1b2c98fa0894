"""A cancel that is refused again and again: asked ever more rarely, told once, shown with the venue's words."""

from datetime import timedelta

import pytest

from app.execution import journal
from app.execution.events import OrderChanged
from app.execution.refusals import Refusals, pause_after, refused_cancels
from app.execution.states import OrderState
from app.venues.types import Answer, OrderStatus, Outcome
from tests.execution.journaling import DONE, UNKNOWN, row

NO = Answer(Outcome.REFUSED, reason="Order cannot be cancelled.", code=400)
TOO_MANY = Answer(Outcome.UNAVAILABLE, reason="10 per 1 second", code=429)
NOBODY_THERE = Answer(Outcome.UNAVAILABLE, reason="connection refused")


def pauses(*, is_awaited):
    return [int(pause_after(count, is_awaited=is_awaited).total_seconds()) for count in range(1, 12)]


def test_the_pause_grows_to_a_minute_and_stays_short_while_an_exit_waits():
    assert pauses(is_awaited=False) == [2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60]
    assert pauses(is_awaited=True) == [2] * 11


def test_it_is_due_when_its_pause_since_the_last_asking_is_over(desk):
    refusals, now = Refusals(), desk.clock.now()
    assert refusals.is_due("o1", now, is_awaited=False)
    for _ in range(3):
        refusals.note("o1", NO, now)
    for seconds, is_due in ((2, False), (7.9, False), (8, True)):
        assert refusals.is_due("o1", now + timedelta(seconds=seconds), is_awaited=False) is is_due
    assert refusals.is_due("o1", now + timedelta(seconds=2), is_awaited=True)
    assert refusals.is_due("o2", now, is_awaited=False)


def test_the_third_refusal_in_a_row_is_told_and_no_other_of_the_order(desk):
    refusals, now = Refusals(), desk.clock.now()
    assert [refusals.note("o1", answer, now) for answer in (NO, TOO_MANY, NO, NO)] == [False, False, True, False]
    refusals.note("o1", DONE, now)
    assert refusals.is_due("o1", now, is_awaited=False)
    assert not any(refusals.note("o1", NO, now) for _ in range(4))


@pytest.mark.parametrize("between", [NOBODY_THERE, UNKNOWN])
def test_what_reached_nobody_or_was_lost_is_no_refusal(desk, between):
    refusals, now = Refusals(), desk.clock.now()
    assert not any(refusals.note("o1", between, now) for _ in range(5))
    assert refusals.is_due("o1", now, is_awaited=False)
    assert [refusals.note("o1", answer, now) for answer in (NO, NO, between, NO)] == [False, False, False, True]


def test_a_cancel_that_was_taken_begins_the_count_anew(desk):
    refusals, now = Refusals(), desk.clock.now()
    assert not any(refusals.note("o1", answer, now) for answer in (NO, NO, DONE, NO, NO))


def test_an_order_that_ended_is_forgotten(desk):
    refusals, now = Refusals(), desk.clock.now()
    refusals.note("o1", NO, now)
    changed = OrderChanged("o1", "u1", "a1", None, OrderState.OPEN, 0)
    refusals.changed(changed)
    assert not refusals.is_due("o1", now, is_awaited=False)
    refusals.changed(OrderChanged("o1", "u1", "a1", None, OrderState.FILLED, 0))
    assert refusals.is_due("o1", now, is_awaited=False)


# -- what its story tells


def asked(desk, order_id, answer=None, alarm=""):
    desk.clock.pass_by(61)
    assert desk.do(lambda session: journal.cancel_wanted(session, order_id, desk.clock.now()))
    if answer is not None:
        desk.do(lambda session: journal.cancel_answered(session, order_id, answer, desk.clock.now(), alarm))


def shown(desk, order_id):
    told = refused_cancels(desk.db, [desk.order(order_id)]).get(order_id)
    return (told.count, told.words, told.at) if told else None


def test_the_story_tells_how_often_it_was_refused_in_which_words_and_when(any_desk):
    order_id = any_desk.sent()
    assert shown(any_desk, order_id) is None
    asked(any_desk, order_id, NO)
    asked(any_desk, order_id, TOO_MANY)
    assert shown(any_desk, order_id) == (2, "10 per 1 second", any_desk.clock.now())
    asked(any_desk, order_id, NOBODY_THERE)
    assert shown(any_desk, order_id)[:2] == (2, "10 per 1 second")


def test_nothing_is_shown_of_it_once_the_cancel_was_taken_or_the_order_ended(any_desk):
    order_id = any_desk.sent()
    asked(any_desk, order_id, NO)
    asked(any_desk, order_id, DONE)
    assert shown(any_desk, order_id) is None
    asked(any_desk, order_id, NO)
    assert shown(any_desk, order_id)[0] == 1
    any_desk.push(row(OrderStatus.FILLED, filled=65))
    assert shown(any_desk, order_id) is None


def test_nobody_is_called_for_a_refusal_to_cancel_what_has_ended(any_desk):
    first, second = any_desk.sent(), any_desk.sent("k2", Answer(Outcome.DONE, "v2"))
    asked(any_desk, first)
    any_desk.push(row(OrderStatus.FILLED, filled=65))
    any_desk.do(lambda session: journal.cancel_answered(session, first, NO, any_desk.clock.now(), "Too late."))
    assert any_desk.alarms == []
    asked(any_desk, second, NO, "It still works.")
    assert any_desk.alarms == ["It still works."]
