"""One key, many callers at once: one of them gets to act, on both databases."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from app.core import idempotency
from app.core.errors import Invalid
from app.core.idempotency import IdempotencyKey, InProgress, Kept
from app.users.models import User

NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)


@pytest.fixture
def db(any_db):
    with any_db.write() as session:
        both = {"password_hash": "x", "role": "trader", "created_at": NOW, "password_changed_at": NOW}
        session.add_all(User(id=name, name=name, name_key=name, **both) for name in ("asha", "birla"))
    return any_db


def at_once(callers, act):
    gate, got = threading.Barrier(callers), []

    def run():
        gate.wait(10)
        try:
            got.append(act())
        except InProgress as told:
            got.append(told)

    threads = [threading.Thread(target=run) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return got


def test_of_eight_at_once_one_may_act(db):
    got = at_once(8, lambda: idempotency.claim(db, "asha", "k", "f", NOW))
    assert sum(not isinstance(one, InProgress) for one in got) == 1
    assert len(got) == 8


def test_of_eight_who_find_an_abandoned_key_one_takes_over(db):
    idempotency.claim(db, "asha", "k", "f", NOW)
    later = NOW + timedelta(minutes=2)
    got = at_once(8, lambda: idempotency.claim(db, "asha", "k", "f", later))
    assert sum(not isinstance(one, InProgress) for one in got) == 1


def test_the_answer_is_kept_for_the_same_question_of_the_same_person_only(db):
    claim = idempotency.claim(db, "asha", "k", "f", NOW)
    idempotency.keep(db, claim.id, NOW, Kept(201, "/there", "sealed"))
    assert idempotency.claim(db, "asha", "k", "f", NOW).kept == Kept(201, "/there", "sealed")
    assert idempotency.claim(db, "birla", "k", "f", NOW).kept is None
    with pytest.raises(Invalid):
        idempotency.claim(db, "asha", "k", "another", NOW)


def test_a_released_key_is_free_and_a_kept_one_is_not(db):
    claim = idempotency.claim(db, "asha", "k", "f", NOW)
    idempotency.release(db, claim.id)
    claim = idempotency.claim(db, "asha", "k", "another", NOW)
    idempotency.keep(db, claim.id, NOW, Kept(200, None, "sealed"))
    idempotency.release(db, claim.id)
    assert idempotency.claim(db, "asha", "k", "another", NOW).kept is not None


def test_what_is_old_is_swept(db):
    idempotency.claim(db, "asha", "old", "f", NOW - timedelta(hours=40))
    idempotency.claim(db, "birla", "new", "f", NOW - timedelta(hours=20))
    idempotency.sweep(db, NOW)
    with db.read() as session:
        assert [row.key for row in session.query(IdempotencyKey)] == ["new"]
