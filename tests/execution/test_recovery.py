"""Start-up after a crash: what the dead engine left half-way is in doubt, and nothing else is touched."""

from app.execution.lease import TERM, Lease
from app.execution.recovery import STRANDED, adopt_orphans
from app.execution.sender import Desk, never_sent
from app.venues.types import OrderStatus, Side
from tests.execution.journaling import DONE, UNKNOWN, row, trade


def recover(desk, engine_id: str = "engine-2") -> int:
    return adopt_orphans(desk.db, desk.writer, engine_id, desk.clock.now())


def claimed(desk, key: str = "k1", **more: object) -> str:
    (order_id,) = desk.submit(key, **more)
    assert desk.claim(order_id)
    return order_id


def test_what_a_dead_engine_was_sending_is_in_doubt(any_desk):
    order_id = claimed(any_desk)
    assert recover(any_desk) == 1
    assert any_desk.order(order_id).state == "unknown"
    assert recover(any_desk) == 0


def test_what_this_engine_is_sending_itself_is_left_alone(any_desk):
    order_id = claimed(any_desk)
    assert recover(any_desk, "engine-1") == 0
    assert any_desk.order(order_id).state == "sending"


def test_a_call_of_our_own_whose_answer_could_not_be_written_is_in_doubt_after_a_while(any_desk):
    order_id = claimed(any_desk)
    any_desk.clock.pass_by(STRANDED.total_seconds() + 1)
    assert recover(any_desk, "engine-1") == 1
    assert any_desk.order(order_id).state == "unknown"


def test_what_was_claimed_and_found_no_lane_is_known_never_to_have_left(desk):
    order_id = claimed(desk)
    never_sent(Desk(desk.writer, desk.intake, desk.clock, desk.bus, lambda: desk.lease.claimant), order_id)
    desk.writer.close()
    order = desk.order(order_id)
    assert (order.state, order.failure) == ("rejected", "unavailable")
    assert order.venue_order_id is None


def test_i10_peer_4_3_10_what_was_not_claimed_stays_new_and_goes_out_under_the_next_engine(any_desk):
    (order_id,) = any_desk.submit()
    any_desk.clock.pass_by(TERM.total_seconds() + 1)
    successor = Lease(any_desk.db, any_desk.clock, "engine-2")
    assert successor.take()
    recover(any_desk)
    assert any_desk.order(order_id).state == "new"
    assert any_desk.claim(order_id, successor)


def test_i10_an_order_that_had_reached_the_venue_is_found_and_not_sent_again(any_desk):
    order_id = claimed(any_desk)
    recover(any_desk)
    any_desk.clock.pass_by(1)
    any_desk.read(row(OrderStatus.FILLED), trades=[trade("v1", 65)])
    assert any_desk.story(order_id) == ["new", "sending", "unknown", "filled"]
    assert not any_desk.claim(order_id)


def test_the_answer_of_an_engine_that_was_thought_dead_is_taken(any_desk):
    order_id = claimed(any_desk)
    recover(any_desk)
    any_desk.answer(order_id, DONE)
    assert (any_desk.order(order_id).state, any_desk.order(order_id).venue_order_id) == ("open", "v1")


def test_recovering_changes_nothing_that_has_an_end_or_an_answer(any_desk):
    done, lost = any_desk.sent("done"), any_desk.sent("lost", UNKNOWN, side=Side.SELL)
    recover(any_desk)
    assert (any_desk.order(done).state, any_desk.order(lost).state) == ("open", "unknown")
