"""The desk's own machine: views that programs there may read without a sign-in, where a setting says so.

Off by default. It counts only for a call that comes from this machine, is meant for it by name, and passed no proxy:
else every browser behind a proxy, or a page that gives its name this machine's address, would read along. Whoever calls
sees the desk of its first admin, and changes nothing.
"""

import ipaddress
from collections.abc import Callable
from typing import Any, TypeVar

from flask import current_app, request

from app.core.ids import new_id
from app.users.roles import Role, Scope
from app.web.current import services
from app.web.identity import Identity

View = TypeVar("View", bound=Callable[..., Any])
HERE = ("localhost", "127.0.0.1", "[::1]")
PASSED_ON = ("Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via")


def open_on_loopback(view: View) -> View:
    """Mark a reading view as one that the setting opens."""
    view.__dict__["open_on_loopback"] = True
    return view


def local_identity() -> Identity | None:
    """Who calls from this machine without a sign-in; None where that is not allowed."""
    if not (services().settings.open_on_loopback and _is_open() and _is_from_here()):
        return None
    admins = [user for user in services().users.people.list() if user.active and user.role == Role.ADMIN]
    return Identity(admins[0], frozenset({Scope.READ}), session_id=f"loopback-{new_id()}") if admins else None


def _is_open() -> bool:
    view = current_app.view_functions.get(request.endpoint or "")
    return bool(getattr(view, "open_on_loopback", False)) and request.method in ("GET", "HEAD")


def _is_from_here() -> bool:
    if any(name in request.headers for name in PASSED_ON):
        return False
    name = request.host.rpartition(":")[0] if not request.host.endswith("]") and ":" in request.host else request.host
    try:
        is_near = ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False
    return is_near and name.lower() in HERE
