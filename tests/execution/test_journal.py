"""What may happen to an order, once each, on both databases."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.core.errors import Denied
from app.execution import journal
from app.execution.desk import submit
from app.execution.lease import TERM, Lease
from app.execution.models import Intent
from app.venues.types import Answer, OrderStatus, Outcome, Side
from tests.core.test_db import together
from tests.execution.journaling import DONE, LOT, REFUSED, UNKNOWN, row


def test_i9_peer_4_1_02_of_eight_claims_at_once_one_wins(any_desk):
    (order_id,) = any_desk.submit()
    now, claimant = any_desk.clock.now(), any_desk.lease.claimant

    def claim(_number):
        with any_desk.db.write(durable=True) as session:
            return bool(journal.claim(session, [order_id], claimant, now, now).result)

    assert sorted(together(8, claim)) == [False] * 7 + [True]
    assert any_desk.story(order_id) == ["new", "sending"]


def test_submitting_twice_is_submitting_once(any_desk):
    first = any_desk.submit("click", quantity=LOT * 28)
    assert any_desk.submit("click", quantity=LOT * 28) == first
    assert sorted(any_desk.order(order_id).quantity for order_id in first) == [65, 1755]


def test_eight_equal_wishes_at_once_are_one_wish(any_desk):
    answers = together(8, lambda number: any_desk.submit("click"))
    kept = [answer for answer in answers if isinstance(answer, list)]
    assert kept
    assert len({tuple(answer) for answer in kept}) == 1


def test_what_the_gate_denies_leaves_no_trace(desk):
    with desk.db.write() as session, pytest.raises(Denied, match="paused"):
        submit(session, desk.wish(), desk.clock.now(), lambda _session, _wish: "paused")
    with desk.db.read() as session:
        assert session.scalars(select(Intent)).all() == []


def test_an_engine_without_the_lease_claims_nothing(any_desk):
    (order_id,) = any_desk.submit()
    assert not any_desk.claim(order_id, Lease(any_desk.db, any_desk.clock, "engine-2"))
    assert any_desk.claim(order_id)


def test_d10_peer_4_3_09_an_engine_that_lost_the_lease_without_noticing_claims_nothing(any_desk):
    (order_id,) = any_desk.submit()
    any_desk.clock.pass_by(TERM.total_seconds() + 1)
    successor = Lease(any_desk.db, any_desk.clock, "engine-2")
    assert successor.take()
    assert not any_desk.claim(order_id)
    assert any_desk.claim(order_id, successor)


def test_an_engine_that_lost_its_turn_never_gets_it_back(any_desk):
    """What it had claimed before its break would go out, although another engine has judged it meanwhile."""
    old = any_desk.lease.claimant
    any_desk.clock.pass_by(TERM.total_seconds() + 1)
    other = Lease(any_desk.db, any_desk.clock, "engine-2")
    assert other.take()
    other.release()
    assert not any_desk.lease.take()
    assert any_desk.lease.claimant.until <= any_desk.clock.now()
    born_anew = Lease(any_desk.db, any_desk.clock, "engine-3")
    assert born_anew.take()
    assert born_anew.epoch == old.epoch + 2


def test_an_entry_waits_while_an_equal_order_is_in_doubt(any_desk):
    any_desk.sent("lost", UNKNOWN)
    (entry,) = any_desk.submit("next", quantity=LOT * 2)
    assert not any_desk.claim(entry)


def test_of_equal_orders_of_two_wishes_that_are_claimed_together_only_the_older_goes(any_desk):
    """Were both answers lost, the book could not tell which is whose."""
    (older,), (younger,) = any_desk.submit("one"), any_desk.submit("two")
    (other,) = any_desk.submit("three", quantity=LOT * 2)
    now, claimant = any_desk.clock.now(), any_desk.lease.claimant
    asked = [younger, older, other]
    assert any_desk.do(lambda session: journal.claim(session, asked, claimant, now, now)) == {older, other}
    assert not any_desk.claim(younger)
    any_desk.answer(older, DONE)
    assert any_desk.claim(younger)


def test_an_exit_waits_only_for_its_exact_double(any_desk):
    any_desk.sent("lost", UNKNOWN)
    (double,) = any_desk.submit("same", purpose="exit")
    (different,) = any_desk.submit("other", purpose="exit", quantity=LOT * 2)
    assert not any_desk.claim(double)
    assert any_desk.claim(different)


def test_doubt_about_one_side_or_account_holds_up_no_other(any_desk):
    any_desk.sent("lost", UNKNOWN)
    (sell,) = any_desk.submit("sell", side=Side.SELL)
    (elsewhere,) = any_desk.submit("elsewhere", account_id=any_desk.other_account_id)
    assert any_desk.claim(sell)
    assert any_desk.claim(elsewhere)


def test_slices_of_one_wish_go_side_by_side_and_equal_wishes_one_after_the_other(any_desk):
    first, second = any_desk.submit("split", quantity=LOT * 54)
    (equal,) = any_desk.submit("equal", quantity=LOT * 27)
    assert any_desk.claim(first)
    assert any_desk.claim(second)
    assert not any_desk.claim(equal)


def test_withdrawing_and_claiming_cannot_both_win(any_desk):
    (order_id,) = any_desk.submit()
    now, claimant = any_desk.clock.now(), any_desk.lease.claimant

    def act(number):
        with any_desk.db.write() as session:
            if number % 2:
                return journal.withdraw(session, order_id, "no longer wanted", now).result
            return bool(journal.claim(session, [order_id], claimant, now, now).result)

    assert sorted(together(8, act)) == [False] * 7 + [True]
    assert any_desk.order(order_id).state in ("sending", "cancelled")


def test_cumulative_fills_are_counted_once_however_often_they_are_told(any_desk):
    order_id = any_desk.sent()
    for filled in (20, 20, 10, 65, 65, 20):
        status = OrderStatus.FILLED if filled == 65 else OrderStatus.PARTIALLY_FILLED
        any_desk.push(row(status, filled=filled))
    assert any_desk.order(order_id).filled_quantity == 65
    assert [fill.quantity for fill in any_desk.fills(order_id)] == [20, 45]
    assert any_desk.order(order_id).state == "filled"


def test_a_late_answer_gives_an_order_in_doubt_its_id(any_desk):
    order_id = any_desk.sent(answer=UNKNOWN)
    any_desk.answer(order_id, DONE, row(OrderStatus.FILLED, filled=65))
    order = any_desk.order(order_id)
    assert (order.state, order.venue_order_id, order.filled_quantity) == ("filled", "v1", 65)


def test_a_late_refusal_ends_the_doubt(any_desk):
    order_id = any_desk.sent(answer=UNKNOWN)
    any_desk.answer(order_id, REFUSED)
    assert (any_desk.order(order_id).state, any_desk.order(order_id).failure) == ("rejected", "refused")


def test_a_late_answer_that_agrees_with_the_books_changes_nothing(any_desk):
    order_id = any_desk.sent(answer=UNKNOWN)
    any_desk.clock.pass_by(1)
    any_desk.read(row(filled=None))
    before = any_desk.story(order_id)
    any_desk.answer(order_id, DONE)
    assert any_desk.story(order_id) == before
    assert any_desk.order(order_id).venue_order_id == "v1"


def test_a_late_answer_whose_id_the_books_gave_to_a_twin_disturbs_nobody(any_desk):
    twins = any_desk.submit("twins", quantity=LOT * 54)
    assert [any_desk.claim(order_id) for order_id in twins] == [True, True]
    for order_id in twins:
        any_desk.answer(order_id, UNKNOWN)
    any_desk.clock.pass_by(1)
    any_desk.read(_big("v2"))
    (owner,) = [i for i in twins if any_desk.order(i).venue_order_id == "v2"]
    (other,) = set(twins) - {owner}
    any_desk.answer(other, Answer(Outcome.DONE, "v2"))
    assert any_desk.order(other).venue_order_id is None
    any_desk.read(_big("v2"), _big("v3"))
    assert any_desk.order(other).venue_order_id == "v3"


def test_a_lost_order_that_answers_after_all_is_booked_and_alarming(any_desk):
    order_id = any_desk.sent(answer=UNKNOWN)
    for _ in range(4):
        any_desk.clock.pass_by(5)
        any_desk.read()
    assert any_desk.order(order_id).state == "lost"
    any_desk.answer(order_id, DONE)
    assert any_desk.order(order_id).state == "open"
    assert "took this order after all" in any_desk.alarms[-1]


def test_a_cancel_without_effect_is_asked_again_after_a_pause_and_not_before(any_desk):
    order_id = any_desk.sent()

    def wanted():
        return any_desk.do(lambda session: journal.cancel_wanted(session, order_id, any_desk.clock.now()))

    assert wanted()
    assert not wanted()
    any_desk.clock.pass_by(2)
    assert wanted()
    any_desk.do(lambda session: journal.cancel_answered(session, order_id, REFUSED, any_desk.clock.now()))
    assert any_desk.order(order_id).state == "open"
    assert not wanted()


def test_i7_a_fill_after_the_end_is_booked_and_a_person_is_told(any_desk):
    order_id = any_desk.sent()
    any_desk.push(row(OrderStatus.CANCELLED, filled=0))
    any_desk.push(row(OrderStatus.FILLED, filled=65))
    assert any_desk.order(order_id).state == "filled"
    assert "arrived after the order was thought cancelled" in any_desk.alarms[-1]


def test_nothing_is_known_before_its_time(any_desk):
    order_id = any_desk.sent()
    order = any_desk.order(order_id)
    assert order.created_at <= order.claimed_at <= order.answered_at
    assert order.answered_at - order.created_at < timedelta(seconds=1)


def _big(name):
    return replace(row(name=name), quantity=LOT * 27)
