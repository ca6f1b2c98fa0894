"""Every part of the interface with sample figures, served under the desk's own content policy.

To look at it: `python -m tests.web.gallery`, then open the address it prints.
"""

import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from pathlib import Path
from types import SimpleNamespace as Thing

from flask import Blueprint, Flask, Response, render_template, request
from jinja2 import ChoiceLoader, FileSystemLoader

from app.execution.states import OrderState
from app.web import format as fmt
from app.web.assets import icons
from app.web.navigation import GROUPS, start_navigation
from app.web.security import CSP
from tests.web import serving

ROOT = Path(__file__).resolve().parents[3]
NOW = datetime(2026, 12, 24, 8, 33, 22, tzinfo=UTC)
MS = int(NOW.timestamp() * 1000)
BEAT = {"at": MS, "engine_at": MS - 1000, "feed": {"state": "live", "text": "Live 0.4 s"}}
LOOKS = {"theme": "dark", "palette": "green-red", "density": "comfortable", "keys": "on"}


class Gallery:
    """The app and what the browser did to it: `posted` holds each form sent, `asked` counts room refreshes.

    `refusals` are the answers of the next of them, `answers` is held back to keep one under way.
    """

    def __init__(self) -> None:
        self.posted: list[tuple[str, dict[str, str]]] = []
        self.asked = 0
        self.refusals: list[int] = []
        self.answers = threading.Event()
        self.answers.set()
        self.address = ""
        self.streams: list[queue.Queue[str]] = []
        self.app = self._app()

    def send(self, event: str, *told: object) -> None:
        """Tell every page that is open; several at once arrive in one piece."""
        for stream in self.streams:
            stream.put("".join(_event(event, data) for data in told))

    def _app(self) -> Flask:
        app = Flask("gallery", root_path=str(ROOT), static_folder="static", template_folder="templates")
        app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
        app.jinja_env.loader = ChoiceLoader(
            [FileSystemLoader(Path(__file__).parent), FileSystemLoader(ROOT / "templates")]
        )
        app.jinja_env.globals.update(fmt=fmt, icons=icons, csrf_token=lambda: "token", get_flashed_messages=_flashes)
        app.jinja_env.globals.update(unread_messages=lambda: 0)
        app.context_processor(_context)
        start_navigation(app)
        self._add_routes(app)

        @app.after_request
        def guard(response: Response) -> Response:
            response.headers["Content-Security-Policy"] = CSP
            return response

        return app

    def _add_routes(self, app: Flask) -> None:
        settings, auth = Blueprint("settings", "settings"), Blueprint("auth", "auth")
        settings.add_url_rule("/settings", "appearance", self._take, methods=["GET", "POST"])
        auth.add_url_rule("/sign-out", "sign_out", self._take, methods=["POST"])
        app.register_blueprint(settings)
        app.register_blueprint(auth)
        app.add_url_rule("/", "index", lambda: render_template("gallery.html", **samples()))
        app.add_url_rule("/plain", "plain", lambda: render_template("plain.html"))
        app.add_url_rule("/room", "room", self._room)
        app.add_url_rule("/stream", "stream", self._stream)
        app.add_url_rule("/risk/kill", "kill", self._take, methods=["POST"])
        for path in {item.path for group in GROUPS for item in group.items} - {"/", "/settings"}:
            app.add_url_rule(path, path, lambda: render_template("empty.html"))

    def _take(self) -> Response:
        self.posted.append((request.path, request.form.to_dict()))
        return Response(status=303, headers={"Location": "/"})

    def _room(self) -> str | Response:
        self.asked += 1
        asked = self.asked
        if self.refusals:
            return Response(status=self.refusals.pop(0))
        self.answers.wait(30)
        return render_template("room.html", asked=asked)

    def _stream(self) -> Response:
        stream: queue.Queue[str] = queue.Queue()
        stream.put(_event("beat", BEAT))
        self.streams.append(stream)
        return Response(self._pour(stream), mimetype="text/event-stream")

    def _pour(self, stream: queue.Queue[str]) -> Iterator[str]:
        while True:
            try:
                yield stream.get(timeout=0.5)
            except queue.Empty:
                yield ": still here\n\n"  # finds out whether the page has gone


def _event(event: str, data: object) -> str:
    return f"event: {event}\ndata: {json.dumps(data)}\n\n"


def _flashes(with_categories: bool = False) -> list[tuple[str, str]]:
    return [("message", "Saved."), ("warn", "The primary account answers slowly.")] if request.args.get("said") else []


def _context() -> dict[str, object]:
    badge = Thing(state="live", text="Live 0.4 s", at=NOW - timedelta(seconds=1))
    mode = request.args.get("mode", "paper")
    return {
        "desk": Thing(mode=mode, feed=badge, engine=badge, now=NOW, session="Closes in 1 h 26 min", killed=False),
        "appearance": {name: request.args.get(name, usual) for name, usual in LOOKS.items()},
        "current_user": Thing(name="Asha Rao"),
        "may": lambda _scope: True,
    }


def _position(symbol: str, account: str, mode: str, units: int, lot: int, **figures: object) -> Thing:
    unknown = {"ltp": None, "pnl": None, "share": None, "at": None}
    return Thing(symbol=symbol, account=account, mode=mode, units=D(units), lot=lot, **(unknown | figures))


def samples() -> dict[str, object]:
    call = {"average": D("171.05"), "ltp": D("188.40"), "pnl": D("2602.50"), "share": D("10.14"), "at": NOW}
    put = {"average": D("412.10"), "ltp": D("436.75"), "pnl": D("-2588.25"), "share": D("-5.98"), "at": NOW}
    stock = {"average": D("1288.4"), "ltp": D("1288.4"), "pnl": D(0), "share": D(0), "at": NOW - timedelta(seconds=45)}
    return {
        "positions": [
            _position("NIFTY 24 Dec 24400 CE", "Zerodha · Asha", "paper", 150, 75, **call),
            _position("BANKNIFTY 29 Dec 52000 PE", "Dhan · Family", "live", -105, 35, **put),
            _position("RELIANCE", "Zerodha · Asha", "paper", 250, 1, **stock),
            _position("SENSEX 31 Dec 81000 CE", "Angel · Trust", "paper", 40, 20, average=D("602.35")),
        ],
        "states": list(OrderState),
        "now": NOW,
        "D": D,
        "curve": [0, 4, 3, 9, 12, 8, 15, 21, 19, 26],
        "dip": [0, 3, -2, -6, -4, -9, -5, -11, -8],
        "fall": D("-41250.75"),
        "gain": D("1234567.89"),
    }


@contextmanager
def served() -> Iterator[tuple[str, Gallery]]:
    """The gallery's address while it runs, on a free port of this machine."""
    gallery = Gallery()
    with serving.served(gallery.app) as port:
        yield f"http://127.0.0.1:{port}", gallery
