"""The OpenAPI document as a file for programs, and as a page for people."""

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, cast

from flask import Blueprint, Response, current_app, jsonify, render_template, request
from flask.typing import ResponseReturnValue

from app.web.api.document import TAGS, document, routes, scope_of
from app.web.api.samples import sample

bp = Blueprint("docs", __name__)

EXTENSION = "openapi_document"


@dataclass(frozen=True, slots=True)
class Entry:
    """One operation as the page shows it."""

    anchor: str
    method: str
    path: str
    scope: str
    described: dict[str, Any]
    curl: str
    answer: str
    success: str

    @property
    def failures(self) -> list[str]:
        return [status for status in self.described["responses"] if status >= "4"]


@bp.get("/openapi.json")
def openapi() -> Response:
    return jsonify(_document())


@bp.get("/docs")
def page() -> ResponseReturnValue:
    found = _document()
    return render_template(
        "docs/index.html",
        document=found,
        tags=_by_tag(found),
        errors=found["components"]["responses"],
        base=request.url_root.rstrip("/"),
    )


def _document() -> dict[str, Any]:
    """Made once per app: routes and models don't change while it runs."""
    kept = current_app.extensions
    if EXTENSION not in kept:
        kept[EXTENSION] = document(current_app)
    return cast("dict[str, Any]", kept[EXTENSION])


def _by_tag(found: dict[str, Any]) -> dict[str, list[Entry]]:
    tags: dict[str, list[Entry]] = defaultdict(list)
    for route in routes(current_app):
        described = found["paths"][route.path][route.method.lower()]
        success, answer = _success(described)
        tags[route.declared.tag].append(
            Entry(
                anchor=described["operationId"],
                method=route.method,
                path=route.path,
                scope=scope_of(current_app, route),
                described=described,
                curl=_curl(route.method, route.path, described),
                answer=answer,
                success=success,
            )
        )
    return {tag: tags[tag] for tag in TAGS}


def _success(described: dict[str, Any]) -> tuple[str, str]:
    status = next(iter(described["responses"]))
    body = described["responses"][status].get("content", {}).get("application/json")
    return status, json.dumps(body["example"], indent=2, ensure_ascii=False) if body else ""


def _proof(security: list[dict[str, list[str]]]) -> list[str]:
    """Of the ways to prove who calls, the first: a token where one will do."""
    if not security:
        return []
    if "token" in security[0]:
        return ['-H "Authorization: Bearer $TOKEN"']
    return ['-b "$COOKIE"', *(['-H "X-CSRFToken: $CSRF"'] if "csrf" in security[0] else [])]


def _curl(method: str, path: str, described: dict[str, Any]) -> str:
    """To be copied into a shell that has DESK and TOKEN."""
    for parameter in described["parameters"]:
        if parameter["in"] == "path":
            path = path.replace("{" + parameter["name"] + "}", f"${parameter['name'].upper()}")
    query = "&".join(
        f"{p['name']}={sample(p['schema'], {})}"
        for p in described["parameters"]
        if p["in"] == "query" and p["required"]
    )
    address = f'"$DESK{path}{"?" + query.replace(" ", "%20") if query else ""}"'
    lines = [f"curl {'' if method == 'GET' else f'-X {method} '}{address}"]
    lines += _proof(described["security"])
    if method == "POST":
        lines.append('-H "Idempotency-Key: $(uuidgen)"')
    if "requestBody" in described:
        example = described["requestBody"]["content"]["application/json"]["example"]
        lines += ["-H 'Content-Type: application/json'", f"-d '{json.dumps(example, ensure_ascii=False)}'"]
    return " \\\n  ".join(lines)
