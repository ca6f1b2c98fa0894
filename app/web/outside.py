"""What a person decides about trades made outside the desk: asked in numbers, and done once."""

from decimal import Decimal, InvalidOperation

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.core.errors import Denied, Invalid, NotFound
from app.execution.external import can_adopt
from app.portfolio.differences import surplus
from app.users.roles import Scope
from app.web.access import needs
from app.web.asking import ask
from app.web.current import owner_id, services
from app.web.format import quantity
from app.web.order_lines import owned_accounts

bp = Blueprint("outside", __name__, url_prefix="/outside")


@bp.route("/orders/<foreign_seq>", methods=["GET", "POST"])
@needs(Scope.TRADE)
def order(foreign_seq: str) -> ResponseReturnValue:
    """Take over an order that somebody made elsewhere."""
    row = services().adopting.foreign_order(owner_id(), sequence(foreign_seq))
    if request.method == "GET":
        account = owned_accounts(owner_id())[row.account_id]
        return ask("Adopt this order?", "outside/_order.html", order=row, account=account, can_adopt=can_adopt(row))
    try:
        order_id = services().adopting.adopt_order(owner_id(), row.account_id, row.venue_order_id)
    except Denied as refused:
        flash(refused.message)
        return redirect(url_for("orders.index"), 303)
    flash(f"{row.side} {row.symbol}: adopted. It is the desk's from now on; nothing was sent.")
    return redirect(url_for("orders.detail", order_id=order_id), 303)


@bp.route("/differences/<difference_id>", methods=["GET", "POST"])
@needs(Scope.TRADE)
def difference(difference_id: str) -> ResponseReturnValue:
    """Adopt what the venue holds more, or accept that what the desk filled is gone there."""
    adopting = services().adopting
    row = adopting.difference(owner_id(), difference_id)
    extra, loose = surplus(row.desk_quantity, row.venue_quantity), adopting.loose(owner_id(), difference_id)
    if request.method == "GET":
        account = owned_accounts(owner_id())[row.account_id]
        title = "Adopt this position?" if extra else "Accept the broker's book?"
        return ask(title, "outside/_difference.html", row=row, account=account, extra=extra, loose=loose)
    try:
        if extra:
            run_id = adopting.adopt_position(owner_id(), difference_id, _quantity())
            flash(f"{row.symbol}: {quantity(abs(extra))} adopted as a run of its own. Nothing was sent.")
            return redirect(url_for("runs.detail", run_id=run_id), 303)
        adopting.accept_position(owner_id(), difference_id, _quantity())
        flash(f"{row.symbol}: {quantity(abs(loose))} booked as closed outside the desk. Nothing was sent.")
    except Denied as refused:
        flash(refused.message)
    return redirect(url_for("positions.index"), 303)


@bp.route("/legs/<leg_run_id>", methods=["GET", "POST"])
@needs(Scope.TRADE)
def leg(leg_run_id: str) -> ResponseReturnValue:
    """Accept that a leg was closed at the broker."""
    adopting = services().adopting
    told = adopting.leg_of(owner_id(), leg_run_id)
    try:
        gap = adopting.leg_gap(owner_id(), leg_run_id)
        if gap is None:
            raise Denied("The broker's book agrees with the desk here: there is nothing to accept.")
        if request.method == "GET":
            account = owned_accounts(owner_id())[told.account_id]
            return ask("Accept the broker's book?", "outside/_leg.html", gap=gap, account=account, told=told)
        adopting.accept(owner_id(), leg_run_id, _quantity())
        flash(f"{told.leg.symbol}: {quantity(gap.lacking)} booked as closed outside the desk. Nothing was sent.")
    except Denied as refused:
        flash(refused.message)
    return redirect(url_for("runs.detail", run_id=told.run_id), 303)


def sequence(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise NotFound("There is no such order at the venue.")
    return int(text)


def _quantity() -> Decimal:
    """What the person was shown when they said yes."""
    try:
        return Decimal(request.form.get("quantity", ""))
    except InvalidOperation as error:
        raise Invalid.field("quantity", "Say the quantity that you were shown.") from error
