"""Payoffs over the API: of any legs, of a strategy, of what a run holds."""

import time
from collections.abc import Callable

from flask import Blueprint

from app.users.roles import Scope
from app.web.access import needs
from app.web.api.operation import operation
from app.web.api.payoff_shapes import PayoffAsked, PayoffOfLegs, PayoffShown, payoff_shown
from app.web.current import owner_id, services
from app.web.payoff_positions import Subject, of_legs, of_run
from app.web.payoff_suppose import Supposition
from app.web.payoff_view import PayoffView, read_payoff
from app.web.payoffs import of_strategy as of_a_strategy
from app.web.run_view import read_run

bp = Blueprint("payoff", __name__, url_prefix="/api/v1")

TAG = "Payoff"
LOOK_EVERY = 0.1  # seconds
DETAIL = (
    "Profit over the price of each underlying, now and at the first expiry, with extremes, break-evens, chance and "
    "greeks. Prices are asked of the engine while somebody looks; `trouble` says why there is no curve, or not yet."
)


@bp.post("/payoff")
@needs(Scope.READ)
@operation(TAG, "Work out the payoff of legs", DETAIL, takes=PayoffOfLegs, gives=PayoffShown)
def of_any_legs(body: PayoffOfLegs) -> PayoffShown:
    return _worked_out(lambda: of_legs(body.legs), body)


@bp.get("/strategies/<strategy_id>/payoff")
@operation(TAG, "Work out the payoff of a strategy", DETAIL, query=PayoffAsked, gives=PayoffShown)
def of_strategy(strategy_id: str, query: PayoffAsked) -> PayoffShown:
    found = services().strategies.get(owner_id(), strategy_id)
    return _worked_out(lambda: of_a_strategy(found), query)


@bp.get("/runs/<run_id>/payoff")
@operation(
    TAG,
    "Work out the payoff of what a run holds",
    f"At its real entry prices, in all accounts together, live and paper alike. {DETAIL}",
    query=PayoffAsked,
    gives=PayoffShown,
)
def of_one_run(run_id: str, query: PayoffAsked) -> PayoffShown:
    return _worked_out(lambda: of_run(read_run(owner_id(), run_id)), query)


def _worked_out(subject: Callable[[], Subject], asked: PayoffAsked) -> PayoffShown:
    clock = services().clock
    until = clock.monotonic() + asked.wait
    view = _look(subject(), asked)
    while view.waits and clock.monotonic() < until:
        time.sleep(LOOK_EVERY)
        view = _look(subject(), asked)
    return payoff_shown(view)


def _look(subject: Subject, asked: PayoffAsked) -> PayoffView:
    return read_payoff(subject, Supposition({}, asked.spot, asked.volatility, asked.day))
