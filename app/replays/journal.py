"""What happened on a tape, line by line, from the rows of its desk.

The same tape, strategy and terms give the same bytes: nothing in a line comes from a clock of ours, from chance, or
from an id. Runs and orders are numbered as they came. Times are UTC, of the tape; money and prices are text.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.money import plain
from app.execution.models import Fill, Intent, Order, OrderEvent
from app.execution.states import OrderState
from app.risk.models import RiskEvent
from app.strategies.models import AccountRun, LegRun, Run, ScheduledEntry

Line = dict[str, Any]
UNFILLED = (OrderState.CANCELLED, OrderState.REJECTED, OrderState.EXPIRED)


@dataclass(frozen=True, slots=True)
class _Names:
    """Numbers and names instead of ids."""

    runs: dict[str, int]
    parts: dict[str, tuple[int, str]]  # the run's number, and the account's name
    legs: dict[str, int]
    orders: dict[str, int]


def lines(session: Session, accounts: dict[str, str]) -> list[Line]:
    """In time order. `accounts` are names by id."""
    names = _names(session, accounts)
    found = [*_entries(session), *_runs(session, names), *_risk(session, names), *_orders(session, names)]
    found += _ends(session, names)
    return [line for _, line in sorted(enumerate(found), key=lambda one: (one[1]["at"], one[0]))]


def text(all_lines: Sequence[Line]) -> bytes:
    """As JSON lines."""
    return b"".join(orjson.dumps(line, option=orjson.OPT_SORT_KEYS) + b"\n" for line in all_lines)


def at(moment: datetime | None) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds") if moment else ""


def _names(session: Session, accounts: dict[str, str]) -> _Names:
    runs = {row: number for number, row in enumerate(session.scalars(select(Run.id).order_by(Run.id)), 1)}
    parts = {
        part: (runs[run], accounts.get(account, ""))
        for part, run, account in session.execute(select(AccountRun.id, AccountRun.run_id, AccountRun.account_id))
    }
    legs = {row.id: row.number for row in session.execute(select(LegRun.id, LegRun.number))}
    orders = {row: number for number, row in enumerate(session.scalars(select(Order.id).order_by(Order.id)), 1)}
    return _Names(runs, parts, legs, orders)


def _entries(session: Session) -> Iterator[Line]:
    for row in session.scalars(select(ScheduledEntry).order_by(ScheduledEntry.due_at, ScheduledEntry.slot)):
        due = {"slot": row.slot, "outcome": row.outcome, "reason": row.reason}
        yield {"at": at(row.decided_at), "what": "entry of the schedule", **due}


def _runs(session: Session, names: _Names) -> Iterator[Line]:
    for run in session.scalars(select(Run).order_by(Run.id)):
        asked = {"run": names.runs[run.id], "version": run.version}
        yield {"at": at(run.requested_at), "what": "run asked for", **asked}
        if run.started_at is not None:
            yield {
                "at": at(run.started_at),
                "what": "run began",
                "run": names.runs[run.id],
                "legs": _legs(session, run),
            }


def _legs(session: Session, run: Run) -> list[Line]:
    query = select(LegRun).join(AccountRun, AccountRun.id == LegRun.account_run_id).where(AccountRun.run_id == run.id)
    found = {leg.number: leg for leg in session.scalars(query.order_by(LegRun.id.desc()))}
    return [
        {"leg": leg.number, "side": leg.side, "symbol": f"{leg.exchange}:{leg.symbol}", "chosen": leg.chosen}
        for _, leg in sorted(found.items())
    ]


def _risk(session: Session, names: _Names) -> Iterator[Line]:
    for row in session.scalars(select(RiskEvent).order_by(RiskEvent.at, RiskEvent.id)):
        figures = {"threshold": _number(row.threshold), "value": _number(row.value), "prices": row.prices}
        about = {"run": names.runs[row.run_id], "reach": row.reach, "name": row.name, "rule": row.rule}
        yield {"at": at(row.at), "what": "risk", **about, **figures, "decided": row.decided}


def _orders(session: Session, names: _Names) -> Iterator[Line]:
    query = select(Order, Intent.reason).join(Intent, Intent.id == Order.intent_id).order_by(Order.id)
    for order, reason in session.execute(query):
        run, account = names.parts[str(order.account_run_id)]
        where = {"run": run, "account": account, "leg": names.legs[str(order.leg_run_id)]}
        how = {"type": order.price_type, "price": _number(order.price), "trigger": _number(order.trigger_price)}
        what = {"side": order.side, "symbol": f"{order.exchange}:{order.symbol}", "quantity": plain(order.quantity)}
        about = {"order": names.orders[order.id], "purpose": order.purpose, "reason": reason}
        yield {"at": at(order.created_at), "what": "order", **about, **where, **what, **how}
    for fill in session.scalars(select(Fill).order_by(Fill.at, Fill.id)):
        dealt = {"quantity": plain(fill.quantity), "price": _number(fill.price)}
        yield {"at": at(fill.at), "what": "fill", "order": names.orders[fill.order_id], **dealt}
    ended = select(OrderEvent).where(OrderEvent.to_state.in_(UNFILLED)).order_by(OrderEvent.seq)
    for event in session.scalars(ended):
        about = {"order": names.orders[event.order_id], "detail": event.detail}
        yield {"at": at(event.at), "what": f"order {event.to_state}", **about}


def _ends(session: Session, names: _Names) -> Iterator[Line]:
    for part in session.scalars(select(AccountRun).order_by(AccountRun.id)):
        run, account = names.parts[part.id]
        if part.closed_at is not None:
            said = {"state": part.state, "trouble": part.trouble}
            yield {"at": at(part.closed_at), "what": "account out", "run": run, "account": account, **said}
    for row in session.scalars(select(Run).order_by(Run.id)):
        if row.closed_at is not None:
            said = {"state": row.state, "reason": row.exit_reason or row.trouble, "by": row.exit_by or ""}
            yield {"at": at(row.closed_at), "what": "run ended", "run": names.runs[row.id], **said}


def _number(value: Decimal | None) -> str | None:
    return plain(value) if value is not None else None
