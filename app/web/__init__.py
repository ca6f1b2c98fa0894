"""The web door: pages and API over the services. It validates, writes rows, nudges and renders; it never
decides.

Every request passes the same gates in the same order: size, who is calling, how often, whether they may,
from where. A new set of pages is a module with a blueprint `bp`, added to `BLUEPRINTS`.
"""

from datetime import timedelta
from typing import TYPE_CHECKING

from flask import Blueprint, Flask, Response, g, request
from werkzeug.middleware.proxy_fix import ProxyFix

from app.core.actors import DESK, act_as
from app.users.sessions import LONGEST
from app.web import (
    accounts,
    alerts,
    analytics,
    auth,
    books,
    builder,
    cancels,
    chain,
    changes,
    chart,
    closes,
    dashboard,
    day_limits,
    engine,
    instruments,
    masters,
    metrics,
    notifications,
    orders,
    outside,
    overrides,
    payoffs,
    positions,
    preview,
    quote,
    recordings,
    replays,
    risk,
    runs,
    schedule,
    settings,
    signals,
    strategies,
    strategy_library,
    stream,
    trade,
    trade_journal,
    watch,
    websocket,
)
from app.web.access import PUBLIC_DOORS, check_access
from app.web.api import bp as api
from app.web.api import docs, health
from app.web.assets import start_assets
from app.web.chrome import start_chrome
from app.web.current import caller
from app.web.errors import start_errors
from app.web.identity import actor_of, find_identity
from app.web.loopback import local_identity
from app.web.request_log import begin, finish
from app.web.secret import signing_key
from app.web.security import MAX_BODY, add_headers, check_body, check_same_site, start_csrf
from app.web.tiers import start_limits
from config import ROOT, Settings

if TYPE_CHECKING:
    from app.wiring import Services

BLUEPRINTS: list[Blueprint] = [
    auth.bp,
    settings.bp,
    accounts.bp,
    books.bp,
    dashboard.bp,
    engine.bp,
    strategies.bp,
    builder.bp,
    strategy_library.bp,
    preview.bp,
    payoffs.bp,
    schedule.bp,
    runs.bp,
    replays.bp,
    recordings.bp,
    orders.bp,
    changes.bp,
    cancels.bp,
    trade.bp,
    watch.bp,
    quote.bp,
    alerts.bp,
    analytics.bp,
    trade_journal.bp,
    notifications.bp,
    chart.bp,
    chain.bp,
    closes.bp,
    positions.bp,
    outside.bp,
    instruments.bp,
    overrides.bp,
    masters.bp,
    risk.bp,
    day_limits.bp,
    signals.bp,
    stream.bp,
    websocket.bp,
    api,
    health.public,
    metrics.bp,
    docs.bp,
]


def create_app(services: "Services") -> Flask:
    app = Flask("mirrordesk", root_path=str(ROOT), static_folder="static", template_folder="templates")
    app.extensions["services"] = services
    _configure(app, services.settings)
    start_errors(app)
    _start_gates(app, services)
    start_assets(app)
    start_chrome(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    return app


def _configure(app: Flask, settings: Settings) -> None:
    secure = settings.secure_cookies
    app.config.update(
        SECRET_KEY=signing_key(settings),
        SESSION_COOKIE_NAME="__Host-desk" if secure else "desk",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(seconds=LONGEST.total_seconds()),
        SESSION_REFRESH_EACH_REQUEST=False,  # an answer that was under way would take back what another one has set
        MAX_CONTENT_LENGTH=MAX_BODY,
        MAX_FORM_MEMORY_SIZE=MAX_BODY,
    )
    app.debug = False
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default provider has it
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]  # as its documentation says


def _start_gates(app: Flask, services: "Services") -> None:
    @app.before_request
    def arrive() -> None:
        if request.method == "HEAD":
            request.method = "GET"  # what is no GET is a change to a view; the answer's body is left out all the same
        begin(services.clock)
        check_body()
        reads_caller = request.endpoint != "static" and request.endpoint not in PUBLIC_DOORS
        g.identity = (find_identity(services.users) or local_identity()) if reads_caller else None
        act_as(actor_of(g.identity))

    start_limits(app, services.settings)
    csrf = start_csrf(app)

    @app.before_request
    def guard() -> None:
        check_access(caller())
        check_same_site(csrf, caller())

    @app.teardown_request
    def leave(_error: BaseException | None) -> None:
        act_as(DESK)  # the thread that served this call may do the desk's own work next

    @app.after_request
    def depart(response: Response) -> Response:
        return add_headers(finish(response, services.clock), services.settings)
