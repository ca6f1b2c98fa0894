"""The accounts pages: the list with its health, one account, the form, and the guided connection test.

The test itself runs in the engine: a page writes the question, and a fragment looks at its row until it is answered.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.accounts.kinds import KindForm
from app.accounts.models import Account, AccountHealth
from app.accounts.states import TradingState
from app.core import errands
from app.core.db import after_commit
from app.core.errands import Errand
from app.core.errors import Denied, Invalid, NotFound
from app.core.money import number
from app.execution.pacing import kept_for_exits
from app.risk.states import Extent, Kind
from app.users.roles import Scope
from app.web.access import needs
from app.web.account_form import AccountForm, account_form
from app.web.account_rows import Row, row_of
from app.web.books import books_of
from app.web.current import identity, owner_id, services, visitor
from app.web.errors import is_fragment
from app.web.format import money
from app.web.stopping import asker
from app.web.tiers import tier

bp = Blueprint("accounts", __name__, url_prefix="/accounts")

SLOW_ENGINE = timedelta(seconds=10)  # an errand nobody took for so long: the engine is probably not running
FIRST_KIND = "openalgo"


def partials() -> dict[str, Any]:
    """What the list shows; the first paint and each refresh use the same."""
    accounts = services().accounts.list(owner_id())
    seen = services().health.of(account.id for account in accounts)
    return {"rows": [_row(account, seen.get(account.id)) for account in accounts]}


def _row(account: Account, seen: AccountHealth | None) -> Row:
    return row_of(account, seen, services().accounts.kinds, services().clock.now())


@bp.get("")
def index() -> ResponseReturnValue:
    return render_template("accounts/index.html", **partials())


@bp.get("/rows")
def rows() -> ResponseReturnValue:
    return render_template("accounts/_rows.html", **partials())


@bp.route("/new", methods=["GET", "POST"])
@needs(Scope.MANAGE)
def new() -> ResponseReturnValue:
    kinds = services().accounts.kinds
    kind = request.args.get("kind", FIRST_KIND)
    if kind not in kinds:
        raise NotFound("There is no such kind of venue.")
    form = account_form(kinds[kind])
    made: list[Account] = []
    if form.carries(lambda: made.append(services().accounts.add(owner_id(), form.values(kind)))):
        flash(f"{made[0].name} is saved. The connection is being tested.")
        return _to_detail(made[0].id, _ask_test(made[0].id))
    return _form_page("accounts/new.html", form, kinds[kind], chosen=kind, kinds=kinds)


@bp.get("/<account_id>")
def detail(account_id: str) -> ResponseReturnValue:
    errand = _find_test(request.args.get("test", ""), account_id)
    parts = _standing(account_id) | _test_parts(account_id, errand) | books_of(account_id)
    return render_template("accounts/detail.html", **parts)


@bp.get("/<account_id>/standing")
def standing(account_id: str) -> ResponseReturnValue:
    return render_template("accounts/_standing.html", **_standing(account_id))


def _standing(account_id: str) -> dict[str, Any]:
    """Mode, health, funds and connection; the first paint and each refresh use the same."""
    account = services().accounts.get(owner_id(), account_id)
    settings = services().settings
    return {
        "row": _row(account, services().health.of([account_id]).get(account_id)),
        "kept_for_exits": kept_for_exits(account.orders_per_second, account.kept_for_exits),
        "poll_seconds": account.poll_seconds or Decimal(str(settings.figures_poll_seconds)),
        "reads_per_minute": account.reads_per_minute or settings.reads_per_minute,
    }


@bp.route("/<account_id>/edit", methods=["GET", "POST"])
@needs(Scope.MANAGE)
def edit(account_id: str) -> ResponseReturnValue:
    account = services().accounts.get(owner_id(), account_id)
    kind = services().accounts.kinds.get(account.venue_kind, KindForm(account.venue_kind))
    form = account_form(kind, account)
    try:
        if form.carries(lambda: _save(form, account, kind)):
            flash(f"{account.name} is saved.")
            return _to_detail(account_id)
    except Denied as refused:
        form.form_errors.append(refused.message)
        return _form_page("accounts/edit.html", form, kind, account=account)[0], refused.status
    return _form_page("accounts/edit.html", form, kind, account=account)


# -- the guided test


@bp.post("/<account_id>/test")
def start_test(account_id: str) -> ResponseReturnValue:
    services().accounts.get(owner_id(), account_id)
    errand = _ask_test(account_id)
    if not is_fragment():
        return _to_detail(account_id, errand)
    return render_template("accounts/_test.html", **_test_parts(account_id, errand))


@bp.get("/<account_id>/test/<errand_id>")
def look_at_test(account_id: str, errand_id: str) -> ResponseReturnValue:
    errand = _find_test(errand_id, account_id)
    if errand is None:
        raise NotFound("This test is over. Start it again.")
    return render_template("accounts/_test.html", **_test_parts(account_id, errand))


# -- acts on one account


@bp.post("/<account_id>/pause")
@tier("exit")
def pause(account_id: str) -> ResponseReturnValue:
    paused = services().risk.set_state(asker(), Extent(Kind.ACCOUNT, account_id), TradingState.REDUCING)
    return _back(f"{paused.name} is paused: only orders that shrink its risk go out.")


@bp.post("/<account_id>/resume")
def resume(account_id: str) -> ResponseReturnValue:
    resumed = services().risk.set_state(asker(), Extent(Kind.ACCOUNT, account_id), TradingState.ACTIVE)
    return _back(f"{resumed.name} trades again.")


@bp.post("/<account_id>/enable")
@needs(Scope.MANAGE)
def enable(account_id: str) -> ResponseReturnValue:
    account = services().accounts.set_enabled(owner_id(), account_id, True)
    return _back(f"{account.name} is enabled.")


@bp.post("/<account_id>/primary")
@needs(Scope.MANAGE)
def make_primary(account_id: str) -> ResponseReturnValue:
    account = services().accounts.make_primary(owner_id(), account_id)
    return _back(f"{account.name} is primary: its connection serves prices to the whole desk.")


@bp.post("/<account_id>/up")
@needs(Scope.MANAGE)
def move_up(account_id: str) -> ResponseReturnValue:
    services().accounts.move(owner_id(), account_id, up=True)
    return _back()


@bp.post("/<account_id>/down")
@needs(Scope.MANAGE)
def move_down(account_id: str) -> ResponseReturnValue:
    services().accounts.move(owner_id(), account_id, up=False)
    return _back()


@bp.route("/<account_id>/disable", methods=["GET", "POST"])
@needs(Scope.MANAGE)
def disable(account_id: str) -> ResponseReturnValue:
    return _asked_first(account_id, "disable", "is disabled: the desk closes its connection.")


@bp.route("/<account_id>/remove", methods=["GET", "POST"])
@needs(Scope.MANAGE)
def remove(account_id: str) -> ResponseReturnValue:
    return _asked_first(account_id, "remove", "is removed and its keys are wiped. Its orders stay in the journal.")


# -- what they share


def _asked_first(account_id: str, act: str, done: str) -> ResponseReturnValue:
    """Show what will happen; do it when that page's button says so; stay there when it is refused."""
    accounts, account, refused, status = services().accounts, services().accounts.get(owner_id(), account_id), "", 200
    if request.method == "POST":
        try:
            if act == "remove":
                accounts.remove(owner_id(), account_id)
            else:
                accounts.set_enabled(owner_id(), account_id, False)
            return _back(f"{account.name} {done}")
        except Denied as error:
            refused, status = error.message, error.status
    return render_template("accounts/confirm.html", account=account, act=act, refused=refused), status


def _save(form: AccountForm, account: Account, kind: KindForm) -> None:
    """New keys, or old keys sent elsewhere, need the password: an open browser alone must not give them away."""
    if form.touches_keys(account, tuple(field.name for field in kind.extra)):
        if not form.password.data:
            raise Invalid.field("password", "Changing keys or addresses needs your password.")
        services().users.door.confirm(identity().user, form.password.data, visitor().ip)
    services().accounts.edit(owner_id(), account.id, form.values(account.venue_kind), form.opened_version())


def _form_page(template: str, form: AccountForm, kind: KindForm, **more: object) -> tuple[str, int]:
    extra = [form[field.name] for field in kind.extra]
    body = render_template(template, form=form, form_kind=kind, extra=extra, **more)
    return body, 422 if form.errors else 200


def _ask_test(account_id: str) -> Errand:
    with services().db.write() as session:
        question = {"account_id": account_id}
        errand = errands.ask(session, owner_id(), "test_connection", question, services().clock.now())
        after_commit(session, lambda: services().link.send("errands", {}))
    return errand


def _find_test(errand_id: str, account_id: str) -> Errand | None:
    with services().db.read() as session:
        errand = errands.find(session, owner_id(), errand_id) if errand_id else None
    is_this = errand is not None and errand.question.get("account_id") == account_id
    return errand if is_this else None


def _test_parts(account_id: str, errand: Errand | None) -> dict[str, Any]:
    now = services().clock.now()
    steps = (errand.answer or {}).get("steps", errand.progress) if errand else []
    return {
        "account_id": account_id,
        "errand": errand,
        "steps": steps,
        "available": [_available(step) for step in steps],
        "waits_for_engine": bool(errand and errand.taken_at is None and now - errand.created_at > SLOW_ENGINE),
    }


def _available(step: dict[str, Any]) -> str:
    """The funds a step of the test found, "" for any other step."""
    facts = step.get("facts", {})
    value = number(facts.get("available"))
    return money(value, facts.get("currency", "INR")) if value is not None else ""


def _to_detail(account_id: str, errand: Errand | None = None) -> ResponseReturnValue:
    return redirect(url_for("accounts.detail", account_id=account_id, test=errand.id if errand else None), 303)


def _back(notice: str = "") -> ResponseReturnValue:
    """To the page the act was started on; after a removal that page would be gone, so to the list."""
    if notice:
        flash(notice)
    return redirect(url_for("accounts.index"), 303)
