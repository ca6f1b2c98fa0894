"""Admins change roles and switch people off, but never the last of themselves."""

import pytest

from app.core.actors import Actor, acting
from app.core.errors import Denied, Invalid, NotFound
from app.users.appearance import DEFAULTS, appearance_of
from app.users.roles import Role
from tests.users.conftest import HERE, PASSWORD, people_over
from tests.users.test_door import at_once, invited


@pytest.fixture
def trader(users, admin):
    return users.door.join(invited(users, admin), "Birla", PASSWORD, HERE).user


def test_the_last_admin_can_neither_step_down_nor_be_switched_off(users, admin):
    with pytest.raises(Denied):
        users.people.set_role(admin, admin.id, Role.TRADER)
    with pytest.raises(Denied):
        users.people.set_active(admin, admin.id, False)


def test_two_admins_removing_each_other_leave_one(any_db, clock):
    users = people_over(any_db, clock)
    one = users.door.found("Asha", PASSWORD, HERE).user
    two = users.door.join(invited(users, one, Role.ADMIN), "Birla", PASSWORD, HERE).user
    at_once(
        lambda: users.people.set_role(one, two.id, Role.TRADER),
        lambda: users.people.set_role(two, one.id, Role.TRADER),
    )
    assert sorted(person.role for person in users.people.list()) == [Role.ADMIN, Role.TRADER]


def test_switching_someone_off_signs_them_out(users, admin, trader):
    secret = users.door.sign_in("Birla", PASSWORD, HERE).secret
    users.people.set_active(admin, trader.id, False)
    assert users.sessions.find(secret) is None
    users.people.set_active(admin, trader.id, True)
    assert users.sessions.find(secret) is None


def test_changes_are_in_the_trail_with_before_and_after(users, admin, trader, trail):
    with acting(Actor(admin.id, admin.name)):
        users.people.set_role(admin, trader.id, Role.ADMIN)
    entry = trail.find(subject=("user", trader.id))[0]
    assert (entry.actor_name, entry.action) == ("Asha", "user.role_changed")
    assert entry.detail == {"before": {"role": "trader"}, "after": {"role": "admin"}}


def test_looks_are_kept_per_person_and_unknown_ones_refused(users, admin):
    users.people.set_appearance(admin.id, {"theme": "dark"})
    users.people.set_appearance(admin.id, {"density": "compact"})
    looks = appearance_of(users.people.get(admin.id).appearance)
    assert looks == {**DEFAULTS, "theme": "dark", "density": "compact"}
    for wish in ({"theme": "pink"}, {"nonsense": "dark"}):
        with pytest.raises(Invalid):
            users.people.set_appearance(admin.id, wish)


def test_a_choice_no_longer_offered_falls_back_to_the_default():
    assert appearance_of({"theme": "sepia"}) == DEFAULTS


def test_nobody_is_not_found(users, admin):
    with pytest.raises(NotFound):
        users.people.get("nobody")
