"""Recorded days: begun, ended, looked at, downloaded, deleted."""

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core.errors import Denied, Forbidden, Invalid
from app.users.roles import Scope
from app.web.access import needs
from app.web.asking import ask
from app.web.current import identity, owner_id, services
from app.web.replay_form import RECORDING_FIELDS, TypedForm

bp = Blueprint("recordings", __name__, url_prefix="/recordings")

WHAT = {
    "strategy": "What a strategy may trade",
    "symbols": "These symbols",
    "everything": "Everything the feed hears",
    "candles": "Minute candles of a day, for a strategy",
}


def partials() -> dict[str, Any]:
    """What the list shows; the first paint and each refresh use the same."""
    rows = services().recordings.list(owner_id())
    return {"rows": rows, "is_on": any(row.state == "on" for row in rows), "size": sum(row.size for row in rows)}


@bp.get("")
def index() -> ResponseReturnValue:
    return _page(TypedForm.of(RECORDING_FIELDS, request.args))


@bp.get("/rows")
def rows() -> ResponseReturnValue:
    return render_template("recordings/_rows.html", **partials())


@bp.post("")
def create() -> ResponseReturnValue:
    form = TypedForm.of(RECORDING_FIELDS, request.form)
    wish = form.wish()
    if wish is None:
        return _page(form), 422
    if wish.what == "everything" and not identity().may(Scope.ADMIN):
        raise Forbidden("Only an admin may record what everybody looks at.")
    try:
        services().recordings.begin(owner_id(), wish)
    except Invalid as refused:
        form.errors |= refused.fields
        return _page(form), refused.status
    except Denied as refused:
        return _page(form, refused.message), refused.status
    is_read = wish.what == "candles"
    until = "It is recorded until the end of the day in India, or until you end it."
    flash("The candles are being read of a broker." if is_read else until, "ok")
    return redirect(url_for("recordings.index"), 303)


@bp.get("/<recording_id>")
def show(recording_id: str) -> ResponseReturnValue:
    row = services().recordings.get(owner_id(), recording_id)
    files = [(path.name, path.stat().st_size) for path in services().recordings.files(owner_id(), recording_id)]
    return render_template("recordings/show.html", row=row, files=files)


@bp.get("/<recording_id>/files/<file_name>")
def file(recording_id: str, file_name: str) -> Response:
    path = services().recordings.file(owner_id(), recording_id, file_name)
    named = {"Content-Disposition": f'attachment; filename="{recording_id}-{path.name}"'}
    return Response(path.read_bytes(), mimetype="application/octet-stream", headers=named)  # some minutes of ticks


@bp.post("/<recording_id>/end")
def end(recording_id: str) -> ResponseReturnValue:
    services().recordings.end(owner_id(), recording_id)
    flash("The recording is ended. What was recorded stays.")
    return redirect(url_for("recordings.index"), 303)


@bp.route("/<recording_id>/delete", methods=["GET", "POST"])
@needs(Scope.TRADE)
def delete(recording_id: str) -> ResponseReturnValue:
    row = services().recordings.get(owner_id(), recording_id)
    if request.method == "GET":
        return ask("Delete this recorded day?", "recordings/_delete.html", row=row)
    try:
        services().recordings.remove(owner_id(), recording_id)
    except Denied as refused:
        flash(refused.message)
        return redirect(url_for("recordings.show", recording_id=recording_id), 303)
    flash("The recorded day and its files are deleted. Replays that were played over it stay.")
    return redirect(url_for("recordings.index"), 303)


def _page(form: TypedForm, problem: str = "") -> str:
    choices = [one for one in WHAT.items() if one[0] != "everything" or identity().may(Scope.ADMIN)]
    strategies = services().strategies.list(owner_id())
    return render_template(
        "recordings/index.html", form=form, problem=problem, choices=choices, strategies=strategies, **partials()
    )
