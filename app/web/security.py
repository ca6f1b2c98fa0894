"""What stands between a stranger's page and the desk: CSRF token, origin check, body limit and response
headers.

A person's call that changes something must come from a page of this desk: the browser says so itself (Sec-
Fetch-Site or Origin) and the token in the form or header proves it. A program's call carries its own proof
and no cookie.
"""

from urllib.parse import urlsplit

from flask import Flask, Response, request
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import RequestEntityTooLarge

from app.core.errors import DeskError
from app.web.access import PUBLIC_DOORS, SAFE_METHODS
from app.web.identity import Identity
from config import Settings

MAX_BODY = 1_000_000

CSP = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
HSTS = "max-age=31536000; includeSubDomains"


class CrossSite(DeskError):
    code = "csrf_failed"
    status = 400


def start_csrf(app: Flask) -> CSRFProtect:
    """The check itself is `check_same_site`, which knows programs from people."""
    app.config.update(
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,  # a token lives as long as its session
        WTF_CSRF_SSL_STRICT=False,  # the origin check below covers it, also where proxies drop the referrer
    )
    return CSRFProtect(app)


def check_body() -> None:
    if (request.content_length or 0) > MAX_BODY:
        raise RequestEntityTooLarge


def check_same_site(csrf: CSRFProtect, identity: Identity | None) -> None:
    """Raise for a change that a page of another site may have caused."""
    if request.method in SAFE_METHODS or request.endpoint is None or request.endpoint in PUBLIC_DOORS:
        return
    if identity is not None and identity.is_program:
        return
    if not _from_here():
        raise CrossSite("This request came from another site, so nothing was changed.")
    csrf.protect()


def _from_here() -> bool:
    """What the browser says about where the request comes from; programs say nothing, the token decides."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.host


def add_headers(response: Response, settings: Settings) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if settings.secure_cookies:
        response.headers.setdefault("Strict-Transport-Security", HSTS)
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    return response
