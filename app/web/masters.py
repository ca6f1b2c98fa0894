"""The masters: how old each venue's list is, what its last readings changed, and reading them now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core import errands
from app.core.db import after_commit
from app.core.errands import Errand
from app.core.errors import NotFound
from app.instruments.models import Master, Reading
from app.instruments.service import EXCHANGES, SYNC, TOO_OLD
from app.users.roles import Scope
from app.web.access import needs
from app.web.current import owner_id, services
from app.web.errors import is_fragment
from app.web.order_lines import owned_accounts

bp = Blueprint("masters", __name__, url_prefix="/instruments/masters")

SLOW_ENGINE = timedelta(seconds=10)
MOST_READINGS = 30


@dataclass(frozen=True, slots=True)
class MasterLine:
    """`age` None: never read; `last` is its newest reading."""

    venue_kind: str
    exchange: str
    master: Master | None
    age: timedelta | None
    last: Reading | None

    @property
    def is_too_old(self) -> bool:
        return self.age is None or self.age > TOO_OLD


def lines() -> list[MasterLine]:
    """Of each kind of venue this person has accounts at, every exchange that is read."""
    instruments, now = services().instruments, services().clock.now()
    kinds = {account.venue_kind for account in owned_accounts(owner_id()).values() if account.removed_at is None}
    known = {(row.venue_kind, row.exchange): row for row in instruments.masters()}
    wanted = {(kind, exchange) for kind in kinds for exchange in EXCHANGES.get(kind, ())}
    keys = sorted(wanted | {key for key in known if key[0] in kinds})
    newest: dict[tuple[str, str], Reading] = {}
    for reading in reversed(instruments.readings(limit=200)):
        newest[reading.venue_kind, reading.exchange] = reading
    return [
        MasterLine(*key, known.get(key), now - known[key].synced_at if key in known else None, newest.get(key))
        for key in keys
    ]


def stale() -> Sequence[MasterLine]:
    """Lists that nobody read for more than a week, of those that were ever read; for the alarm."""
    instruments, now = services().instruments, services().clock.now()
    kinds = {account.venue_kind for account in owned_accounts(owner_id()).values() if account.removed_at is None}
    return [
        MasterLine(row.venue_kind, row.exchange, row, now - row.synced_at, None)
        for row in instruments.recent_masters(now)
        if row.venue_kind in kinds and now - row.synced_at > TOO_OLD
    ]


@bp.get("")
def index() -> ResponseReturnValue:
    errand = _find(request.args.get("sync", ""))
    return render_template("instruments/masters.html", **partials(), **_progress(errand))


@bp.get("/rows")
def rows() -> ResponseReturnValue:
    return render_template("instruments/_masters.html", **partials())


def partials() -> dict[str, Any]:
    """What the page shows; the first paint and each refresh use the same."""
    readings = services().instruments.readings(limit=MOST_READINGS)
    return {"lines": lines(), "readings": readings, "account_of": account_of}


@bp.get("/readings/<reading_id>")
def reading(reading_id: str) -> ResponseReturnValue:
    found = services().instruments.reading(reading_id)
    if found is None:
        raise NotFound("This reading is not on record any more.")
    return render_template("instruments/reading.html", reading=found, account_of=account_of)


@bp.post("/sync")
@needs(Scope.MANAGE)
def sync() -> ResponseReturnValue:
    errand = ask_sync()
    if not is_fragment():
        return redirect(url_for("masters.index", sync=errand.id), 303)
    return render_template("instruments/_sync.html", **_progress(errand))


@bp.get("/sync/<sync_id>")
def look(sync_id: str) -> ResponseReturnValue:
    errand = _find(sync_id)
    if errand is None:
        raise NotFound("This reading is over. Start another one.")
    return render_template("instruments/_sync.html", **_progress(errand))


def ask_sync(venue_kind: str = "openalgo") -> Errand:
    with services().db.write() as session:
        errand = errands.ask(session, owner_id(), SYNC, {"venue_kind": venue_kind}, services().clock.now())
        after_commit(session, lambda: services().link.send("errands", {}))
    return errand


def account_of(found: Reading) -> str:
    """The account that was asked, by name where it is one's own."""
    mine = owned_accounts(owner_id()).get(found.detail.get("account_id", ""))
    return mine.name if mine else "another person's account"


def _find(errand_id: str) -> Errand | None:
    with services().db.read() as session:
        errand = errands.find(session, owner_id(), errand_id) if errand_id else None
    return errand if errand is not None and errand.kind == SYNC else None


def _progress(errand: Errand | None) -> dict[str, Any]:
    now = services().clock.now()
    done = (errand.answer or {}).get("lines", errand.progress) if errand else []
    late = errand is not None and errand.taken_at is None and now - errand.created_at > SLOW_ENGINE
    return {"errand": errand, "done": done, "waits_for_engine": late}
