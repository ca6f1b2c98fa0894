"""The people of the desk, for its admins: roles, switching off, invitations (their link is shown once)."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import PasswordField, RadioField, SelectField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from app.core.errors import Invalid
from app.users.roles import Role, Scope
from app.web.access import needs
from app.web.current import identity, services, visitor
from app.web.forms import DeskForm
from app.web.tiers import tier

ROLES = [
    SelectChoice(Role.VIEWER.value, "Viewer: sees your desk, changes nothing"),
    SelectChoice(Role.TRADER.value, "Trader: a desk of their own"),
    SelectChoice(Role.ADMIN.value, "Admin: a desk of their own, and the people"),
]


class InviteForm(DeskForm):
    role = RadioField("They become", choices=ROLES, default=Role.TRADER.value)
    password = PasswordField("Your password", [InputRequired("Type your password.")])


class RoleForm(DeskForm):
    role = SelectField("Role", choices=[SelectChoice(role.value, role.value.capitalize()) for role in Role])


class ActiveForm(DeskForm):
    active = SelectField("May sign in", choices=[SelectChoice("yes", "Yes"), SelectChoice("no", "No")])


def _page(form: InviteForm, link: str = "") -> ResponseReturnValue:
    users = services().users
    body = render_template(
        "settings/people.html",
        form=form,
        people=users.people.list(),
        invites=users.invites.list(),
        roles=list(Role),
        link=link,
    )
    return body, 422 if form.errors else 200


def _invite(form: InviteForm) -> str:
    me, users = identity(), services().users
    users.door.confirm(me.user, form.password.data, visitor().ip)
    secret = users.keyring.invite(me.user_id, Role(form.role.data))[1]
    return url_for("auth.join", token=secret, _external=True)


def _checked(form: DeskForm) -> None:
    if not form.validate_on_submit():
        raise Invalid({name: list(map(str, sentences)) for name, sentences in form.errors.items() if name})


@needs(Scope.ADMIN)
def people() -> ResponseReturnValue:
    return _page(InviteForm())


@needs(Scope.ADMIN)
@tier("auth")
def invite() -> ResponseReturnValue:
    form = InviteForm()
    links: list[str] = []
    if form.carries(lambda: links.append(_invite(form))):
        return _page(InviteForm(formdata=None), links[0])
    return _page(form)


@needs(Scope.ADMIN)
def withdraw(invite_id: str) -> ResponseReturnValue:
    services().users.keyring.withdraw(invite_id)
    flash("The invitation is withdrawn.")
    return redirect(url_for("settings.people"), 303)


@needs(Scope.ADMIN)
def set_role(user_id: str) -> ResponseReturnValue:
    form = RoleForm()
    _checked(form)
    services().users.people.set_role(identity().user, user_id, Role(form.role.data))
    flash("The role is changed.")
    return redirect(url_for("settings.people"), 303)


@needs(Scope.ADMIN)
def set_active(user_id: str) -> ResponseReturnValue:
    form = ActiveForm()
    _checked(form)
    services().users.people.set_active(identity().user, user_id, form.active.data == "yes")
    flash("Changed.")
    return redirect(url_for("settings.people"), 303)


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/users", view_func=people)
    bp.add_url_rule("/users/invites", view_func=invite, methods=["POST"])
    bp.add_url_rule("/users/invites/<invite_id>/withdraw", view_func=withdraw, methods=["POST"])
    bp.add_url_rule("/users/<user_id>/role", view_func=set_role, methods=["POST"])
    bp.add_url_rule("/users/<user_id>/active", view_func=set_active, methods=["POST"])
