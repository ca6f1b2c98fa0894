"""From rows to the values that `waves` decides on: two queries for any number of account runs."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BindParameter, bindparam, func, select
from sqlalchemy.orm import Session

from app.core.db import Database
from app.execution.models import Intent, Order
from app.execution.states import OrderState
from app.strategies.models import AccountRun, LegRun, Run
from app.strategies.waves import ENDED, AccountRunState, AccountRunView, LegView, OnFailure, OrderView
from app.venues.types import Side

EXIT_PURPOSES = ("exit", "stop", "target")


@dataclass(frozen=True, slots=True)
class Loaded:
    """One account's part of a run with its rows, and the view of it."""

    part: AccountRun
    run_exit: tuple[str, str] | None  # reason and who, when the whole run is to be exited
    legs: dict[str, LegRun]
    orders: dict[str, Order]
    view: AccountRunView


_ids: BindParameter[list[str]] = bindparam("ids", expanding=True)
_AS_IT_IS = {"populate_existing": True}
_PARTS = (
    select(AccountRun, Run)
    .join(Run, Run.id == AccountRun.run_id)
    .where(AccountRun.id.in_(_ids))
    .execution_options(**_AS_IT_IS)
)
_LEGS = select(LegRun).where(LegRun.account_run_id.in_(_ids)).order_by(LegRun.number).execution_options(**_AS_IT_IS)
_ORDERS = (
    select(Order, Intent.attempt)
    .join(Intent, Intent.id == Order.intent_id)
    .where(Order.account_run_id.in_(_ids))
    .order_by(Order.id)
    .execution_options(**_AS_IT_IS)
)


def load(session: Session, account_run_ids: Sequence[str]) -> list[Loaded]:
    """As the rows are now: units of work that share a session also share what the ones before have loaded."""
    wanted = {"ids": list(account_run_ids)}
    parts = session.execute(_PARTS, wanted).all()
    legs: dict[str, list[LegRun]] = defaultdict(list)
    for leg in session.scalars(_LEGS, wanted):
        legs[leg.account_run_id].append(leg)
    orders: dict[str, list[tuple[Order, int]]] = defaultdict(list)
    for order, attempt in session.execute(_ORDERS, wanted):
        orders[order.account_run_id or ""].append((order, attempt))
    return [_load(part, run, legs[part.id], orders[part.id]) for part, run in parts]


def _load(part: AccountRun, run: Run, legs: list[LegRun], orders: list[tuple[Order, int]]) -> Loaded:
    by_leg: dict[str, list[tuple[Order, int]]] = defaultdict(list)
    for order, attempt in orders:
        by_leg[order.leg_run_id or ""].append((order, attempt))
    view = AccountRunView(
        state=AccountRunState(part.state),
        on_failure=OnFailure(part.on_failure),
        is_exit_wanted=run.exit_reason is not None or part.exit_reason is not None,
        legs=tuple(_leg_view(leg, by_leg[leg.id], (part.exit_at, run.exit_at)) for leg in legs),
    )
    run_exit = (run.exit_reason, run.exit_by or "") if run.exit_reason is not None else None
    return Loaded(part, run_exit, {leg.id: leg for leg in legs}, {order.id: order for order, _ in orders}, view)


def _leg_view(
    leg: LegRun, orders: list[tuple[Order, int]], asked_above: tuple[datetime | None, datetime | None]
) -> LegView:
    """`asked_above`: when the exit of the account's part and of the whole run was last asked for."""
    asked = max((at for at in (leg.exit_at, *asked_above) if at is not None), default=None)
    before = [
        attempt
        for order, attempt in orders
        if order.purpose in EXIT_PURPOSES and asked is not None and order.ended_at and order.ended_at < asked
    ]
    return LegView(
        id=leg.id,
        side=Side(leg.side),
        target=leg.quantity,
        is_exit_wanted=leg.exit_reason is not None,
        orders=tuple(_order_view(order, attempt) for order, attempt in orders),
        name=f"Leg {leg.number} {leg.symbol}",
        tries_before=max(before, default=0),
    )


def _order_view(order: Order, attempt: int) -> OrderView:
    return OrderView(
        id=order.id,
        is_exit=order.purpose in EXIT_PURPOSES,
        state=OrderState(order.state),
        quantity=order.quantity,
        filled=order.filled_quantity,
        failure=order.failure,
        reason=order.reason,
        attempt=attempt,
        ended_at=order.ended_at,
        cancel_at=order.cancel_at,
    )


def live_reason(db: Database, account_id: str) -> str | None:
    """Why an account cannot be let go of: runs that still hold something in it, or may."""
    with db.read() as session:
        is_live = (AccountRun.account_id == account_id) & AccountRun.state.not_in(ENDED)
        live = session.scalar(select(func.count()).select_from(AccountRun).where(is_live))
    return f"{live} live {'run trades' if live == 1 else 'runs trade'} in it" if live else None
