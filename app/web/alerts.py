"""Alerts: what a person wants to be told of, and every time they were."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.alerts.rules import Condition
from app.alerts.words import CONDITIONS
from app.core.errors import Denied, Invalid
from app.users.roles import Scope
from app.web.access import needs
from app.web.alert_form import AlertForm, alert_form, blank_alert, typed_alert
from app.web.alert_view import alert_lines, firing_lines, watched
from app.web.asking import ask
from app.web.current import owner_id, services
from app.web.order_lines import owned_accounts

bp = Blueprint("alerts", __name__, url_prefix="/alerts")

MOST_WATCHED = 150  # symbols whose price the page shows live; what they are judged by is the engine's
OPTIONS = {
    "subject": [("price", "A price"), ("spread", "A spread of two"), ("pnl", "P&L of an account today")],
    "condition": [(one.value, CONDITIONS[one][:1].upper() + CONDITIONS[one][1:]) for one in Condition],
    "repeat": [("once", "Once"), ("every", "Every time"), ("daily", "Once a day")],
}


def partials() -> dict[str, Any]:
    """What the page shows; the first paint and each refresh use the same."""
    lines = alert_lines(owner_id(), services().alerts.list(owner_id()))
    return {"lines": lines, "watched": watched(lines)[:MOST_WATCHED], "firings": firing_lines(owner_id())}


@bp.get("")
def index() -> ResponseReturnValue:
    return render_template("alerts/index.html", **partials())


@bp.get("/rows")
def rows() -> ResponseReturnValue:
    return render_template("alerts/_rows.html", **partials())


@bp.get("/new")
@needs(Scope.TRADE)
def new() -> ResponseReturnValue:
    return _form_page(blank_alert(request.args))


@bp.post("")
def create() -> ResponseReturnValue:
    form = typed_alert(request.form)
    try:
        services().alerts.create(owner_id(), form.draft())
    except Invalid as refused:
        form.show(refused)
        return _form_page(form), refused.status
    except Denied as refused:
        return _form_page(form, refused.message), refused.status
    flash("The alert is on.", "ok")
    return redirect(url_for("alerts.index"), 303)


@bp.get("/<alert_id>")
def show(alert_id: str) -> ResponseReturnValue:
    return render_template("alerts/show.html", **_story(alert_id))


@bp.get("/<alert_id>/live")
def live(alert_id: str) -> ResponseReturnValue:
    return render_template("alerts/_story.html", **_story(alert_id))


@bp.route("/<alert_id>/edit", methods=["GET", "POST"])
@needs(Scope.TRADE)
def edit(alert_id: str) -> ResponseReturnValue:
    alert = services().alerts.get(owner_id(), alert_id)
    if request.method == "GET":
        return _form_page(alert_form(alert), alert=alert)
    form, version = typed_alert(request.form), request.form.get("version", "")
    try:
        known = int(version) if version.isdecimal() and len(version) < 10 else None
        services().alerts.change(owner_id(), alert_id, form.draft(), known)
    except Invalid as refused:
        form.show(refused)
        return _form_page(form, alert=alert), refused.status
    except Denied as refused:
        return _form_page(form, refused.message, alert=alert), refused.status
    flash("The alert is on, and begins anew.", "ok")
    return redirect(url_for("alerts.show", alert_id=alert_id), 303)


@bp.post("/<alert_id>/pause")
def pause(alert_id: str) -> ResponseReturnValue:
    services().alerts.pause(owner_id(), alert_id)
    return _back()


@bp.post("/<alert_id>/resume")
def resume(alert_id: str) -> ResponseReturnValue:
    services().alerts.resume(owner_id(), alert_id)
    return _back()


@bp.route("/<alert_id>/delete", methods=["GET", "POST"])
@needs(Scope.TRADE)
def delete(alert_id: str) -> ResponseReturnValue:
    alert = services().alerts.get(owner_id(), alert_id)
    if request.method == "GET":
        (line,) = alert_lines(owner_id(), [alert])
        return ask("Delete this alert?", "alerts/_delete.html", line=line)
    services().alerts.remove(owner_id(), alert_id)
    flash("The alert is deleted. What it told stays in the history.")
    return _back()


def _story(alert_id: str) -> dict[str, Any]:
    (line,) = alert_lines(owner_id(), [services().alerts.get(owner_id(), alert_id)])
    return {"line": line, "watched": watched([line]), "firings": firing_lines(owner_id(), alert_id)}


def _form_page(form: AlertForm, problem: str = "", alert: Any = None) -> str:
    accounts = [one for one in owned_accounts(owner_id()).values() if one.removed_at is None]
    options = OPTIONS | {"account_id": [("", "Choose…"), *((one.id, one.name) for one in accounts)]}
    return render_template("alerts/form.html", form=form, options=options, problem=problem, alert=alert)


def _back() -> ResponseReturnValue:
    return redirect(url_for("alerts.index"), 303)
