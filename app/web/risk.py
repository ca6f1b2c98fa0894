"""Risk: who may trade now, and the kill switch with how far it is. Stopping asks once; only going on asks more."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import AnyOf, InputRequired, Length

from app.accounts.states import TradingState
from app.core.errors import Denied, NotFound
from app.risk.service import LONGEST_WHY
from app.risk.states import Extent, Standing, refusal
from app.users.roles import Scope
from app.web.access import needs
from app.web.asking import ask
from app.web.current import identity, owner_id, services, visitor
from app.web.forms import DeskForm
from app.web.stopping import asker, extent_of, overview, sentences
from app.web.tiers import tier

bp = Blueprint("risk", __name__, url_prefix="/risk")

WORD = "RELEASE"


class ReleaseForm(DeskForm):
    kind, id = HiddenField(), HiddenField()
    word = StringField("Type RELEASE", [AnyOf([WORD], "Type RELEASE, in capitals.")])
    password = PasswordField("Your password", [InputRequired("Type your password.")])


class StateForm(DeskForm):
    kind, id, state = HiddenField(), HiddenField(), HiddenField()
    why = StringField("Why", [Length(max=LONGEST_WHY)])


def partials() -> dict[str, Any]:
    """What the page shows; the first paint and each refresh use the same."""
    return {"view": overview()}


@bp.get("")
def index() -> ResponseReturnValue:
    return render_template("risk/index.html", **partials())


@bp.get("/live")
def live() -> ResponseReturnValue:
    return render_template("risk/_live.html", **partials())


@bp.get("/banner")
def banner() -> ResponseReturnValue:
    return render_template("risk/_banner.html", stops=sentences(owner_id(), services().pulse.read()))


@bp.post("/state")
@tier("exit")
def set_state() -> ResponseReturnValue:
    form = StateForm()
    extent = extent_of(form.kind.data or "", form.id.data or "")
    if form.state.data not in set(TradingState) or not form.validate_on_submit():
        raise NotFound("There is no such trading state.")
    after = services().risk.set_state(asker(), extent, TradingState(form.state.data), form.why.data or "")
    flash(refusal(after) or f"{after.subject} trades.", "ok" if after.is_active else "warn")
    return redirect(url_for("risk.index"), 303)


@bp.get("/kill")
@needs(Scope.TRADE)
@tier("exit")
def ask_kill() -> ResponseReturnValue:
    extent = _extent(request.args)
    standing, figures = services().risk.standing(asker(), extent), services().risk.figures(asker(), extent)
    title = f"Stop {_named(standing)}?"
    return ask(title, "risk/_kill.html", standing=standing, figures=figures)


@bp.post("/kill")
@tier("exit")
def kill() -> ResponseReturnValue:
    extent = _extent(request.form)
    services().risk.press(asker(), extent, request.form.get("flatten") == "y", request.form.get("why", ""))
    flash("The kill switch is pressed. Below stands how far it is in each account.", "warn")
    return redirect(url_for("risk.index"), 303)


@bp.route("/release", methods=["GET", "POST"])
@needs(Scope.MANAGE)
@tier("auth")
def release() -> ResponseReturnValue:
    extent, form = _extent(request.values), ReleaseForm()
    standing = services().risk.standing(asker(), extent)
    if request.method == "POST" and not standing.is_halted:
        raise Denied(f"{standing.subject} is not halted: there is nothing to release.")
    if form.carries(lambda: _release(form, extent)):
        flash(f"{standing.subject} trades again. Nothing that was stopped comes back by itself.", "ok")
        return redirect(url_for("risk.index"), 303)
    title = f"Release {_named(standing)}?"
    body = ask(title, "risk/_release.html", standing=standing, form=form)
    return body, 422 if form.errors else 200


def _release(form: ReleaseForm, extent: Extent) -> None:
    services().users.door.confirm(identity().user, form.password.data or "", visitor().ip)
    services().risk.release(asker(), extent)


def _extent(values: Any) -> Extent:
    return extent_of(values.get("kind", ""), values.get("id", ""))


def _named(standing: Standing) -> str:
    """Inside a sentence."""
    return standing.subject if standing.name else standing.subject.lower()
