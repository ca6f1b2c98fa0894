"""Questions of the web to the engine."""

from datetime import UTC, datetime, timedelta

import pytest

from app.core import errands
from app.users.models import User
from tests.core.test_db import together

NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)


@pytest.fixture
def db(any_db):
    with any_db.write() as session:
        for name in ("asha", "ravi"):
            session.add(
                User(
                    id=name,
                    name=name,
                    name_key=name,
                    password_hash="",
                    role="trader",
                    created_at=NOW,
                    password_changed_at=NOW,
                )
            )
    return any_db


def ask(db, owner: str = "asha", kind: str = "test_connection", at: datetime = NOW) -> str:
    with db.write() as session:
        return errands.ask(session, owner, kind, {"account_id": "a"}, at).id


def find(db, errand_id: str, owner: str = "asha"):
    with db.read() as session:
        return errands.find(session, owner, errand_id)


def test_an_errand_is_taken_worked_on_and_answered(db):
    errand_id = ask(db)
    assert [each.id for each in errands.claim(db, NOW)] == [errand_id]
    errands.report_progress(db, errand_id, ["Reaching the server"])
    assert find(db, errand_id).progress == ["Reaching the server"]
    errands.finish(db, errand_id, NOW, {"ok": True}, None)
    done = find(db, errand_id)
    assert (done.answer, done.error, done.done_at, done.question) == ({"ok": True}, None, NOW, {"account_id": "a"})


def test_an_errand_is_taken_once_by_two_engines_at_the_same_time(db):
    asked = {ask(db) for _ in range(6)}
    taken = [each.id for some in together(2, lambda _: errands.claim(db, NOW)) for each in some]
    assert sorted(taken) == sorted(asked)


def test_the_oldest_are_taken_first_and_no_more_than_asked_for(db):
    asked = [ask(db, at=NOW + timedelta(seconds=number)) for number in (2, 0, 1)]
    assert {each.id for each in errands.claim(db, NOW, limit=2)} == {asked[1], asked[2]}
    assert [each.id for each in errands.claim(db, NOW)] == [asked[0]]


def test_the_errand_of_an_engine_that_died_is_taken_again(db):
    errand_id = ask(db)
    errands.claim(db, NOW)
    assert errands.claim(db, NOW + errands.TAKEN_TOO_LONG - timedelta(seconds=1)) == []
    again = errands.claim(db, NOW + errands.TAKEN_TOO_LONG + timedelta(seconds=1))
    assert [each.id for each in again] == [errand_id]


def test_an_answered_errand_is_never_taken_again(db):
    errand_id = ask(db)
    errands.claim(db, NOW)
    errands.finish(db, errand_id, NOW, None, "It did not answer.")
    assert errands.claim(db, NOW + timedelta(hours=1)) == []
    assert find(db, errand_id).error == "It did not answer."


def test_someone_elses_errand_is_not_found(db):
    errand_id = ask(db, owner="asha")
    assert find(db, errand_id, owner="ravi") is None
    assert find(db, errand_id, owner="asha")


def test_old_answers_are_forgotten(db):
    old, new = ask(db, at=NOW - errands.KEPT - timedelta(minutes=1)), ask(db)
    errands.sweep(db, NOW)
    assert find(db, old) is None
    assert find(db, new)


def test_nothing_to_do_writes_nothing(db):
    with db.write():
        assert db.is_sqlite is False or errands.claim(db, NOW) == []  # a claim that wrote would wait for this one
