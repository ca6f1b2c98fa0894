"""The order ticket: find the instrument, write the order, look at what it would do in each account, place it once.

The form carries a key that the server made, and the ticket's own row says that it was placed: a double click, a second
tab or a form sent again leads to the same orders.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core import errands
from app.core.errors import Denied, Invalid
from app.core.ids import new_id
from app.core.money import number
from app.execution.models import OrderTicket
from app.execution.states import OrderState
from app.execution.ticket import Draft, Found
from app.execution.tickets import TOO_OLD, VENUE_KIND, Looked, Part
from app.instruments.models import Instrument
from app.users.roles import Scope
from app.web.access import needs
from app.web.current import owner_id, services
from app.web.format import money
from app.web.order_lines import OrderLine, order_lines, owned_accounts
from app.web.ticket_form import TicketForm, blank_ticket, typed_ticket

bp = Blueprint("trade", __name__, url_prefix="/trade")

MOST_FOUND = 12
LONGEST_KEY = 40
LONGEST_SEARCH = 64
OPTIONS = {
    "side": [("BUY", "Buy"), ("SELL", "Sell")],
    "product": [("NRML", "NRML"), ("MIS", "MIS"), ("CNC", "CNC")],
    "unit": [("lots", "lots"), ("units", "units")],
    "price_type": [("MARKET", "Market"), ("LIMIT", "Limit"), ("SL", "Stop-limit (SL)"), ("SL-M", "Stop-market (SL-M)")],
}


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a placed ticket in one account: its orders, or why nothing was sent."""

    account: str
    refusal: str
    lines: Sequence[OrderLine]


@dataclass(frozen=True, slots=True)
class TicketView:
    """`problem` says why it can't be placed as it is, or nothing."""

    ticket: OrderTicket
    draft: Draft
    looked: Looked | None
    problem: str
    margins: dict[str, dict[str, str]]
    is_asking: bool  # the accounts have not all said what margin it needs
    results: Sequence[Result]

    @property
    def is_placed(self) -> bool:
        return self.ticket.placed_at is not None

    @property
    def is_under_way(self) -> bool:
        """Whether an order has not even its venue's answer."""
        return any(
            line.order.state in (OrderState.NEW, OrderState.SENDING) for one in self.results for line in one.lines
        )

    @property
    def orders(self) -> int:
        return sum(len(part.portion.slices) for part in self.looked.able) if self.looked else 0

    @property
    def can_place(self) -> bool:
        return not self.is_placed and not self.problem

    def margin(self, part: Part) -> str:
        known = self.margins.get(part.account.id, {})
        return money(number(known.get("total")), part.account.currency)

    def margin_trouble(self, part: Part) -> str:
        return self.margins.get(part.account.id, {}).get("trouble", "")


@bp.get("")
@needs(Scope.TRADE)
def index() -> ResponseReturnValue:
    return _page(blank_ticket(request.args, services().accounts.list(owner_id())), new_id())


@bp.post("")
def write() -> ResponseReturnValue:
    form = typed_ticket(request.form, services().accounts.list(owner_id()))
    key = request.form.get("intent_id", "")
    try:
        ticket_id = services().by_hand.tickets.write(owner_id(), form.draft(), _checked(key))
    except Invalid as refused:
        form.show(refused)
        return _page(form, key or new_id()), refused.status
    return redirect(url_for("trade.show", ticket_id=ticket_id), 303)


@bp.get("/find")
def find() -> ResponseReturnValue:
    return render_template("trade/_found.html", found=_found(), searched=_searched())


@bp.get("/<ticket_id>")
@needs(Scope.TRADE)
def show(ticket_id: str) -> ResponseReturnValue:
    return render_template("trade/show.html", **partials(ticket_id))


@bp.get("/<ticket_id>/live")
@needs(Scope.TRADE)
def live(ticket_id: str) -> ResponseReturnValue:
    return render_template("trade/_ticket.html", **partials(ticket_id))


@bp.post("/<ticket_id>/place")
def place(ticket_id: str) -> ResponseReturnValue:
    """Where nothing could go, the page itself says why, account by account."""
    try:
        services().by_hand.tickets.place(owner_id(), ticket_id)
    except Denied as refused:
        flash(refused.message)
    return redirect(url_for("trade.show", ticket_id=ticket_id), 303)


def partials(ticket_id: str) -> dict[str, Any]:
    """What the page of a ticket shows; the first paint and each refresh use the same."""
    return {"view": read_ticket(owner_id(), ticket_id)}


def read_ticket(owner: str, ticket_id: str) -> TicketView:
    tickets = services().by_hand.tickets
    ticket = tickets.get(owner, ticket_id)
    draft = Draft.model_validate(ticket.draft)
    if ticket.placed_at is not None:
        return TicketView(ticket, draft, None, "", {}, False, _results(owner, ticket, draft))
    try:
        looked = tickets.look(owner, ticket_id)
    except Invalid as refused:
        problem = " ".join(text for texts in refused.fields.values() for text in texts)
        return TicketView(ticket, draft, None, problem, {}, False, ())
    margins, is_asking = _margins(owner, ticket)
    return TicketView(ticket, draft, looked, _problem(looked), margins, is_asking, ())


def _problem(looked: Looked) -> str:
    if services().clock.now() - looked.ticket.created_at > TOO_OLD:
        return "This ticket is old: prices have moved since. Write it anew."
    if not looked.able:
        return "No account can take this order now; each says why."
    return ""


def _margins(owner: str, ticket: OrderTicket) -> tuple[dict[str, dict[str, str]], bool]:
    with services().db.read() as session:
        errand = errands.find(session, owner, ticket.errand_id or "")
    if errand is None or errand.done_at is None:
        return {}, errand is not None
    return (errand.answer or {}).get("margins", {}), False


def _results(owner: str, ticket: OrderTicket, draft: Draft) -> list[Result]:
    """In the order of the ticket's accounts."""
    accounts = owned_accounts(owner)
    lines = order_lines(services().by_hand.tickets.orders(owner, ticket.id), accounts)
    return [
        Result(
            accounts[share.account_id].name,
            ticket.refused.get(share.account_id, ""),
            [line for line in lines if line.order.account_id == share.account_id],
        )
        for share in draft.accounts
    ]


def _page(form: TicketForm, key: str) -> str:
    chosen = _chosen(form)
    return render_template(
        "trade/index.html", form=form, key=key, chosen=chosen, options=OPTIONS, found=_found(), searched=_searched()
    )


def _chosen(form: TicketForm) -> Found | None:
    """The instrument, when it can be traded; else its field says why not."""
    exchange, symbol = form.typed["exchange"].upper(), form.typed["symbol"].upper()
    if not symbol:
        return None
    try:
        return services().by_hand.tickets.find(exchange, symbol)
    except Invalid as refused:
        form.errors.setdefault("symbol", refused.fields["symbol"][0])
        return None


def _searched() -> str:
    return request.args.get("q", "").replace("\x00", "").strip()[:LONGEST_SEARCH]


def _found() -> Sequence[Instrument]:
    return services().instruments.search(_searched(), VENUE_KIND, "", MOST_FOUND) if _searched() else []


def _checked(key: str) -> str:
    if not (key.isascii() and key.isalnum() and len(key) <= LONGEST_KEY):
        raise Invalid.field("accounts", "This form is broken: open the ticket anew. Nothing was sent.")
    return key
