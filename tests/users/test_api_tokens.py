"""API tokens open what they were granted, from where they were allowed, until they end."""

from datetime import timedelta

import pytest

from app.core.errors import Invalid, NotFound
from app.users.api_tokens import PREFIX, TokenWish
from app.users.models import ApiToken
from app.users.roles import Scope, scopes_of

ANYWHERE = "203.0.113.9"


def token(users, db, user, *, ips=(), expires_at=None, scopes=("read",)):
    with db.write() as session:
        wish = TokenWish("my script", list(scopes), list(ips), expires_at)
        return users.tokens.create(session, user.id, wish)


def test_a_token_names_its_owner_and_is_stored_as_a_hash_only(users, admin, db):
    row, secret = token(users, db, admin)
    assert secret.startswith(PREFIX)
    assert users.tokens.find(secret, ANYWHERE).user.id == admin.id
    with db.read() as session:
        assert session.get(ApiToken, row.id).token_hash != secret


def test_a_revoked_token_an_expired_one_and_a_made_up_one_open_nothing(users, admin, db, clock):
    row, revoked = token(users, db, admin)
    with db.write() as session:
        users.tokens.revoke(session, admin.id, row.id)
    _, expired = token(users, db, admin, expires_at=clock.now() + timedelta(hours=1))
    assert users.tokens.find(expired, ANYWHERE)
    clock.forward(hours=1)
    for secret in (revoked, expired, PREFIX + "made up"):
        assert users.tokens.find(secret, ANYWHERE) is None
    with pytest.raises(NotFound), db.write() as session:
        users.tokens.revoke(session, "someone else", row.id)


def test_a_token_bound_to_addresses_works_from_nowhere_else(users, admin, db):
    _, secret = token(users, db, admin, ips=["192.0.2.0/24", "2001:db8::1"])
    assert users.tokens.find(secret, "192.0.2.77")
    assert users.tokens.find(secret, "2001:db8::1")
    assert users.tokens.find(secret, "198.51.100.1") is None
    assert users.tokens.find(secret, "") is None


def test_a_token_of_someone_switched_off_opens_nothing(users, admin, db):
    _, secret = token(users, db, admin)
    with db.write() as session:
        session.get(type(admin), admin.id).active = False
    assert users.tokens.find(secret, ANYWHERE) is None


def test_wrong_wishes_are_told_by_field(users, admin, db):
    with pytest.raises(Invalid) as refused, db.write() as session:
        users.tokens.create(session, admin.id, TokenWish(" ", ["admin"], ["nonsense"]))
    assert set(refused.value.fields) == {"name", "scopes", "allowed_ips"}


def test_using_a_token_is_noted(users, admin, db, clock):
    row, secret = token(users, db, admin)
    users.tokens.find(secret, ANYWHERE)
    assert users.tokens.list(admin.id)[0].last_used_at == clock.now()


@pytest.mark.parametrize(
    ("role", "granted", "allowed"),
    [
        ("admin", ["read", "trade", "manage"], {"read", "trade", "manage"}),
        ("admin", ["read"], {"read"}),
        ("trader", ["trade"], {"trade"}),
        ("viewer", ["read", "trade", "manage"], {"read"}),
        ("admin", ["admin", "self"], set()),
    ],
)
def test_a_token_allows_what_both_its_scopes_and_the_role_allow(role, granted, allowed):
    assert scopes_of(role, granted) == {Scope(scope) for scope in allowed}
