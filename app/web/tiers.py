"""How often one caller may call: 1000 a minute in all, and per endpoint what its tier allows, in moving
windows.

Every endpoint has a tier: `/api/…` is `api`, the rest is `page` (the common limit only), a view says
otherwise with `@tier("heavy")`. Counted per person when signed in, per token for a program, else per address
(of IPv6: per network). What makes risk smaller is `exit`: nothing else that is called uses up what it may.
A webhook's messages are counted by themselves, and per address only those that prove nothing.
With Redis all web processes count together; without it, or while it is away, each counts for itself.
"""

import ipaddress
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, Response, current_app, request
from flask_limiter import ApplicationLimit, Limit, Limiter

from app.web.current import caller
from config import Settings

View = TypeVar("View", bound=Callable[..., Any])

GLOBAL = "1000 per minute"
UNPROVEN = "600 per minute"  # messages to webhooks that prove nothing, of one address
PROVEN, NOT_PROVEN = (202, 409, 422), (401, 413)  # how the door of the webhooks answers
TIERS: dict[str, str | None] = {
    "asset": None,  # files of the desk's own; cached by the browser and cheap to send
    "page": None,
    "exit": "3000 per minute",  # 50 accounts with 4 legs each, left one by one, many times over
    "hook": "300 per minute",  # of one webhook, whoever sends: charts share a few addresses
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
        application_limits=[ApplicationLimit(GLOBAL, exempt_when=_is_apart)],
        default_limits=[*(_limit(name, allowed) for name, allowed in TIERS.items() if allowed), _unproven()],
        strategy="moving-window",
        storage_uri=settings.redis_url or "memory://",
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
        key_function=_webhook if name == "hook" else _key,
        scope=name,
        methods=["POST", "PUT", "PATCH", "DELETE"] if name == "auth" else None,
        exempt_when=lambda: _tier_here() != name,
        deduct_when=_is_proven if name == "hook" else None,
    )


def _unproven() -> Limit:
    return Limit(
        UNPROVEN,
        key_function=_address,
        scope="unproven",
        exempt_when=lambda: _tier_here() != "hook",
        deduct_when=lambda response: response.status_code in NOT_PROVEN,
    )


def _is_proven(response: Response) -> bool:
    """Only who knows a webhook's secret uses up what it may: else anybody could keep its exits out."""
    return response.status_code in PROVEN


def _is_apart() -> bool:
    """Whether the common limit does not count it. Of a stranger it counts exits too: they can't do any."""
    name = _tier_here()
    return name in ("asset", "hook") or (name == "exit" and caller() is not None)


def _tier_here() -> str:
    return tier_of(current_app, request.endpoint or "")


def _key() -> str:
    known = caller()
    if known is None:
        return _address()
    return f"token:{known.token_id}" if known.is_program else f"user:{known.user_id}"


def _address() -> str:
    return f"ip:{network_of(request.remote_addr or '')}"


def _webhook() -> str:
    return f"hook:{(request.view_args or {}).get('webhook_id', '')[:40]}"


def network_of(ip: str) -> str:
    """The address itself; of IPv6 its /64, which is what one subscriber has."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return "unknown"
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, 64), strict=False))
