"""The journal of orders: what is in doubt first, then newest first, page by page; one order with its whole story.

An order in doubt waits for evidence by itself; a person who knows better may decide it here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from app.accounts.models import Account
from app.core.errors import Denied
from app.execution.models import Order
from app.execution.service import Filter
from app.execution.states import LIVE, OrderState
from app.execution.timing import milliseconds
from app.users.roles import Scope
from app.web.access import needs
from app.web.asking import ask
from app.web.changes import change_lines
from app.web.contracts import contract_name
from app.web.current import owner_id, services
from app.web.doubts import Doubt, doubts_of
from app.web.format import quantity
from app.web.order_lines import (
    ForeignLine,
    Wish,
    foreign_lines,
    order_lines,
    owned_accounts,
    wishes,
)
from app.web.redirects import safe_next
from app.web.run_timing import order_steps
from app.web.tiers import tier
from app.web.words import SOURCES, in_words

bp = Blueprint("orders", __name__, url_prefix="/orders")

PAGE = 50
MOST_FOREIGN = 25
LONGEST_SYMBOL = 64
STATUSES = {"": "All", "live": "Live", "filled": "Filled", "rejected": "Rejected", "unknown": "Unknown"}


@dataclass(frozen=True, slots=True)
class Tab:
    """A filter as a link."""

    name: str
    text: str
    count: int


@dataclass(frozen=True, slots=True)
class Journal:
    wanted: Filter
    before: str
    tabs: Sequence[Tab]
    accounts: Sequence[Account]
    doubts: Sequence[Doubt]
    wishes: Sequence[Wish]
    foreign: Sequence[ForeignLine]
    older: str

    @property
    def working(self) -> int:
        """How many of these the venues, or the desk itself, could still cancel; those in doubt apart."""
        return next(tab.count for tab in self.tabs if tab.name == "live")

    @property
    def is_first_page(self) -> bool:
        return not self.before

    def params(self, **changed: str) -> dict[str, str]:
        """The filter as a query string's values, with some of them changed; empty ones left out."""
        wanted = self.wanted
        now = {
            "status": wanted.status,
            "account": wanted.account_id,
            "part": wanted.account_run_id,
            "symbol": wanted.symbol,
        }
        return {name: value for name, value in (now | changed).items() if value}


def partials() -> dict[str, Any]:
    """What the journal shows; the first paint and each refresh use the same."""
    return {"journal": _journal(_wanted(), request.args.get("before", ""))}


@bp.get("")
def index() -> ResponseReturnValue:
    return render_template("orders/index.html", **partials())


@bp.get("/rows")
def rows() -> ResponseReturnValue:
    return render_template("orders/_journal.html", **partials())


@bp.get("/<order_id>")
def detail(order_id: str) -> ResponseReturnValue:
    return render_template("orders/detail.html", **_story(order_id))


@bp.get("/<order_id>/live")
def live(order_id: str) -> ResponseReturnValue:
    return render_template("orders/_story.html", **_story(order_id))


@bp.post("/<order_id>/cancel")
@tier("exit")
def cancel(order_id: str) -> ResponseReturnValue:
    told = services().orders.get(owner_id(), order_id)
    try:
        services().orders.cancel(owner_id(), order_id)
    except Denied as refused:
        flash(f"{told.order.side} {contract_name(told.order.symbol)}: {refused.message}")
    else:
        what = f"{told.order.side} {contract_name(told.order.symbol)}"
        flash(f"{what}: the cancelling is asked for. Its state tells what became of it.")
    return _back_to(order_id)


@bp.post("/<order_id>/adopt")
def adopt(order_id: str) -> ResponseReturnValue:
    chosen = request.form.get("venue_order_id", "")
    said = f"It is the venue's order {chosen}, you say: its state is what the venue's book shows."
    return _decide(order_id, lambda: services().orders.adopt(owner_id(), order_id, chosen), said)


@bp.route("/<order_id>/give-up", methods=["GET", "POST"])
@needs(Scope.TRADE)
def give_up(order_id: str) -> ResponseReturnValue:
    if request.method == "GET":
        told = services().orders.get(owner_id(), order_id)
        (doubt,) = doubts_of(owner_id(), [told.order], owned_accounts(owner_id())) or (None,)
        if doubt is None or not doubt.can_give_up:
            raise Denied("This order is not in doubt any more: there is nothing to decide.")
        return ask("Did it never arrive?", "orders/_give_up.html", doubt=doubt)
    said = "It never arrived, you say. What it was for goes on by the rules of its run."
    return _decide(order_id, lambda: services().orders.give_up(owner_id(), order_id), said)


def _decide(order_id: str, decision: Callable[[], None], said: str) -> ResponseReturnValue:
    """Do it and say so; where the engine or somebody else was faster, say that."""
    order = services().orders.get(owner_id(), order_id).order
    try:
        decision()
    except Denied as refused:
        said = refused.message
    flash(f"{order.side} {contract_name(order.symbol)}: {said}")
    return _back_to(order_id)


def _back_to(order_id: str) -> ResponseReturnValue:
    wanted = request.form.get("next", "")
    return redirect(safe_next(wanted) if wanted else url_for("orders.detail", order_id=order_id), 303)


def _wanted() -> Filter:
    asked = request.args
    status = asked.get("status", "")
    known = status in STATUSES or status == "final" or status in tuple(OrderState)
    return Filter(
        account_id=asked.get("account", ""),
        account_run_id=asked.get("part", ""),
        symbol=asked.get("symbol", "").replace("\x00", "").strip().upper()[:LONGEST_SYMBOL],
        status=status if known else "",
    )


def _journal(wanted: Filter, before: str) -> Journal:
    desk, owner = services(), owner_id()
    accounts = owned_accounts(owner)
    found = desk.orders.list(owner, wanted, before, PAGE + 1)
    foreign = desk.orders.foreign(_chosen(wanted, accounts), MOST_FOREIGN) if not before else []
    everywhere = Filter(wanted.account_id, wanted.account_run_id, wanted.symbol)
    return Journal(
        wanted=wanted,
        before=before,
        tabs=_tabs(desk.orders.counts(owner, everywhere)),
        accounts=list(accounts.values()),
        doubts=doubts_of(owner, desk.orders.in_doubt(owner), accounts) if not before else [],
        wishes=wishes(order_lines(found[:PAGE], accounts)),
        foreign=foreign_lines(foreign, accounts),
        older=found[PAGE - 1].id if len(found) > PAGE else "",
    )


def _chosen(wanted: Filter, accounts: dict[str, Account]) -> list[str]:
    """Only the caller's own, whatever the address says."""
    return [key for key in accounts if wanted.account_id in ("", key)]


def _tabs(counts: dict[str, int]) -> list[Tab]:
    sums = {
        "": sum(counts.values()),
        "live": sum(counts.get(state, 0) for state in LIVE),
        **{state: counts.get(state, 0) for state in ("filled", "rejected", "unknown")},
    }
    return [Tab(name, text, sums[name]) for name, text in STATUSES.items()]


def _story(order_id: str) -> dict[str, Any]:
    told = services().orders.get(owner_id(), order_id)
    accounts = owned_accounts(owner_id())
    line, *_ = order_lines([told.order], accounts)
    return {
        "heading": f"{line.order.side.capitalize()} {quantity(line.order.quantity)} {contract_name(line.order.symbol)}",
        "line": line,
        "told": told,
        "changes": change_lines(order_id),
        "slices": order_lines(_of_intent(told.order.intent_id), accounts),
        "doubts": doubts_of(owner_id(), [told.order], accounts),
        "sources": SOURCES,
        "in_words": in_words,
        "milliseconds": milliseconds,
        "steps": order_steps(told.order, services().clock.now()),
    }


def _of_intent(intent_id: str) -> Sequence[Order]:
    with services().db.read() as session:
        return session.scalars(
            select(Order).where(Order.intent_id == intent_id, Order.owner_id == owner_id()).order_by(Order.slice)
        ).all()
