"""The list of messages of an owner."""

from datetime import timedelta

import pytest

from app.core.errors import NotFound
from app.notify.messages import Message
from app.notify.models import Level
from app.notify.service import MessagesRead, Notified, NotifyService
from tests.feed.hands import HandClock
from tests.portfolio.rows import Desk


def message(text="It happened.", key="k", **more):
    return Message(Level.WARN, "feed", "Live prices switched", text, key, **more)


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def told():
    return []


@pytest.fixture
def notify(any_db, clock, told):
    Desk(any_db)
    Desk(any_db, "u2")
    return NotifyService(any_db, clock, told.append)


def test_the_same_again_is_one_line_that_counts_and_is_unread_anew(notify, clock, told):
    notify.tell("u1", message("first"))
    assert notify.read_all("u1") == 1
    clock.forward(60)
    notify.tell("u1", message("second"))
    (row,) = notify.list("u1")
    assert (row.text, row.times, row.read_at) == ("second", 2, None)
    assert row.last_at - row.first_at == timedelta(seconds=60)
    assert notify.unread("u1") == 1
    assert told == [Notified("u1"), MessagesRead("u1"), Notified("u1")]


def test_what_was_acknowledged_is_done_and_the_same_later_is_a_new_line(notify, clock):
    notify.tell("u1", message())
    (row,) = notify.list("u1")
    notify.acknowledge("u1", row.id)
    notify.acknowledge("u1", row.id)
    assert (notify.unread("u1"), notify.list("u1", open_only=True)) == (0, [])
    clock.forward(1)
    notify.tell("u1", message())
    assert [one.times for one in notify.list("u1")] == [1, 1]


def test_one_owners_messages_are_nobody_elses(notify):
    notify.tell("u1", message())
    (row,) = notify.list("u1")
    assert (notify.list("u2"), notify.unread("u2"), notify.acknowledge_all("u2")) == ([], 0, 0)
    with pytest.raises(NotFound):
        notify.acknowledge("u2", row.id)
    notify.tell("u2", message())
    assert len(notify.list("u1")) == 1


def test_a_message_of_a_unit_of_work_that_failed_was_never_there(notify, told):
    with pytest.raises(ZeroDivisionError), notify._db.write() as session:
        notify.put(session, "u1", message())
        raise ZeroDivisionError
    assert (notify.list("u1"), told) == ([], [])


def test_old_messages_go_once_they_were_dealt_with(notify, clock):
    notify.tell("u1", message(key="a"))
    notify.tell("u1", message(key="b"))
    notify.acknowledge("u1", notify.list("u1")[0].id)
    notify.sweep(clock.now() + timedelta(days=91))
    assert len(notify.list("u1")) == 1
