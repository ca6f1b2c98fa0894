"""The settings pages: looks, password, sessions, tokens, people."""

import re
from dataclasses import replace

import pytest
from sqlalchemy import update

from app import wiring
from app.strategies.legs import Draft, Leg
from app.strategies.models import Run
from tests.web.client import Browser
from tests.web.conftest import PASSWORD

LEG = Leg(action="BUY", kind="SYMBOL", symbol="SBIN", exchange="NSE", lots=1)
NEW = "eleven boats under the moon"


def test_the_looks_are_in_the_first_byte_of_the_next_page(admin):
    assert 'data-theme="system"' in admin.get("/settings").text
    wish = {"theme": "dark", "palette": "blue-orange", "density": "compact", "keys": "off"}
    admin.submit("/settings", **wish)
    page = admin.get("/settings").text
    for name in ("theme", "palette", "density"):
        assert f'data-{name}="{wish[name]}"' in page


def test_a_look_that_is_not_offered_changes_nothing(admin):
    wish = {"theme": "pink", "palette": "blue-orange", "density": "compact", "keys": "off"}
    admin.submit("/settings", status=422, **wish)
    assert 'data-density="comfortable"' in admin.get("/settings").text


def test_changing_the_password_signs_out_everywhere_else(app, admin):
    other = Browser(app.test_client())
    other.submit("/sign-in", name="Asha", password=PASSWORD)
    path, page = "/settings/security/password", "/settings/security"
    admin.submit(path, page, status=422, old_password="wrong", new_password=NEW, again=NEW)
    admin.submit(path, page, status=422, old_password=PASSWORD, new_password=NEW, again="another")
    admin.submit(path, page, status=422, old_password=PASSWORD, new_password="short", again="short")
    other.get("/settings")
    admin.submit(path, page, old_password=PASSWORD, new_password=NEW, again=NEW)
    admin.get("/settings")
    other.get("/settings", 302)


def test_sessions_are_listed_and_can_be_ended_one_by_one_or_all(app, admin):
    one, two = Browser(app.test_client()), Browser(app.test_client())
    for browser in (one, two):
        browser.submit("/sign-in", name="Asha", password=PASSWORD)
    ends = re.findall(r'action="(/settings/security/sessions/\w+/end)"', admin.get("/settings/security").text)
    assert len(ends) == 2
    admin.submit(ends[0], "/settings/security")
    assert sorted(browser.client.get("/settings").status_code for browser in (one, two)) == [200, 302]
    admin.submit("/settings/security/sessions/end-others", "/settings/security")
    assert [browser.client.get("/settings").status_code for browser in (one, two)] == [302, 302]
    admin.get("/settings")


def test_a_token_is_shown_once_and_works_until_revoked(app, admin):
    wish = {"name": "my script", "scopes": ["read"], "days": "90", "allowed_ips": "", "password": PASSWORD}
    page = admin.submit("/settings/tokens", status=200, **wish).text
    secret = re.search(r"mdk_[\w-]+", page)[0]
    assert secret not in admin.get("/settings/tokens").text
    program = app.test_client()
    headers = {"Authorization": f"Bearer {secret}"}
    assert program.get("/api/x", headers=headers).status_code == 404
    revoke = re.search(r'action="(/settings/tokens/\w+/revoke)"', admin.get("/settings/tokens").text)[1]
    admin.submit(revoke, "/settings/tokens")
    assert program.get("/api/x", headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"password": "not mine at all"}, "not your password"),
        ({"name": ""}, "what it is for"),
        ({"scopes": []}, "at least one"),
        ({"scopes": ["admin"]}, "valid choice"),
        ({"allowed_ips": "192.0.2.1, nonsense"}, "nonsense is neither"),
        ({"days": "-1"}, "Not a valid choice"),
    ],
)
def test_a_wrong_wish_for_a_token_is_explained_and_makes_none(admin, wrong, said):
    wish = {"name": "x", "scopes": ["read"], "days": "90", "allowed_ips": "", "password": PASSWORD, **wrong}
    assert said in admin.submit("/settings/tokens", status=422, **wish).text
    assert "You have none" in admin.get("/settings/tokens").text


def test_an_invitation_needs_the_admins_password_and_can_be_withdrawn(app, admin):
    path, page = "/settings/users/invites", "/settings/users"
    admin.submit(path, page, status=422, role="trader", password="wrong")
    link = admin.submit(path, page, status=200, role="trader", password=PASSWORD).text.split("/join/")[1].split("<")[0]
    withdraw = re.search(r'action="(/settings/users/invites/\w+/withdraw)"', admin.get(page).text)[1]
    admin.submit(withdraw, page)
    Browser(app.test_client()).get(f"/join/{link}", 404)


def test_roles_and_activity_change_at_once_and_the_last_admin_stays(services, admin, invited):
    birla = invited("trader", "Birla")
    people = {person.name: person.id for person in services.users.people.list()}
    admin.submit(f"/settings/users/{people['Birla']}/role", "/settings/users", role="admin")
    birla.get("/settings/users")
    admin.submit(f"/settings/users/{people['Birla']}/active", "/settings/users", active="no")
    birla.get("/settings", 302)
    admin.submit(f"/settings/users/{people['Asha']}/role", "/settings/users", status=409, role="viewer")
    admin.submit(f"/settings/users/{people['Asha']}/role", "/settings/users", status=422, role="king")
    admin.submit("/settings/users/nobody/role", "/settings/users", status=404, role="trader")


@pytest.fixture
def wired(settings, services):
    """The people as `wiring` puts them together."""
    built = wiring.build(settings)
    services.users = replace(services.users, people=built.users.people)
    yield services
    built.close()


def test_whoever_has_a_live_run_is_neither_switched_off_nor_made_a_viewer(wired, admin, invited):
    invited("trader", "Birla")
    birla = wired.users.people.named("Birla").id
    strategy_id = wired.strategies.create(birla, Draft(name="Early", legs=[LEG]))
    run = Run(
        id="r1", owner_id=birla, strategy_id=strategy_id, key="k", name="Early", version=1, legs=[],
        on_failure="unwind", venue_kind="openalgo", accounts=[], state="open", requested_at=wired.clock.now(),
    )  # fmt: skip
    with wired.db.write() as session:
        session.add(run)
    for what, change in (("active", {"active": "no"}), ("role", {"role": "viewer"})):
        page = admin.submit(f"/settings/users/{birla}/{what}", "/settings/users", status=409, **change)
        assert "Birla has 1 live run: Early. Nobody could see or exit that any more" in page.text
    with wired.db.write() as session:
        session.execute(update(Run).where(Run.id == "r1").values(state="closed"))
    admin.submit(f"/settings/users/{birla}/active", "/settings/users", active="no")
    assert not wired.users.people.named("Birla").active


def test_everything_done_here_is_in_the_trail_with_who_and_from_where(services, admin, invited):
    invited("trader", "Birla")
    entries = {entry.action: entry for entry in services.trail.find()}
    assert {"user.founded", "invite.created", "user.joined"} <= set(entries)
    assert (entries["invite.created"].actor_name, entries["invite.created"].ip) == ("Asha", "127.0.0.1")
    assert services.trail.verify().holds
