"""Sessions end when they should, and only their owner can end them."""

import pytest

from app.core.errors import NotFound
from tests.users.conftest import HERE, PASSWORD


@pytest.fixture
def secret(users, admin) -> str:
    return users.door.sign_in("Asha", PASSWORD, HERE).secret


def test_an_idle_session_ends(users, secret, clock):
    clock.forward(hours=11)
    assert users.sessions.find(secret)
    clock.forward(hours=11)
    assert users.sessions.find(secret)  # it was seen in between
    clock.forward(hours=13)
    assert users.sessions.find(secret) is None


def test_even_a_busy_session_ends_after_a_week(users, secret, clock):
    for _ in range(16):
        clock.forward(hours=10)
        assert users.sessions.find(secret)
    clock.forward(hours=10)
    assert users.sessions.find(secret) is None


def test_a_revoked_session_opens_nothing(users, admin, secret, db):
    found = users.sessions.find(secret)
    with db.write() as session:
        users.sessions.revoke(session, admin.id, found.session.id)
    assert users.sessions.find(secret) is None
    with pytest.raises(NotFound), db.write() as session:
        users.sessions.revoke(session, admin.id, found.session.id)


def test_someone_else_cannot_revoke_it(users, secret, db):
    found = users.sessions.find(secret)
    with pytest.raises(NotFound), db.write() as session:
        users.sessions.revoke(session, "someone else", found.session.id)
    assert users.sessions.find(secret)


def test_a_made_up_secret_opens_nothing(users, admin):
    assert users.sessions.find("made up") is None


def test_seeing_a_session_writes_at_most_once_a_minute(users, secret, clock):
    first = users.sessions.find(secret).session.last_seen_at
    clock.forward(seconds=30)
    users.sessions.find(secret)
    assert users.sessions.find(secret).session.last_seen_at == first
    clock.forward(seconds=31)
    users.sessions.find(secret)
    assert users.sessions.find(secret).session.last_seen_at == clock.now()
