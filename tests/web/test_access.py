"""Who may call what: walked over every route there is, so that a new one can't be forgotten."""

import json

import pytest

from app.users.api_tokens import TokenWish
from app.users.roles import SCOPES, Role, Scope
from app.web.access import PUBLIC, PUBLIC_DOORS, SAFE_METHODS, needed_scope
from app.web.tiers import TIERS, tier_of
from tests.web.client import Browser


def routes(app):
    """(endpoint, method, an address that matches) for every route."""
    for rule in app.url_map.iter_rules():
        address = rule.rule
        for name in rule.arguments:
            converter = type(rule._converters[name]).__name__
            value = "1" if converter in ("IntegerConverter", "FloatConverter") else "x"
            address = address.replace(f"<{name}>", value)
            address = address.replace(f"<int:{name}>", value).replace(f"<path:{name}>", value)
        for method in sorted(rule.methods - {"OPTIONS", "HEAD"}):
            yield rule.endpoint, method, address


@pytest.fixture
def token(services, admin):
    """`token("read", ...)` gives the headers of a program of the admin's."""

    def make(*scopes: str) -> dict[str, str]:
        user = services.users.people.named("Asha")
        wish = TokenWish("test", list(scopes), [])
        return {"Authorization": f"Bearer {services.users.keyring.create_token(user.id, wish)[1]}"}

    return make


def test_a_stranger_gets_nowhere_but_through_the_public_doors(app, admin):
    client = app.test_client()
    for endpoint, method, address in routes(app):
        if endpoint in PUBLIC:
            continue
        answer = client.open(address, method=method, headers={"Accept": "application/json"})
        assert answer.status_code == 401, (endpoint, method, answer.status_code)


def test_every_public_endpoint_that_exists_is_one_a_stranger_needs(app):
    assert {endpoint for endpoint, _, _ in routes(app)} & PUBLIC >= {"auth.sign_in", "auth.first_run"}
    assert len(PUBLIC) <= 10  # each is a decision; make it in a review


def test_every_change_by_a_person_needs_the_csrf_token(app, admin):
    for endpoint, method, address in routes(app):
        if method in SAFE_METHODS or endpoint in PUBLIC_DOORS:
            continue
        answer = admin.client.open(address, method=method, headers={"Accept": "application/json"})
        assert answer.status_code == 400, (endpoint, method)
        assert answer.json["error"]["code"] == "CSRF_FAILED", (endpoint, method)


def test_every_route_has_a_rate_tier(app):
    for endpoint, method, address in routes(app):
        tier = tier_of(app, endpoint)
        assert tier in TIERS, endpoint
        if address.startswith("/api/") and address != "/api/cached-account":  # asks nobody: the common limit only
            assert tier in ("api", "heavy", "websocket", "auth", "exit"), endpoint
        if endpoint in PUBLIC and method not in SAFE_METHODS and endpoint not in PUBLIC_DOORS:
            assert tier == "auth", endpoint


def test_a_viewer_changes_nothing_but_what_is_their_own(app, invited):
    viewer = invited("viewer", "Birla")
    token = viewer.token("/settings")
    headers = {"X-CSRFToken": token, "Accept": "application/json"}
    for endpoint, method, address in routes(app):
        needed = None if endpoint in PUBLIC else needed_scope(app, endpoint, method)
        if needed not in (Scope.TRADE, Scope.MANAGE, Scope.ADMIN):
            continue
        answer = viewer.client.open(address, method=method, headers=headers)
        assert answer.status_code == 403, (endpoint, method, answer.status_code)


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (Role.VIEWER, {"read", "self"}),
        (Role.TRADER, {"read", "trade", "manage", "self"}),
        (Role.ADMIN, {"read", "trade", "manage", "admin", "metrics", "self"}),
    ],
)
def test_a_role_means_these_scopes(role, allowed):
    assert SCOPES[role] == {Scope(scope) for scope in allowed}


def test_only_admins_see_the_people(invited, admin):
    admin.get("/settings/users")
    invited("trader", "Birla").get("/settings/users", 403)
    invited("viewer", "Chitra").get("/settings/users", 403)


def test_a_program_reaches_no_page_of_a_person(app, token):
    headers = {**token("read", "trade", "manage"), "Accept": "application/json"}
    client = app.test_client()
    for endpoint, method, address in routes(app):
        if endpoint in PUBLIC or needed_scope(app, endpoint, method) not in (Scope.SELF, Scope.ADMIN):
            continue
        answer = client.open(address, method=method, headers=headers)
        assert answer.status_code == 403, (endpoint, method)


def test_a_program_needs_the_scope_and_no_csrf_token(probe, token):
    client = probe.test_client()
    assert client.get("/api/probe", headers=token("read")).json == {"owner": "Asha"}
    assert client.post("/api/probe", headers=token("trade"), json={}).status_code == 200
    refused = client.post("/api/probe", headers=token("read"), json={})
    assert refused.status_code == 403
    assert "trade" in refused.json["error"]["message"]


@pytest.mark.parametrize("header", ["Bearer nonsense", "Bearer ", "Basic YTpi", "nonsense", ""])
def test_a_token_that_opens_nothing_is_403_even_with_a_good_cookie(admin, header):
    answer = admin.client.get("/settings", headers={"Authorization": header})
    assert answer.status_code == 403
    answer = admin.client.get("/api/x", headers={"Authorization": header})
    assert answer.json["error"]["code"] == "INVALID_API_KEY"


def test_a_program_can_not_sign_people_out_by_their_cookie(app, token, admin):
    answer = admin.client.post("/sign-out", headers=token("read", "trade", "manage"))
    assert answer.status_code == 403
    admin.get("/settings")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Origin": "http://localhost"}, 303),
        ({}, 303),
        ({"Sec-Fetch-Site": "cross-site"}, 400),
        ({"Sec-Fetch-Site": "same-site"}, 400),
        ({"Sec-Fetch-Site": "none"}, 400),
        ({"Origin": "https://evil.example"}, 400),
        ({"Origin": "null"}, 400),
        ({"Origin": "http://localhost.evil.example"}, 400),
    ],
)
def test_a_change_from_another_site_is_refused_even_with_the_token(admin, headers, status):
    token = admin.token("/settings/security")
    data = {"csrf_token": token}
    assert admin.client.post("/sign-out", headers=headers, data=data).status_code == status


def test_the_csrf_token_is_taken_from_the_header_too(admin):
    token = admin.token("/settings/security")
    assert admin.client.post("/sign-out", headers={"X-CSRFToken": token}).status_code == 303


def test_someone_elses_session_token_and_invitation_are_not_found(services, invited, admin):
    birla = invited("trader", "Birla")
    mine = services.users.people.named("Asha")
    session_id = services.users.sessions.list(mine.id)[0].id
    row, _ = services.users.keyring.create_token(mine.id, TokenWish("t", ["read"], []))
    for path in (f"/settings/security/sessions/{session_id}/end", f"/settings/tokens/{row.id}/revoke"):
        birla.submit(path, "/settings/security", status=404)
    assert services.users.tokens.list(mine.id)
    admin.get("/settings")


def test_a_signed_cookie_made_with_another_key_is_a_strangers(app, admin):
    thief = Browser(app.test_client())
    thief.client.set_cookie("desk", json.dumps({"sid": "x"}))
    thief.get("/settings", 302)
