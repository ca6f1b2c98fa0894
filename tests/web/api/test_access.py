"""Every operation, asked by those who may not: nothing is told and nothing is changed."""

import pytest

from app.users.roles import Scope
from app.web.api.document import document, routes, scope_of
from tests.web.api.conftest import address, session_of
from tests.web.api.snapshot import snapshot

KEY = {"Idempotency-Key": "walk"}


def operations(app):
    """(method, path, scope, body) of every operation that works with rows of somebody."""
    told = document(app)
    for route in routes(app):
        described = told["paths"][route.path][route.method.lower()]
        body = described.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
        yield route, described, body


def call(caller, route, body, world):
    more = {} if body is None else {"json": body}
    return caller.call(route.method, address(route.path, world), headers=KEY, **more)


def with_an_id(route):
    return any(name.endswith("_id") for name in route.parameters)


@pytest.fixture
def other(invited):
    return session_of(invited("trader", "Birla"))


def test_another_persons_ids_are_not_found_and_nothing_is_changed(app, services, world, other):
    before = snapshot(services.db)
    walked = 0
    for route, _, body in operations(app):
        if with_an_id(route):
            answer = call(other, route, body, world)
            if scope_of(app, route) == Scope.ADMIN:
                assert answer.status_code == 403, (route.method, route.path, answer.text)
                continue
            assert answer.status_code == 404, (route.method, route.path, answer.text)
            assert answer.json["error"]["code"] == "NOT_FOUND"
            walked += 1
    assert walked >= 20
    assert snapshot(services.db) == before


def test_another_persons_ids_inside_a_body_or_query_are_refused(services, world, other):
    before = snapshot(services.db)
    leg = {"action": "BUY", "kind": "SYMBOL", "symbol": "SBIN", "lots": 1}
    wish = {"name": "Theirs", "legs": [leg], "accounts": [{"account_id": world.account}]}
    assert set(other.post("/api/v1/strategies", wish, 422)["error"]["fields"]) == {"accounts"}
    other.post("/api/v1/runs", {"strategy_id": world.strategy}, 404, headers=KEY)
    other.get(f"/api/v1/positions?account_id={world.account}", 404)
    assert other.get(f"/api/v1/journal/orders?account_id={world.account}")["items"] == []
    assert snapshot(services.db) == before


def test_lists_hold_only_ones_own(world, other):
    for path in ("accounts", "strategies", "runs", "journal/orders", "positions", "positions/net", "tokens"):
        assert other.get(f"/api/v1/{path}")["items"] == [], path
    assert other.get("/api/accounts") == []
    assert other.get("/api/v1/health")["accounts"] == []


@pytest.mark.parametrize("scopes", [("read",), ("trade",), ("manage",)])
def test_a_token_without_the_scope_is_refused(app, services, world, program, scopes):
    caller = program(*scopes)
    before = snapshot(services.db)
    for route, described, body in operations(app):
        needed = [scope for choice in described["security"] for scope in choice.get("token", ())]
        if not described["security"] or needed in ([scopes[0]], []) and needed:
            continue
        answer = call(caller, route, body, world)
        assert answer.status_code == 403, (route.method, route.path, answer.status_code)
        assert answer.json["error"]["code"] == "FORBIDDEN"
    assert snapshot(services.db) == before


def test_a_viewer_reads_the_same_desk_and_changes_nothing(app, services, world, invited):
    viewer = session_of(invited("viewer", "Chitra"))
    before = snapshot(services.db)
    for route, described, body in operations(app):
        scopes = [scope for choice in described["security"] for scope in choice.get("token", ())]
        if scopes and scopes != ["read"]:
            assert call(viewer, route, body, world).status_code == 403, (route.method, route.path)
        elif scopes == ["read"] and "stream" not in route.path:
            extra = "?q=nifty&exchange=NFO&underlying=NIFTY" if described["parameters"] else ""
            asked = address(route.path, world)
            answer = viewer.call(route.method, asked + extra, json=body)
            nobodys = route.declared.can_miss or "x" in asked.split("/")
            assert answer.status_code in (200, 422, *[404] * nobodys), (route.path, answer.text)
    assert viewer.get(f"/api/v1/runs/{world.run}")["id"] == world.run
    assert snapshot(services.db) == before


def test_a_stranger_gets_a_word_about_health_and_nothing_else(app, world):
    client = app.test_client()
    for route, described, _ in operations(app):
        answer = client.open(address(route.path, world), method=route.method)
        assert answer.status_code == (401 if described["security"] else 503), route.path  # no engine runs here
    assert client.get("/openapi.json", headers={"Accept": "application/json"}).status_code == 401
