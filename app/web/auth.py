"""Coming in and going out: first run, sign-in, invitation, one-time link, sign-out."""

from collections.abc import Callable

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired

from app.core.errors import NotFound
from app.users.door import Entry, SignInFailed
from app.users.invites import USED_UP
from app.users.roles import Scope
from app.users.throttle import TooManyTries
from app.web.access import needs
from app.web.current import caller, identity, services, visitor
from app.web.forms import DeskForm
from app.web.identity import SID
from app.web.redirects import safe_next
from app.web.stream import live
from app.web.tiers import tier

bp = Blueprint("auth", __name__)


class SignInForm(DeskForm):
    name = StringField("Name", [InputRequired("Say who you are.")])
    password = PasswordField("Password", [InputRequired("Type your password.")])


class NewPersonForm(DeskForm):
    name = StringField("Name", [InputRequired("Choose a name to sign in with.")])
    password = PasswordField("Password", [InputRequired("Choose a password.")])


class EnterForm(DeskForm):
    """Nothing but the button: whoever only looks at a link must not use it up."""


def _admitted(entry: Entry) -> ResponseReturnValue:
    """Start a session of its own: what this browser held before ends."""
    known = caller()
    if known is not None and known.session_id:
        services().users.door.leave(known.user, known.session_id, visitor().ip)
    session.clear()
    session[SID] = entry.secret
    session.permanent = True
    if entry.last_sign_in_at:
        flash(f"Welcome back. You last signed in on {entry.last_sign_in_at:%d %b %Y at %H:%M} UTC.")
    return redirect(safe_next(request.args.get("next")), 303)


def _tried(form: DeskForm, come_in: Callable[[], Entry]) -> Entry | None:
    """The entry, or None when the form has something to say."""
    entries: list[Entry] = []
    form.carries(lambda: entries.append(come_in()))
    return entries[0] if entries else None


@bp.route("/first-run", methods=["GET", "POST"])
@tier("auth")
def first_run() -> ResponseReturnValue:
    if not services().users.people.none_yet():
        return redirect(url_for("auth.sign_in"))
    form = NewPersonForm()
    entry = _tried(form, lambda: services().users.door.found(form.name.data, form.password.data, visitor()))
    if entry:
        return _admitted(entry)
    return render_template("auth/first_run.html", form=form), _status(form)


@bp.route("/sign-in", methods=["GET", "POST"])
@tier("auth")
def sign_in() -> ResponseReturnValue:
    if services().users.people.none_yet():
        return redirect(url_for("auth.first_run"))
    if caller() and request.method == "GET":
        return redirect(safe_next(request.args.get("next")))
    form = SignInForm()
    try:
        entry = _tried(form, lambda: services().users.door.sign_in(form.name.data, form.password.data, visitor()))
    except (SignInFailed, TooManyTries) as refused:
        form.form_errors.append(refused.message)
        return render_template("auth/sign_in.html", form=form), refused.status
    if entry is None:
        return render_template("auth/sign_in.html", form=form), _status(form)
    return _admitted(entry)


@bp.post("/sign-out")
@needs(Scope.SELF)
def sign_out() -> ResponseReturnValue:
    services().users.door.leave(identity().user, identity().session_id, visitor().ip)
    live().hub.leave_pass(identity().session_id)
    session.clear()
    return redirect(url_for("auth.sign_in"), 303)


@bp.route("/join/<token>", methods=["GET", "POST"])
@tier("auth")
def join(token: str) -> ResponseReturnValue:
    invite = services().users.invites.open(token)
    if invite is None:
        raise NotFound(USED_UP)
    form = NewPersonForm()
    entry = _tried(form, lambda: services().users.door.join(token, form.name.data, form.password.data, visitor()))
    if entry:
        return _admitted(entry)
    return render_template("auth/join.html", form=form, role=invite.role), _status(form)


@bp.route("/enter/<token>", methods=["GET", "POST"])
@tier("auth")
def enter(token: str) -> ResponseReturnValue:
    form = EnterForm()
    entry = _tried(form, lambda: services().users.door.enter(token, visitor()))
    if entry:
        return _admitted(entry)
    return render_template("auth/enter.html", form=form), _status(form)


def _status(form: DeskForm) -> int:
    return 422 if form.errors else 200
