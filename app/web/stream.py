"""Server-sent events: figures as they change, changes and notices as they happen, a beat every five seconds.

One stream per tab. The present figures come first; then each event carries an id, and a browser that comes back with
the last one it saw is told what it missed, or that everything may have changed. A stream ends with the session or
token that opened it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, cast

import orjson
from flask import Blueprint, Response, current_app, g, jsonify, request
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue

from app.core.clock import Clock, epoch_ms
from app.core.link import Link
from app.core.pulse import Beat, Pulse
from app.feed.baskets import parse_basket
from app.venues.types import FeedMode, Symbol
from app.web.account_news import NAME, AccountNews
from app.web.chain_look import CHAIN, streamed_look
from app.web.chrome import feed_badge
from app.web.current import identity, services
from app.web.live import MOST_STREAMS, PACE, Batch, LiveHub, Packet, Watcher
from app.web.passes import Passes
from app.web.sockets import Sockets
from app.web.tiers import tier
from app.web.wire import cutter
from app.web.wishes import Wishes

bp = Blueprint("stream", __name__)

BEAT = 5.0
SAME_BEAT = 0.1  # seconds
RECONNECT = 2000  # milliseconds
MOST_WATCHED = 500
LONGEST_NAME = 64  # of a page
LINK_SILENT = 12.0  # then the rows say how the engine is
HEADERS = {"Cache-Control": "no-cache, no-store", "X-Accel-Buffering": "no", "Content-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class Live:
    """What the streams of this process share."""

    hub: LiveHub
    passes: Passes
    link: Link
    pulse: Pulse
    clock: Clock
    wishes: Wishes
    newest: dict[str, Any] = field(default_factory=dict)

    def beat(self) -> bytes:
        """Server time, engine time and how the feed is; written once for all who beat in the same moment."""
        moment = int(self.clock.monotonic() / SAME_BEAT)
        if self.newest.get("moment") != moment:
            self.newest.update(moment=moment, text=orjson.dumps(self.figures_of_beat()))
        return cast(bytes, self.newest["text"])

    def figures_of_beat(self) -> dict[str, Any]:
        now = self.clock.now()
        engine_at, feed = self._from_link() if self._link_speaks() else self._from_rows()
        badge = feed_badge(feed, now, self.hub.priced_at)
        shown = {"state": badge.state, "text": badge.text, "at": epoch_ms(badge.at) if badge.at else None}
        shown["source"] = badge.source
        return {"at": epoch_ms(now), "engine_at": engine_at, "feed": shown}

    def _link_speaks(self) -> bool:
        at = self.hub.beat_at
        return at is not None and self.clock.monotonic() - at < LINK_SILENT

    def _from_link(self) -> tuple[int | None, Beat | None]:
        beat = self.hub.beat
        feed = dict(beat["feed"])
        if feed.get("last_at"):
            feed["last_at"] = datetime.fromtimestamp(feed["last_at"] / 1000, UTC).isoformat()
        return beat["engine_at"], Beat(datetime.fromtimestamp(beat["engine_at"] / 1000, UTC), feed)

    def _from_rows(self) -> tuple[int | None, Beat | None]:
        beats = self.pulse.read()
        engine = beats.get("engine")
        return epoch_ms(engine.at) if engine else None, beats.get("feed")


@bp.record
def start_live(state: BlueprintSetupState) -> None:
    """One hub per app, listening from the start."""
    desk = state.app.extensions["services"]
    hub = LiveHub(desk.clock)
    passes = Passes(desk.db, desk.clock, timedelta(hours=desk.settings.session_hours))
    state.app.extensions["live"] = Live(hub, passes, desk.link, desk.pulse, desk.clock, Wishes(desk.link, desk.clock))
    desk.day_gate.price_of = partial(_fresh_price, hub, desk)
    state.app.before_request(lambda: setattr(g, "live_since", hub.newest_id))
    state.app.context_processor(lambda: {"live_since": g.get("live_since", "")})
    sockets = state.app.extensions["sockets"] = Sockets(hub, desk.pulse, desk.clock)
    desk.link.listen(sockets.take)
    desk.link.send("hello", {})


def _fresh_price(hub: LiveHub, desk: Any, symbol: Symbol) -> Decimal | None:
    """The newest that this process heard of a symbol, if it is young enough for a decision."""
    figure = hub.prices(("ltp",), [str(symbol)]).get(f"ltp:{symbol}")
    at = figure.raw.get("at") if figure is not None else None
    if figure is None or at is None or epoch_ms(desk.clock.now()) - at > desk.settings.stale_after_seconds * 1000:
        return None
    return figure.value


def live() -> Live:
    return cast(Live, current_app.extensions["live"])


@bp.get("/stream")
@tier("page")  # each page has one and is counted itself; how many are open at once has a limit of its own
def stream() -> ResponseReturnValue:
    """`?watch=NFO:NIFTY…,NSE:SBIN` adds prices of symbols that are not held, `mode=quote` the day's figures of them and
    `mode=best` their best bid and ask as well, `mode=depth` the five best; `list` names a watchlist, whose symbols are
    watched too; `chart=5m:NFO:NIFTY…` adds the bars of a chart; `chain=NFO:NIFTY24NOV26` with `span` and `view` is an
    option chain instead. `page` is the browser's name for the page that listens, `after` the one that stood in the same
    tab before it and needs its stream no more.
    `since` is where the story stood before the page was made: what came between is told first.
    """
    for gone in (request.args.get("after", ""), request.args.get("page", "")):
        live().hub.leave_page(identity().user_id, gone)
    return _serve(_wish(), Shape("tick", _for_pages))


@dataclass(frozen=True, slots=True)
class Wish:
    """The symbols a page looks at, and how closely."""

    symbols: Sequence[str] = ()
    mode: str = FeedMode.LTP.value
    chart: str = ""
    shelves: frozenset[str] = frozenset()  # what of an option chain it shows

    @property
    def names(self) -> frozenset[str]:
        return frozenset(filter(None, (*self.symbols, self.chart))) | self.shelves


def _wish() -> Wish:
    if look := streamed_look(request.args):
        return Wish((look.wish,), CHAIN, shelves=look.shelves)
    watched = [part for part in request.args.get("watch", "").split(",") if ":" in part] + _listed()
    mode = request.args.get("mode", "")
    chart = parse_basket(request.args.get("chart", ""))
    mode = mode if mode in set(FeedMode) else FeedMode.LTP.value
    return Wish(watched[:MOST_WATCHED], mode, chart.key if chart else "")


def _listed() -> list[str]:
    """The symbols of the watchlist that is named; raises NotFound for somebody else's."""
    watchlist_id = request.args.get("list", "")
    rows = services().watchlists.symbols(identity().owner_id, watchlist_id) if watchlist_id else ()
    return [f"{row.exchange}:{row.symbol}" for row in rows]


@bp.get("/api/stream/<account_id>")
@tier("websocket")
def account_stream(account_id: str) -> ResponseReturnValue:
    """One account for a program: figures as decimal text, a `snapshot` first, and its books as `account`."""
    services().accounts.get(identity().owner_id, account_id)
    news = AccountNews(services().cached, [account_id])
    return _serve(Wish(), Shape("snapshot", partial(_for_account, account_id), news))


@dataclass(frozen=True, slots=True)
class Shape:
    """What the first event is called, and how figures are written: JSON, or nothing when none is of interest."""

    first: str
    write: Callable[[Packet, LiveHub, str], bytes]  # with the hub and the owner
    books: AccountNews | None = None


def _for_pages(packet: Packet, _hub: LiveHub, _owner_id: str) -> bytes:
    return packet.shown if packet.figures else b""


def _for_account(account_id: str, packet: Packet, hub: LiveHub, owner_id: str) -> bytes:
    """Its positions, its profit, and the prices of what it holds, as decimal text."""
    held = f"pos:{account_id}:"
    keys = [key for key in hub.figures(owner_id) if key.startswith(held)]
    prices = {f"ltp:{key[len(held) :].rpartition(':')[0]}" for key in keys}
    starts = (held, f"pnl:position:{account_id}:")
    cells = {
        key: figure.raw
        for key, figure in packet.figures.items()
        if key.startswith(starts) or key == f"pnl:account:{account_id}" or key in prices
    }
    return orjson.dumps(cells) if cells else b""


def _serve(wish: Wish, shape: Shape) -> ResponseReturnValue:
    desk, known = live(), identity()
    pass_id = known.session_id or known.token_id
    page = request.args.get("page", "")[:LONGEST_NAME]
    watcher = Watcher(known.owner_id, known.user_id, pass_id, wish.names, desk.clock.monotonic(), page)
    watcher.pace, watcher.cut = PACE, cutter(request.environ)
    watcher.accounts = shape.books.account_ids if shape.books else frozenset()
    if not desk.hub.join(watcher, request.headers.get("Last-Event-ID") or request.args.get("since", "")):
        return _too_many()
    response = Response(Lines(desk, watcher, shape, wish), mimetype="text/event-stream", headers=HEADERS)
    response.call_on_close(lambda: desk.hub.leave(watcher))
    return response


def _too_many() -> ResponseReturnValue:
    message = f"You have {MOST_STREAMS} live pages open already. Close one; this page works, but does not move."
    return jsonify(error={"code": "RATE_LIMIT", "message": message}), 429, {"Retry-After": "60"}


class Lines(Iterator[bytes]):
    """The body of a stream. Each piece is one or more whole events."""

    def __init__(self, desk: Live, watcher: Watcher, shape: Shape, wish: Wish) -> None:
        self._desk = desk
        self._watcher = watcher
        self._shape = shape
        self._wish = wish
        self._pieces = self._run()

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> None:
        """The browser went away."""
        self._pieces.close()  # type: ignore[attr-defined]  # it is a generator
        self._desk.hub.leave(self._watcher)
        self._desk.wishes.drop(self._watcher.id)
        self._want_chart("")

    def _run(self) -> Iterator[bytes]:
        clock, watcher = self._desk.clock, self._watcher
        self._desk.wishes.want(watcher.id, self._wish.symbols, self._wish.mode)
        yield b"retry: %d\n\n" % RECONNECT
        yield self._write(watcher.take(0, clock.monotonic()), first=True) + self._books() + self._beat()
        beat_at = clock.monotonic() + BEAT
        while not watcher.closed:
            now = clock.monotonic()
            if now >= beat_at:
                beat_at = now + BEAT
                if not self._is_welcome():
                    return
                yield self._beat()
            piece = self._write(watcher.take(max(0.0, beat_at - now), now))
            if piece:
                yield piece

    def _write(self, batch: Batch, first: bool = False) -> bytes:
        """Happenings before figures, so that the last id never promises more than was told."""
        figures = self._shape.write(batch.packet, self._desk.hub, self._watcher.owner_id)
        self._seq = batch.seq
        pieces = [self._event(one.name, orjson.dumps(one.data), one.seq) for one in batch.happenings]
        if first:
            told = batch.happenings[0].seq - 1 if pieces else batch.seq
            pieces.insert(0, self._event(self._shape.first, figures or b"{}", told))
        elif figures:
            pieces.append(self._event("tick", figures, batch.seq))
        return b"".join(pieces)

    def _books(self) -> bytes:
        """All that is known of the account by now."""
        told = self._shape.books.whole() if self._shape.books else []
        return b"".join(self._event(NAME, orjson.dumps(one), self._seq) for one in told)

    def _beat(self) -> bytes:
        self._desk.wishes.renew()
        self._want_chart(self._wish.chart)
        return self._event("beat", self._desk.beat(), self._seq)

    def _want_chart(self, chart: str) -> None:
        """Renewed with each beat; none ends the wish at once."""
        if self._wish.chart:
            self._desk.link.send("chart", {"holder": self._watcher.id, "chart": chart})

    def _event(self, name: str, data: bytes, seq: int) -> bytes:
        return f"id: {self._desk.hub.spell(seq)}\nevent: {name}\ndata: ".encode() + data + b"\n\n"

    def _is_welcome(self) -> bool:
        watcher = self._watcher
        return self._desk.passes.owner_of(watcher.pass_id, self._desk.hub.passes) == watcher.owner_id
