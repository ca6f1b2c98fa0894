"""Exits that were refused while the market was closed, asked for again when it opens.

A refused exit is tried so often and then left to a person; every one of those tries may fall into a night. When a
session begins, an exit that was asked for before it is asked for again, as if a person had pressed Exit once more:
what was tried before counts no more. What is asked anew bears a time within the session, so it happens once in each.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Table, exists, or_, select, update
from sqlalchemy.orm import Session

from app.execution.models import Order
from app.strategies.gone import EXIT_PURPOSES
from app.strategies.models import AccountRun, LegRun, Run
from app.strategies.service import LIVE_PARTS
from app.strategies.views import load

Opened = Callable[[str, datetime], datetime | None]  # when the session of an exchange began that a moment lies in

_FELL_SHORT = exists().where(
    Order.leg_run_id == LegRun.id,
    Order.purpose.in_(EXIT_PURPOSES),
    Order.ended_at.is_not(None),
    Order.filled_quantity < Order.quantity,
)
_LEAVING = (
    select(
        LegRun.id, LegRun.account_run_id, AccountRun.run_id, LegRun.exchange,
        LegRun.exit_reason, AccountRun.exit_reason.label("part_reason"),
        LegRun.exit_at, AccountRun.exit_at.label("part_at"), Run.exit_at.label("run_at"),
    )
    .join(AccountRun, AccountRun.id == LegRun.account_run_id)
    .join(Run, Run.id == AccountRun.run_id)
    .where(
        AccountRun.state.in_(LIVE_PARTS),
        or_(LegRun.exit_reason.is_not(None), AccountRun.exit_reason.is_not(None), Run.exit_reason.is_not(None)),
        _FELL_SHORT,
    )
    .order_by(LegRun.account_run_id, LegRun.id)
)  # fmt: skip


def due(session: Session, opened: Opened, now: datetime) -> list[Any]:
    """The legs whose exit fell short and was asked for last before the session that their exchange is in; nothing of
    an exchange that is closed. One query on most days."""
    found = [leg for leg in session.execute(_LEAVING) if _is_of_before(leg, opened(leg.exchange, now))]
    if not found:
        return []
    parts = load(session, sorted({leg.account_run_id for leg in found}))
    held = {view.id for part in parts for view in part.view.legs if not view.is_out}
    return [leg for leg in found if leg.id in held]


def renew(session: Session, opened: Opened, now: datetime) -> list[str]:
    """Ask for them again; the account runs to be stepped."""
    legs = due(session, opened, now)
    of_legs = [leg for leg in legs if leg.exit_reason is not None]
    of_parts = [leg for leg in legs if leg.exit_reason is None and leg.part_reason is not None]
    of_runs = [leg for leg in legs if leg.exit_reason is None and leg.part_reason is None]
    _ask_again(session, LegRun, [leg.id for leg in of_legs], now)
    _ask_again(session, AccountRun, [leg.account_run_id for leg in of_parts], now)
    _ask_again(session, Run, [leg.run_id for leg in of_runs], now)
    return list(dict.fromkeys(leg.account_run_id for leg in legs))


def _is_of_before(leg: Any, began: datetime | None) -> bool:
    asked = [at for at in (leg.exit_at, leg.part_at, leg.run_at) if at is not None]
    return began is not None and all(at < began for at in asked)


def _ask_again(session: Session, model: type[LegRun] | type[AccountRun] | type[Run], ids: Sequence[str],
               now: datetime) -> None:  # fmt: skip
    table: Table = model.__table__  # type: ignore[assignment]  # a declarative class has a Table
    if ids:
        session.execute(update(table).where(table.c.id.in_(set(ids))).values(exit_at=now))
