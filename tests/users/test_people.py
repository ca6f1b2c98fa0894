"""Admins change roles and switch people off, but never the last of themselves."""

import pytest
from sqlalchemy import update

from app.audit.trail import Trail
from app.core.actors import Actor, acting
from app.core.errors import Denied, Invalid, NotFound
from app.users.appearance import DEFAULTS, appearance_of
from app.users.models import User
from app.users.people import People
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


def test_nobody_is_switched_off_or_made_a_viewer_while_something_trades_in_their_name(db, clock, users, admin, trader):
    asked = {trader.id: "2 live runs: Iron fly, Early"}
    people = People(db, clock, users.sessions, Trail(db, clock).record, lambda _session, who: asked.get(who, ""))
    for change in (
        lambda: people.set_active(admin, trader.id, False),
        lambda: people.set_role(admin, trader.id, Role.VIEWER),
    ):
        with pytest.raises(Denied, match="Birla has 2 live runs: Iron fly, Early. Nobody could"):
            change()
    people.set_role(admin, trader.id, Role.ADMIN)  # sees and exits as before
    assert (users.people.get(trader.id).active, users.people.get(trader.id).role) == (True, Role.ADMIN)
    asked.clear()
    people.set_active(admin, trader.id, False)
    assert not users.people.get(trader.id).active


@pytest.mark.parametrize("how", ["role", "active"])
def test_an_admin_who_is_ousted_comes_back_by_no_invitation_made_before(users, admin, how):
    rogue = users.door.join(invited(users, admin, Role.ADMIN), "Birla", PASSWORD, HERE).user
    secret, mine = invited(users, rogue, Role.ADMIN), invited(users, admin)
    if how == "role":
        users.people.set_role(admin, rogue.id, Role.TRADER)
    else:
        users.people.set_active(admin, rogue.id, False)
    for _ in range(2):
        assert users.invites.open(secret) is None
        with pytest.raises(NotFound):
            users.door.join(secret, "Chitra", PASSWORD, HERE)
        assert [one.created_by for one in users.invites.list()] == [admin.id]
        users.people.set_active(admin, rogue.id, True)  # and by none later, as what they once were
        users.people.set_role(admin, rogue.id, Role.ADMIN)
    assert users.door.join(mine, "Chitra", PASSWORD, HERE).user.role == Role.TRADER


def test_an_invitation_opens_only_while_its_maker_is_an_admin_who_may_sign_in(users, admin, db):
    rogue = users.door.join(invited(users, admin, Role.ADMIN), "Birla", PASSWORD, HERE).user
    secret = invited(users, rogue, Role.ADMIN)
    for change in ({"role": Role.TRADER}, {"role": Role.ADMIN, "active": False}):  # as an older version left them
        with db.write() as session:
            session.execute(update(User).where(User.id == rogue.id).values(**change))
        assert users.invites.open(secret) is None
        assert list(users.invites.list()) == []
        with pytest.raises(NotFound):
            users.door.join(secret, "Chitra", PASSWORD, HERE)
