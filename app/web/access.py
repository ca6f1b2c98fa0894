"""Who may call which endpoint. Everything needs a sign-in but what `PUBLIC` lists; everything needs a
scope.

Without a mark, reading needs `read` and changing needs `trade`. A view says otherwise with `@needs`, under
the route:

@bp.post("/accounts") @needs(Scope.MANAGE) def create() -> ResponseReturnValue: ...
"""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, current_app, request

from app.core.errors import DeskError, Forbidden
from app.users.roles import Scope
from app.web.identity import Identity

View = TypeVar("View", bound=Callable[..., Any])

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

# What a stranger may call. A program's door proves its caller in the body, reads no cookie and needs no CSRF token.
PUBLIC_PAGES = frozenset(
    {"static", "auth.first_run", "auth.sign_in", "auth.join", "auth.enter", "health.live", "health.ready"}
)
PUBLIC_DOORS = frozenset({"signals.receive"})
PUBLIC = PUBLIC_PAGES | PUBLIC_DOORS
# A program that can set no header proves itself in the first message of its WebSocket; nothing is told before.
SOCKETS = frozenset({"sockets.broadcast", "sockets.market", "sockets.trades", "sockets.signals"})


class NotSignedIn(DeskError):
    code = "auth_failed"
    status = 401


def needs(scope: Scope) -> Callable[[View], View]:
    """Mark a view with the scope its callers need."""

    def mark(view: View) -> View:
        view.__dict__["needed_scope"] = scope
        return view

    return mark


def needed_scope(app: Flask, endpoint: str, method: str) -> Scope:
    marked = getattr(app.view_functions[endpoint], "needed_scope", None)
    if marked is not None:
        return Scope(marked)
    return Scope.READ if method in SAFE_METHODS else Scope.TRADE


def check_access(identity: Identity | None) -> None:
    """Raise NotSignedIn or Forbidden for a caller who may not do what they ask."""
    endpoint = request.endpoint
    if endpoint is None or endpoint in PUBLIC:
        return
    if identity is None and endpoint in SOCKETS and request.headers.get("Upgrade", "").lower() == "websocket":
        return
    if identity is None:
        raise NotSignedIn("Sign in first.")
    scope = needed_scope(current_app, endpoint, request.method)
    if not identity.may(scope):
        raise Forbidden(_why_not(identity, scope))


def _why_not(identity: Identity, scope: Scope) -> str:
    if identity.is_program:
        return f"This API token lacks the scope “{scope}”."
    return f"As a {identity.user.role} you may not do this."
