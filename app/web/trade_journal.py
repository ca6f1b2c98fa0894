"""The trade journal: closed runs and trades by hand, with notes and tags; and as files."""

from collections.abc import Iterable, Sequence
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core.errors import Denied, Invalid
from app.portfolio.analytics import BOTH, Choice
from app.portfolio.diary import Asked, Entry
from app.web.analytics import FILTERS, MODES, choice_here, kept_here
from app.web.analytics_view import strategy_names
from app.web.current import owner_id, services
from app.web.order_lines import owned_accounts
from app.web.sheets import Cell, kind_here, sheet

bp = Blueprint("trade_journal", __name__, url_prefix="/journal")

PAGE = 50
MOST_IN_FILE = 100_000
LONGEST_SEARCH = 60
HEAD = ("opened", "closed", "name", "kind", "accounts", "modes", "realised", "charges_estimated", "net", "currency",
        "orders", "tags", "note")  # fmt: skip


@bp.get("")
def index() -> ResponseReturnValue:
    return render_template("journal/index.html", **partials())


@bp.get("/entries.csv")
@bp.get("/entries.xlsx")
def file() -> Response:
    return sheet(kind_here(), "trade-journal", HEAD, _rows(services().diary.entries(_asked(MOST_IN_FILE))))


@bp.route("/<entry_id>", methods=["GET", "POST"])
def entry(entry_id: str) -> ResponseReturnValue:
    one = services().diary.entry(owner_id(), entry_id)
    if request.method == "GET":
        return _entry_page(one, one.note, ", ".join(one.tags))
    note, tags, version = (request.form.get(name, "") for name in ("note", "tags", "version"))
    known = int(version) if version.isdecimal() and len(version) < 10 else None
    try:
        services().diary.write(owner_id(), entry_id, note.replace("\r\n", "\n"), tags.split(","), known)
    except Invalid as refused:
        return _entry_page(one, note, tags, refused.fields), refused.status
    except Denied as refused:
        return _entry_page(one, note, tags, problem=refused.message), refused.status
    flash("The note is saved.", "ok")
    return redirect(url_for("trade_journal.entry", entry_id=entry_id), 303)


def partials() -> dict[str, Any]:
    asked = _asked(PAGE + 1)
    found = services().diary.entries(asked)
    return {
        "entries": found[:PAGE],
        "older": found[PAGE - 1].id if len(found) > PAGE else "",
        "asked": request.args,
        "accounts": owned_accounts(owner_id()),
        "strategies": strategy_names(owner_id()),
        "tags": services().diary.tags(owner_id()),
        "modes": MODES | {"": "Live and paper"},
        "kept": kept_here((*FILTERS, "tag", "text")),
    }


def _asked(limit: int) -> Asked:
    choice, asked = choice_here(), request.args
    text = asked.get("text", "").replace("\x00", "").strip()[:LONGEST_SEARCH]
    tag = asked.get("tag", "").replace("\x00", "").strip()[:LONGEST_SEARCH]
    before = asked.get("before", "")
    both = Choice(
        choice.owner_id, choice.first, choice.last, choice.mode or BOTH, choice.currency, choice.account_id,
        choice.strategy_id,
    )  # fmt: skip
    return Asked(both, tag, text, before if len(before) <= 40 and "\x00" not in before else "", limit)


def _entry_page(one: Entry, note: str, tags: str, errors: dict[str, list[str]] | None = None, problem: str = "") -> str:
    return render_template(
        "journal/entry.html",
        entry=one,
        note=note,
        tags=tags,
        errors=errors or {},
        problem=problem,
        accounts=owned_accounts(owner_id()),
    )


def _rows(entries: Iterable[Entry]) -> Iterable[Sequence[Cell]]:
    """A run in live and in paper accounts has a line of each: who adds up a column adds up no paper to money."""
    accounts = owned_accounts(owner_id())
    for one in (part for entry in entries for part in entry.by_mode):
        yield (
            one.opened_at, one.closed_at, one.name, "run" if one.run_id else "by hand",
            ", ".join(accounts[account].name for account in one.account_ids), one.mode, one.realised,
            one.charges, one.net, one.currency, one.orders, ", ".join(one.tags), one.note,
        )  # fmt: skip
