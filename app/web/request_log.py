"""One line per request: method, path template, status, duration, who. No bodies, no queries, no secrets in
paths.
"""

import structlog
from flask import Response, g, request

from app.core.clock import Clock
from app.core.ids import new_id
from app.web.current import caller

log = structlog.get_logger()


def begin(clock: Clock) -> None:
    g.request_id = new_id()
    g.began = clock.monotonic()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def finish(response: Response, clock: Clock) -> Response:
    response.headers["X-Request-ID"] = g.request_id
    if request.endpoint == "static" and response.status_code < 400:
        return response
    known = caller()
    log.info(
        "request",
        method=request.method,
        path=path_template(),
        status=response.status_code,
        ms=round((clock.monotonic() - g.began) * 1000, 1),
        user_id=known.user_id if known else None,
    )
    return response


def path_template() -> str:
    """ "/join/<token>" rather than the token itself; an address the desk does not know is not repeated."""
    return request.url_rule.rule if request.url_rule else "(unknown)"
