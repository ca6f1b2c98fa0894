"""What a view asks for: the services, and who is calling."""

from typing import TYPE_CHECKING, cast

from flask import current_app, g

from app.users.door import Visitor
from app.web.identity import Identity, visitor_here

if TYPE_CHECKING:
    from app.wiring import Services


def services() -> "Services":
    return cast("Services", current_app.extensions["services"])


def caller() -> Identity | None:
    """Who is calling, or None for a stranger."""
    return cast("Identity | None", g.get("identity"))


def identity() -> Identity:
    """Who is calling. Only the pages listed as public can be reached by a stranger; this fails there."""
    found = caller()
    if found is None:
        raise RuntimeError("this view is public: ask caller() instead")
    return found


def owner_id() -> str:
    """Whose rows this call works with; every service is asked with it."""
    return identity().owner_id


def visitor() -> Visitor:
    return visitor_here()
