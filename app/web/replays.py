"""Replays: a strategy's rules over a day of the past, or a synthetic one. A simulation, and said so everywhere."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core.errors import Denied
from app.core.money import ZERO, number
from app.portfolio.curves import Point
from app.replays.fills import RULE
from app.replays.models import Replay
from app.replays.service import OVER
from app.users.roles import Scope
from app.web.access import needs
from app.web.asking import ask
from app.web.current import owner_id, services
from app.web.curve_view import draw_curve
from app.web.replay_form import REPLAY_FIELDS, TypedForm
from app.web.sheets import Cell, kind_here, sheet

bp = Blueprint("replays", __name__, url_prefix="/replays")

HEAD = ("at", "asked_at", "account", "leg", "exchange", "symbol", "side", "purpose", "quantity", "price", "reason",
        "charges")  # fmt: skip


def partials() -> dict[str, Any]:
    """What the list shows; the first paint and each refresh use the same."""
    found = services().replays.list(owner_id())
    lines = [(row, _totals(row.totals) if row.totals else None) for row in found]
    return {"lines": lines, "is_busy": any(row.state not in OVER for row in found)}


@bp.get("")
def index() -> ResponseReturnValue:
    return _page(TypedForm.of(REPLAY_FIELDS, request.args))


@bp.get("/rows")
def rows() -> ResponseReturnValue:
    return render_template("replays/_rows.html", **partials())


@bp.post("")
def create() -> ResponseReturnValue:
    form = TypedForm.of(REPLAY_FIELDS, request.form)
    terms = form.terms()
    if terms is None:
        return _page(form), 422
    try:
        replay_id = services().replays.ask(owner_id(), form.typed["strategy_id"], terms)
    except Denied as refused:
        return _page(form, refused.message), refused.status
    return redirect(url_for("replays.show", replay_id=replay_id), 303)


@bp.get("/<replay_id>")
def show(replay_id: str) -> ResponseReturnValue:
    return render_template("replays/show.html", **_found(replay_id))


@bp.get("/<replay_id>/look")
def look(replay_id: str) -> ResponseReturnValue:
    return render_template("replays/_replay.html", **_found(replay_id))


@bp.post("/<replay_id>/cancel")
def cancel(replay_id: str) -> ResponseReturnValue:
    services().replays.cancel(owner_id(), replay_id)
    return redirect(url_for("replays.show", replay_id=replay_id), 303)


@bp.route("/<replay_id>/delete", methods=["GET", "POST"])
@needs(Scope.TRADE)
def delete(replay_id: str) -> ResponseReturnValue:
    replay = services().replays.get(owner_id(), replay_id)
    if request.method == "GET":
        return ask(f"Delete this replay of {replay.name}?", "replays/_delete.html", replay=replay)
    try:
        services().replays.remove(owner_id(), replay_id)
    except Denied as refused:
        flash(refused.message)
        return redirect(url_for("replays.show", replay_id=replay_id), 303)
    flash("The replay is deleted. The recorded day stays.")
    return redirect(url_for("replays.index"), 303)


@bp.get("/<replay_id>/journal.jsonl")
def journal(replay_id: str) -> Response:
    text = services().replays.journal(owner_id(), replay_id)
    named = {"Content-Disposition": f'attachment; filename="replay-{replay_id}.jsonl"'}
    return Response(text, mimetype="application/x-ndjson", headers=named)


@bp.get("/<replay_id>/trades.csv")
@bp.get("/<replay_id>/trades.xlsx")
def trades(replay_id: str) -> Response:
    result = services().replays.get(owner_id(), replay_id).result or {"trades": []}
    return sheet(kind_here(), f"replay-{replay_id}", HEAD, _cells(result["trades"]))


def _cells(found: Iterable[dict[str, Any]]) -> Iterable[Sequence[Cell]]:
    for trade in found:
        money = {name: number(trade[name]) for name in ("quantity", "price", "charges")}
        moments = {name: datetime.fromisoformat(trade[name]) for name in ("at", "asked_at")}
        row: dict[str, Cell] = trade | money | moments
        yield [row[name] for name in HEAD]


def _page(form: TypedForm, problem: str = "") -> str:
    recorded = [row for row in services().recordings.list(owner_id()) if row.ticks]
    return render_template(
        "replays/index.html",
        form=form,
        problem=problem,
        strategies=services().strategies.list(owner_id()),
        recorded=recorded,
        rule=RULE,
        **partials(),
    )


def _found(replay_id: str) -> dict[str, Any]:
    replay = services().replays.get(owner_id(), replay_id)
    currency = replay.accounts[0]["currency"]
    shown = {"replay": replay, "currency": currency, "is_over": replay.state in OVER, "rule": RULE, "drawn": None}
    return shown | _told(replay, currency)


def _told(replay: Replay, currency: str) -> dict[str, Any]:
    """Of one that was played to its end."""
    result = replay.result
    if result is None:
        return {"result": None}
    points = [Point(_moment(at), number(total) or ZERO, number(stop)) for at, total, stop in result["curve"]]
    trades_ = [trade | _figures(trade, ("quantity", "price", "charges")) for trade in result["trades"]]
    exits = [one | _figures(one, ("threshold", "value")) | {"at": _moment(one["at"])} for one in result["exits"]]
    told = {"totals": _totals(result["totals"]), "trades": trades_, "exits": exits, "notes": result["notes"]}
    return {"result": told, "drawn": draw_curve(points, currency, "P&L of the replay")}


def _totals(saved: dict[str, Any]) -> dict[str, Any]:
    return {name: value if isinstance(value, int) else number(value) for name, value in saved.items()}


def _figures(row: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    moments = {name: _moment(row[name]) for name in ("at", "asked_at") if name in row}
    return {name: number(row[name]) for name in names} | moments


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
