"""The limits of the day: seen with what of them is used, edited, and released with a reason."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import StringField
from wtforms.validators import InputRequired, Length

from app.core.errors import Denied, Invalid
from app.risk.day_rules import BASIS
from app.risk.service import LONGEST_WHY
from app.users.roles import Scope
from app.web.access import needs
from app.web.asking import ask
from app.web.current import owner_id, services
from app.web.day_limits_form import Typed, stored, typed
from app.web.day_limits_view import blocking, day_view, extent_named, is_blocking
from app.web.forms import DeskForm

bp = Blueprint("day_limits", __name__, url_prefix="/risk/limits")


class ReleaseForm(DeskForm):
    why = StringField("Why it is released", [InputRequired("Say why."), Length(max=LONGEST_WHY)])


def partials() -> dict[str, Any]:
    """What the page shows; the first paint and each refresh use the same."""
    return {"view": day_view(), "basis": BASIS, "is_blocking": is_blocking}


@bp.get("")
def index() -> ResponseReturnValue:
    return render_template("risk/limits.html", **partials())


@bp.get("/live")
def live() -> ResponseReturnValue:
    return render_template("risk/_limits_live.html", **partials())


@bp.route("/desk", methods=["GET", "POST"])
@needs(Scope.MANAGE)
def desk() -> ResponseReturnValue:
    return _edit("")


@bp.route("/accounts/<account_id>", methods=["GET", "POST"])
@needs(Scope.MANAGE)
def account(account_id: str) -> ResponseReturnValue:
    return _edit(account_id)


@bp.route("/blocks/<event_id>/release", methods=["GET", "POST"])
@needs(Scope.MANAGE)
def release(event_id: str) -> ResponseReturnValue:
    event, form = blocking(event_id), ReleaseForm()
    if not is_blocking(event):
        raise Denied("This limit blocks nothing any more: there is nothing to release.")
    if form.carries(lambda: services().day_limits.release(owner_id(), event_id, form.why.data or "")):
        flash(f"{event.name} may enter again. This limit acts no more today, unless it is changed.", "ok")
        return redirect(url_for("day_limits.index"), 303)
    body = ask(f"Release {event.name}?", "risk/_limit_release.html", event=event, form=form)
    return body, 422 if form.errors else 200


def _edit(account_id: str) -> ResponseReturnValue:
    extent = extent_named(account_id)
    one = services().day_limits.of(owner_id(), extent)
    if request.method == "GET":
        return _page(one, stored(one.rules))
    form = typed(request.form)
    try:
        services().day_limits.save(owner_id(), extent, form.rules())
    except Invalid as refused:
        form.show(refused)
        return _page(one, form), refused.status
    flash("Saved. The limits count from now on.")
    return redirect(url_for("day_limits.index"), 303)


def _page(one: Any, form: Typed) -> str:
    return render_template("risk/limits_edit.html", one=one, form=form, basis=BASIS)
