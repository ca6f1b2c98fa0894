"""Entries that follow the market: what `chasing` says is due is asked for as a change, in the unit of work of the step.

Nothing of an entry that fails, leaves or is being cancelled is moved any more, and a price that is not known freshly
moves nothing: the order rests as it is. At market is a limit that crosses the book by so much, since not every venue
lets a limit order become one at market.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from app.execution import changes
from app.execution.changes import Waiting
from app.execution.states import AT_VENUE
from app.execution.terms import Terms
from app.strategies.chasing import Chase, Resting, Step, step
from app.strategies.entry_price import CannotPrice, PriceFrom, limit_price
from app.strategies.exit_prices import Means, market_terms
from app.strategies.models import LegRun
from app.strategies.part_views import AccountRunState, OrderView
from app.strategies.views import Loaded
from app.strategies.waves import Decision
from app.venues.types import PriceType, Side, Symbol

CROSSES = Decimal(3)  # percent, where the account says nothing


def follow(session: Session, loaded: Loaded, decision: Decision, means: Means, now: datetime) -> tuple[Waiting, ...]:
    """The changes that were asked for, to be sent with what else the step sends."""
    is_entering = decision.state is AccountRunState.ENTERING or any(leg.has_live_entry for leg in loaded.view.late)
    if not is_entering or decision.trouble or loaded.view.is_exit_wanted:
        return ()
    if not any(leg.chase for leg in loaded.legs.values()) or not means.can_change(loaded.part.account_id):
        return ()
    asked = []
    for leg, order, due in _due(loaded, decision, now):
        terms = _terms(leg, order, due, means, loaded.part.account_id)
        if terms is not None:
            asked.append(changes.ask_by_desk(session, order.id, terms, now))
    return tuple(one for one in asked if one is not None)


def _due(loaded: Loaded, decision: Decision, now: datetime) -> Iterator[tuple[LegRun, OrderView, Step]]:
    for view in loaded.view.legs:
        leg = loaded.legs[view.id]
        if not leg.chase or view.is_exit_wanted or leg.exit_reason is not None:
            continue
        rule = Chase.model_validate(leg.chase)
        for order in view.entries:
            if not order.is_limit or order.sent_at is None or order.state not in AT_VENUE:
                continue
            if order.cancel_at is not None or order.id in decision.cancel:
                continue
            due = step(rule, Resting(order.sent_at, order.new_terms), now)
            if due is not Step.WAIT:
                yield leg, order, due


def _terms(leg: LegRun, order: OrderView, due: Step, means: Means, account_id: str) -> Terms | None:
    side, quote = Side(leg.side), means.quote(Symbol(leg.exchange, leg.symbol))
    if due is Step.MARKET and quote is None:
        return None
    if due is Step.MARKET:
        final = market_terms(side, quote, means.protection(account_id) or CROSSES, leg.tick)
        return Terms(order.quantity, final.price_type, final.price)
    try:
        price = limit_price(PriceFrom.model_validate(leg.price_from), side, quote, leg.tick)
    except CannotPrice:
        return None
    return Terms(order.quantity, PriceType.LIMIT, price)
