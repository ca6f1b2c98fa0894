"""WebSockets over what the event streams tell, for programs: `/ws/broadcast`, `/ws/v1/market`, `/ws/v1/trades` and
`/ws/v1/signals`. Messages are JSON objects with a `type`; docs/streaming.md has them all.

Who connects is known by the session's cookie, by `Authorization: Bearer …`, or by a first message
`{"type": "auth", "token": "…"}`; before that nothing is told. A page of another site gets in with none of them.
"""

from collections.abc import Callable
from typing import Any, NoReturn
from urllib.parse import urlsplit

import structlog
from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from app.core.errors import DeskError, Forbidden
from app.users.roles import Scope
from app.web.account_news import AccountNews
from app.web.current import caller, services
from app.web.event_topics import Signals, Trades
from app.web.identity import Identity, identity_of_token
from app.web.live import MOST_STREAMS, PACE, Watcher
from app.web.socket_session import AUTH_SECONDS, SIGNED_OUT, Ended, Session, wait_for
from app.web.stream import Live, live
from app.web.tiers import tier
from app.web.topics import Broadcast, Market, Topic, Wanted
from app.web.wire import Broken, Wire, cutter, socket_of

log = structlog.get_logger()
bp = Blueprint("sockets", __name__)

NOT_ALLOWED, TOO_MANY = 4403, 4429
Maker = Callable[[Live, Watcher, str], Topic]  # with the id that was heard last


class NoUpgrade(DeskError):
    code = "upgrade_required"
    status = 426


class OtherSite(Forbidden):
    code = "origin_refused"


@bp.get("/ws/broadcast")
@bp.get("/ws/broadcast", websocket=True)
@tier("websocket")
def broadcast() -> ResponseReturnValue:
    """Everything of the owner: figures, changes, notices, the books of the accounts."""
    accounts, cached = services().accounts, services().cached

    def make(desk: Live, watcher: Watcher, _last_id: str) -> Broadcast:
        books = AccountNews(cached, [account.id for account in accounts.list(watcher.owner_id)])
        return Broadcast(desk.hub.spell, _wanted(desk, watcher), books)

    return _upgrade(make)


@bp.get("/ws/v1/market")
@bp.get("/ws/v1/market", websocket=True)
@tier("websocket")
def market() -> ResponseReturnValue:
    """Prices of the symbols that are subscribed to."""
    return _upgrade(lambda desk, watcher, _last_id: Market(desk.hub.spell, _wanted(desk, watcher)))


@bp.get("/ws/v1/trades")
@bp.get("/ws/v1/trades", websocket=True)
@tier("websocket")
def trades() -> ResponseReturnValue:
    """Each step of each of the owner's orders, and each fill."""
    database = services().db
    return _upgrade(lambda _desk, watcher, last_id: Trades(database, watcher.owner_id, last_id))


@bp.get("/ws/v1/signals")
@bp.get("/ws/v1/signals", websocket=True)
@tier("websocket")
def signals() -> ResponseReturnValue:
    """What the desk decided: runs, trading states, signals, notices."""
    sources = services().strategies, services().risk, services().signals
    return _upgrade(lambda desk, watcher, _last_id: Signals(*sources, watcher.owner_id, desk.hub.spell))


def _wanted(desk: Live, watcher: Watcher) -> Wanted:
    return Wanted(desk.hub, desk.wishes, watcher)


def _upgrade(make: Maker) -> ResponseReturnValue:
    """Raises for what can be said in HTTP; after that the WebSocket's close code says it."""
    if request.headers.get("Upgrade", "").lower() != "websocket" or socket_of(request.environ) is None:
        raise NoUpgrade("This address speaks WebSocket: connect to it with ws:// or wss://.")
    _check_origin(caller())
    known, users, desk = caller(), services().users, live()
    last_id, ip = request.args.get("last_id", "")[:64], request.remote_addr or ""

    def serve(environ: dict[str, Any]) -> None:
        wire = Wire(environ)
        try:
            identity = known or _told_by(wire, lambda secret: identity_of_token(users, secret, ip))
            _serve(desk, wire, identity, cutter(environ), make, last_id)
        except (Ended, Broken) as end:
            wire.close(end.code, end.reason)
            wire.part()

    return Upgraded(serve)


def _check_origin(identity: Identity | None) -> None:
    """Browsers always say which page connects, and send cookies along whichever it is."""
    origin = request.headers.get("Origin")
    is_by_cookie = identity is not None and not identity.is_program
    if (origin is None and is_by_cookie) or (origin is not None and urlsplit(origin).netloc != request.host):
        raise OtherSite("Only pages of this desk may connect. A program sends an API token and no Origin.")


def _told_by(wire: Wire, find: Callable[[str], Identity | None]) -> Identity:
    message = wait_for(wire, AUTH_SECONDS)
    token = message.get("token")
    found = find(token) if message.get("type") == "auth" and isinstance(token, str) else None
    if found is None:
        raise Ended(SIGNED_OUT, "Sign in first: an API token in the header or in the first message.")
    return found


def _serve(desk: Live, wire: Wire, identity: Identity, cut: Callable[[], None], make: Maker, last_id: str) -> None:
    if not identity.may(Scope.READ):
        raise Ended(NOT_ALLOWED, "This API token lacks the scope read.")
    pass_id = identity.session_id or identity.token_id
    watcher = Watcher(identity.owner_id, identity.user_id, pass_id, frozenset(), desk.clock.monotonic())
    watcher.pace, watcher.cut = PACE, cut
    if not desk.hub.join(watcher, last_id):
        raise Ended(TOO_MANY, f"You have {MOST_STREAMS} streams open already: close one.")
    topic = make(desk, watcher, last_id)
    try:
        Session(desk, wire, watcher, topic).run()
    finally:
        topic.end()
        desk.hub.leave(watcher)


class Upgraded(Response):
    """Not a response in HTTP: what serves the connection until it ends. The log has it as 101."""

    def __init__(self, serve: Callable[[dict[str, Any]], None]) -> None:
        super().__init__(status=101)
        self._serve = serve

    def __call__(self, environ: dict[str, Any], _start_response: object) -> NoReturn:
        try:
            self._serve(environ)
        except OSError:
            log.debug("websocket_gone", path=environ.get("PATH_INFO"))
        except Exception:  # the server below must not answer in HTTP any more
            log.exception("websocket_failed", path=environ.get("PATH_INFO"))
        cutter(environ)()
        if "gunicorn.socket" in environ:
            raise StopIteration  # gunicorn closes the connection and says nothing
        raise ConnectionAbortedError  # as werkzeug's server understands it
