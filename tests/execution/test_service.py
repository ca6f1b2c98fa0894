"""What a person may decide about an order in doubt, and what happens when the engine is at it in the same moment."""

import threading
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from app.accounts.models import Account
from app.audit.models import AuditEntry
from app.audit.trail import Trail
from app.core.errors import Denied, NotFound
from app.core.link import SilentLink
from app.execution import journal
from app.execution.models import Order, OrderEvent
from app.execution.service import OrderService
from app.users.models import User
from app.venues.types import OrderStatus, PriceType
from tests.execution.journaling import UNKNOWN, row, trade

OWNER = "u1"


class Notes(SilentLink):
    def __init__(self):
        self.sent = []

    def send(self, kind, payload):
        self.sent.append((kind, payload))


@pytest.fixture
def link():
    return Notes()


@pytest.fixture
def people(any_desk, link) -> OrderService:
    return OrderService(any_desk.db, any_desk.clock, link, Trail(any_desk.db, any_desk.clock))


def ambiguous(desk, key: str = "k1") -> str:
    """An order in doubt with two orders in the book that could be it."""
    order_id = desk.sent(key, UNKNOWN)
    desk.clock.pass_by(1)
    desk.read(row(name="v1"), row(OrderStatus.FILLED, "v2", 65), trades=[trade("v2", 65)])
    assert desk.order(order_id).candidates == ["v1", "v2"]
    return order_id


def test_a_person_names_the_order_that_came_of_a_pair_and_it_is_that_limit_order_from_then_on(any_desk, people):
    order_id = any_desk.sent("k1", UNKNOWN)
    with any_desk.db.write() as session:
        pair = session.get_one(Order, order_id)
        pair.price_type, pair.unknown_at = "OCO", any_desk.clock.now()
        pair.trigger_price, pair.price, pair.target_trigger, pair.target_price = map(Decimal, (100, 95, 140, 140))
    any_desk.clock.pass_by(1)
    any_desk.read(*(row(name=name, price_type=PriceType.LIMIT, price=Decimal(140)) for name in ("v1", "v2")))
    assert any_desk.order(order_id).candidates == ["v1", "v2"]
    people.adopt(OWNER, order_id, "v2")
    found = any_desk.order(order_id)
    assert (found.venue_order_id, found.price_type, found.price, found.fired) == ("v2", "LIMIT", Decimal(140), "target")


def two_in_doubt(desk, people) -> list[str]:
    """One thought lost and an equal one sent after it: either could be either of two orders in the book."""
    lost = desk.sent("k1", UNKNOWN)
    people.give_up(OWNER, lost)
    orders = [lost, desk.sent("k2", UNKNOWN)]
    desk.clock.pass_by(1)
    desk.read(row(name="v1"), row(name="v2"))
    return orders


def found(people, desk, order_id: str) -> list[str]:
    candidates = people.candidates(OWNER, [desk.order(order_id)])
    return [each.venue_order_id for each in candidates.get(order_id, ())]


def decisions(desk) -> list[dict]:
    with desk.db.read() as session:
        return list(session.scalars(select(AuditEntry.detail).where(AuditEntry.action == "order.decided")))


def source_of_the_last_step(desk, order_id: str) -> str:
    with desk.db.read() as session:
        query = select(OrderEvent.source).where(OrderEvent.order_id == order_id).order_by(OrderEvent.seq.desc())
        return session.scalars(query).first()


def test_the_chosen_one_gives_the_order_its_id_its_state_and_its_fill(any_desk, people, link):
    order_id = ambiguous(any_desk)
    assert found(people, any_desk, order_id) == ["v1", "v2"]
    people.adopt(OWNER, order_id, "v2")
    order = any_desk.order(order_id)
    assert (order.state, order.venue_order_id, order.filled_quantity) == ("filled", "v2", 65)
    assert not order.candidates
    assert len(any_desk.fills(order_id)) == 1
    assert source_of_the_last_step(any_desk, order_id) == "person"
    assert decisions(any_desk)[0]["adopted"] == "v2"
    assert link.sent == [("decided", {"order_id": order_id})]


def test_a_chosen_order_that_still_works_goes_on_by_what_the_venue_says(any_desk, people):
    order_id = ambiguous(any_desk)
    people.adopt(OWNER, order_id, "v1")
    assert any_desk.order(order_id).state == "open"
    any_desk.push(row(OrderStatus.FILLED, "v1", 65))
    assert any_desk.order(order_id).state == "filled"


def test_choosing_twice_books_once(any_desk, people):
    order_id = ambiguous(any_desk)
    people.adopt(OWNER, order_id, "v2")
    for again in ("v2", "v1"):
        with pytest.raises(Denied, match="found already"):
            people.adopt(OWNER, order_id, again)
    assert len(any_desk.fills(order_id)) == len(decisions(any_desk)) == 1


def test_what_the_engine_found_meanwhile_stands(any_desk, people, link):
    order_id = ambiguous(any_desk)
    found_by_engine = row(OrderStatus.OPEN, "v1")
    any_desk.do(lambda s: journal.adopt(s, order_id, found_by_engine, "reconcile", any_desk.clock.now()))
    with pytest.raises(Denied, match="calls it v1"):
        people.adopt(OWNER, order_id, "v2")
    with pytest.raises(Denied, match="nothing to decide"):
        people.give_up(OWNER, order_id)
    assert (any_desk.order(order_id).state, any_desk.order(order_id).venue_order_id) == ("open", "v1")
    assert decisions(any_desk) == link.sent == []


def test_a_person_and_the_engine_deciding_at_once_book_one_decision(any_desk, people):
    order_id = ambiguous(any_desk)
    start, refused = threading.Barrier(2), []

    def person() -> None:
        start.wait()
        try:
            people.give_up(OWNER, order_id)
        except Denied as error:
            refused.append(error)

    thread = threading.Thread(target=person)
    thread.start()
    start.wait()
    report, now = row(OrderStatus.FILLED, "v2", 65), any_desk.clock.now()
    adopted = any_desk.do(lambda session: journal.adopt(session, order_id, report, "reconcile", now))
    thread.join()
    order = any_desk.order(order_id)
    assert (order.state, order.venue_order_id) == ("filled", "v2")  # lost and then found is found too
    assert adopted
    assert len(any_desk.fills(order_id)) == 1
    assert bool(refused) == ("lost" not in any_desk.story(order_id))


def test_an_order_of_the_venue_that_is_no_candidate_is_refused(any_desk, people):
    order_id = ambiguous(any_desk)
    another = replace(row(name="v9"), quantity=Decimal(1))
    any_desk.do(lambda s: journal.note_foreign(s, any_desk.account_id, [another], any_desk.clock.now()))
    for name in ("", "nothing like it", "v9"):
        with pytest.raises(Denied, match="not one of the candidates"):
            people.adopt(OWNER, order_id, name)
    assert any_desk.order(order_id).state == "unknown"


def test_a_candidate_that_another_order_of_the_desk_owns_is_neither_offered_nor_taken(any_desk, people):
    first, second = two_in_doubt(any_desk, people)
    assert found(people, any_desk, first) == found(people, any_desk, second) == ["v1", "v2"]
    people.adopt(OWNER, first, "v1")
    assert found(people, any_desk, second) == ["v2"]
    with pytest.raises(Denied, match="belongs to another order"):
        people.adopt(OWNER, second, "v1")
    people.adopt(OWNER, second, "v2")
    assert any_desk.order(second).venue_order_id == "v2"


def test_two_people_taking_one_candidate_for_two_orders_get_it_once(any_desk, people):
    orders = two_in_doubt(any_desk, people)
    start, refused = threading.Barrier(2), []

    def take(order_id: str) -> None:
        start.wait()
        try:
            people.adopt(OWNER, order_id, "v1")
        except Denied as error:
            refused.append(str(error))

    threads = [threading.Thread(target=take, args=(order_id,)) for order_id in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert sorted(str(any_desk.order(each).venue_order_id) for each in orders) == ["None", "v1"]


def test_an_order_that_never_arrived_is_lost_and_not_sent_again(any_desk, people):
    order_id = any_desk.sent("k1", UNKNOWN)
    people.give_up(OWNER, order_id)
    order = any_desk.order(order_id)
    assert (order.state, order.failure) == ("lost", "lost")
    assert source_of_the_last_step(any_desk, order_id) == "person"
    assert not any_desk.claim(order_id)
    with pytest.raises(Denied, match="nothing to decide"):
        people.give_up(OWNER, order_id)
    assert len(decisions(any_desk)) == 1


def test_an_order_whose_answer_is_still_awaited_is_not_given_up(any_desk, people):
    (order_id,) = any_desk.submit()
    assert any_desk.claim(order_id)
    with pytest.raises(Denied, match="sending"):
        people.give_up(OWNER, order_id)
    assert any_desk.order(order_id).state == "sending"


def test_a_lost_order_that_appears_stands_among_the_doubts_for_a_day_and_can_only_be_adopted(any_desk, people):
    order_id = any_desk.sent("k1", UNKNOWN)
    people.give_up(OWNER, order_id)
    assert people.in_doubt(OWNER) == []
    any_desk.clock.pass_by(1)
    any_desk.read(row(OrderStatus.FILLED, "v1", 65), trades=[trade("v1", 65)])
    assert [order.id for order in people.in_doubt(OWNER)] == [order_id]
    with pytest.raises(Denied):
        people.give_up(OWNER, order_id)
    any_desk.clock.pass_by(timedelta(days=1).total_seconds())
    assert people.in_doubt(OWNER) == []
    people.adopt(OWNER, order_id, "v1")
    assert any_desk.order(order_id).state == "filled"
    assert len(any_desk.fills(order_id)) == 1


def test_somebody_elses_order_is_not_there(any_desk, people):
    order_id = ambiguous(any_desk)
    with any_desk.db.write() as session:
        now = any_desk.clock.now()
        session.add(
            User(
                id="u2", name="u2", name_key="u2", password_hash="x", role="trader", created_at=now,
                password_changed_at=now,
            )
        )  # fmt: skip
    for decide in (lambda: people.adopt("u2", order_id, "v1"), lambda: people.give_up("u2", order_id)):
        with pytest.raises(NotFound):
            decide()
    assert people.candidates("u2", [any_desk.order(order_id)]) == {order_id: []}
    assert any_desk.order(order_id).state == "unknown"


def test_a_book_of_another_account_is_no_candidate(any_desk, people):
    """The same id at another account's venue is another order."""
    order_id = ambiguous(any_desk)
    any_desk.do(
        lambda session: journal.note_foreign(session, any_desk.other_account_id, [row(name="v3")], any_desk.clock.now())
    )
    with any_desk.db.read() as session:
        assert session.get_one(Account, any_desk.other_account_id).owner_id == OWNER
    with pytest.raises(Denied):
        people.adopt(OWNER, order_id, "v3")
