"""One's own password and the places one is signed in."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import PasswordField
from wtforms.validators import EqualTo, InputRequired

from app.users.roles import Scope
from app.web.access import needs
from app.web.browsers import browser_of
from app.web.current import identity, services, visitor
from app.web.forms import DeskForm
from app.web.tiers import tier


class PasswordForm(DeskForm):
    old_password = PasswordField("Current password", [InputRequired("Type your current password.")])
    new_password = PasswordField("New password", [InputRequired("Choose a new password.")])
    again = PasswordField("New password again", [EqualTo("new_password", "The two new passwords are not the same.")])


def _page(form: PasswordForm) -> ResponseReturnValue:
    me = identity()
    sessions = services().users.sessions.list(me.user_id)
    parts = {"sessions": sessions, "here": me.session_id, "browser_of": browser_of}
    body = render_template("settings/security.html", form=form, **parts)
    return body, 422 if form.errors else 200


@needs(Scope.SELF)
def security() -> ResponseReturnValue:
    return _page(PasswordForm())


@needs(Scope.SELF)
@tier("auth")
def change_password() -> ResponseReturnValue:
    form, me, door = PasswordForm(), identity(), services().users.door
    old, new = form.old_password.data or "", form.new_password.data or ""
    if form.carries(lambda: door.change_password(me.user, me.session_id, old, new, visitor().ip)):
        flash("Your password is changed. Everywhere else you are signed out.")
        return redirect(url_for("settings.security"), 303)
    return _page(form)


@needs(Scope.SELF)
def end_session(session_id: str) -> ResponseReturnValue:
    services().users.keyring.end_session(identity().user_id, session_id)
    flash("That session has ended.")
    return redirect(url_for("settings.security"), 303)


@needs(Scope.SELF)
def end_other_sessions() -> ResponseReturnValue:
    me = identity()
    ended = services().users.keyring.end_other_sessions(me.user_id, but=me.session_id)
    flash(f"{ended} other sessions have ended." if ended != 1 else "One other session has ended.")
    return redirect(url_for("settings.security"), 303)


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/security", view_func=security)
    bp.add_url_rule("/security/password", view_func=change_password, methods=["POST"])
    bp.add_url_rule("/security/sessions/end-others", view_func=end_other_sessions, methods=["POST"])
    bp.add_url_rule("/security/sessions/<session_id>/end", view_func=end_session, methods=["POST"])
