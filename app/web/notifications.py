"""Messages: one list of everything that needed a person, until they say that it is dealt with."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.notify.models import Notification
from app.web.current import caller, owner_id, services
from app.web.words import count

bp = Blueprint("notifications", __name__, url_prefix="/notifications")

bp.record(lambda state: state.app.jinja_env.globals.update(unread_messages=unread_messages))  # on every page

ON_A_PAGE = 50
MOST_OPEN = 200  # more than a number in the navigation can say
TOPICS = ("alert", "account", "order", "run", "feed", "risk", "instruments")


@dataclass(frozen=True, slots=True)
class Inbox:
    """`shows_all`: what was acknowledged as well. `before` stands in the address of the next page."""

    rows: Sequence[Notification]
    unread: int
    topic: str
    shows_all: bool
    older: str

    @property
    def open(self) -> int:
        return sum(row.acknowledged_at is None for row in self.rows)


def partials() -> dict[str, Any]:
    """What the page shows; the first paint and each refresh use the same."""
    topic, shows_all = request.args.get("topic", ""), request.args.get("all") == "1"
    topic = topic if topic in TOPICS else ""
    room, before = services().notify, _moment(request.args.get("before", ""))
    rows = room.list(owner_id(), open_only=not shows_all, topic=topic, before=before, limit=ON_A_PAGE + 1)
    older = rows[ON_A_PAGE - 1].last_at.isoformat() if len(rows) > ON_A_PAGE else ""
    inbox = Inbox(rows[:ON_A_PAGE], room.unread(owner_id()), topic, shows_all, older)
    return {"inbox": inbox, "topics": TOPICS}


@bp.get("")
def index() -> ResponseReturnValue:
    return render_template("notifications/index.html", **partials())


@bp.get("/rows")
def rows() -> ResponseReturnValue:
    return render_template("notifications/_rows.html", **partials())


@bp.get("/count")
def unread() -> ResponseReturnValue:
    """How many are unread, for the navigation of every page."""
    return render_template("notifications/_count.html", unread=services().notify.unread(owner_id()))


@bp.post("/read")
def read() -> ResponseReturnValue:
    services().notify.read_all(owner_id())
    return _back()


@bp.post("/acknowledge")
def acknowledge_all() -> ResponseReturnValue:
    done = services().notify.acknowledge_all(owner_id())
    flash(f"{count(done, 'message')} acknowledged.")
    return _back()


@bp.post("/<notification_id>/acknowledge")
def acknowledge(notification_id: str) -> ResponseReturnValue:
    services().notify.acknowledge(owner_id(), notification_id)
    if request.form.get("next") == "/":
        return redirect(url_for("dashboard.index"), 303)
    return _back()


def open_messages() -> Sequence[Notification]:
    """What was not acknowledged yet, the newest first; read once per request."""
    if "open_messages" not in g:
        g.open_messages = services().notify.list(owner_id(), open_only=True, limit=MOST_OPEN)
    return cast("Sequence[Notification]", g.open_messages)


def unread_messages() -> int:
    """What is acknowledged was read: where the open ones are at hand, nothing is asked."""
    if "open_messages" in g:
        return sum(row.read_at is None for row in open_messages())
    known = caller()
    return services().notify.unread(known.owner_id) if known else 0


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


def _back() -> ResponseReturnValue:
    return redirect(url_for("notifications.index"), 303)
