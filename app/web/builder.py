"""Writing a strategy down, new or known. Wrong input is shown at its field, changes nothing, and stays as typed."""

from collections.abc import Callable, Sequence
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.accounts.models import Account
from app.core.errors import Denied, Invalid
from app.instruments.expiries import ExpiryRule
from app.strategies.legs import MOST_LEGS, Draft
from app.strategies.library import as_row
from app.strategies.models import Strategy
from app.users.roles import Scope
from app.web.access import needs
from app.web.chain_basket import leg_rows
from app.web.current import owner_id, services
from app.web.forms import clean_text
from app.web.late_form import LATE_OPTIONS
from app.web.leg_form import LEG_FIELDS, ON_A_DATE, LegRow
from app.web.payoff_view import PayoffView
from app.web.payoffs import payoff_of_form
from app.web.preview import ask_preview
from app.web.sizing_form import METHODS
from app.web.strategy_form import ROW_BUTTONS, StrategyForm, blank_form, filled_form, typed_form
from app.web.strategy_library import MOST_LOTS, draft_of_template, exchanges_of_underlyings

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
    "expiry": {rule.value: rule.words.capitalize() for rule in ExpiryRule}
    | {"n_expiry": "N-th expiry", "n_month": "N-th month", "n_days": "N days away or more", ON_A_DATE: "On a date"},
    "strike_by": {
        "strike": "Money or strike",
        "premium": "Premium nearest",
        "range": "Premium range, middle",
        "range_first": "Premium range, first",
        "delta": "Delta nearest",
    },
    "counted": {"lots": "lots", "units": "units"},
    "price_by": {
        "fixed": "at",
        "ltp": "better than last",
        "bid": "better than bid",
        "ask": "better than ask",
        "trigger": "beyond the trigger",
    },
    "trigger_by": {"fixed": "at", "points": "points beyond last", "percent": "% beyond last"},
    "price_unit": {"points": "points", "percent": "%"},
    "chase_then": {"leave": "rests", "market": "at market"},
    "product": {"NRML": "NRML", "MIS": "MIS", "CNC": "CNC"},
    "price_type": {"MARKET": "Market", "LIMIT": "Limit", "SL": "SL (stop limit)", "SL-M": "SL-M (stop)"},
    "held": {"desk": "by the desk", "broker": "at the broker, if it can"},
    "level": {
        "points": "points",
        "percent": "% of entry",
        "price": "at the price",
        "amount": "in currency",
        "underlying_points": "underlying, points",
        "underlying_percent": "underlying, %",
        "underlying_price": "underlying, at",
    },
    "gain": {"points": "points", "percent": "% of entry", "amount": "in currency"},
} | LATE_OPTIONS
LONGEST_VERSION = 10  # digits
EXCHANGES = ("NFO", "BFO", "NSE", "BSE", "MCX", "CDS")


@bp.route("/new", methods=["GET", "POST"])
@needs(Scope.TRADE)
def new() -> ResponseReturnValue:
    form = _typed() if request.method == "POST" else _with_picked(_from_template() or blank_form(_accounts()))
    return _save_or_show(form, None, lambda draft: services().strategies.create(owner_id(), draft))


@bp.route("/<strategy_id>/edit", methods=["GET", "POST"])
@needs(Scope.TRADE)
def edit(strategy_id: str) -> ResponseReturnValue:
    strategy = services().strategies.get(owner_id(), strategy_id)
    form = _typed() if request.method == "POST" else _with_picked(_stored(strategy))

    def save(draft: Draft) -> str:
        services().strategies.edit(owner_id(), strategy_id, draft, _version(strategy))
        return strategy_id

    return _save_or_show(form, strategy, save)


def _save_or_show(form: StrategyForm, strategy: Strategy | None, save: Callable[[Draft], str]) -> ResponseReturnValue:
    if request.method == "GET" or not ROW_BUTTONS.isdisjoint(request.form):
        return _page(form, strategy)
    if "payoff" in request.form:
        return _page(form, strategy, payoff_of_form(form))
    try:
        draft = form.draft()
        saved_id = save(draft)
    except Invalid as refused:
        form.show(refused)
        return _page(form, strategy), refused.status
    except Denied as refused:
        form.errors["version"] = refused.message
        return _page(form, services().strategies.get(owner_id(), strategy.id) if strategy else None), refused.status
    flash(f"{draft.name} is saved.")
    if "preview" in request.form:
        return redirect(url_for("preview.show", strategy_id=saved_id, errand_id=ask_preview(owner_id(), saved_id)), 303)
    return redirect(url_for("strategies.index"), 303)


def _version(strategy: Strategy) -> int:
    """The one the form was filled from; or the one that somebody saved meanwhile and that stays behind this save."""
    typed = request.form.get("over") or request.form.get("version", "")
    return int(typed) if typed.isdecimal() and len(typed) < LONGEST_VERSION else strategy.version


def _page(form: StrategyForm, strategy: Strategy | None, payoff: PayoffView | None = None) -> str:
    version = strategy and _version(strategy)
    return render_template(
        "strategies/builder.html", form=form, strategy=strategy, version=version, payoff=payoff, **_choices()
    )


def _choices() -> dict[str, Any]:
    return {
        "options": OPTIONS,
        "on_failure": ON_FAILURE,
        "exchanges": EXCHANGES,
        "underlyings": sorted(exchanges_of_underlyings()),
        "blank_leg": LegRow(dict(LEG_FIELDS)),
        "most_legs": MOST_LEGS,
        "methods": METHODS,
        "grades": services().sizing.rules(owner_id()).grades,
    }


def _typed() -> StrategyForm:
    form = typed_form(request.form, _accounts())
    for sentence in form.notes:
        flash(sentence)
    return form


def _accounts() -> Sequence[Account]:
    return services().accounts.list(owner_id())


def _from_template() -> StrategyForm | None:
    """Filled by the template that the address names."""
    asked = request.args
    if not asked.get("template"):
        return None
    typed = asked.get("lots", "")
    lots = min(max(int(typed), 1), MOST_LOTS) if typed.isdecimal() and len(typed) < LONGEST_VERSION else 1
    key, underlying = str(clean_text(asked["template"])), str(clean_text(asked.get("underlying", "")))
    draft = draft_of_template(owner_id(), key, underlying, asked.get("expiry", ""), lots)
    return filled_form(as_row(draft, owner_id()), [], _accounts())


def _with_picked(form: StrategyForm) -> StrategyForm:
    """With the legs that were picked in an option chain: behind those it has, or instead of the blank one."""
    picked = leg_rows(request.args.getlist("leg"))
    if picked:
        form.legs = (form.legs if form.name else []) + picked
    return form


def _stored(strategy: Strategy) -> StrategyForm:
    shares = services().strategies.shares(owner_id(), strategy.id)
    return filled_form(strategy, shares, _accounts())
