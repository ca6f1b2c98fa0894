"""The OpenAPI 3.1 document, made from the routes and from the models that check and answer every request."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from flask import Flask
from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema
from werkzeug.routing import Rule

from app.core.idempotency import HEADER
from app.web.access import PUBLIC, SAFE_METHODS, needed_scope
from app.web.api.operation import Operation, declared_by
from app.web.api.samples import REF, sample
from app.web.api.shapes import EXAMPLE_ID, Answer
from app.web.tiers import TIERS, tier_of

INTRO = (
    "Everything the desk does, for programs. Numbers of money and quantity are text in answers and may be text or "
    "numbers in requests. Times are UTC. Ids are text. What belongs to somebody else is not found. A field nobody "
    "knows is refused."
)
TAGS = (
    "Desk", "Accounts", "Instruments", "Candles", "Option chain", "Strategies", "Payoff", "Schedules", "Runs",
    "Replays", "Orders", "Positions", "Risk", "Analytics", "Trade journal", "Watchlists", "Alerts", "Signals",
    "Notifications", "Errands", "Tokens", "Guide", "Broadcast",
)  # fmt: skip
ERRORS = {
    400: "The request could not be read: broken JSON, or no CSRF token (BAD_REQUEST, CSRF_FAILED).",
    401: "Nobody is signed in (AUTH_FAILED).",
    403: "The token opens nothing, or it, or your role, lacks the scope (INVALID_API_KEY, FORBIDDEN).",
    404: "There is no such thing, or it is somebody else's (NOT_FOUND).",
    409: "Refused as things stand; nothing was changed (DENIED, REFUSED, IN_PROGRESS, NEEDS_HUMAN).",
    413: "More than 1 MB (BODY_TOO_LARGE).",
    415: "The body is not JSON (UNSUPPORTED_MEDIA_TYPE).",
    422: "Some fields are wrong, each with a sentence; nothing was changed (INVALID).",
    429: "Too many requests: wait as long as Retry-After says (RATE_LIMIT).",
    500: "Something broke on our side: look before you try again (SERVER_ERROR).",
    502: "Something was sent and its answer was lost (UNKNOWN).",
    503: "The desk can't do this right now (CONNECTION_ERROR).",
}
BY_ITSELF = {  # views that answer in their own way
    "stream.account_stream": Operation(
        "Guide",
        "Stream of one account",
        "Server-sent events: first `snapshot`, then `tick` with figures as decimal text, `changed`, `notice`, and "
        "`beat` every five seconds. Send `Last-Event-ID` to resume.",
        media="text/event-stream",
    )
}
EXAMPLES = {"exchange": "NFO", "symbol": "NIFTY24NOV2626050CE"}
SAID = {202: "Accepted; the engine is at it.", 503: "The database is away."}
KEY_PARAMETER = {
    "name": HEADER,
    "in": "header",
    "description": "A word of your own, so that it happens once however often it is sent.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$"},
}


class ErrorBody(Answer):
    code: Annotated[str, Field(examples=["INVALID"])]
    message: Annotated[str, Field(examples=["Some fields need attention."])]
    fields: Annotated[dict[str, list[str]] | None, Field(examples=[{"name": ["Field required."]}])] = None
    id: Annotated[str, Field(description="The request's; the log knows it.", examples=[EXAMPLE_ID])]


class ErrorAnswer(Answer):
    error: ErrorBody


@dataclass(frozen=True, slots=True)
class Route:
    path: str
    method: str
    endpoint: str
    declared: Operation
    parameters: frozenset[str]


def routes(app: Flask) -> Iterator[Route]:
    """Every route that declares itself, by path."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        declared = declared_by(app.view_functions[rule.endpoint]) or BY_ITSELF.get(rule.endpoint)
        if declared is not None:
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield Route(_path(rule), method, rule.endpoint, declared, frozenset(rule.arguments))


def document(app: Flask) -> dict[str, Any]:
    found = list(routes(app))
    schemas = _schemas(found)
    paths: dict[str, Any] = {}
    for route in found:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(app, route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Mirrordesk", "version": "v1", "summary": "One desk for many accounts", "description": INTRO},
        "tags": [{"name": tag} for tag in TAGS],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {str(status): _error(text, schemas) for status, text in ERRORS.items()},
            "securitySchemes": _security_schemes(app),
        },
    }


def scope_of(app: Flask, route: Route) -> str:
    return "" if route.endpoint in PUBLIC else needed_scope(app, route.endpoint, route.method).value


def _path(rule: Rule) -> str:
    return re.sub(r"<(?:[^<>:]+:)?([^<>]+)>", r"{\1}", rule.rule)


def _schemas(found: list[Route]) -> dict[str, Any]:
    asked = {(route.declared.takes, "validation") for route in found if route.declared.takes}
    given = {(route.declared.gives, "serialization") for route in found if route.declared.gives}
    models: Any = sorted(asked | given | {(ErrorAnswer, "serialization")}, key=lambda pair: str(pair[0].__name__))
    _, definitions = models_json_schema(models, ref_template=REF + "{model}")
    return dict(definitions["$defs"])


def _operation(app: Flask, route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    declared, scope = route.declared, scope_of(app, route)
    described = {
        "operationId": route.endpoint.replace(".", "_"),
        "tags": [declared.tag],
        "summary": declared.summary,
        "description": " ".join(part for part in (declared.detail, _limits(app, route, scope)) if part),
        "parameters": _parameters(route),
        "responses": _responses(route, scope, schemas),
        "security": _security(route, scope),
    }
    if declared.takes:
        described["requestBody"] = {"required": True, "content": _content(declared.takes, schemas)}
    return described


def _limits(app: Flask, route: Route, scope: str) -> str:
    allowed = TIERS[tier_of(app, route.endpoint)]
    parts = [f"Needs the scope {scope}." if scope else "", f"At most {allowed}." if allowed else ""]
    return " ".join(part for part in parts if part)


def _parameters(route: Route) -> list[dict[str, Any]]:
    found = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "examples": [EXAMPLES.get(name, EXAMPLE_ID)]},
        }
        for name in re.findall(r"\{(\w+)\}", route.path)
    ]
    if route.declared.query:
        schema = route.declared.query.model_json_schema()
        required = schema.get("required", ())
        found += [
            {"name": name, "in": "query", "required": name in required, "schema": _inline(part, schema)}
            for name, part in schema["properties"].items()
        ]
    if route.method == "POST":
        found.append(KEY_PARAMETER | {"required": route.declared.key_required})
    return found


def _inline(part: Any, schema: dict[str, Any]) -> Any:
    """A query's parameter stands alone: what it refers to is put in its place."""
    if isinstance(part, list):
        return [_inline(inner, schema) for inner in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return schema["$defs"][part["$ref"].rpartition("/")[2]]
    return {name: _inline(inner, schema) for name, inner in part.items()}


def _responses(route: Route, scope: str, schemas: dict[str, Any]) -> dict[str, Any]:
    declared = route.declared
    told: dict[str, Any] = {}
    for status, model in {declared.status: declared.gives, **declared.also}.items():
        told[str(status)] = {"description": SAID.get(status, "As asked.")}
        if model:
            told[str(status)]["content"] = _content(model, schemas)
        elif status != 204:
            told[str(status)]["content"] = {declared.media: {"schema": {"type": "string"}}}
    statuses = _failures(route, scope)
    return told | {str(status): {"$ref": f"#/components/responses/{status}"} for status in statuses}


def _failures(route: Route, scope: str) -> list[int]:
    if not scope:
        return [429]
    changes, declared = route.method not in SAFE_METHODS, route.declared
    groups = (
        (True, [401, 403, 429, 500, 503]),
        (bool(route.parameters) or declared.can_miss, [404]),
        (changes, [400, 404, 409, 413, 415, 422, 502]),
        (declared.query is not None, [404, 422]),
    )
    return sorted({status for holds, statuses in groups if holds for status in statuses})


def _security(route: Route, scope: str) -> list[dict[str, list[str]]]:
    if not scope:
        return []
    session: dict[str, list[str]] = {"session": []}
    if route.method not in SAFE_METHODS:
        session["csrf"] = []
    return [session] if scope in ("self", "admin") else [{"token": [scope]}, session]


def _content(model: type[BaseModel], schemas: dict[str, Any]) -> dict[str, Any]:
    schema = {"$ref": REF + model.__name__}
    return {"application/json": {"schema": schema, "example": sample(schema, schemas)}}


def _error(text: str, schemas: dict[str, Any]) -> dict[str, Any]:
    return {"description": text, "content": _content(ErrorAnswer, schemas)}


def _security_schemes(app: Flask) -> dict[str, Any]:
    return {
        "token": {"type": "http", "scheme": "bearer", "description": "An API token with scopes (read, trade, manage)."},
        "session": {"type": "apiKey", "in": "cookie", "name": app.config["SESSION_COOKIE_NAME"]},
        "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRFToken", "description": "`csrf_token` of /api/v1/me."},
    }
