"""What a replay came to: its totals, its trades with why each was made, and its curve. From the rows of its desk."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.clock import day_in_india
from app.core.money import ZERO, plain
from app.execution.models import Intent, Order
from app.portfolio.charge_rates import estimate
from app.portfolio.charges import Dealt
from app.portfolio.models import RoundTrip
from app.replays.journal import at
from app.risk.models import RiskEvent
from app.strategies.models import AccountRun, LegRun, Run
from app.strategies.part_views import ENDED


@dataclass(frozen=True, slots=True)
class Point:
    """`total` is realised and open, before charges; `stop` the profit at which it is left by itself."""

    at: datetime
    total: Decimal
    stop: Decimal | None = None


def result(session: Session, accounts: dict[str, str], curve: Sequence[Point]) -> dict[str, Any]:
    """As it is kept with the replay: money as text, times as ISO in UTC."""
    decided = select(RiskEvent).where(RiskEvent.decided).order_by(RiskEvent.id)
    return {
        "totals": _totals(session, curve),
        "trades": _trades(session, accounts),
        "exits": [_exit(row) for row in session.scalars(decided)],
        "curve": [[at(point.at), plain(point.total), _text(point.stop)] for point in curve],
    }


def _totals(session: Session, curve: Sequence[Point]) -> dict[str, Any]:
    """`realised` is before charges; what is still open at the end is in `total`, at the last prices of the tape."""
    trips = session.execute(select(func.count(), func.sum(RoundTrip.realised), func.sum(RoundTrip.charges))).one()
    realised, charges = trips[1] or ZERO, trips[2] or ZERO
    total = curve[-1].total if curve else ZERO
    live = session.scalar(select(func.count()).select_from(Run).where(Run.state.not_in(ENDED))) or 0
    profits = [point.total for point in curve]
    return {
        "runs": session.scalar(select(func.count()).select_from(Run)) or 0,
        "still_open": live,
        "realised": plain(realised),
        "total": plain(total),
        "charges": plain(charges),
        "net": plain(total - charges),
        "best": plain(max(profits, default=ZERO)),
        "worst": plain(min(profits, default=ZERO)),
    }


def _trades(session: Session, accounts: dict[str, str]) -> list[dict[str, Any]]:
    query = (
        select(Order, Intent.reason, AccountRun.account_id, LegRun.number)
        .join(Intent, Intent.id == Order.intent_id)
        .join(AccountRun, AccountRun.id == Order.account_run_id)
        .join(LegRun, LegRun.id == Order.leg_run_id)
        .where(Order.filled_at.is_not(None))
        .order_by(Order.filled_at, Order.id)
    )
    return [_trade(order, why, accounts.get(account, ""), leg) for order, why, account, leg in session.execute(query)]


def _trade(order: Order, why: str, account: str, leg: int) -> dict[str, Any]:
    return {
        "at": at(order.filled_at), "asked_at": at(order.created_at), "account": account, "leg": leg,
        "exchange": order.exchange, "symbol": order.symbol, "side": order.side, "purpose": order.purpose,
        "quantity": plain(order.filled_quantity), "price": _text(order.average_price), "reason": why,
        "charges": _text(_charges(order)),
    }  # fmt: skip


def _charges(order: Order) -> Decimal | None:
    if order.average_price is None or order.filled_at is None:
        return None
    turnover = order.filled_quantity * order.average_price
    dealt = Dealt(order.exchange, order.symbol, order.product, order.side, turnover, day_in_india(order.filled_at))
    found = estimate(dealt)
    return found.total if found else None


def _exit(row: RiskEvent) -> dict[str, Any]:
    figures = {"threshold": _text(row.threshold), "value": _text(row.value), "prices": row.prices}
    return {"at": at(row.at), "name": row.name, "reach": row.reach, "rule": row.rule, **figures}


def _text(value: Decimal | None) -> str | None:
    return plain(value) if value is not None else None
