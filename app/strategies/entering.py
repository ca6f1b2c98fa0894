"""The beginning of a run in the unit of work of whoever begins it: a person, a program, or the schedule.

The strategy's row is locked by then, so of two who would begin it at once the second sees what the first one did.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from app.accounts.models import Account
from app.core.clock import INDIA
from app.core.errors import Denied
from app.core.ids import new_id
from app.risk.gate import why_stopped
from app.strategies.models import Run, ScheduledEntry, Strategy, StrategyAccount
from app.strategies.part_views import ENDED
from app.strategies.schedule import TWICE, Schedule, Today, day_of, obstacle, schedule
from app.strategies.taking_part import part_of

UNDER_WAY = ("requested", "resolving")
_TAKING_PART = select(StrategyAccount, Account).join(Account, Account.id == StrategyAccount.account_id)


def begin(session: Session, strategy: Strategy, key: str, now: datetime, begin_by: datetime | None = None) -> Run:
    """Raises Denied before anything is written. The engine takes it from there, until `begin_by` at the latest."""
    stop = why_stopped(session, strategy.owner_id, strategy_id=strategy.id)
    if stop:
        raise Denied(f"{stop} Nothing was started.")
    taking_part = session.execute(_TAKING_PART.where(StrategyAccount.strategy_id == strategy.id))
    parts = [part_of(share, account) for share, account in taking_part]
    if not parts:
        raise Denied(f"{strategy.name} has no accounts: add at least one before running it.")
    run = Run(
        id=new_id(),
        owner_id=strategy.owner_id,
        strategy_id=strategy.id,
        key=key,
        name=strategy.name,
        version=strategy.version,
        legs=strategy.legs,
        on_failure=strategy.on_failure,
        exits=strategy.exits,
        limits=strategy.limits,
        schedule=strategy.schedule,
        sizing=strategy.sizing,
        begin_by=begin_by,
        venue_kind=strategy.venue_kind,
        accounts=parts,
        state="requested",
        requested_at=now,
    )
    session.add(run)
    session.flush()
    return run


def check_by_hand(session: Session, strategy: Strategy, now: datetime) -> None:
    """Raises Denied where its schedule allows no entry now, or has just made the one that is asked for."""
    if strategy.schedule is None:
        return
    rules = schedule(strategy.schedule)
    why = obstacle(rules, now, entries_on_day(session, strategy.id, rules, now))
    if why:
        raise Denied(f"{strategy.name}: {why} Nothing was started.")
    mine = (ScheduledEntry.strategy_id == strategy.id, ScheduledEntry.run_id.is_not(None))
    newest = session.scalar(select(func.max(ScheduledEntry.decided_at)).where(*mine))
    if newest is not None and now - newest < TWICE:
        at = newest.astimezone(INDIA)
        raise Denied(f"{strategy.name} was begun by its schedule at {at:%H:%M:%S}: nothing was started again.")


def today(session: Session, strategy_id: str, rules: Schedule, now: datetime) -> Today:
    """What an entry of the schedule must know of the strategy's runs."""
    of_it = Run.strategy_id == strategy_id
    is_live = session.scalar(select(Run.id).where(of_it, Run.state.not_in(ENDED)).limit(1)) is not None
    by_others = (of_it, Run.begin_by.is_(None), _has_begun())
    begun_at = session.scalar(select(func.max(Run.requested_at)).where(*by_others))
    return Today(entries_on_day(session, strategy_id, rules, now), is_live, begun_at)


def entries_on_day(session: Session, strategy_id: str, rules: Schedule, now: datetime) -> int:
    """How many of its runs began on the schedule's day; one that failed before it began is none."""
    since, until = day_of(rules, now)
    where = (Run.strategy_id == strategy_id, Run.requested_at >= since, Run.requested_at < until, _has_begun())
    return session.scalar(select(func.count()).select_from(Run).where(*where)) or 0


def _has_begun() -> ColumnElement[bool]:
    return or_(Run.started_at.is_not(None), Run.state.in_(UNDER_WAY))
