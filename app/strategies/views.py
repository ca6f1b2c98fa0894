"""From rows to the values that `waves` decides on: four queries for any number of account runs."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BindParameter, Table, bindparam, func, select
from sqlalchemy.orm import Session

from app.core.db import Database
from app.core.money import ZERO
from app.core.prepared import execute
from app.execution.models import Intent, Order, OrderChange
from app.execution.states import AT_VENUE, OrderState
from app.execution.terms import PRICED, ChangeState
from app.strategies.exit_prices import NewTerms
from app.strategies.exit_rule import exit_rule
from app.strategies.gone import EXIT_PURPOSES, gone
from app.strategies.late_entry import again_of
from app.strategies.models import NEVER, WAITING, AccountRun, LegRun, Run
from app.strategies.part_views import ENDED, AccountRunState, AccountRunView, LegView, OnFailure, OrderView
from app.venues.types import PriceType, Side


@dataclass(frozen=True, slots=True)
class Loaded:
    """One account's part of a run with its rows, and the view of it. The rows have what a step needs and are there to
    be read, not objects to change: making objects of them costs more than all the deciding."""

    part: AccountRun
    run_exit: tuple[str, str] | None  # reason and who, when the whole run is to be exited
    legs: dict[str, LegRun]
    orders: dict[str, Order]
    view: AccountRunView


_STATES = {state.value: state for state in OrderState}  # both are asked for with each order of each step
_OCO = PriceType.OCO.value
_ids: BindParameter[list[str]] = bindparam("ids", expanding=True)
_orders: Table = Order.__table__  # type: ignore[assignment]  # a declarative class has a Table
_parts: Table = AccountRun.__table__  # type: ignore[assignment]  # as above
_runs: Table = Run.__table__  # type: ignore[assignment]  # as above
_legs: Table = LegRun.__table__  # type: ignore[assignment]  # as above
_changes: Table = OrderChange.__table__  # type: ignore[assignment]  # as above
_PART_COLUMNS = [
    _parts.c[name]
    for name in (
        "id", "run_id", "owner_id", "account_id", "on_failure", "state", "trouble", "stopped", "exit_reason", "exit_at",
        "hurried", "closed_at",
    )
]  # fmt: skip
_OF_RUN = [_runs.c[name].label(f"run_{name}") for name in ("exit_reason", "exit_by", "exit_at", "exits")]
_PARTS = (
    select(*_PART_COLUMNS, *_OF_RUN)
    .join_from(_parts, _runs, _runs.c.id == _parts.c.run_id)
    .where(_parts.c.id.in_(_ids))
)
_LEG_COLUMNS = [
    _legs.c[name]
    for name in (
        "id", "account_run_id", "number", "exchange", "symbol", "side", "lot_size", "freeze_quantity", "tick",
        "quantity", "product", "price_type", "price", "trigger_price", "price_from", "chase", "waits", "entry", "again",
        "exit_reason", "exit_at", "exit_rule", "stop", "target", "at_broker",
    )
]  # fmt: skip
_LEGS = select(*_LEG_COLUMNS).where(_legs.c.account_run_id.in_(_ids)).order_by(_legs.c.number, _legs.c.entry)
_ORDER_COLUMNS = [
    _orders.c[name]
    for name in (
        "id", "account_run_id", "leg_run_id", "purpose", "state", "quantity", "filled_quantity", "failure", "reason",
        "sent_at", "ended_at", "cancel_at", "exchange", "symbol", "side", "price_type", "product", "price",
        "trigger_price", "target_trigger", "target_price", "venue_order_id", "fired", "average_price", "unknown_at",
    )
]  # fmt: skip
_ORDERS = (
    select(*_ORDER_COLUMNS, Intent.attempt)
    .join(Intent, Intent.id == _orders.c.intent_id)
    .where(_orders.c.account_run_id.in_(_ids))
    .order_by(_orders.c.id)
)
_CHANGES = (
    select(_changes.c.order_id, _changes.c.state, _changes.c.by_desk, _changes.c.asked_at, _changes.c.ended_at)
    .where(_changes.c.order_id.in_(_ids))
    .order_by(_changes.c.id)
)
_UNANSWERED = (
    select(_orders.c.account_run_id)
    .join(AccountRun, AccountRun.id == _orders.c.account_run_id)
    .where(
        _orders.c.account_run_id.in_(_ids),
        _orders.c.state == OrderState.SENDING.value,
        AccountRun.state == AccountRunState.ENTERING,
    )
    .distinct()
)
_ORDERS_BY_ID = select(*_ORDER_COLUMNS).where(_orders.c.id.in_(_ids)).order_by(_orders.c.id)


def load(session: Session, account_run_ids: Sequence[str]) -> list[Loaded]:
    """As the rows are now: units of work that share a session also share what the ones before have loaded."""
    session.flush()  # what was changed as an object is in the rows too
    wanted = {"ids": list(account_run_ids)}
    parts = execute(session, _PARTS, wanted).all()
    legs: dict[str, list[LegRun]] = defaultdict(list)
    for leg in execute(session, _LEGS, wanted).all():
        legs[leg.account_run_id].append(leg)
    orders: dict[str, list[Any]] = defaultdict(list)
    for order in execute(session, _ORDERS, wanted).all():
        orders[order.account_run_id].append(order)
    chased = {leg.id for some in legs.values() for leg in some if leg.chase}
    new_terms = _new_terms(session, [order for some in orders.values() for order in some if _rests(order, chased)])
    lacking = gone(session, sorted({part.account_id for part in parts}), wanted["ids"])
    return [_load(part, legs[part.id], orders[part.id], (lacking, new_terms)) for part in parts]


def _rests(order: Any, chased: Collection[str]) -> bool:
    """An exit that waits at the venue for its price, or an entry that follows it."""
    is_moved = order.purpose in EXIT_PURPOSES or order.leg_run_id in chased
    return is_moved and order.price_type in PRICED and order.state in AT_VENUE


def _new_terms(session: Session, resting: Sequence[Any]) -> dict[str, NewTerms]:
    """By order the newest change that was asked for; nothing is asked of the database where nothing rests."""
    if not resting:
        return {}
    rows = execute(session, _CHANGES, {"ids": [order.id for order in resting]})
    return {
        row.order_id: NewTerms(ChangeState(row.state), bool(row.by_desk), row.asked_at, row.ended_at) for row in rows
    }


def unanswered(session: Session, account_run_ids: Collection[str]) -> set[str]:
    """Those of the parts that are entering and have an order whose answer is on its way."""
    if not account_run_ids:
        return set()
    return set(execute(session, _UNANSWERED, {"ids": list(account_run_ids)}).scalars())


def orders_to_send(session: Session, order_ids: Sequence[str]) -> list[Order]:
    """These orders, as rows that say all that sending needs."""
    return list(execute(session, _ORDERS_BY_ID, {"ids": list(order_ids)}))


def _load(
    part: Any, legs: list[LegRun], orders: list[Any], known: tuple[dict[str, Decimal], dict[str, NewTerms]]
) -> Loaded:
    """`part` also has what its run says of the way out."""
    by_leg: dict[str, list[Any]] = defaultdict(list)
    for order in orders:
        by_leg[order.leg_run_id].append(order)
    exits = exit_rule(part.run_exits)
    view = AccountRunView(
        state=AccountRunState(part.state),
        on_failure=OnFailure(part.on_failure),
        is_exit_wanted=part.run_exit_reason is not None or part.exit_reason is not None,
        stopped=part.stopped,
        legs=tuple(_leg_view(leg, by_leg[leg.id], (part.exit_at, part.run_exit_at), legs, *known) for leg in legs),
        exits=exits.hurried if part.hurried else exits,
    )
    run_exit = (part.run_exit_reason, part.run_exit_by or "") if part.run_exit_reason is not None else None
    return Loaded(part, run_exit, {leg.id: leg for leg in legs}, {order.id: order for order in orders}, view)


def _leg_view(
    leg: LegRun, orders: list[Any], asked_above: tuple[datetime | None, datetime | None], legs: list[LegRun],
    lacking: dict[str, Decimal], new_terms: dict[str, NewTerms],
) -> LegView:  # fmt: skip
    """`asked_above`: when the exit of the account's part and of the whole run was last asked for; `legs`: all of
    the part."""
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
        orders=tuple(_order_view(order, new_terms.get(order.id)) for order in orders),
        name=f"Leg {leg.number} {leg.symbol}",
        tries_before=max(before, default=0),
        gone=lacking.get(leg.id, ZERO),
        is_late=leg.waits != "",
        waits=leg.waits == WAITING,
        is_never=leg.waits == NEVER,
        is_again=leg.entry > 1,
        rests=bool(leg.at_broker),
        returns=leg.again is not None and returns(leg) and not _is_followed(leg, legs),
    )


def _is_followed(leg: LegRun, legs: list[LegRun]) -> bool:
    return any((other.number, other.entry) == (leg.number, leg.entry + 1) for other in legs)


def returns(leg: LegRun) -> bool:
    """Whether it was left by a rule after which it is entered again."""
    again = again_of(leg.again)
    return again is not None and leg.exit_rule is not None and again.times > 0 and again.follows(leg.exit_rule)


def _order_view(order: Any, new_terms: NewTerms | None) -> OrderView:
    fired = order.fired
    return OrderView(
        id=order.id,
        is_exit=order.purpose in EXIT_PURPOSES,
        state=_STATES[order.state],
        quantity=order.quantity,
        filled=order.filled_quantity,
        failure=order.failure,
        reason=order.reason,
        attempt=order.attempt,
        ended_at=order.ended_at,
        cancel_at=order.cancel_at,
        is_limit=order.price_type in PRICED,
        is_pair=order.price_type == _OCO,
        fired=fired,
        sent_at=order.unknown_at if fired else order.sent_at,  # its limit rests from when it was heard of
        new_terms=new_terms,
    )


def live_reason(db: Database, account_id: str) -> str | None:
    """Why an account cannot be let go of: runs that still hold something in it, or may."""
    with db.read() as session:
        is_live = (AccountRun.account_id == account_id) & AccountRun.state.not_in(ENDED)
        live = session.scalar(select(func.count()).select_from(AccountRun).where(is_live))
    return f"{live} live {'run trades' if live == 1 else 'runs trade'} in it" if live else None
