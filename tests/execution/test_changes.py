"""Changes in the journal: who may send one, and what answers, pushes, books and dead engines make of it."""

from dataclasses import replace
from decimal import Decimal

import pytest

from app.core.ids import new_id
from app.execution import changes
from app.execution.desk import open_gate
from app.execution.models import OrderChange
from app.execution.states import OrderState
from app.execution.terms import LESSEN, ChangeState
from app.venues.types import Answer, OrderStatus, Outcome, PriceType
from tests.execution.journaling import DONE, LOT, REFUSED, UNKNOWN, Journaling, row

LIMIT = {"price_type": PriceType.LIMIT, "price": Decimal(100)}
RENAMED = Answer(Outcome.DONE, "v2")


class Changing:
    """One working limit order of two lots, and what is asked of it."""

    def __init__(self, desk: Journaling, purpose: str = "entry") -> None:
        self.desk = desk
        self.order_id = desk.sent(quantity=2 * LOT, purpose=purpose, **LIMIT)

    def ask(self, **more) -> str:
        order = self.desk.order(self.order_id)
        asked = {"quantity": order.quantity, "price_type": "LIMIT", "price": Decimal(101), "trigger_price": None} | more
        change = OrderChange(
            id=new_id(), owner_id="u1", order_id=order.id, account_id=order.account_id, key=new_id(), by="Asha",
            old_quantity=order.quantity, old_price_type=order.price_type, old_price=order.price, state="asked",
            asked_at=self.desk.clock.now(), **asked,
        )  # fmt: skip
        with self.desk.db.write() as session:
            session.add(change)
        return change.id

    def claim(self, change_id: str, epoch: int = 0, gate=open_gate):
        known, now = self.desk.lease.claimant, self.desk.clock.now()
        claimant = replace(known, epoch=epoch or known.epoch)
        return self.desk.do(lambda session: changes.claim(session, change_id, claimant, now, gate))

    def answer(self, change_id: str, answer: Answer) -> None:
        self.desk.do(lambda session: changes.answered(session, change_id, answer, self.desk.clock.now()))

    def sent(self, answer: Answer | None = DONE, **more) -> str:
        change_id = self.ask(**more)
        assert self.claim(change_id) is not None
        self.desk.clock.pass_by(1)
        if answer is not None:
            self.answer(change_id, answer)
            self.desk.clock.pass_by(1)
        return change_id

    def row(self, change_id: str) -> OrderChange:
        with self.desk.db.read() as session:
            return session.get_one(OrderChange, change_id)

    def state(self, change_id: str) -> str:
        return self.row(change_id).state

    @property
    def order(self):
        return self.desk.order(self.order_id)

    def shown(self, quantity=2 * LOT, price="100", status=OrderStatus.OPEN, filled=0, name="v1"):
        return replace(
            row(status, name, filled or None), quantity=quantity, price_type=PriceType.LIMIT, price=Decimal(price),
            filled_quantity=Decimal(filled),
        )  # fmt: skip


@pytest.fixture
def hand(desk):
    return Changing(desk)


def test_of_many_claims_one_wins_and_an_engine_without_the_lease_wins_none(any_desk):
    hand = Changing(any_desk)
    change = hand.ask()
    assert hand.claim(change, epoch=99) is None
    assert [hand.claim(change) is not None for _ in range(3)] == [True, False, False]


def test_at_most_one_change_of_an_order_is_unfinished(any_desk):
    hand = Changing(any_desk)
    hand.ask()
    with pytest.raises(Exception, match="(?i)unique"):
        hand.ask()


def test_the_row_takes_new_terms_only_when_the_venue_said_so(hand):
    change = hand.sent(answer=None)
    assert hand.order.price == 100
    hand.answer(change, DONE)
    assert (hand.order.price, hand.state(change)) == (101, "done")


def test_a_refusal_leaves_everything_as_it_was(hand):
    change = hand.sent(REFUSED)
    assert (hand.order.price, hand.state(change), hand.row(change).reason) == (100, "refused", "no margin")


def test_a_lost_answer_is_settled_by_the_book_and_by_nothing_else(any_desk):
    hand = Changing(any_desk)
    change = hand.sent(UNKNOWN)
    assert hand.claim(change) is None
    for _ in range(2):
        hand.desk.read(hand.shown())
        assert hand.state(change) == "unknown"
    hand.desk.read(hand.shown(price="101"))
    assert (hand.order.price, hand.state(change)) == (101, "done")


def test_a_lost_change_that_never_shows_is_given_up_after_enough_books_and_time(hand):
    change = hand.sent(UNKNOWN)
    for _ in range(5):
        hand.desk.read(hand.shown())
    assert hand.state(change) == "unknown"
    hand.desk.clock.pass_by(20)
    hand.desk.read(hand.shown())
    assert (hand.state(change), hand.order.price) == ("refused", 100)


def test_a_book_without_the_order_proves_nothing(hand):
    change = hand.sent(UNKNOWN)
    hand.desk.clock.pass_by(60)
    for _ in range(9):
        hand.desk.read()
    assert hand.state(change) == "unknown"


def test_a_push_with_the_new_total_proves_the_change_before_its_fills_are_counted(hand):
    change = hand.sent(answer=None, quantity=5 * LOT)
    hand.desk.push(hand.shown(quantity=5 * LOT, price="101", filled=3 * int(LOT), status=OrderStatus.PARTIALLY_FILLED))
    assert (hand.order.state, hand.order.quantity, hand.order.filled_quantity) == (
        OrderState.PARTIALLY_FILLED, 5 * LOT, 3 * LOT,
    )  # fmt: skip
    assert hand.state(change) == "done"
    hand.answer(change, UNKNOWN)
    assert hand.state(change) == "done"
    assert not [alarm for alarm in hand.desk.alarms if "of an order for" in alarm]


def test_a_total_lowered_to_what_is_filled_finishes_the_order(hand):
    change = hand.sent(answer=None, quantity=LOT)
    hand.desk.push(hand.shown(filled=int(LOT), status=OrderStatus.PARTIALLY_FILLED))
    hand.answer(change, DONE)
    assert (hand.order.state, hand.order.quantity) == (OrderState.FILLED, LOT)


def test_a_total_below_what_filled_meanwhile_becomes_what_filled(hand):
    change = hand.sent(answer=None, quantity=LOT)
    hand.desk.push(hand.shown(filled=100, status=OrderStatus.PARTIALLY_FILLED))
    hand.answer(change, DONE)
    assert (hand.order.state, hand.order.quantity, hand.order.filled_quantity) == (OrderState.FILLED, 100, 100)


def test_what_filled_more_than_the_new_total_keeps_its_fills(hand):
    change = hand.ask(quantity=LOT)
    hand.claim(change)
    hand.desk.push(hand.shown(filled=int(2 * LOT), status=OrderStatus.FILLED))
    hand.answer(change, REFUSED)
    assert (hand.order.state, hand.order.filled_quantity) == (OrderState.FILLED, 2 * LOT)
    assert hand.row(change).reason.startswith("Too late: it was filled")


def test_a_refusal_because_of_a_fill_says_so_once_the_book_tells(hand):
    change = hand.sent(REFUSED)
    hand.desk.read(hand.shown(filled=int(2 * LOT), status=OrderStatus.FILLED))
    assert hand.row(change).reason == "Too late: it was filled. no margin"


def test_the_gate_is_asked_again_when_a_change_is_claimed(any_desk):
    """Less of an entry, and new terms of a way out, are told apart from what may make a position larger."""
    hand, asked = Changing(any_desk, purpose="manual"), []

    def shut(_session, wish):
        asked.append(wish.purpose)
        return "Your desk takes no new entries: halted."

    change = hand.ask(quantity=3 * LOT)
    assert hand.claim(change, gate=shut) is None
    row = hand.row(change)
    assert (row.state, row.reason, row.sent_at) == ("withdrawn", "Your desk takes no new entries: halted.", None)
    assert row.settled_at is not None
    assert hand.claim(hand.ask(quantity=LOT), gate=shut) is None
    assert asked == ["manual", LESSEN]
    assert (hand.order.quantity, hand.order.price) == (2 * LOT, 100)


def test_a_change_that_would_come_too_late_is_not_sent(hand):
    change = hand.ask(quantity=LOT)
    hand.desk.push(hand.shown(filled=int(LOT), status=OrderStatus.PARTIALLY_FILLED))
    assert hand.claim(change) is None
    assert hand.state(change) == ChangeState.WITHDRAWN


def test_a_change_the_venue_took_and_whose_book_shows_the_terms_of_before_did_not_hold(hand):
    change = hand.sent(DONE, quantity=3 * LOT)
    assert hand.order.quantity == 3 * LOT
    hand.desk.clock.pass_by(20)
    for _ in range(3):
        hand.desk.read(hand.shown())
    assert (hand.state(change), hand.order.quantity, hand.order.price) == ("refused", 2 * LOT, 100)
    assert any("terms of before" in alarm for alarm in hand.desk.alarms)


def test_an_order_that_filled_at_its_old_total_is_filled_and_not_waited_for(hand):
    change = hand.sent(DONE, quantity=3 * LOT)
    hand.desk.read(hand.shown(filled=int(2 * LOT), status=OrderStatus.FILLED))
    assert (hand.order.state, hand.order.quantity) == (OrderState.FILLED, 2 * LOT)
    assert hand.row(change).reason == "Too late: it was filled."


def test_a_new_name_in_the_answer_is_the_orders_name_from_then_on(hand):
    hand.sent(RENAMED)
    hand.desk.push(hand.shown(name="v2", price="101", filled=int(2 * LOT), status=OrderStatus.FILLED))
    assert (hand.order.venue_order_id, hand.order.state) == ("v2", OrderState.FILLED)


def test_a_new_name_whose_answer_was_lost_is_found_by_the_new_terms(hand):
    change = hand.sent(UNKNOWN)
    hand.desk.read(hand.shown(name="v2", price="101"))
    assert (hand.order.venue_order_id, hand.state(change)) == ("v2", "done")


def test_a_new_name_is_not_guessed_where_two_orders_could_be_it(hand):
    change = hand.sent(UNKNOWN)
    hand.desk.read(hand.shown(name="v2", price="101"), hand.shown(name="v3", price="101"))
    assert (hand.order.venue_order_id, hand.state(change)) == ("v1", "unknown")


def test_an_equal_order_in_doubt_is_not_mistaken_for_one_that_was_changed(hand):
    """Both look alike at the venue: each keeps its own name."""
    hand.sent(UNKNOWN)
    twin = hand.desk.sent("k2", UNKNOWN, quantity=2 * LOT, side=hand.desk.wish().side.opposite, **LIMIT)
    hand.desk.clock.pass_by(1)
    hand.desk.read(hand.shown(price="101"))
    assert hand.order.venue_order_id == "v1"
    assert hand.desk.order(twin).state == OrderState.UNKNOWN


def test_what_a_dead_engine_left_half_way_is_in_doubt_and_the_book_decides(hand):
    change = hand.ask()
    hand.claim(change)
    now = hand.desk.clock.now()
    assert changes.has_orphans(hand.desk.db, "engine-2", now)
    hand.desk.do(lambda session: changes.doubt_orphans(session, "engine-2", now))
    assert hand.state(change) == "unknown"
    hand.desk.clock.pass_by(1)
    hand.desk.read(hand.shown(price="101"))
    assert (hand.order.price, hand.state(change)) == (101, "done")


def test_a_change_after_another_is_judged_by_its_own_terms(hand):
    first = hand.sent(DONE)
    second = hand.sent(DONE, price=Decimal(102))
    hand.desk.clock.pass_by(60)
    for _ in range(4):
        hand.desk.read(hand.shown(price="102"))
    assert (hand.state(first), hand.state(second), hand.order.price) == ("done", "done", 102)
