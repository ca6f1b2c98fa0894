"""Leaving by a limit: decided by the same compare-and-swap that a click uses, so however many rules, people and
schedules race, one of them decides. Each touch of a limit is kept, whoever decided.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BindParameter, Table, bindparam, select, update
from sqlalchemy.orm import Session

from app.core.bulk import insert_many, write_many
from app.core.clock import INDIA
from app.core.db import Moment
from app.core.ids import new_id
from app.core.money import plain
from app.core.prepared import execute
from app.execution.events import Alarm
from app.risk.models import RiskEvent, RiskTrail
from app.risk.monitor import Reach, Stake, Trigger
from app.risk.rules import IN_CURRENCY, Rule
from app.risk.trailing import Trailed
from app.strategies.models import AccountRun, LegRun, Run
from app.strategies.service import LIVE_PARTS

BY = "risk"
PLACES = Decimal("0.01")
_EVENTS: Table = RiskEvent.__table__  # type: ignore[assignment]  # a declarative class has a Table
_OF = {  # by what is left, the column of the account's part and the table that the decision is written to
    Reach.RUN: (AccountRun.run_id, Run.__table__),
    Reach.PART: (AccountRun.id, AccountRun.__table__),
    Reach.LEG: (LegRun.id, LegRun.__table__),
}
_TRAILS: Table = RiskTrail.__table__  # type: ignore[assignment]  # as above
_row_id: BindParameter[str] = bindparam("row_id")


def _live_parts(column: Any) -> Any:
    query = select(AccountRun.id).where(column == _row_id, AccountRun.state.in_(LIVE_PARTS))
    return query.join(LegRun, LegRun.account_run_id == AccountRun.id) if column is LegRun.id else query


def _decide(table: Any) -> Any:
    """The first one decides: from NULL, once."""
    new = {"exit_reason": bindparam("reason"), "exit_by": bindparam("by"), "exit_at": bindparam("now", type_=Moment)}
    if "exit_rule" in table.c:
        new["exit_rule"] = bindparam("rule")
    return update(table).where(table.c.id == _row_id, table.c.exit_reason.is_(None)).values(**new)


_KNOWN_TRAILS = select(_TRAILS.c.subject_id).where(_TRAILS.c.subject_id.in_(bindparam("ids", expanding=True)))
_MOVE_TRAIL = (
    update(_TRAILS)
    .where(_TRAILS.c.subject_id == _row_id)
    .values({name: bindparam(f"new_{name}", type_=_TRAILS.c[name].type) for name in ("peak", "stop", "at")})
)
_LIVE_PARTS = {reach: _live_parts(column) for reach, (column, _) in _OF.items()}
_DECIDE = {reach: _decide(table) for reach, (_, table) in _OF.items()}


def leave(session: Session, trigger: Trigger, now: datetime, by: str = BY) -> tuple[list[str], list[object]]:
    """Decide the exit, if nothing has decided it before; the account runs that must be stepped, and what to announce.
    Either way the event is kept."""
    stake, reason = trigger.stake, reason_of(trigger)
    parts = list(execute(session, _LIVE_PARTS[stake.reach], {"row_id": stake.id}).scalars())
    change = {"row_id": stake.id, "reason": reason, "by": by, "now": now}
    if stake.reach is Reach.LEG:
        change["rule"] = trigger.rule.value
    won = bool(parts) and execute(session, _DECIDE[stake.reach], change).rowcount == 1
    insert_many(session, _EVENTS, [_event(trigger, won)])
    if not won:
        return [], []
    return parts, [Alarm(stake.owner_id, None, f"run:{stake.run_id}", f"{stake.name} is left by its {reason}.")]


def left_by(session: Session, leg_run_id: str, rule: Rule, reason: str, by: str, event: dict[str, Any]) -> bool:
    """A leg that left by what rested elsewhere; whether that decided its exit. The event is kept either way."""
    change = {"row_id": leg_run_id, "reason": reason, "by": by, "now": event["at"], "rule": rule.value}
    won = bool(execute(session, _DECIDE[Reach.LEG], change).rowcount == 1)
    insert_many(session, _EVENTS, [{"id": new_id(), "decided": won} | event])
    return won


def keep(session: Session, moved: Sequence[tuple[Stake, Trailed]], now: datetime) -> None:
    """How far stops have followed: hundreds of them cost three statements, since exits go through the same thread."""
    ids = [stake.id for stake, _ in moved]
    known = set(execute(session, _KNOWN_TRAILS, {"ids": ids}).scalars())
    values = {stake.id: {"peak": trailed.peak, "stop": trailed.stop, "at": now} for stake, trailed in moved}
    new = [{"subject_id": s.id, "run_id": s.run_id} | values[s.id] for s, _ in moved if s.id not in known]
    insert_many(session, _TRAILS, new)
    further = [{f"new_{name}": value for name, value in values[i].items()} | {"row_id": i} for i in ids if i in known]
    write_many(session, _MOVE_TRAIL, further)


def reason_of(trigger: Trigger) -> str:
    """For people, and for the journal: "stop: profit -10,120.50 reached -10,000"."""
    if trigger.rule is Rule.TIME or trigger.value is None or trigger.threshold is None:
        return f"{trigger.rule} of {trigger.at.astimezone(INDIA):%H:%M}"
    value, threshold = plain(_rounded(trigger.value)), plain(_rounded(trigger.threshold))
    if trigger.rule is Rule.SUPERTREND:
        return f"{trigger.rule}: {trigger.says} closed at {value}, past its line at {threshold}"
    what = trigger.says or ("profit" if trigger.rule in IN_CURRENCY else _looked_at(trigger))
    return f"{trigger.rule}: {what} {value} reached {threshold}"


def _looked_at(trigger: Trigger) -> str:
    if trigger.rule in (Rule.PREMIUM_STOP, Rule.PREMIUM_TARGET):
        return "combined premium"
    return trigger.prices[0].symbol.name if trigger.prices else ""


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(PLACES)


def _event(trigger: Trigger, won: bool) -> dict[str, Any]:
    stake = trigger.stake
    prices = [
        {
            "exchange": seen.symbol.exchange,
            "symbol": seen.symbol.name,
            "price": plain(seen.price),
            "age_ms": max(0, int((trigger.at - seen.at).total_seconds() * 1000)),
        }
        for seen in trigger.prices
    ]
    return {
        "id": new_id(), "owner_id": stake.owner_id, "run_id": stake.run_id, "reach": stake.reach.value,
        "subject_id": stake.id, "name": stake.name, "rule": trigger.rule.value, "threshold": trigger.threshold,
        "value": trigger.value, "prices": prices, "decided": won, "at": trigger.at,
    }  # fmt: skip
