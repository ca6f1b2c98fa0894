"""The trail tells what happened, whole and in order, and shows when someone has been at it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from app.audit.chain import GENESIS, check
from app.audit.models import AuditEntry
from app.audit.trail import Trail
from app.core.actors import DESK, Actor, acting, current
from app.core.clock import SystemClock
from app.core.errors import Denied

ASHA = Actor("01ASHA", "Asha", "192.0.2.10")


def note(trail, db, action="account.created", subject=("account", "A1"), **detail):
    with db.write() as session:
        trail.record(session, ASHA, action, subject, detail)


def tamper(db, statement: str, **values):
    """What someone with the database in their hands would do."""
    with db.write() as session:
        for trigger in ("audit_entries_no_update", "audit_entries_no_delete"):
            session.execute(text(f"DROP TRIGGER IF EXISTS {trigger}"))
        session.execute(text(statement), values)


def test_an_entry_says_who_what_when_and_from_where(trail, db):
    note(trail, db, before={"name": "old"}, after={"name": "new"})
    [entry] = trail.find()
    assert (entry.seq, entry.actor_id, entry.actor_name, entry.ip) == (1, "01ASHA", "Asha", "192.0.2.10")
    assert (entry.action, entry.subject_type, entry.subject_id) == ("account.created", "account", "A1")
    assert entry.detail == {"before": {"name": "old"}, "after": {"name": "new"}}
    assert entry.at.tzinfo is not None
    assert entry.previous_hash == GENESIS
    assert trail.get(1).hash == entry.hash


def test_a_chain_that_nobody_touched_holds(any_db):
    trail = Trail(any_db, SystemClock())
    for n in range(5):
        note(trail, any_db, number=n, price=Decimal("171.05"), at=datetime.now(UTC), text="₹ \x00 \ud83d\ude00 \ud800")
    verdict = trail.verify()
    assert verdict.holds
    assert (verdict.checked, verdict.head) == (5, trail.find()[0].hash)


def test_an_empty_trail_holds(trail):
    assert trail.verify().holds


def test_a_change_that_failed_leaves_no_entry(trail, db):
    with pytest.raises(Denied), db.write() as session:
        trail.record(session, ASHA, "account.created", ("account", "A1"))
        raise Denied("no")
    note(trail, db)
    assert [entry.seq for entry in trail.find()] == [1]


def test_several_entries_of_one_unit_of_work_follow_each_other(trail, db):
    with db.write() as session:
        for n in range(3):
            trail.record(session, ASHA, f"order.placed_{n}", ("order", str(n)))
    note(trail, db)
    assert [entry.seq for entry in trail.find()] == [4, 3, 2, 1]
    assert trail.verify().holds


def test_entries_written_at_the_same_time_make_one_chain(any_db):
    trail = Trail(any_db, SystemClock())
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: note(trail, any_db, number=n), range(80)))
    verdict = trail.verify()
    assert verdict.holds
    assert verdict.checked == 80


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE audit_entries SET actor_name = 'Mallory' WHERE seq = 3", "its content was changed"),
        ("UPDATE audit_entries SET detail = '{}' WHERE seq = 3", "its content was changed"),
        ("UPDATE audit_entries SET hash = 'x' WHERE seq = 3", "its content was changed"),
        ("UPDATE audit_entries SET previous_hash = 'x' WHERE seq = 3", "it does not follow the entry before it"),
        ("DELETE FROM audit_entries WHERE seq = 3", "an entry is missing"),
        ("UPDATE audit_entries SET seq = 30 WHERE seq = 3", "an entry is missing"),
    ],
)
def test_the_first_broken_link_is_found(trail, db, statement, reason):
    for n in range(6):
        note(trail, db, number=n)
    tamper(db, statement)
    verdict = trail.verify()
    assert (verdict.broken_at, verdict.reason, verdict.checked) == (3, reason, 2)


def test_an_entry_that_was_rewritten_with_its_hash_breaks_the_next_link(trail, db):
    for n in range(3):
        note(trail, db, number=n)
    entries = list(reversed(trail.find()))
    forged = AuditEntry(**{column.name: getattr(entries[1], column.name) for column in AuditEntry.__table__.c})
    forged.detail, forged.hash = {"number": 99}, "f" * 64
    assert check([entries[0], forged, entries[2]]).broken_at == 2


def test_the_database_refuses_to_change_or_delete_an_entry(any_db):
    trail = Trail(any_db, SystemClock())
    note(trail, any_db)
    for statement in ("UPDATE audit_entries SET ip = 'x'", "DELETE FROM audit_entries"):
        with pytest.raises(DatabaseError, match="append-only"), any_db.write() as session:
            session.execute(text(statement))
    assert trail.verify().checked == 1


def test_secrets_never_enter_the_trail(trail, db):
    note(
        trail,
        db,
        after={"api_key": "k3y", "nested": [{"Secret": "s3cret", "webhook_token": "t0ken"}], "has_password": True},
        password="hunter2",
        keys="on",
    )
    [entry] = trail.find()
    said = str(entry.detail)
    assert not any(secret in said for secret in ("k3y", "s3cret", "t0ken", "hunter2"))
    assert entry.detail["keys"] == "on"
    assert entry.detail["after"]["has_password"] is True


def test_entries_are_found_by_person_action_and_subject_newest_first(trail, db):
    note(trail, db, "account.created", ("account", "A1"))
    note(trail, db, "account.key_rotated", ("account", "A2"))
    note(trail, db, "order.placed", ("order", "O1"))
    assert [entry.seq for entry in trail.find(action="account.")] == [2, 1]
    assert [entry.seq for entry in trail.find(subject=("account", "A2"))] == [2]
    assert [entry.seq for entry in trail.find(actor_id="01ASHA", before=3, limit=1)] == [2]
    assert trail.find(actor_id="nobody") == []


def test_inside_a_call_the_actor_is_the_caller_and_outside_the_desk():
    assert current() == DESK
    with acting(ASHA):
        assert current() == ASHA
    assert current() == DESK
