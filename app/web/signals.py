"""Signals: the addresses that programs elsewhere send to, what came in, and the door itself."""

from typing import Any

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import RequestEntityTooLarge
from wtforms import BooleanField, HiddenField, IntegerField, PasswordField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from app.core.errors import Denied
from app.core.ids import new_id
from app.core.validation import parse
from app.signals.draft import MOST_A_DAY, Draft
from app.signals.message import LONGEST, Action, SignalState
from app.signals.models import Signal, Webhook
from app.signals.proof import HEADER
from app.signals.receiving import Sent
from app.users.roles import Scope
from app.web.access import needs
from app.web.asking import ask
from app.web.current import identity, owner_id, services, visitor
from app.web.forms import DeskForm
from app.web.tiers import tier

bp = Blueprint("signals", __name__)

PAGE = 50
SILENT = [
    SelectChoice("", "is refused"),
    SelectChoice(Action.ENTER.value, "means enter"),
    SelectChoice(Action.EXIT.value, "means exit"),
]


class WebhookForm(DeskForm):
    name = StringField("Name", [InputRequired("Say what it is for.")])
    strategy_id = SelectField("Strategy", validate_choice=False)
    silent_action = SelectField("A message without an action", choices=SILENT)
    one_at_a_time = BooleanField("One run at a time", default=True)
    most_entries = IntegerField("Entries a day at most", default=20)
    allowed_ips = StringField("Only from these addresses (optional, separated by commas)")
    version = HiddenField()

    def draft(self) -> Draft:
        return parse(
            Draft,
            {
                "name": self.name.data, "strategy_id": self.strategy_id.data, "one_at_a_time": self.one_at_a_time.data,
                "silent_action": self.silent_action.data, "most_entries": self.most_entries.data,
                "allowed_ips": [part for text in (self.allowed_ips.data or "").split(",") if (part := text.strip())],
            },
        )  # fmt: skip

    def seen(self) -> int:
        """The version that was looked at."""
        text = self.version.data or ""
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


class NewWebhookForm(WebhookForm):
    password = PasswordField("Your password", [InputRequired("Type your password.")])


class RotateForm(DeskForm):
    password = PasswordField("Your password", [InputRequired("Type your password.")])


@bp.post("/hooks/<webhook_id>")
@tier("hook")
def receive(webhook_id: str) -> ResponseReturnValue:
    """For programs: they prove themselves in the message, and are answered before anything is done."""
    if (request.content_length or 0) > LONGEST:
        raise RequestEntityTooLarge
    sent = Sent(request.get_data(), request.headers.get(HEADER, ""), request.remote_addr or "")
    signal = services().signal_door.receive(webhook_id, sent)
    if signal.state == SignalState.REFUSED:
        raise Denied(signal.reason)
    return jsonify(id=signal.id, state=signal.state, action=signal.action, repeats=signal.repeats), 202


@bp.get("/signals")
def index() -> ResponseReturnValue:
    return render_template("signals/index.html", **partials())


@bp.get("/signals/rows")
def rows() -> ResponseReturnValue:
    return render_template("signals/_rows.html", **partials())


def partials() -> dict[str, Any]:
    """What the page shows; the first paint and each refresh use the same."""
    return {"webhooks": services().signals.list(owner_id()), "strategies": _strategies(), **_came_in()}


@bp.route("/signals/new", methods=["GET", "POST"])
@needs(Scope.MANAGE)
@tier("auth")
def new() -> ResponseReturnValue:
    form = _with_choices(NewWebhookForm(strategy_id=request.args.get("strategy", "")))
    made: list[tuple[str, str]] = []

    def make() -> None:
        draft = form.draft()
        services().users.door.confirm(identity().user, form.password.data or "", visitor().ip)
        made.append(services().signals.create(owner_id(), draft))

    if form.carries(make):
        ((webhook_id, secret),) = made
        return _page(services().signals.get(owner_id(), webhook_id), secret)
    return render_template("signals/form.html", form=form, most=MOST_A_DAY), 422 if form.errors else 200


@bp.get("/signals/webhooks/<webhook_id>")
def webhook(webhook_id: str) -> ResponseReturnValue:
    return _page(services().signals.get(owner_id(), webhook_id))


@bp.get("/signals/webhooks/<webhook_id>/live")
def live(webhook_id: str) -> ResponseReturnValue:
    return render_template("signals/_webhook.html", **_story(services().signals.get(owner_id(), webhook_id)))


@bp.route("/signals/webhooks/<webhook_id>/edit", methods=["GET", "POST"])
@needs(Scope.MANAGE)
def edit(webhook_id: str) -> ResponseReturnValue:
    known = services().signals.get(owner_id(), webhook_id)
    form, status = _with_choices(WebhookForm(obj=known, allowed_ips=", ".join(known.allowed_ips))), 200
    try:
        if form.carries(lambda: services().signals.change(owner_id(), webhook_id, form.draft(), form.seen())):
            flash("The webhook is changed.", "ok")
            return redirect(url_for("signals.webhook", webhook_id=webhook_id), 303)
    except Denied as refused:
        form.form_errors.append(refused.message)
        status = refused.status
    body = render_template("signals/form.html", form=form, webhook=known, most=MOST_A_DAY)
    return body, status if status > 200 or not form.errors else 422


@bp.post("/signals/webhooks/<webhook_id>/pause")
@needs(Scope.TRADE)
def pause(webhook_id: str) -> ResponseReturnValue:
    services().signals.pause(owner_id(), webhook_id)
    flash("It is paused: its messages are refused.")
    return redirect(url_for("signals.webhook", webhook_id=webhook_id), 303)


@bp.post("/signals/webhooks/<webhook_id>/resume")
@needs(Scope.TRADE)
def resume(webhook_id: str) -> ResponseReturnValue:
    services().signals.resume(owner_id(), webhook_id)
    flash("It is on.", "ok")
    return redirect(url_for("signals.webhook", webhook_id=webhook_id), 303)


@bp.post("/signals/webhooks/<webhook_id>/test")
@needs(Scope.TRADE)
def test(webhook_id: str) -> ResponseReturnValue:
    """As if a message had come that calls itself a test: understood, written down, nothing done."""
    known = services().signals.get(owner_id(), webhook_id)
    action = known.silent_action or Action.ENTER.value
    signal = services().signal_door.take(known, {"action": action, "id": f"test {new_id()}", "test": True})
    flash(signal.reason, "ok" if signal.state == SignalState.TESTED else "warn")
    return redirect(url_for("signals.webhook", webhook_id=webhook_id), 303)


@bp.route("/signals/webhooks/<webhook_id>/rotate", methods=["GET", "POST"])
@needs(Scope.MANAGE)
@tier("auth")
def rotate(webhook_id: str) -> ResponseReturnValue:
    known, form = services().signals.get(owner_id(), webhook_id), RotateForm()
    secrets: list[str] = []

    def turn() -> None:
        services().users.door.confirm(identity().user, form.password.data or "", visitor().ip)
        secrets.append(services().signals.rotate(owner_id(), webhook_id))

    if form.carries(turn):
        return _page(services().signals.get(owner_id(), webhook_id), secrets[0])
    body = ask("Give it a new secret?", "signals/_rotate.html", webhook=known, form=form)
    return body, 422 if form.errors else 200


@bp.route("/signals/webhooks/<webhook_id>/delete", methods=["GET", "POST"])
@needs(Scope.MANAGE)
def delete(webhook_id: str) -> ResponseReturnValue:
    known = services().signals.get(owner_id(), webhook_id)
    if request.method == "GET":
        return ask("Delete this webhook?", "signals/_delete.html", webhook=known)
    services().signals.remove(owner_id(), webhook_id)
    flash("The webhook is deleted. What came in by it stays on record.")
    return redirect(url_for("signals.index"), 303)


@bp.get("/signals/<signal_id>")
def signal(signal_id: str) -> ResponseReturnValue:
    return render_template("signals/signal.html", **_signal(signal_id))


@bp.get("/signals/<signal_id>/live")
def signal_live(signal_id: str) -> ResponseReturnValue:
    return render_template("signals/_signal.html", **_signal(signal_id))


def _signal(signal_id: str) -> dict[str, Any]:
    found: Signal = services().signals.signal(owner_id(), signal_id)
    return {"signal": found, "names": _names()}


def _page(webhook: Webhook, secret: str = "") -> ResponseReturnValue:
    return render_template("signals/webhook.html", secret=secret, **_story(webhook))


def _story(webhook: Webhook) -> dict[str, Any]:
    return {
        "webhook": webhook,
        "strategies": _strategies(),
        "address": url_for("signals.receive", webhook_id=webhook.id, _external=True),
        "header": HEADER,
        **_came_in(webhook.id),
    }


def _came_in(webhook_id: str = "") -> dict[str, Any]:
    before = request.args.get("before", "")[:40]
    found = services().signals.signals(owner_id(), webhook_id, before, PAGE + 1)
    older = found[PAGE - 1].id if len(found) > PAGE else ""
    return {"signals": found[:PAGE], "older": older, "before": before, "names": _names()}


def _strategies() -> dict[str, str]:
    return {one.id: one.name for one in services().strategies.list(owner_id())}


def _names() -> dict[str, str]:
    return services().signals.names(owner_id())


def _with_choices(form: WebhookForm) -> WebhookForm:
    form.strategy_id.choices = [SelectChoice("", "Choose…"), *(SelectChoice(*one) for one in _strategies().items())]
    return form
