"""Numbers of the journal's events that become visible out of order, late, or never."""

from datetime import timedelta

import pytest

from app.portfolio.tail import LONGEST_UNIT, LOOKED_BACK, Tail
from tests.portfolio.rows import NOW, note

LATER = NOW + LONGEST_UNIT + timedelta(seconds=1)


@pytest.fixture
def written(desk):
    """`written(3, order)` writes the event with this number."""
    desk.account("a1")
    orders = {name: desk.fill("a1", 1, 100) for name in "abc"}

    def write(seq: int, name: str) -> None:
        with desk.db.write() as session:
            event = note(orders[name], NOW)
            event.seq = seq
            session.add(event)

    write.names = {order_id: name for name, order_id in orders.items()}
    return write


@pytest.fixture
def tail(desk, written):
    with desk.db.read() as session:
        made = Tail(session)

    def changed(now=NOW) -> set[str]:
        with desk.db.read() as session:
            return {written.names[order_id] for order_id in made.changed(session, now)}

    return changed


def test_what_was_there_before_is_not_told_and_what_is_new_is_told_once(written, tail):
    assert tail() == set()
    written(4, "a")
    written(5, "b")
    assert tail() == {"a", "b"}
    assert tail() == set()


def test_a_number_that_becomes_visible_after_a_higher_one_is_told(written, tail):
    written(6, "c")
    assert tail() == {"c"}
    written(4, "a")
    assert tail() == {"a"}
    written(5, "b")
    assert tail() == {"b"}
    assert tail() == set()


def test_a_number_under_way_when_it_began_is_told(desk, written):
    written(6, "c")
    with desk.db.read() as session:
        made = Tail(session)
    written(4, "a")
    with desk.db.read() as session:
        assert {written.names[order_id] for order_id in made.changed(session, NOW)} == {"a"}


def test_a_number_that_never_comes_is_waited_for_only_so_long(written, tail):
    written(5, "b")
    assert tail() == {"b"}
    assert tail(LATER) == set()
    written(4, "a")
    assert tail(LATER) == set()
    written(6, "c")
    assert tail(LATER) == {"c"}


def test_numbers_beyond_what_is_looked_back_at_are_no_gap(desk, written, tail):
    written(3 + 2 * LOOKED_BACK, "a")
    assert tail() == {"a"}
    with desk.db.read() as session:
        made = Tail(session)
        assert made.changed(session, NOW) == set()
