"""From rows to the values that `waves` decides on: three queries for any number of account runs."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Table, bindparam, func, select
from sqlalchemy.orm import Session

from app.core.db import Database
from app.execution.models import Intent, Order
from app.execution.statements import run
from app.execution.states import OrderState
from app.strategies.models import AccountRun, LegRun, Run
from app.strategies.waves import ENDED, AccountRunState, AccountRunView, LegView, OnFailure, OrderView
from app.venues.types import Side

EXIT_PURPOSES = ("exit", "stop", "target")


@dataclass(frozen=True, slots=True)
class Loaded:
    """One account's part of a run with its rows, and the view of it. Legs and orders are rows to read, not objects to
    change: making objects of them costs more than all the deciding."""

    part: AccountRun
    run_exit: tuple[str, str] | None  # reason and who, when the whole run is to be exited
    legs: dict[str, LegRun]
    orders: dict[str, Order]
    view: AccountRunView


_ids: BindParameter[list[str]] = bindparam("ids", expanding=True)
_orders: Table = Order.__table__  # type: ignore[assignment]  # a declarative class has a Table
_legs: Table = LegRun.__table__  # type: ignore[assignment]  # as above
_PARTS = (
    select(AccountRun, Run)
    .join(Run, Run.id == AccountRun.run_id)
    .where(AccountRun.id.in_(_ids))
    .execution_options(populate_existing=True)
)
_LEGS = select(_legs).where(_legs.c.account_run_id.in_(_ids)).order_by(_legs.c.number)
_ORDER_COLUMNS = [
    _orders.c[name]
    for name in (
        "id", "account_run_id", "leg_run_id", "purpose", "state", "quantity", "filled_quantity", "failure", "reason",
        "ended_at", "cancel_at", "exchange", "symbol", "side", "price_type", "product", "price", "trigger_price",
        "venue_order_id",
    )
]  # fmt: skip
_ORDERS = (
    select(*_ORDER_COLUMNS, Intent.attempt)
    .join(Intent, Intent.id == _orders.c.intent_id)
    .where(_orders.c.account_run_id.in_(_ids))
    .order_by(_orders.c.id)
)
_ORDERS_BY_ID = select(*_ORDER_COLUMNS).where(_orders.c.id.in_(_ids)).order_by(_orders.c.id)


def load(session: Session, account_run_ids: Sequence[str]) -> list[Loaded]:
    """As the rows are now: units of work that share a session also share what the ones before have loaded."""
    wanted = {"ids": list(account_run_ids)}
    parts = session.execute(_PARTS, wanted).all()
    legs: dict[str, list[LegRun]] = defaultdict(list)
    for leg in run(session, _LEGS, wanted):
        legs[leg.account_run_id].append(leg)
    orders: dict[str, list[Any]] = defaultdict(list)
    for order in run(session, _ORDERS, wanted):
        orders[order.account_run_id].append(order)
    return [_load(part, whole, legs[part.id], orders[part.id]) for part, whole in parts]


def orders_to_send(session: Session, order_ids: Sequence[str]) -> list[Order]:
    """These orders, as rows that say all that sending needs."""
    return list(run(session, _ORDERS_BY_ID, {"ids": list(order_ids)}))


def _load(part: AccountRun, whole: Run, legs: list[LegRun], orders: list[Any]) -> Loaded:
    by_leg: dict[str, list[Any]] = defaultdict(list)
    for order in orders:
        by_leg[order.leg_run_id].append(order)
    view = AccountRunView(
        state=AccountRunState(part.state),
        on_failure=OnFailure(part.on_failure),
        is_exit_wanted=whole.exit_reason is not None or part.exit_reason is not None,
        legs=tuple(_leg_view(leg, by_leg[leg.id], (part.exit_at, whole.exit_at)) for leg in legs),
    )
    run_exit = (whole.exit_reason, whole.exit_by or "") if whole.exit_reason is not None else None
    return Loaded(part, run_exit, {leg.id: leg for leg in legs}, {order.id: order for order in orders}, view)


def _leg_view(leg: LegRun, orders: list[Any], asked_above: tuple[datetime | None, datetime | None]) -> LegView:
    """`asked_above`: when the exit of the account's part and of the whole run was last asked for."""
    asked = max((at for at in (leg.exit_at, *asked_above) if at is not None), default=None)
    before = [
        order.attempt
        for order in orders
        if order.purpose in EXIT_PURPOSES and asked is not None and order.ended_at and order.ended_at < asked
    ]
    return LegView(
        id=leg.id,
        side=Side(leg.side),
        target=leg.quantity,
        is_exit_wanted=leg.exit_reason is not None,
        orders=tuple(_order_view(order) for order in orders),
        name=f"Leg {leg.number} {leg.symbol}",
        tries_before=max(before, default=0),
    )


def _order_view(order: Any) -> OrderView:
    return OrderView(
        id=order.id,
        is_exit=order.purpose in EXIT_PURPOSES,
        state=OrderState(order.state),
        quantity=order.quantity,
        filled=order.filled_quantity,
        failure=order.failure,
        reason=order.reason,
        attempt=order.attempt,
        ended_at=order.ended_at,
        cancel_at=order.cancel_at,
    )


def live_reason(db: Database, account_id: str) -> str | None:
    """Why an account cannot be let go of: runs that still hold something in it, or may."""
    with db.read() as session:
        is_live = (AccountRun.account_id == account_id) & AccountRun.state.not_in(ENDED)
        live = session.scalar(select(func.count()).select_from(AccountRun).where(is_live))
    return f"{live} live {'run trades' if live == 1 else 'runs trade'} in it" if live else None
