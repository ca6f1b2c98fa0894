"""Watchlists: a page of prices that move, and the few acts that keep a list in order."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core.errors import Denied, Invalid
from app.execution.tickets import VENUE_KIND
from app.instruments.models import Instrument
from app.venues.types import Symbol
from app.watchlists.service import LONGEST_NAME, MOST_LISTS, MOST_SYMBOLS, Imported
from app.web.asking import ask
from app.web.contracts import contract_name
from app.web.current import owner_id, services
from app.web.forms import clean_text
from app.web.quote import find_instrument
from app.web.watch_view import COLUMNS, read_list
from app.web.words import count

bp = Blueprint("watch", __name__, url_prefix="/watch")

MOST_FOUND = 12
LONGEST_SEARCH, LONGEST_PASTE = 64, 20_000
LIMITS = {"lists": MOST_LISTS, "symbols": MOST_SYMBOLS, "name": LONGEST_NAME}
BY = {"up": -1, "down": 1}
NOT_ON_IT = "{} is not on this list, so nothing changed."


def partials(watchlist_id: str | None = None) -> dict[str, Any]:
    """What the page shows; the first paint and each refresh use the same."""
    view = read_list(owner_id(), watchlist_id, request.args.get("sort", ""))
    return {"view": view, "columns": COLUMNS, "limits": LIMITS, "searched": _searched(), "found": _found()}


@bp.get("")
def index() -> ResponseReturnValue:
    return _page(None)


@bp.post("")
def create() -> ResponseReturnValue:
    """With a `symbol` it is the first on the new list."""
    name, kept = _typed("name"), _typed("symbol")
    try:
        watchlist_id = services().watchlists.create(owner_id(), name)
    except Invalid as refused:
        if kept:
            flash(_sentence(refused), "warn")
            return _keep(*_symbol(kept)), refused.status
        return _page(None, {"new": (name, refused.fields["name"])}), refused.status
    return _add(watchlist_id, kept) if kept else _to(watchlist_id)


@bp.get("/keep")
def keep() -> ResponseReturnValue:
    """Which list an instrument that was found is to stand on."""
    return _keep(request.args.get("exchange", ""), request.args.get("symbol", ""))


def _keep(exchange: str, symbol: str) -> str:
    found = find_instrument(exchange.upper(), symbol.upper())
    room, name = services().watchlists, f"{found.exchange}:{found.symbol}"
    kept = room.holding(owner_id(), Symbol(found.exchange, found.symbol))
    title = f"Watch {contract_name(found.symbol)}"
    return ask(title, "watch/_keep.html", lists=room.lists(owner_id()), kept=kept, symbol=name, limits=LIMITS)


@bp.get("/<watchlist_id>")
def show(watchlist_id: str) -> ResponseReturnValue:
    return _page(watchlist_id)


@bp.get("/<watchlist_id>/rows")
def rows(watchlist_id: str) -> ResponseReturnValue:
    return render_template("watch/_rows.html", **partials(watchlist_id))


@bp.get("/<watchlist_id>/find")
def find(watchlist_id: str) -> ResponseReturnValue:
    return render_template("watch/_found.html", **partials(watchlist_id))


@bp.post("/<watchlist_id>/add")
def add(watchlist_id: str) -> ResponseReturnValue:
    return _add(watchlist_id, _typed("symbol"))


def _add(watchlist_id: str, name: str) -> ResponseReturnValue:
    exchange, symbol = _symbol(name)
    try:
        if not services().watchlists.add(owner_id(), watchlist_id, exchange, symbol):
            flash(f"{contract_name(symbol)} is on this list already.")
    except (Invalid, Denied) as refused:
        flash(_sentence(refused), "warn")
    return _to(watchlist_id)


@bp.post("/<watchlist_id>/remove")
def remove(watchlist_id: str) -> ResponseReturnValue:
    exchange, symbol = _symbol(_typed("symbol"))
    if not services().watchlists.remove(owner_id(), watchlist_id, exchange, symbol):
        flash(NOT_ON_IT.format(contract_name(symbol) or "What you named"), "warn")
    return _to(watchlist_id)


@bp.post("/<watchlist_id>/move")
def move(watchlist_id: str) -> ResponseReturnValue:
    """The button says which way and which symbol: `up=NSE:SBIN`."""
    way = next((name for name in BY if name in request.form), "")
    name = _typed(way) if way else ""
    exchange, symbol = _symbol(name)
    if not services().watchlists.move(owner_id(), watchlist_id, exchange, symbol, BY.get(way, 0)):
        flash(NOT_ON_IT.format(contract_name(symbol) or "What you named"), "warn")
    return _to(watchlist_id, name)


@bp.post("/<watchlist_id>/place")
def place(watchlist_id: str) -> ResponseReturnValue:
    """The list itself, one place to the left or to the right."""
    services().watchlists.move_list(owner_id(), watchlist_id, BY.get(_typed("direction"), 0))
    return _to(watchlist_id)


@bp.post("/<watchlist_id>/rename")
def rename(watchlist_id: str) -> ResponseReturnValue:
    name = _typed("name")
    try:
        services().watchlists.rename(owner_id(), watchlist_id, name)
    except Invalid as refused:
        return _page(watchlist_id, {"rename": (name, refused.fields["name"])}), refused.status
    return _to(watchlist_id)


@bp.route("/<watchlist_id>/delete", methods=["GET", "POST"])
def delete(watchlist_id: str) -> ResponseReturnValue:
    row = services().watchlists.get(owner_id(), watchlist_id)
    if request.method == "GET":
        symbols = len(services().watchlists.symbols(owner_id(), watchlist_id))
        return ask(f"Delete {row.name}?", "watch/_delete.html", watchlist=row, symbols=symbols)
    gone = services().watchlists.delete(owner_id(), watchlist_id)
    flash(f"{row.name} with {count(gone, 'symbol')} is deleted.")
    return redirect(url_for("watch.index"), 303)


@bp.post("/<watchlist_id>/paste")
def paste(watchlist_id: str) -> ResponseReturnValue:
    text = str(clean_text(request.form.get("text", "")))[:LONGEST_PASTE]
    try:
        done = services().watchlists.paste(owner_id(), watchlist_id, text)
    except Invalid as refused:
        return _page(watchlist_id, {"paste": (text, refused.fields["text"])}), refused.status
    for words, tone in told(done):
        flash(words, tone)
    return _to(watchlist_id)


def told(done: Imported) -> list[tuple[str, str]]:
    """What became of a paste, each sentence with its tone."""
    already = f", {done.known} were on the list" if done.known else ""
    lines = [(f"{count(done.added, 'symbol')} added{already}.", "ok")]
    if done.unknown:
        lines.append((f"Not on record: {', '.join(done.unknown)}.", "warn"))
    if done.unclear:
        lines.append((f"On several exchanges, so name one (NSE:…): {', '.join(done.unclear)}.", "warn"))
    if done.left:
        lines.append((f"{count(done.left, 'symbol')} left out: a list holds {MOST_SYMBOLS}.", "warn"))
    return lines


def _page(watchlist_id: str | None, wrong: Mapping[str, Any] | None = None) -> str:
    """`wrong`: what was typed into a form and its sentences, by the form's name."""
    return render_template("watch/index.html", wrong=wrong or {}, **partials(watchlist_id))


def _to(watchlist_id: str, symbol: str = "") -> ResponseReturnValue:
    """The row named after the mark gets the focus."""
    return redirect(url_for("watch.show", watchlist_id=watchlist_id, _anchor=symbol or None), 303)


def _typed(name: str) -> str:
    return str(clean_text(request.form.get(name, "")))[:LONGEST_SEARCH]


def _symbol(name: str) -> tuple[str, str]:
    exchange, _, symbol = name.partition(":")
    return exchange, symbol


def _sentence(refused: Invalid | Denied) -> str:
    if isinstance(refused, Invalid):
        return " ".join(text for texts in refused.fields.values() for text in texts)
    return refused.message


def _searched() -> str:
    return request.args.get("q", "").replace("\x00", "").strip()[:LONGEST_SEARCH]


def _found() -> list[Instrument]:
    return list(services().instruments.search(_searched(), VENUE_KIND, "", MOST_FOUND)) if _searched() else []
