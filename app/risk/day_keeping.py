"""The rows of limited days: what an account had when its day began, the best profit seen, and what was touched. All in
the caller's unit of work."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.accounts.models import Account, AccountHealth
from app.core.clock import day_in_india
from app.core.money import ZERO, number
from app.portfolio.trades import day_start
from app.risk.models import AccountDay, DayPeak, RiskEvent

Slots = Mapping[str, Decimal]  # by the slot of an extent


def touched(session: Session, day: date) -> frozenset[str]:
    """The keys of the limits that were touched on the day."""
    found = session.scalars(select(RiskEvent.key).where(RiskEvent.day == day))
    return frozenset(key for key in found if key is not None)


def peaks(session: Session, day: date) -> Slots:
    rows = session.execute(select(DayPeak.slot, DayPeak.peak).where(DayPeak.day == day))
    return {slot: peak for slot, peak in rows}  # noqa: C416  # dict() does not know that rows are pairs


def keep_peaks(session: Session, day: date, found: Slots, now: datetime) -> None:
    """They only rise within a day; those of days before are of no use any more."""
    session.execute(delete(DayPeak).where(DayPeak.day < day))
    known = peaks(session, day)
    for slot, peak in found.items():
        if slot not in known or peak > known[slot]:
            session.merge(DayPeak(slot=slot, day=day, peak=peak, at=now))


def without_equity(session: Session, account_ids: Sequence[str], now: datetime) -> dict[str, tuple[Decimal, datetime]]:
    """Of these accounts those whose equity of the day is not on record, with what was read of it today."""
    if not account_ids:
        return {}
    day = day_in_india(now)
    known = select(AccountDay.account_id).where(AccountDay.day == day)
    rows = session.execute(
        select(AccountHealth.account_id, AccountHealth.funds, AccountHealth.funds_at, Account.counts_collateral)
        .join(Account, Account.id == AccountHealth.account_id)
        .where(AccountHealth.account_id.in_(account_ids), AccountHealth.account_id.not_in(known))
        .where(AccountHealth.funds_at >= day_start(now))
    )
    found = {}
    for account_id, funds, at, counts_collateral in rows:
        equity = equity_of(funds or {}, counts_collateral)
        if equity is not None:
            found[account_id] = (equity, at)
    return found


def keep_equity(session: Session, found: Mapping[str, tuple[Decimal, datetime]], now: datetime) -> None:
    """The first one of a day stays."""
    day = day_in_india(now)
    for account_id, (equity, at) in found.items():
        if session.get(AccountDay, (account_id, day)) is None:
            session.add(AccountDay(account_id=account_id, day=day, equity=equity, at=at))
    session.flush()


def equity_of(funds: Mapping[str, Any], counts_collateral: bool) -> Decimal | None:
    """What is free and what is used, as its server tells it; None where it does not say how much is used."""
    available, used = number(funds.get("available")), number(funds.get("used"))
    if available is None or used is None:
        return None
    collateral = number(funds.get("collateral")) or ZERO
    return available + used + (collateral if counts_collateral else ZERO)
