"""Server-sent events: figures as they change, changes and notices as they happen, a beat every five seconds.

One stream per tab. The present figures come first; then each event carries an id, and a browser that comes back with
the last one it saw is told what it missed, or that everything may have changed. A stream ends with the session or
token that opened it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, cast

import orjson
from flask import Blueprint, Response, current_app, g, jsonify, request
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue

from app.core.clock import Clock, epoch_ms
from app.core.link import Link
from app.core.pulse import Beat, Pulse
from app.web.chrome import feed_badge
from app.web.current import identity, services
from app.web.live import MOST_STREAMS, Batch, LiveHub, Packet, Watcher
from app.web.passes import Passes
from app.web.tiers import tier

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
    newest: dict[str, Any] = field(default_factory=dict)

    def beat(self) -> bytes:
        """Server time, engine time and how the feed is; written once for all who beat in the same moment."""
        moment = int(self.clock.monotonic() / SAME_BEAT)
        if self.newest.get("moment") != moment:
            self.newest.update(moment=moment, text=orjson.dumps(self._beat()))
        return cast(bytes, self.newest["text"])

    def _beat(self) -> dict[str, Any]:
        now = self.clock.now()
        engine_at, feed = self._from_link() if self._link_speaks() else self._from_rows()
        badge = feed_badge(feed, now, self.hub.priced_at)
        shown = {"state": badge.state, "text": badge.text, "at": epoch_ms(badge.at) if badge.at else None}
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
    state.app.extensions["live"] = Live(hub, passes, desk.link, desk.pulse, desk.clock)
    state.app.before_request(lambda: setattr(g, "live_since", hub.newest_id))
    state.app.context_processor(lambda: {"live_since": g.get("live_since", "")})
    desk.link.listen(hub.take)
    desk.link.send("hello", {})


def live() -> Live:
    return cast(Live, current_app.extensions["live"])


@bp.get("/stream")
@tier("websocket")
def stream() -> ResponseReturnValue:
    """`?watch=NFO:NIFTY…,NSE:SBIN` adds prices of symbols that are not held. `page` is the browser's name for the page
    that listens, `after` the one that stood in the same tab before it and needs its stream no more. `since` is where
    the story stood before the page was made: what came between is told first.
    """
    for gone in (request.args.get("after", ""), request.args.get("page", "")):
        live().hub.leave_page(identity().user_id, gone)
    watched = [part for part in request.args.get("watch", "").split(",") if ":" in part][:MOST_WATCHED]
    return _serve(watched, Shape("tick", _for_pages))


@bp.get("/api/stream/<account_id>")
@tier("websocket")
def account_stream(account_id: str) -> ResponseReturnValue:
    """One account for a program: figures as decimal text, a `snapshot` first."""
    services().accounts.get(identity().owner_id, account_id)
    return _serve([], Shape("snapshot", partial(_for_account, account_id)))


@dataclass(frozen=True, slots=True)
class Shape:
    """What the first event is called, and how figures are written: JSON, or nothing when none is of interest."""

    first: str
    write: Callable[[Packet, LiveHub, str], bytes]  # with the hub and the owner


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


def _serve(watched: list[str], shape: Shape) -> ResponseReturnValue:
    desk, known = live(), identity()
    pass_id = known.session_id or known.token_id
    keys = frozenset(f"ltp:{symbol}" for symbol in watched)
    page = request.args.get("page", "")[:LONGEST_NAME]
    watcher = Watcher(known.owner_id, known.user_id, pass_id, keys, desk.clock.monotonic(), page)
    if not desk.hub.join(watcher, request.headers.get("Last-Event-ID") or request.args.get("since", "")):
        return _too_many()
    response = Response(Lines(desk, watcher, shape, watched), mimetype="text/event-stream", headers=HEADERS)
    response.call_on_close(lambda: desk.hub.leave(watcher))
    return response


def _too_many() -> ResponseReturnValue:
    message = f"You have {MOST_STREAMS} live pages open already. Close one; this page works, but does not move."
    return jsonify(error={"code": "RATE_LIMIT", "message": message}), 429, {"Retry-After": "60"}


class Lines(Iterator[bytes]):
    """The body of a stream. Each piece is one or more whole events."""

    def __init__(self, desk: Live, watcher: Watcher, shape: Shape, watched: list[str]) -> None:
        self._desk = desk
        self._watcher = watcher
        self._shape = shape
        self._watched = watched
        self._pieces = self._run()

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> None:
        """The browser went away."""
        self._pieces.close()  # type: ignore[attr-defined]  # it is a generator
        self._desk.hub.leave(self._watcher)
        if self._watched:
            self._desk.link.send("watch", {"holder": self._watcher.id, "symbols": []})

    def _run(self) -> Iterator[bytes]:
        clock, watcher = self._desk.clock, self._watcher
        yield b"retry: %d\n\n" % RECONNECT
        yield self._write(watcher.take(0, clock.monotonic()), first=True) + self._beat()
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

    def _beat(self) -> bytes:
        if self._watched:
            self._desk.link.send("watch", {"holder": self._watcher.id, "symbols": self._watched})
        return self._event("beat", self._desk.beat(), self._seq)

    def _event(self, name: str, data: bytes, seq: int) -> bytes:
        return f"id: {self._desk.hub.spell(seq)}\nevent: {name}\ndata: ".encode() + data + b"\n\n"

    def _is_welcome(self) -> bool:
        watcher = self._watcher
        return self._desk.passes.owner_of(watcher.pass_id, self._desk.hub.passes) == watcher.owner_id
