"""How often one caller may call: 1000 a minute in all, and per endpoint what its tier allows, in moving
windows.

Every endpoint has a tier: `/api/…` is `api`, the rest is `page` (the common limit only), a view says
otherwise with `@tier("heavy")`. Counted per person when signed in, else per address (of IPv6: per network).
With Redis all web processes count together; without it, or while it is away, each counts for itself.
"""

import ipaddress
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, current_app, request
from flask_limiter import ApplicationLimit, Limit, Limiter

from app.web.current import caller
from config import Settings

View = TypeVar("View", bound=Callable[..., Any])

GLOBAL = "1000 per minute"
TIERS: dict[str, str | None] = {
    "asset": None,  # files of the desk's own; cached by the browser and cheap to send
    "page": None,
    "auth": "10 per minute",  # tries, not looks: only what changes something counts
    "api": "100 per minute",
    "heavy": "20 per minute",
    "websocket": "50 per minute",
}


def tier(name: str) -> Callable[[View], View]:
    """Mark a view with its rate tier."""
    if name not in TIERS:
        raise ValueError(f"no rate tier {name!r}")

    def mark(view: View) -> View:
        view.__dict__["rate_tier"] = name
        return view

    return mark


def tier_of(app: Flask, endpoint: str) -> str:
    marked = getattr(app.view_functions.get(endpoint), "rate_tier", None)
    if marked is not None:
        return str(marked)
    if endpoint == "static":
        return "asset"
    return "api" if any(rule.rule.startswith("/api/") for rule in app.url_map.iter_rules(endpoint)) else "page"


def start_limits(app: Flask, settings: Settings) -> Limiter:
    limiter = Limiter(
        _key,
        app=app,
        application_limits=[ApplicationLimit(GLOBAL, exempt_when=lambda: _tier_here() == "asset")],
        default_limits=[_limit(name, allowed) for name, allowed in TIERS.items() if allowed],
        strategy="moving-window",
        storage_uri=settings.redis_url or "memory://",
        in_memory_fallback=[GLOBAL] if settings.redis_url else [],
        in_memory_fallback_enabled=bool(settings.redis_url),
        headers_enabled=True,
        retry_after="delta-seconds",
        key_prefix="mirrordesk",
        enabled=settings.rate_limits,
    )
    app.extensions["rate_limiter"] = limiter
    return limiter


def _limit(name: str, allowed: str) -> Limit:
    return Limit(
        allowed,
        scope=name,
        methods=["POST", "PUT", "PATCH", "DELETE"] if name == "auth" else None,
        exempt_when=lambda: _tier_here() != name,
    )


def _tier_here() -> str:
    return tier_of(current_app, request.endpoint or "")


def _key() -> str:
    known = caller()
    if known is not None:
        return f"user:{known.user_id}"
    return f"ip:{network_of(request.remote_addr or '')}"


def network_of(ip: str) -> str:
    """The address itself; of IPv6 its /64, which is what one subscriber has."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return "unknown"
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, 64), strict=False))
