"""New terms for a working order: a form with its terms of now, and what the exchange asks of it at each field."""

from dataclasses import dataclass, field
from decimal import Decimal

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core.errors import Denied, Invalid
from app.core.ids import new_id
from app.core.money import number, plain
from app.execution.change_service import Changeable
from app.execution.models import OrderChange
from app.execution.proven_terms import asked_terms, old_terms
from app.execution.terms import PRICED, TRIGGERED, Terms
from app.users.roles import Scope
from app.venues.types import PriceType
from app.web.access import needs
from app.web.current import owner_id, services
from app.web.forms import clean_text
from app.web.order_lines import order_lines, owned_accounts

bp = Blueprint("changes", __name__, url_prefix="/orders")

PRICE_TYPES = [("MARKET", "Market"), ("LIMIT", "Limit"), ("SL", "Stop-limit (SL)"), ("SL-M", "Stop-market (SL-M)")]
FIELDS = ("quantity", "price_type", "price", "trigger_price")
LONGEST = 40


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """A change that was asked for, with its terms in words."""

    change: OrderChange
    old: str
    new: str


@dataclass(slots=True)
class ChangeForm:
    """As typed; kept letter for letter when something is wrong."""

    typed: dict[str, str]
    key: str
    errors: dict[str, str] = field(default_factory=dict)

    def terms(self) -> Terms:
        """Raises Invalid where there is no number."""
        kind = self.typed["price_type"]
        if kind not in dict(PRICE_TYPES):
            raise Invalid.field("price_type", "Choose MARKET, LIMIT, SL or SL-M.")
        price_type = PriceType(kind)
        wanted = {"quantity": True, "price": price_type in PRICED, "trigger_price": price_type in TRIGGERED}
        found = {name: number(self.typed[name]) for name, is_wanted in wanted.items() if is_wanted}
        missing = {name: ["Type a number."] for name, value in found.items() if value is None}
        if missing:
            raise Invalid(missing)
        return Terms(found["quantity"] or Decimal(0), price_type, found.get("price"), found.get("trigger_price"))


@bp.route("/<order_id>/change", methods=["GET", "POST"])
@needs(Scope.TRADE)
def change(order_id: str) -> ResponseReturnValue:
    services().orders.get(owner_id(), order_id)  # somebody else's is not there
    try:
        return _ask(order_id) if request.method == "POST" else _page(_look(order_id), None)
    except Denied as refused:
        flash(refused.message)
        return redirect(url_for("orders.detail", order_id=order_id), 303)


def change_lines(order_id: str) -> list[ChangeLine]:
    """Newest first."""
    found = services().by_hand.changes.of(owner_id(), [order_id])[order_id]
    return [ChangeLine(one, str(old_terms(one)), str(asked_terms(one).clean)) for one in found]


def _ask(order_id: str) -> ResponseReturnValue:
    form = ChangeForm({name: _typed(name) for name in FIELDS}, request.form.get("intent_id", "")[:LONGEST])
    try:
        if not form.key.isalnum():
            raise Denied("This form is broken: open it anew. Nothing was sent.")
        services().by_hand.changes.ask(owner_id(), order_id, form.terms(), form.key)
    except Invalid as refused:
        form.errors = {name: texts[0] for name, texts in refused.fields.items()}
        return _page(_look(order_id), form), refused.status
    flash("The change is asked for. The order keeps its terms until the venue has taken the new ones.")
    return redirect(url_for("orders.detail", order_id=order_id), 303)


def _look(order_id: str) -> Changeable:
    return services().by_hand.changes.look(owner_id(), order_id)


def _page(found: Changeable, form: ChangeForm | None) -> str:
    (line,) = order_lines([found.order], owned_accounts(owner_id()))
    shown = form or ChangeForm(_terms_now(found), new_id())
    return render_template("orders/change.html", found=found, line=line, form=shown, price_types=PRICE_TYPES)


def _terms_now(found: Changeable) -> dict[str, str]:
    order = found.order
    return {
        "quantity": plain(order.quantity),
        "price_type": order.price_type,
        "price": plain(order.price) if order.price else "",
        "trigger_price": plain(order.trigger_price) if order.trigger_price else "",
    }


def _typed(name: str) -> str:
    return str(clean_text(request.form.get(name, "")))[:LONGEST]
