"""The OpenAPI document is valid, complete, and what really happens; its page reads well."""

import json
import re
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema_rs import Draft202012Validator
from schemathesis import openapi
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.web.access import SAFE_METHODS
from app.web.api.document import TAGS, document, routes
from tests.web.api.conftest import address
from tests.web.client import lint

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
BESIDE = {"/health"}  # in the document without being under /api


@pytest.fixture
def told(app):
    return document(app)


def api_rules(app):
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/"):
            for method in rule.methods - {"HEAD", "OPTIONS"}:
                yield re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower()


def test_it_lists_every_route_under_api_and_nothing_else(app, told):
    listed = {(path, method) for path, methods in told["paths"].items() for method in methods}
    assert {entry for entry in listed if entry[0] not in BESIDE} == set(api_rules(app))


def test_it_is_valid_openapi(admin, told):
    served = admin.client.get("/openapi.json").json
    assert served == json.loads(json.dumps(told))
    assert served["openapi"] == "3.1.0"
    for schema in served["components"]["schemas"].values():
        Draft202012Validator({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema} | _defs(served))
    assert len({one["operationId"] for one in _operations(served)}) == len(list(_operations(served)))


def test_every_reference_leads_somewhere(told):
    text = json.dumps(told)
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', text)):
        found = told
        for part in reference.split("/"):
            found = found[part]


def test_every_example_fits_its_schema(told):
    for operation in _operations(told):
        bodies = [operation.get("requestBody"), *operation["responses"].values()]
        for body in filter(None, bodies):
            media = body.get("content", {}).get("application/json")
            if media:
                schema = json.loads(json.dumps(media["schema"])) | _defs(told)
                Draft202012Validator(schema).validate(media["example"])


def test_every_change_tells_its_errors_and_who_may(app, told):
    for route in routes(app):
        one = told["paths"][route.path][route.method.lower()]
        if route.method not in SAFE_METHODS:
            assert {"400", "401", "403", "409", "413", "415", "422", "429"} <= set(one["responses"]), route.path
        if route.parameters:
            assert "404" in one["responses"], route.path
        assert one["summary"]
        assert one["security"] or route.path in BESIDE


def test_every_example_request_is_taken(app, told, bot, world):
    """What the page offers to copy does what it says, or is refused for the ids it invents. What takes a person's own
    session (tokens, overrides) no program may do."""
    for route in routes(app):
        one = told["paths"][route.path][route.method.lower()]
        body = one.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
        if route.method != "POST" or body is None or "tokens" in route.path or "/overrides" in route.path:
            continue
        answer = bot.call("POST", address(route.path, world), json=body, headers={"Idempotency-Key": route.endpoint})
        fields = answer.json.get("error", {}).get("fields", {})
        is_done = answer.status_code in (200, 201, 202, 404, 409)
        assert is_done or set(fields) in ({"accounts"}, {"password"}, {"symbol"}), (route.path, answer.text)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("default")
def test_nothing_it_allows_breaks_the_desk_or_answers_otherwise_than_told(app, bot, world, told):
    told = json.loads(json.dumps(told))
    del told["paths"]["/api/stream/{account_id}"]  # never ends
    del told["paths"]["/health"]  # answers 503 without an engine, as it should
    schema = openapi.from_dict(told)
    schema.app = app
    seen = Counter()
    for result in schema.get_all_operations():
        _fuzz(result.ok(), bot, world, seen)
    assert {200, 202, 404, 422} <= set(seen)


def _fuzz(operation, bot, world, seen):
    waits = any(each.name == "wait" for each in operation.query)

    @settings(max_examples=5, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def run(case):
        if case.path_parameters:
            case.path_parameters = {**case.path_parameters, **_known(case.path_parameters, world)}
        if waits:
            case.query = {**(case.query or {}), "wait": 0}  # no engine will answer
        response = case.call(headers=bot.headers)
        case.validate_response(response, checks=CHECKS)
        seen[response.status_code] += 1

    run()


def _known(parameters, world):
    names = {
        "account_id": world.account, "strategy_id": world.strategy, "run_id": world.run, "account_run_id": world.part,
        "leg_run_id": world.leg, "order_id": world.order, "errand_id": world.errand,
    }  # fmt: skip
    return {name: names[name] for name in parameters if name in names}


def test_the_page_shows_every_operation_to_copy_and_every_error(app, admin, told):
    page = admin.get("/docs")
    text = page.text.replace("&#34;", '"').replace("&#39;", "'")
    for route in routes(app):
        assert f">{route.path}</code>" in page.text, route.path
        assert f'id="{told["paths"][route.path][route.method.lower()]["operationId"]}"' in page.text
    assert 'curl -X POST "$DESK/api/v1/runs/$RUN_ID/exit"' in text
    assert '-H "Authorization: Bearer $TOKEN"' in text
    for status in told["components"]["responses"]:
        assert f'id="error-{status}"' in page.text
    links = set(re.findall(r'href="#([\w-]+)"', page.text))
    assert links <= set(re.findall(r'\bid="([\w-]+)"', page.text))
    lint(page)


def test_the_page_is_in_the_navigation(admin):
    assert 'href="/docs"' in admin.get("/docs").text


def test_every_tag_has_a_place_on_the_page(app):
    assert {route.declared.tag for route in routes(app)} == set(TAGS)


def _operations(told):
    return (one for methods in told["paths"].values() for one in methods.values())


def _defs(told):
    return {"components": told["components"]}
