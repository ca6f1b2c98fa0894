"""The ways in: what opens, what does not, and what a stranger can learn from it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher

from app.core.errors import Denied, Invalid, NotFound
from app.users.door import SignInFailed, Visitor
from app.users.models import User
from app.users.passwords import Passwords
from app.users.roles import Role
from app.users.throttle import PER_IP, PER_NAME_AND_IP, TooManyTries
from tests.users.conftest import HERE, PASSWORD, people_over

ELSEWHERE = Visitor("198.51.100.7", "another browser")


def invited(users, admin, role=Role.TRADER) -> str:
    with users.people._db.write() as session:
        return users.invites.create(session, admin.id, role)[1]


def at_once(*calls):
    """Run all calls together; each gives its result or its error."""
    start = threading.Barrier(len(calls))

    def run(call):
        start.wait()
        try:
            return call()
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_the_first_person_becomes_the_admin_and_is_signed_in(users):
    assert users.people.none_yet()
    entry = users.door.found("Asha", PASSWORD, HERE)
    assert entry.user.role == Role.ADMIN
    assert users.sessions.find(entry.secret).user.id == entry.user.id
    assert not users.people.none_yet()


def test_registration_closes_after_the_first(users, admin):
    with pytest.raises(Denied):
        users.door.found("Mallory", PASSWORD, ELSEWHERE)


def test_of_many_first_registrations_at_once_exactly_one_wins(any_db, clock):
    users = people_over(any_db, clock)
    results = at_once(
        *(lambda n=n: users.door.found(f"person {n}", PASSWORD, HERE) for n in range(6)),
    )
    assert [type(result) for result in results].count(Denied) == 5
    assert [person.role for person in users.people.list()] == [Role.ADMIN]


@pytest.mark.parametrize("password", ["short", "password12", "aaaaaaaaaaaa", "qwertyuiop1", "mirrordesk", "x" * 300])
def test_a_weak_password_is_refused_with_a_reason(users, password):
    with pytest.raises(Invalid) as refused:
        users.door.found("Asha", password, HERE)
    assert refused.value.fields["password"]
    assert users.people.none_yet()


def test_a_password_made_of_ones_own_name_is_refused(users):
    with pytest.raises(Invalid):
        users.door.found("raghunathan", "raghunathan1", HERE)


@pytest.mark.parametrize("name", ["", " ", "x", "y" * 65, "a\u200bb", "tab\there"])
def test_a_name_that_cannot_be_read_is_refused(users, name):
    with pytest.raises(Invalid) as refused:
        users.door.found(name, PASSWORD, HERE)
    assert "name" in refused.value.fields


def test_names_are_compared_without_case_and_unicode_forms(users, admin):
    assert users.door.sign_in("  aShA ", PASSWORD, HERE).user.id == admin.id
    with pytest.raises(Invalid):
        users.door.join(invited(users, admin), "ASHA", PASSWORD, ELSEWHERE)


def test_each_sign_in_opens_a_new_session_and_tells_the_last_time(users, admin, clock):
    before = clock.now()
    clock.forward(hours=1)
    first, second = (users.door.sign_in("Asha", PASSWORD, HERE) for _ in range(2))
    assert first.secret != second.secret
    assert first.last_sign_in_at == before
    assert second.last_sign_in_at == clock.now()


def test_a_wrong_name_a_wrong_password_and_a_closed_account_sound_the_same(users, admin):
    other = users.door.join(invited(users, admin), "Birla", PASSWORD, ELSEWHERE).user
    users.people.set_active(admin, other.id, False)
    said = set()
    for name, password in [("nobody", PASSWORD), ("Asha", "wrong horse here"), ("Birla", PASSWORD)]:
        with pytest.raises(SignInFailed) as failed:
            users.door.sign_in(name, password, HERE)
        said.add((failed.value.message, failed.value.code, failed.value.status))
    assert len(said) == 1


def test_an_unknown_name_costs_a_hash_all_the_same(users, admin, monkeypatch):
    checked = []
    verify = Passwords._verify
    monkeypatch.setattr(Passwords, "_verify", lambda *args: checked.append(1) or verify(*args))
    for name in ("nobody", "Asha"):
        with pytest.raises(SignInFailed):
            users.door.sign_in(name, "wrong horse here", HERE)
    assert len(checked) == 2


def test_too_many_wrong_tries_stop_the_right_password_too_until_time_passes(users, admin, clock):
    for _ in range(PER_NAME_AND_IP):
        with pytest.raises(SignInFailed):
            users.door.sign_in("Asha", "wrong horse here", HERE)
    with pytest.raises(TooManyTries):
        users.door.sign_in("Asha", PASSWORD, HERE)
    assert users.door.sign_in("Asha", PASSWORD, ELSEWHERE)  # a stranger can't lock her out
    clock.forward(minutes=16)
    assert users.door.sign_in("Asha", PASSWORD, HERE)


def test_a_name_that_does_not_exist_is_throttled_alike(users, admin):
    for _ in range(PER_NAME_AND_IP):
        with pytest.raises(SignInFailed):
            users.door.sign_in("nobody", PASSWORD, HERE)
    with pytest.raises(TooManyTries):
        users.door.sign_in("nobody", PASSWORD, HERE)


def test_one_address_cannot_try_many_names(users, admin):
    for n in range(PER_IP):
        with pytest.raises(SignInFailed):
            users.door.sign_in(f"person {n}", PASSWORD, HERE)
    with pytest.raises(TooManyTries):
        users.door.sign_in("Asha", PASSWORD, HERE)


def test_tries_at_the_same_moment_do_not_slip_past_the_count(users, admin):
    results = at_once(
        *(lambda n=n: users.door.sign_in("Asha", f"wrong guess {n}", HERE) for n in range(12)),
    )
    assert [type(result) for result in results].count(SignInFailed) <= PER_NAME_AND_IP


def test_the_right_password_clears_the_count(users, admin):
    for _ in range(3):
        for _ in range(PER_NAME_AND_IP - 1):
            with pytest.raises(SignInFailed):
                users.door.sign_in("Asha", "wrong horse here", HERE)
        users.door.sign_in("Asha", PASSWORD, HERE)


def test_a_password_hashed_with_older_parameters_is_hashed_again(users, admin, db, clock):
    users.door._passwords._hasher = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1)
    users.door.sign_in("Asha", PASSWORD, HERE)
    with db.read() as session:
        assert ",t=2," in session.get(User, admin.id).password_hash
    assert users.door.sign_in("Asha", PASSWORD, HERE)


def test_an_invitation_makes_one_person_with_its_role(any_db, clock):
    users = people_over(any_db, clock)
    admin = users.door.found("Asha", PASSWORD, HERE).user
    secret = invited(users, admin)
    results = at_once(
        *(lambda n=n: users.door.join(secret, f"friend {n}", PASSWORD, ELSEWHERE) for n in range(4)),
    )
    assert [type(result) for result in results].count(NotFound) == 3
    assert sorted(person.role for person in users.people.list()) == [Role.ADMIN, Role.TRADER]


def test_a_taken_name_leaves_the_invitation_open(users, admin):
    secret = invited(users, admin)
    with pytest.raises(Invalid):
        users.door.join(secret, "Asha", PASSWORD, ELSEWHERE)
    assert users.door.join(secret, "Birla", PASSWORD, ELSEWHERE).user.role == Role.TRADER


def test_an_old_or_withdrawn_invitation_opens_nothing(users, admin, clock, db):
    with db.write() as session:
        invite, withdrawn = users.invites.create(session, admin.id, Role.TRADER)
    with db.write() as session:
        users.invites.revoke(session, invite.id)
    old = invited(users, admin)
    clock.forward(days=4)
    for secret in (withdrawn, old, "made up"):
        assert users.invites.open(secret) is None
        with pytest.raises(NotFound):
            users.door.join(secret, "Birla", PASSWORD, ELSEWHERE)


def test_a_viewer_works_with_the_rows_of_the_one_who_invited_them(users, admin):
    viewer = users.door.join(invited(users, admin, Role.VIEWER), "Birla", PASSWORD, ELSEWHERE).user
    assert viewer.owner_id == admin.id
    users.people.set_role(admin, viewer.id, Role.TRADER)
    assert users.people.get(viewer.id).owner_id == viewer.id


def test_a_sign_in_link_opens_once(any_db, clock):
    users = people_over(any_db, clock)
    admin = users.door.found("Asha", PASSWORD, HERE).user
    secret = users.door.make_link("asha")
    results = at_once(*[lambda: users.door.enter(secret, HERE)] * 4)
    winners = [result for result in results if not isinstance(result, Exception)]
    assert [winner.user.id for winner in winners] == [admin.id]
    assert [type(result) for result in results].count(NotFound) == 3


def test_a_sign_in_link_lasts_an_hour(users, admin, clock):
    secret = users.door.make_link("Asha")
    clock.forward(minutes=61)
    with pytest.raises(NotFound):
        users.door.enter(secret, HERE)


def test_changing_the_password_asks_for_the_old_one_and_ends_other_sessions(users, admin):
    here = users.sessions.find(users.door.sign_in("Asha", PASSWORD, HERE).secret)
    elsewhere = users.door.sign_in("Asha", PASSWORD, ELSEWHERE).secret
    new = "eleven boats under the moon"
    with pytest.raises(Invalid) as refused:
        users.door.change_password(here.user, here.session.id, "not this one", new, HERE.ip)
    assert list(refused.value.fields) == ["old_password"]
    ended = users.door.change_password(here.user, here.session.id, PASSWORD, new, HERE.ip)
    assert ended == 2  # the one of the first run as well
    assert users.sessions.find(elsewhere) is None
    assert [session.id for session in users.sessions.list(admin.id)] == [here.session.id]
    with pytest.raises(SignInFailed):
        users.door.sign_in("Asha", PASSWORD, HERE)
    assert users.door.sign_in("Asha", new, HERE)


def test_no_password_and_no_secret_is_stored_or_recorded(users, admin, trail, db):
    secret = users.door.make_link("Asha")
    with pytest.raises(SignInFailed):
        users.door.sign_in(PASSWORD, PASSWORD, HERE)  # typed into the wrong field
    entry = users.door.enter(secret, HERE)
    stored = "\n".join(db.writer.raw_connection().driver_connection.iterdump())
    assert PASSWORD not in stored
    assert secret not in stored
    assert entry.secret not in stored
    actions = [record.action for record in trail.find()]
    assert actions == [
        "user.entered_by_link",
        "user.sign_in_failed",
        "sign_in_link.created",
        "user.founded",
    ]
