"""Closing by hand what was opened by hand: the numbers first, then one market exit of what is held and not leaving."""

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.core.errors import Denied, NotFound
from app.core.ids import new_id
from app.execution.closing import Place
from app.users.roles import Scope
from app.web.access import needs
from app.web.asking import ask
from app.web.contracts import contract_name
from app.web.current import owner_id, services
from app.web.order_lines import owned_accounts
from app.web.tiers import tier

bp = Blueprint("closes", __name__, url_prefix="/positions")

LONGEST = 64


@bp.route("/close", methods=["GET", "POST"])
@needs(Scope.TRADE)
@tier("exit")
def close() -> ResponseReturnValue:
    place = _place()
    account = owned_accounts(owner_id()).get(place.account_id)
    if account is None:
        raise NotFound("There is no such account.")
    if request.method == "GET":
        held = services().by_hand.closing.traded(owner_id(), place)
        return ask(
            f"Close {contract_name(place.symbol)} in {account.name}?",
            "positions/_close.html", place=place, account=account, held=held, key=new_id(),
        )  # fmt: skip
    key = request.form.get("intent_id", "")
    if not (key.isascii() and key.isalnum() and len(key) <= LONGEST):
        raise Denied("This form is broken: open it anew. Nothing was sent.")
    try:
        ids = services().by_hand.closing.close(owner_id(), place, f"close:{key}")
    except Denied as refused:
        flash(refused.message)
        return redirect(url_for("positions.index"), 303)
    return redirect(url_for("orders.detail", order_id=ids[0]), 303)


def _place() -> Place:
    names = ("account", "exchange", "symbol", "product")
    values = [request.values.get(name, "").replace("\x00", "")[:LONGEST] for name in names]
    return Place(*values)
