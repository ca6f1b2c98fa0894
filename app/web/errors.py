"""Every error has one shape. A program gets `{"error": {"code", "message", "fields"?, "id"}}`, a person a
page.

Under `/api` nothing is ever HTML. The id is the request's: the log has it, with the traceback that no
answer shows.
"""

from dataclasses import dataclass, field

import structlog
from flask import Flask, Response, g, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_limiter.errors import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from app.core.errors import DeskError, Invalid
from app.web.access import SAFE_METHODS, NotSignedIn
from app.web.current import services

log = structlog.get_logger()

CODES = {"error": "SERVER_ERROR", "unavailable": "CONNECTION_ERROR"}  # the rest is the error's own code
STATUSES = {
    400: ("BAD_REQUEST", "The request could not be read."),
    401: ("AUTH_FAILED", "Sign in first."),
    403: ("FORBIDDEN", "You may not do this."),
    404: ("NOT_FOUND", "There is nothing here."),
    405: ("METHOD_NOT_ALLOWED", "This address does not take that method."),
    413: ("BODY_TOO_LARGE", "That is more than the desk takes at once (1 MB)."),
    415: ("UNSUPPORTED_MEDIA_TYPE", "The body must be JSON (Content-Type: application/json)."),
    429: ("RATE_LIMIT", "Too many requests. Wait a moment, then try again."),
    500: ("SERVER_ERROR", "Something broke on our side. What you asked for may not have happened: look first."),
    503: ("CONNECTION_ERROR", "The desk can't do this right now. Try again in a moment."),
}
STALE_FORM = "This page was open for too long or comes from elsewhere. Reload it and try again; nothing was changed."


@dataclass(frozen=True, slots=True)
class Problem:
    status: int
    code: str
    message: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


def problem_of(error: Exception) -> Problem:
    if isinstance(error, Invalid):
        return Problem(error.status, "INVALID", error.message, error.fields)
    if isinstance(error, DeskError):
        return Problem(error.status, CODES.get(error.code, error.code.upper()), error.message)
    if isinstance(error, CSRFError):
        return Problem(400, "CSRF_FAILED", STALE_FORM)
    if isinstance(error, HTTPException) and error.code:
        code, message = STATUSES.get(error.code, (error.name.upper().replace(" ", "_"), str(error.description)))
        return Problem(error.code, code, message, headers=_headers(error))
    return Problem(500, *STATUSES[500])


def wants_json() -> bool:
    """A program, or a script of ours that asked for JSON; htmx always gets HTML."""
    if request.path in ("/api", "/metrics") or request.path.startswith(("/api/", "/ws/", "/hooks/")):
        return True
    if is_fragment():
        return False
    return request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"


def is_fragment() -> bool:
    """Asked for by htmx, to become part of the page."""
    return request.headers.get("HX-Request") == "true"


def answer(error: Exception) -> ResponseReturnValue:
    if isinstance(error, HTTPException) and error.code and error.code < 400:
        return error  # a redirect that routing makes
    problem = problem_of(error)
    if problem.status >= 500:
        log.error("request_failed", error_id=g.request_id, code=problem.code, exc_info=error)
    if isinstance(error, NotSignedIn) and not wants_json():
        return _to_sign_in()
    response = _as_json(problem) if wants_json() else _as_page(problem)
    response.status_code = problem.status
    response.headers.update(problem.headers)
    return response


def start_errors(app: Flask) -> None:
    app.register_error_handler(Exception, answer)


def _as_json(problem: Problem) -> Response:
    body = {"code": problem.code, "message": problem.message, "id": g.request_id}
    if problem.fields:
        body["fields"] = problem.fields
    return jsonify(error=body)


def _as_page(problem: Problem) -> Response:
    name = "errors/fragment.html" if is_fragment() else "errors/page.html"
    return Response(render_template(name, problem=problem, error_id=g.request_id), mimetype="text/html")


def _to_sign_in() -> ResponseReturnValue:
    """A fragment can't be a sign-in page: htmx is told to leave the page instead."""
    target = "auth.first_run" if services().users.people.none_yet() else "auth.sign_in"
    if is_fragment():
        return "", 401, {"HX-Redirect": url_for(target)}
    wanted = request.full_path.rstrip("?") if request.method in SAFE_METHODS and request.path != "/" else None
    return redirect(url_for(target, next=wanted))


def _headers(error: HTTPException) -> dict[str, str]:
    """What belongs to the status: which methods are allowed, when to come back."""
    kept = ("Allow", "Retry-After")
    headers = {name: value for name, value in error.get_headers() if name in kept}
    if isinstance(error, RateLimitExceeded):
        headers.setdefault("Retry-After", "60")
    return headers
