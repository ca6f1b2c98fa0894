"""Cancelling many orders: counted before, asked once, told order by order while it happens."""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core.errors import Denied
from app.core.ids import new_id
from app.execution.cancelling import Which
from app.execution.models import Order
from app.users.roles import Scope
from app.web.access import needs
from app.web.asking import ask
from app.web.current import owner_id, services
from app.web.order_lines import order_lines, owned_accounts
from app.web.tiers import tier
from app.web.words import count

bp = Blueprint("cancels", __name__, url_prefix="/orders")

FILTERS = ("account", "symbol", "run", "part", "all")
LONGEST = 64
MOST_SELECTED = 500
MOST_SHOWN = 12  # named one by one in the question; of more only the number


@bp.route("/cancel", methods=["GET", "POST"])
@needs(Scope.TRADE)
@tier("exit")
def many() -> ResponseReturnValue:
    which = wanted(request.values.to_dict(), request.values.getlist("order"))
    if which.fault:
        return ask("Which orders?", "orders/_cancel_none.html"), 422
    if request.method == "GET":
        return _question(which)
    batch_id = request.form.get("intent_id", "")
    if not (batch_id.isascii() and batch_id.isalnum() and len(batch_id) <= LONGEST):
        raise Denied("This form is broken: open it anew. Nothing was cancelled.")
    try:
        services().by_hand.cancels.cancel(owner_id(), which, batch_id)
    except Denied as too_late:
        flash(too_late.message)
        return redirect(url_for("orders.index"), 303)
    return redirect(url_for("cancels.batch", batch_id=batch_id), 303)


@bp.get("/cancels/<batch_id>")
def batch(batch_id: str) -> ResponseReturnValue:
    return render_template("orders/cancels.html", **partials(batch_id))


@bp.get("/cancels/<batch_id>/live")
def live(batch_id: str) -> ResponseReturnValue:
    return render_template("orders/_cancels.html", **partials(batch_id))


def partials(batch_id: str) -> dict[str, Any]:
    """What became of them; the first paint and each refresh use the same."""
    found = services().by_hand.cancels.batch(owner_id(), batch_id)
    return {"batch": found, "lines": order_lines(found.orders, owned_accounts(owner_id()))}


def wanted(asked: dict[str, str], order_ids: Sequence[str]) -> Which:
    """By ticked orders, by filter, or all where it says so. A run that is not the caller's is not found."""
    parts = None
    if asked.get("run"):
        parts = tuple(part.id for part in services().strategies.parts(owner_id(), asked["run"]))
    elif asked.get("part"):
        parts = (asked["part"],)
    return Which(
        order_ids=tuple(filter(None, order_ids))[:MOST_SELECTED],
        account_id=asked.get("account", "")[:LONGEST],
        symbol=asked.get("symbol", "").replace("\x00", "").strip().upper()[:LONGEST],
        account_run_ids=parts,
        everything=asked.get("all") == "y",
    )


def _question(which: Which) -> ResponseReturnValue:
    found = services().by_hand.cancels.working(owner_id(), which)
    return ask(
        _title(found),
        "orders/_cancel_many.html",
        lines=order_lines(found[:MOST_SHOWN], owned_accounts(owner_id())),
        total=len(found),
        exits=sum(order.purpose not in ("entry", "manual") for order in found),
        fields=_fields(found),
        key=new_id(),
    )


def _title(found: Sequence[Order]) -> str:
    accounts = len({order.account_id for order in found})
    return f"Cancel {count(len(found), 'order')} in {count(accounts, 'account')}?"


def _fields(found: Sequence[Order]) -> list[tuple[str, str]]:
    """What was counted is what is cancelled: the orders themselves, where they are few enough to name."""
    if len(found) <= MOST_SELECTED:
        return [("order", order.id) for order in found]
    return [(name, request.args[name]) for name in FILTERS if request.args.get(name)]
