"""Payoffs: of what stands in the builder, of a strategy or its preview, and of what a run holds. Pages that work as
they are, and the part of each that is fetched anew as prices move.
"""

from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core.errors import Invalid
from app.core.money import number
from app.strategies.legs import Leg
from app.strategies.models import Strategy
from app.strategies.sizing import sizing
from app.users.roles import Scope
from app.web.access import needs
from app.web.current import owner_id, services
from app.web.payoff_positions import Subject, of_legs, of_preview, of_run
from app.web.payoff_shares import Taker, margins_of, shared, takers_of
from app.web.payoff_suppose import supposition
from app.web.payoff_view import PayoffView, read_payoff
from app.web.preview import read_preview
from app.web.run_view import read_run
from app.web.strategy_form import StrategyForm, typed_form

bp = Blueprint("payoff", __name__)

MOST_TIMES = 1000  # more is refused when it is saved


@bp.post("/strategies/payoff")
def of_form() -> ResponseReturnValue:
    """Of the legs as they are typed; nothing is saved."""
    form = typed_form(request.form, services().accounts.list(owner_id()))
    return render_template("payoff/_figures.html", payoff=payoff_of_form(form))


@bp.get("/strategies/<strategy_id>/payoff")
def strategy(strategy_id: str) -> ResponseReturnValue:
    found = services().strategies.get(owner_id(), strategy_id)
    crumb = {"href": url_for("strategies.index"), "label": "Strategies"}
    here = url_for("payoff.strategy_look", strategy_id=strategy_id)
    return render_template("payoff/show.html", title=found.name, crumb=crumb, here=here, **partials(strategy_id))


@bp.get("/strategies/<strategy_id>/payoff/look")
def strategy_look(strategy_id: str) -> ResponseReturnValue:
    return render_template("payoff/_figures.html", **partials(strategy_id))


@bp.get("/strategies/<strategy_id>/preview/<errand_id>/payoff")
@needs(Scope.TRADE)
def preview_look(strategy_id: str, errand_id: str) -> ResponseReturnValue:
    """Of the contracts that the preview found."""
    found = read_preview(strategy_id, errand_id)
    if found.is_pending:
        subject = Subject((), trouble="The contracts are being found.", waits=True)
    elif found.strategy.updated_at > found.errand.created_at:
        subject = Subject((), trouble="The strategy was changed after this preview.")
    else:
        subject = of_preview(found.answer, found.strategy.legs)
    return render_template("payoff/_figures.html", payoff=_view(subject))


@bp.get("/runs/<run_id>/payoff")
def run(run_id: str) -> ResponseReturnValue:
    crumb = {"href": url_for("runs.detail", run_id=run_id), "label": "Run"}
    here = url_for("payoff.run_look", run_id=run_id)
    view = read_run(owner_id(), run_id)
    return render_template("payoff/show.html", title=view.run.name, crumb=crumb, here=here, payoff=_view(of_run(view)))


@bp.get("/runs/<run_id>/payoff/look")
def run_look(run_id: str) -> ResponseReturnValue:
    return render_template("payoff/_figures.html", payoff=_view(of_run(read_run(owner_id(), run_id))))


def partials(strategy_id: str) -> dict[str, Any]:
    """What a strategy's payoff shows; the first paint and each refresh use the same."""
    return {"payoff": _view(of_strategy(services().strategies.get(owner_id(), strategy_id)))}


def of_strategy(found: Strategy) -> Subject:
    legs = [Leg.model_validate(leg) for leg in found.legs]
    return shared(
        of_legs(legs, found.venue_kind), takers_of(found), not sizing(found.sizing).is_fixed, margins_of(found)
    )


def payoff_of_form(form: StrategyForm) -> PayoffView:
    """Only the legs count, and who takes part: what else is not filled in yet keeps nobody from looking."""
    try:
        draft = StrategyForm("Payoff", "unwind", form.legs, []).draft()
    except Invalid as refused:
        return _view(Subject((), trouble=_first(refused)))
    return _view(shared(of_legs(draft.legs), _takers(form), form.sizing["method"] != "lots", {}))


def _takers(form: StrategyForm) -> list[Taker]:
    ticked = [(row.account, number(row.multiplier)) for row in form.shares if row.takes_part]
    return [Taker(account.id, account.name, times) for account, times in ticked if times and 0 < times <= MOST_TIMES]


def _view(subject: Subject) -> PayoffView:
    return read_payoff(subject, supposition(request.values))


def _first(refused: Invalid) -> str:
    """The first leg that is not whole, in words."""
    name, sentences = next(iter(refused.fields.items()))
    part, _, rest = name.partition(".")
    number = rest.partition(".")[0]
    return f"Leg {int(number) + 1}: {sentences[0]}" if part == "legs" and number.isdecimal() else sentences[0]
