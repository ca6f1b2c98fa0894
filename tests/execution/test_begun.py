"""Orders that leave without waiting for anything: as sure as those that a thread waits for."""

import threading
from collections.abc import Callable

import pytest

from app.execution.sender import ApprovalWanted, Desk, LoginNeeded, ModeSurprise, Sender
from app.venues.types import Answer, Mode, Outcome, PlaceOrder
from app.venues.types import OrderStatus as S
from tests.execution.journaling import DONE, REFUSED, UNKNOWN, row
from tests.waiting import until


class Swift:
    """A venue whose answers the test gives; without a way it can begin nothing."""

    def __init__(self) -> None:
        self.has_way = True
        self.breaks = False
        self.begun: list[PlaceOrder] = []
        self.placed: list[PlaceOrder] = []
        self.tell: list[Callable[[Callable[[], Answer]], None]] = []

    def begin(self, command: PlaceOrder, told: Callable[[Callable[[], Answer]], None]) -> bool:
        if self.breaks:
            raise ValueError("this adapter has a fault")
        if self.has_way:
            self.begun.append(command)
            self.tell.append(told)
        return self.has_way

    def place(self, command: PlaceOrder) -> Answer:
        self.placed.append(command)
        return DONE

    def answer(self, answer: Answer) -> None:
        self.tell.pop(0)(lambda: answer)


@pytest.fixture
def venue() -> Swift:
    return Swift()


@pytest.fixture
def sender(desk, venue) -> Sender:
    sending = Desk(desk.writer, desk.intake, desk.clock, desk.bus, lambda: desk.lease.claimant)
    return Sender(sending, desk.account_id, venue, Mode.LIVE, lambda now: now)


@pytest.fixture
def claimed(desk) -> str:
    (order_id,) = desk.submit()
    assert desk.claim(order_id)
    return order_id


def begin(sender: Sender, desk, order_id: str) -> tuple[bool, list[bool]]:
    done: list[bool] = []
    return sender.sending(desk.order(order_id)).begin(done.append), done


@pytest.mark.parametrize(
    ("answer", "state"), [(DONE, "open"), (REFUSED, "rejected"), (UNKNOWN, "unknown")], ids=["done", "refused", "lost"]
)
def test_the_answer_to_what_was_begun_is_journaled_and_ends_the_call(desk, venue, sender, claimed, answer, state):
    is_begun, done = begin(sender, desk, claimed)
    assert (is_begun, done, desk.order(claimed).state) == (True, [], "sending")
    assert desk.intake.parking.awaited() == 1
    venue.answer(answer)
    desk.settle()
    assert (desk.order(claimed).state, done, desk.intake.parking.awaited()) == (state, [True], 0)
    assert venue.begun[0].not_after == desk.lease.claimant.until


def test_what_can_not_begin_leaves_no_trace_and_is_placed_by_a_thread(desk, venue, sender, claimed):
    venue.has_way = False
    is_begun, done = begin(sender, desk, claimed)
    assert (is_begun, done, desk.order(claimed).state, desk.intake.parking.awaited()) == (False, [], "sending", 0)
    assert sender.sending(desk.order(claimed)).do()
    desk.settle()
    assert (desk.order(claimed).state, len(venue.placed)) == ("open", 1)


def test_a_fault_of_an_adapter_that_begins_says_nothing_of_what_left(desk, venue, sender, claimed):
    venue.breaks = True
    is_begun, done = begin(sender, desk, claimed)
    desk.settle()
    assert (is_begun, done, desk.order(claimed).state) == (True, [True], "unknown")
    assert desk.intake.parking.awaited() == 0


def test_an_answer_that_makes_no_sense_says_nothing_of_what_left(desk, venue, sender, claimed):
    _, done = begin(sender, desk, claimed)
    venue.tell.pop()(lambda: 1 / 0)
    desk.settle()
    assert (desk.order(claimed).state, done) == ("unknown", [True])


def test_an_update_that_overtakes_the_answer_waits_for_it(desk, venue, sender, claimed):
    begin(sender, desk, claimed)
    desk.push(row(S.FILLED, filled=65))
    assert desk.order(claimed).state == "sending"
    venue.answer(DONE)
    desk.settle()
    assert (desk.order(claimed).state, desk.order(claimed).filled_quantity) == ("filled", 65)


def test_nothing_begins_after_the_lease_or_a_minute_after_its_claim(desk, venue, sender, claimed):
    work = sender.sending(desk.order(claimed))
    desk.clock.pass_by(60)
    desk.lease.take()
    assert not work.begin(lambda _is_sent: None)
    fresh = sender.sending(desk.order(claimed))
    desk.clock.pass_by(60)
    assert desk.clock.now() >= desk.lease.claimant.until
    assert not fresh.begin(lambda _is_sent: None)
    assert venue.begun == []


def test_what_an_answer_says_of_its_account_is_told_by_a_thread_that_may_wait(desk, venue, sender, claimed):
    heard: list[tuple[object, str]] = []
    for kind in (LoginNeeded, ApprovalWanted, ModeSurprise):
        desk.bus.subscribe(kind, lambda event: heard.append((type(event), threading.current_thread().name)))
    begin(sender, desk, claimed)
    venue.answer(Answer(Outcome.REFUSED, mode=Mode.PAPER, reason="no", login_needed=True, awaiting_approval=True))
    until(lambda: len(heard) == 3)
    assert heard == [(kind, "look-at-answer") for kind in (ModeSurprise, ApprovalWanted, LoginNeeded)]


def test_an_entry_is_claimed_and_begun_without_a_thread_and_only_once(desk, venue, sender):
    (order_id,) = desk.submit()
    work, done = sender.placing(desk.order(order_id)), []
    assert work.begin(done.append)
    until(lambda: venue.begun)
    again: list[bool] = []
    assert sender.placing(desk.order(order_id)).begin(again.append)
    until(lambda: again == [False])
    venue.answer(DONE)
    desk.settle()
    assert (desk.order(order_id).state, done, len(venue.begun)) == ("open", [True], 1)


def test_an_entry_that_was_claimed_and_can_not_begin_is_placed_by_a_thread(desk, venue, sender):
    venue.has_way = False
    (order_id,) = desk.submit()
    done: list[bool] = []
    assert sender.placing(desk.order(order_id)).begin(done.append)
    until(lambda: done == [True])
    desk.settle()
    assert (desk.order(order_id).state, len(venue.placed)) == ("open", 1)


def test_an_exit_waits_for_the_claim_of_nobody_else(desk, sender):
    entry, leaving = desk.submit()[0], desk.submit("k2", purpose="exit")[0]
    assert sender.placing(desk.order(entry)).begin is not None
    assert sender.placing(desk.order(leaving)).begin is None


def test_claims_that_come_together_are_one_statement_and_each_hears_of_its_own(desk, venue, sender):
    orders = [desk.submit(f"k{number}")[0] for number in range(3)]
    assert desk.claim(orders[1])
    done: dict[str, list[bool]] = {order_id: [] for order_id in orders}
    blocked = threading.Event()
    desk.writer.submit(lambda _session: blocked.wait(10) and None)  # what is submitted meanwhile goes together
    for order_id in orders:
        sender.placing(desk.order(order_id)).begin(done[order_id].append)
    blocked.set()
    until(lambda: done[orders[1]] == [False])
    assert {command.client_order_id for command in venue.begun} <= {orders[0], orders[2]}
