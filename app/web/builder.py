"""Writing a strategy down, new or known. Wrong input is shown at its field, changes nothing, and stays as typed."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core.errors import Denied, Invalid
from app.instruments.expiries import ExpiryRule
from app.instruments.models import FactKind
from app.strategies.legs import MOST_LEGS, Draft
from app.strategies.models import Strategy
from app.users.roles import Scope
from app.web.access import needs
from app.web.current import owner_id, services
from app.web.preview import ask_preview
from app.web.strategy_form import LEG_FIELDS, ON_A_DATE, LegRow, StrategyForm, blank_form, filled_form, typed_form

bp = Blueprint("builder", __name__, url_prefix="/strategies")

ON_FAILURE = {
    "unwind": (
        "Close what was filled",
        "The account ends flat: what filled is closed at market, covering buys first.",
    ),
    "hold": ("Keep it and call me", "Filled legs stay open and the run asks for a person: nothing is closed for you."),
}
OPTIONS = {
    "action": {"BUY": "Buy", "SELL": "Sell"},
    "kind": {"CE": "Call (CE)", "PE": "Put (PE)", "FUT": "Future", "SYMBOL": "Symbol"},
    "expiry": {rule.value: rule.words.capitalize() for rule in ExpiryRule} | {ON_A_DATE: "On a date"},
    "product": {"NRML": "NRML", "MIS": "MIS", "CNC": "CNC"},
    "price_type": {"MARKET": "Market", "LIMIT": "Limit"},
}
LONGEST_VERSION = 10  # digits
EXCHANGES = ("NFO", "BFO", "NSE", "BSE", "MCX", "CDS")


@bp.route("/new", methods=["GET", "POST"])
@needs(Scope.TRADE)
def new() -> ResponseReturnValue:
    form = _typed() if request.method == "POST" else blank_form(services().accounts.list(owner_id()))
    return _save_or_show(form, None, lambda draft: services().strategies.create(owner_id(), draft))


@bp.route("/<strategy_id>/edit", methods=["GET", "POST"])
@needs(Scope.TRADE)
def edit(strategy_id: str) -> ResponseReturnValue:
    strategy = services().strategies.get(owner_id(), strategy_id)
    form = _typed() if request.method == "POST" else _stored(strategy)

    def save(draft: Draft) -> str:
        services().strategies.edit(owner_id(), strategy_id, draft, _version(strategy))
        return strategy_id

    return _save_or_show(form, strategy, save)


def _save_or_show(form: StrategyForm, strategy: Strategy | None, save: Callable[[Draft], str]) -> ResponseReturnValue:
    if request.method == "GET" or "add" in request.form or "drop" in request.form:
        return _page(form, strategy)
    try:
        draft = form.draft()
        saved_id = save(draft)
    except Invalid as refused:
        form.show(refused)
        return _page(form, strategy), refused.status
    except Denied as refused:
        form.errors["version"] = refused.message
        return _page(form, strategy), refused.status
    flash(f"{draft.name} is saved.")
    if "preview" in request.form:
        return redirect(url_for("preview.show", strategy_id=saved_id, errand_id=ask_preview(owner_id(), saved_id)), 303)
    return redirect(url_for("strategies.index"), 303)


def _version(strategy: Strategy) -> int:
    """The one the form was filled from."""
    typed = request.form.get("version", "")
    return int(typed) if typed.isdecimal() and len(typed) < LONGEST_VERSION else strategy.version


def _page(form: StrategyForm, strategy: Strategy | None) -> str:
    return render_template(
        "strategies/builder.html", form=form, strategy=strategy, version=strategy and _version(strategy), **_choices()
    )


def _choices() -> dict[str, Any]:
    spots = services().instruments.facts(FactKind.SPOT)
    return {
        "options": OPTIONS,
        "on_failure": ON_FAILURE,
        "exchanges": EXCHANGES,
        "underlyings": sorted({fact.subject for fact in spots if fact.subject != "*"}),
        "blank_leg": LegRow(dict(LEG_FIELDS)),
        "most_legs": MOST_LEGS,
    }


def _typed() -> StrategyForm:
    return typed_form(request.form, services().accounts.list(owner_id()))


def _stored(strategy: Strategy) -> StrategyForm:
    shares = services().strategies.shares(owner_id(), strategy.id)
    return filled_form(strategy, shares, services().accounts.list(owner_id()))
