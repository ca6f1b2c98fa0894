"""One's own API tokens. A new one is shown once, in the answer to the form, and never again."""

from datetime import timedelta

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import PasswordField, SelectField, SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired
from wtforms.widgets import CheckboxInput, ListWidget

from app.users.api_tokens import TokenWish
from app.users.roles import Scope
from app.web.access import needs
from app.web.current import identity, services, visitor
from app.web.forms import DeskForm
from app.web.tiers import tier

SCOPES = [
    SelectChoice(Scope.READ.value, "Read: see everything you see"),
    SelectChoice(Scope.TRADE.value, "Trade: place, change and cancel orders, run strategies"),
    SelectChoice(Scope.MANAGE.value, "Manage: accounts, keys and limits"),
    SelectChoice(Scope.METRICS.value, "Metrics: the desk's own numbers at /metrics, for admins"),
]
LASTING = [
    SelectChoice("30", "30 days"),
    SelectChoice("90", "90 days"),
    SelectChoice("365", "One year"),
    SelectChoice("0", "Until revoked"),
]


class TokenForm(DeskForm):
    name = StringField("Name", [InputRequired("Say what it is for.")])
    scopes = SelectMultipleField(
        "It may", choices=SCOPES, widget=ListWidget(prefix_label=False), option_widget=CheckboxInput()
    )
    days = SelectField("It lasts", choices=LASTING, default="90")
    allowed_ips = StringField("Only from these addresses (optional, separated by commas)")
    password = PasswordField("Your password", [InputRequired("Type your password.")])

    def wish(self) -> TokenWish:
        days = int(self.days.data)
        return TokenWish(
            name=self.name.data,
            scopes=self.scopes.data,
            allowed_ips=[part for text in self.allowed_ips.data.split(",") if (part := text.strip())],
            expires_at=services().clock.now() + timedelta(days=days) if days else None,
        )


def _page(form: TokenForm, secret: str = "") -> ResponseReturnValue:
    listed = services().users.tokens.list(identity().user_id)
    body = render_template("settings/tokens.html", form=form, tokens=listed, secret=secret)
    return body, 422 if form.errors else 200


def _create(form: TokenForm) -> str:
    me, users = identity(), services().users
    users.door.confirm(me.user, form.password.data, visitor().ip)
    return users.keyring.create_token(me.user_id, form.wish())[1]


@needs(Scope.SELF)
def tokens() -> ResponseReturnValue:
    return _page(TokenForm())


@needs(Scope.SELF)
@tier("auth")
def create_token() -> ResponseReturnValue:
    form = TokenForm()
    secrets: list[str] = []
    if form.carries(lambda: secrets.append(_create(form))):
        return _page(TokenForm(formdata=None), secrets[0])
    return _page(form)


@needs(Scope.SELF)
def revoke_token(token_id: str) -> ResponseReturnValue:
    services().users.keyring.revoke_token(identity().user_id, token_id)
    flash("The token is revoked.")
    return redirect(url_for("settings.tokens"), 303)


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/tokens", view_func=tokens)
    bp.add_url_rule("/tokens", view_func=create_token, methods=["POST"])
    bp.add_url_rule("/tokens/<token_id>/revoke", view_func=revoke_token, methods=["POST"])
