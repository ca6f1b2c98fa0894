"""News from the venue in every order and with every gap: what is booked is what happened, once."""

from dataclasses import replace
from itertools import permutations

import pytest

from app.execution import journal
from app.execution.intake import UNSUPPORTED_READS
from app.execution.models import VenueOrder
from app.execution.parking import PARKED_FOR
from app.venues.types import Answer, OrderStatus, Outcome, Side
from tests.execution.journaling import DONE, LOT, UNKNOWN, row, trade

S = OrderStatus


def test_a_push_that_overtakes_the_answer_waits_for_it(desk):
    (order_id,) = desk.submit()
    assert desk.claim(order_id)
    desk.intake.parking.expect(desk.account_id)
    desk.push(row(S.FILLED, filled=65))
    assert _foreign(desk) == []
    desk.answer(order_id, DONE, *desk.intake.parking.take(desk.account_id, "v1"))
    desk.intake.told(desk.account_id, "v1")
    desk.settle()
    assert (desk.order(order_id).state, desk.order(order_id).filled_quantity) == ("filled", 65)


def test_a_push_between_an_answers_commit_and_its_end_is_written_too(desk):
    (order_id,) = desk.submit()
    assert desk.claim(order_id)
    desk.intake.parking.expect(desk.account_id)
    desk.answer(order_id, DONE, *desk.intake.parking.take(desk.account_id, "v1"))
    desk.push(row(S.FILLED, filled=65))
    desk.intake.told(desk.account_id, "v1")
    desk.settle()
    assert desk.order(order_id).state == "filled"


def test_an_order_known_to_be_ours_never_waits_for_anothers_answer(desk):
    resting = desk.sent("resting", Answer(Outcome.DONE, "v9"))
    desk.intake.parking.expect(desk.account_id)
    desk.intake.told(desk.account_id, "v9")
    desk.intake.parking.expect(desk.account_id)
    desk.push(row(S.FILLED, "v9", filled=65))
    assert desk.order(resting).state == "filled"


def test_an_order_of_an_engine_before_never_waits_once_the_book_was_read(desk):
    resting = desk.sent("resting", Answer(Outcome.DONE, "v9"))
    desk.read(row(name="v9"))
    desk.intake.parking.expect(desk.account_id)
    desk.push(row(S.FILLED, "v9", filled=65))
    assert desk.order(resting).state == "filled"


def test_a_push_nobody_waits_for_is_somebody_elses_order(desk):
    desk.push(row(name="foreign"))
    assert _foreign(desk) == ["foreign"]


def test_a_parked_push_nobody_claims_is_released_as_somebody_elses(desk):
    desk.intake.parking.expect(desk.account_id)
    desk.intake.parking.expect(desk.account_id)
    desk.push(row(name="late"))
    desk.intake.told(desk.account_id, None)
    desk.clock.pass_by(PARKED_FOR.total_seconds() - 1)
    desk.intake.release_parked()
    desk.settle()
    assert _foreign(desk) == []
    desk.clock.pass_by(2)
    desk.intake.release_parked()
    desk.settle()
    assert _foreign(desk) == ["late"]


def test_with_the_last_answer_what_nobody_claimed_is_released_at_once(desk):
    desk.intake.parking.expect(desk.account_id)
    desk.push(row(name="theirs"))
    desk.intake.told(desk.account_id, "ours")
    desk.settle()
    assert _foreign(desk) == ["theirs"]


def _foreign(desk):
    with desk.db.read() as session:
        return [found.venue_order_id for found in session.query(VenueOrder)]


REPORTS = (
    row(S.OPEN),
    row(S.PARTIALLY_FILLED, filled=20),
    row(S.PARTIALLY_FILLED, filled=40),
    row(S.FILLED, filled=65),
)


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_i8_updates_in_any_order_end_the_same(desk, order):
    order_id = desk.sent()
    for index in order:
        desk.push(REPORTS[index])
        desk.push(REPORTS[index])
    assert (desk.order(order_id).state, desk.order(order_id).filled_quantity) == ("filled", 65)
    assert sum(fill.quantity for fill in desk.fills(order_id)) == 65


def test_an_order_in_doubt_is_found_in_the_book(desk):
    order_id = desk.sent(answer=UNKNOWN)
    desk.clock.pass_by(1)
    desk.read(row(S.FILLED), trades=[trade("v1", 65)])
    order = desk.order(order_id)
    assert (order.state, order.venue_order_id, order.filled_quantity) == ("filled", "v1", 65)


def test_an_order_in_doubt_is_lost_only_after_enough_books_and_enough_time(desk):
    order_id = desk.sent(answer=UNKNOWN)
    for _ in range(9):
        desk.clock.pass_by(1)
        desk.read()
    assert (desk.order(order_id).state, desk.order(order_id).lookups) == ("unknown", 9)
    desk.clock.pass_by(2)
    desk.read()
    assert (desk.order(order_id).state, desk.order(order_id).failure) == ("lost", "lost")


def test_time_alone_proves_nothing(desk):
    order_id = desk.sent(answer=UNKNOWN)
    desk.clock.pass_by(3600)
    desk.read()
    desk.read()
    assert desk.order(order_id).state == "unknown"
    desk.read()
    assert desk.order(order_id).state == "lost"


def test_a_book_that_misses_what_the_venue_took_lately_proves_nothing(desk):
    desk.sent("known", side=Side.SELL)
    order_id = desk.sent("lost", UNKNOWN)
    desk.clock.pass_by(60)
    for _ in range(5):
        desk.read()
    assert (desk.order(order_id).state, desk.order(order_id).lookups) == ("unknown", 0)
    for _ in range(3):
        desk.read(row(side=Side.SELL))
    assert desk.order(order_id).state == "lost"


def test_a_book_without_its_trades_proves_no_loss_but_shows_what_is_there(desk):
    order_id = desk.sent(answer=UNKNOWN)
    desk.clock.pass_by(60)
    for _ in range(5):
        desk.read_without_trades()
    assert desk.order(order_id).state == "unknown"
    desk.read_without_trades(row())
    assert (desk.order(order_id).state, desk.order(order_id).venue_order_id) == ("open", "v1")


def test_a_cancelled_order_is_not_closed_before_its_trades_were_read(desk):
    order_id = desk.sent()
    for _ in range(4):
        desk.read_without_trades(row(S.CANCELLED))
    assert desk.order(order_id).state == "open"
    for _ in range(2):
        desk.read(row(S.CANCELLED), trades=[trade("v1", 20)])
    assert (desk.order(order_id).state, desk.order(order_id).filled_quantity) == ("cancelled", 20)


def test_complete_without_trades_is_believed_when_it_was_said_often_enough(desk):
    order_id = desk.sent()
    for _ in range(UNSUPPORTED_READS - 1):
        desk.read(row(S.FILLED))
        assert desk.order(order_id).state == "open"
    desk.read(row(S.FILLED))
    assert (desk.order(order_id).state, desk.order(order_id).filled_quantity) == ("filled", 65)


def test_a_rejection_in_a_poor_book_must_be_seen_twice(desk):
    order_id = desk.sent()
    desk.read(row(S.REJECTED))
    assert desk.order(order_id).state == "open"
    desk.read(row(S.REJECTED))
    assert desk.order(order_id).state == "rejected"


def test_a_rejection_that_was_taken_back_does_not_count_when_it_is_seen_again(desk):
    order_id = desk.sent()
    for status in (S.REJECTED, S.OPEN, S.REJECTED):
        desk.read(row(status))
    assert desk.order(order_id).state == "open"


@pytest.mark.parametrize("seen", [S.REJECTED, S.CANCELLED])
def test_a_cancel_that_never_left_makes_no_single_sight_of_an_end_true(desk, seen):
    order_id = desk.sent()
    desk.do(lambda session: journal.cancel_wanted(session, order_id, desk.clock.now()))
    unavailable = Answer(Outcome.UNAVAILABLE, reason="not reached")
    desk.do(lambda session: journal.cancel_answered(session, order_id, unavailable, desk.clock.now()))
    desk.read(row(seen))
    assert desk.order(order_id).state == "open"
    desk.read(row(seen))
    assert desk.order(order_id).state == seen.value


def test_equal_trades_are_separate_fills(desk):
    order_id = desk.sent()
    desk.read(row(S.FILLED), trades=[trade("v1", 20), trade("v1", 20), trade("v1", 25)])
    assert (desk.order(order_id).state, desk.order(order_id).filled_quantity) == ("filled", 65)


def test_an_order_of_somebody_elses_that_looks_alike_is_not_adopted(desk):
    desk.read(row(name="theirs"))
    desk.clock.pass_by(1)
    order_id = desk.sent(answer=UNKNOWN)
    desk.clock.pass_by(1)
    desk.read(row(name="theirs"))
    assert desk.order(order_id).state == "unknown"
    desk.read(row(name="theirs"), row(name="ours"))
    assert desk.order(order_id).venue_order_id == "ours"


def test_two_that_could_be_ours_are_for_a_person_to_choose(desk):
    order_id = desk.sent(answer=UNKNOWN)
    desk.clock.pass_by(1)
    for _ in range(3):
        desk.read(row(name="one"), row(name="two"))
    assert desk.order(order_id).state == "unknown"
    assert desk.order(order_id).candidates == ["one", "two"]
    assert len([text for text in desk.alarms if "a person must choose" in text]) == 1


def test_i4_reading_the_same_book_twice_writes_nothing_new(desk):
    order_id = desk.sent()
    book = (row(S.FILLED), replace(row(name="foreign"), quantity=LOT * 3))
    desk.read(*book, trades=[trade("v1", 65)])
    before = desk.story(order_id), len(desk.fills(order_id))
    desk.read(*book, trades=[trade("v1", 65)])
    assert (desk.story(order_id), len(desk.fills(order_id))) == before
