"""Coming in and going out, as a browser sees it."""

import re

import pytest

from app.users.throttle import PER_NAME_AND_IP
from tests.web.client import Browser
from tests.web.conftest import PASSWORD

EVIL = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "https://evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "evil.example",
    " //evil.example",
    "/ /evil.example",
    "http://[::1",
    "//[::1",
    "",
]


def sign_in(browser: Browser, name="Asha", password=PASSWORD, status=303, to="/sign-in"):
    return browser.submit(to, name=name, password=password, status=status)


def test_a_new_desk_asks_for_its_admin_then_never_again(stranger):
    assert stranger.get("/settings", 302).location == "/first-run?next=/settings"
    assert stranger.get("/sign-in", 302).location == "/first-run"
    assert stranger.submit("/first-run", name="Asha", password=PASSWORD).location == "/"
    assert stranger.get("/first-run", 302).location == "/sign-in"


def test_a_weak_first_password_is_explained_at_its_field(stranger):
    page = stranger.submit("/first-run", name="Asha", password="password12", status=422)
    assert "easy to guess" in page.text
    assert 'aria-invalid="true"' in page.text
    assert "password12" not in page.text


def test_a_stranger_is_sent_to_the_sign_in_page_and_then_on(admin, stranger):
    assert stranger.get("/settings/tokens?a=b", 302).location == "/sign-in?next=/settings/tokens?a%3Db"
    answer = sign_in(stranger, to="/sign-in?next=/settings/tokens")
    assert answer.location == "/settings/tokens"
    assert "Welcome back" in stranger.get("/settings/tokens").text


@pytest.mark.parametrize("wanted", EVIL)
def test_d15_signing_in_never_leads_off_the_desk(admin, stranger, wanted):
    token = stranger.token("/sign-in")
    answer = stranger.client.post(
        "/sign-in", query_string={"next": wanted}, data={"csrf_token": token, "name": "Asha", "password": PASSWORD}
    )
    assert (answer.status_code, answer.location) == (303, "/")


def test_a_wrong_name_and_a_wrong_password_get_the_same_page(admin, stranger):
    pages = [
        sign_in(stranger, name, password, 401).text.replace(name, "")
        for name, password in [("nobody", PASSWORD), ("Asha", "wrong horse here")]
    ]
    without_tokens = [re.sub(r'"csrf[-_]token"[^>]*>', "", page) for page in pages]
    assert "don&#39;t match" in pages[0]
    assert without_tokens[0] == without_tokens[1]


def test_an_answer_that_was_under_way_takes_back_nothing_that_another_one_has_set(admin):
    """A part of the page one leaves may come after the answer to a click: the message of the click must survive it."""
    admin.get("/")  # which sets the token against forged forms
    page, part = admin.client.get("/alerts"), admin.client.get("/alerts/rows")
    assert "Set-Cookie" not in page.headers
    assert "Set-Cookie" not in part.headers


def test_too_many_wrong_tries_are_told_so(admin, stranger):
    for _ in range(PER_NAME_AND_IP):
        sign_in(stranger, password="wrong horse here", status=401)
    assert "Too many tries" in sign_in(stranger, status=429).text


def test_signing_in_changes_the_session_and_ends_the_old_one(admin, app):
    old = admin.client.get_cookie("desk").value
    token = admin.token("/settings/security")
    admin.client.post("/sign-in", data={"csrf_token": token, "name": "Asha", "password": PASSWORD})
    assert admin.client.get_cookie("desk").value != old
    thief = Browser(app.test_client())
    thief.client.set_cookie("desk", old)
    assert thief.get("/settings", 302).location.startswith("/sign-in")


def test_signing_out_is_a_post_and_ends_the_session_on_the_server(admin, app):
    admin.get("/sign-out", 405)
    kept = admin.client.get_cookie("desk").value
    assert admin.submit("/sign-out", "/settings/security").location == "/sign-in"
    thief = Browser(app.test_client())
    thief.client.set_cookie("desk", kept)
    thief.get("/settings", 302)


def test_the_session_cookie_is_out_of_reach_for_scripts_and_other_sites(admin, stranger):
    cookie = sign_in(stranger).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie


def test_an_invitation_is_shown_once_works_once_and_leaves_the_invited_signed_in(admin, invited, stranger):
    birla = invited("trader", "Birla")
    birla.get("/settings")
    birla.get("/settings/users", 403)
    assert "/join/" not in admin.get("/settings/users").text


def test_a_used_or_made_up_invitation_says_so_and_nothing_else(stranger, admin):
    page = stranger.get("/join/made-up", 404)
    assert "used, has expired or was withdrawn" in page.text


def test_looking_at_a_one_time_link_does_not_use_it_up(admin, services, stranger, app):
    secret = services.users.door.make_link("Asha")
    for _ in range(3):
        Browser(app.test_client()).get(f"/enter/{secret}")  # a mail scanner, a preview
    stranger.submit(f"/enter/{secret}")
    stranger.get("/settings")
    Browser(app.test_client()).submit(f"/enter/{secret}", status=404)


def test_a_link_in_the_address_never_reaches_the_log(admin, services, stranger, caplog, capsys):
    secret = services.users.door.make_link("Asha")
    stranger.submit(f"/enter/{secret}")
    said = capsys.readouterr().out + caplog.text
    assert "/enter/<token>" in said
    assert secret not in said
    assert PASSWORD not in said
