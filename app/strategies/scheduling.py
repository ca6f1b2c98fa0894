"""Schedules: arming them, and the entry of each day and time exactly once. Every method that a person reaches takes
the owner first.

An entry is one unit of work: the row of its day and time, which is there once, and the run it begins. Whoever dies
before the commit has done nothing; whoever dies after it has left a run that the engine which lives begins, unless
its grace is over by then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.audit.trail import Trail
from app.core import actors
from app.core.clock import Clock
from app.core.crashpoint import reach
from app.core.db import Database, after_commit, swap
from app.core.errors import Denied
from app.core.ids import new_id
from app.core.link import Link
from app.core.recent import Recent
from app.instruments.service import InstrumentService
from app.strategies import entering
from app.strategies.market_days import MarketDays, market_days
from app.strategies.models import ReadyCheck, Run, ScheduledEntry, Strategy, StrategyAccount
from app.strategies.owning import own_strategy
from app.strategies.part_views import ENDED
from app.strategies.schedule import Leaving, Schedule, Slot, leaves, next_entry, schedule, slots, verdict
from app.users.models import User
from app.users.roles import Scope, scopes_of

SHOWN = 12  # entries to come
HISTORY = 50
NAMED = 3  # in a sentence; of more it says how many
MAY_NOT = "Its owner is switched off or may not trade any more."
LOOK_BACK = timedelta(days=7)  # how far an engine that comes late still says what was missed


@dataclass(frozen=True, slots=True)
class Plan:
    """What a strategy's schedule will do, as the calendar is now. `next` is the next that will be entered."""

    strategy: Strategy
    rules: Schedule
    days: MarketDays
    next: Slot | None
    coming: Sequence[Slot] = ()

    @property
    def is_armed(self) -> bool:
        return self.strategy.armed_at is not None


class Schedules:
    def __init__(self, db: Database, clock: Clock, link: Link, trail: Trail, instruments: InstrumentService) -> None:
        self._db = db
        self._clock = clock
        self._link = link
        self._trail = trail
        self._instruments = instruments
        self._expiries: Recent[list[date]] = Recent(timedelta(minutes=1))

    # -- what is planned

    def plan(self, strategy: Strategy, is_whole: bool = False) -> Plan:
        """With `is_whole` the entries of the coming fortnight, also those that are known to be skipped."""
        now = self._clock.now()
        rules, days = schedule(strategy.schedule), self.days(strategy, now)
        coming = slots(rules, days, now, now + timedelta(days=14))[:SHOWN] if is_whole else ()
        return Plan(strategy, rules, days, next_entry(rules, days, now) if rules.entries else None, coming)

    def plans(self, strategies: Sequence[Strategy]) -> dict[str, Plan]:
        """Of those with a schedule, by strategy."""
        return {one.id: self.plan(one) for one in strategies if one.schedule}

    def days(self, of: Strategy | Run, now: datetime) -> MarketDays:
        def listed(*family: Any) -> list[date]:
            wanted = (of.venue_kind, *family)
            return self._expiries.get(wanted, now, lambda: self._instruments.expiries(*wanted))

        asks = schedule(of.schedule).expiry != "any"
        return market_days(self._instruments, of.legs, now, listed if asks else None)

    def leaving(self, run: Run, now: datetime) -> Leaving | None:
        """When a run leaves by the schedule it began with."""
        return leaves(schedule(run.schedule), self.days(run, now), run.requested_at) if run.schedule else None

    def history(self, owner_id: str, strategy_id: str, limit: int = HISTORY) -> Sequence[ScheduledEntry]:
        """What became of the entries that were due, the newest first."""
        mine = (ScheduledEntry.owner_id == owner_id, ScheduledEntry.strategy_id == strategy_id)
        with self._db.read() as session:
            rows = select(ScheduledEntry).where(*mine).order_by(ScheduledEntry.due_at.desc()).limit(limit)
            return session.scalars(rows).all()

    def newest_check(self, owner_id: str) -> ReadyCheck | None:
        """What the last look at the accounts of all that is armed found."""
        rows = select(ReadyCheck).where(ReadyCheck.owner_id == owner_id).order_by(ReadyCheck.at.desc()).limit(1)
        with self._db.read() as session:
            return session.scalar(rows)

    # -- on and off

    def arm(self, owner_id: str, strategy_id: str, version: int) -> None:
        """From now on it enters by itself. `version` is the one whose accounts, legs and times a person has seen."""
        now = self._clock.now()
        with self._db.write(durable=True) as session:
            strategy = own_strategy(session, owner_id, strategy_id, is_changed=True)
            if strategy.version != version:
                raise Denied(f"{strategy.name} was changed meanwhile: look at it again, it is not armed.")
            self._check_can_arm(session, strategy)
            if strategy.armed_at is None:
                strategy.armed_at, strategy.armed_by = now, actors.current().name
                self._note(session, "strategy.armed", strategy.id, {"version": version})
            after_commit(session, self._nudge)

    def disarm(self, owner_id: str, strategy_id: str) -> None:
        """It enters no more by itself; runs under way are left as they began. Doing so twice changes nothing."""
        with self._db.write(durable=True) as session:
            strategy = own_strategy(session, owner_id, strategy_id, is_changed=True)
            if strategy.armed_at is not None:
                strategy.armed_at = strategy.armed_by = None
                self._note(session, "strategy.disarmed", strategy.id, {})
            after_commit(session, self._nudge)

    def _check_can_arm(self, session: Session, strategy: Strategy) -> None:
        shares = select(func.count()).select_from(StrategyAccount).where(StrategyAccount.strategy_id == strategy.id)
        if not schedule(strategy.schedule).entries:
            raise Denied(f"{strategy.name} has no entry time: give its schedule one first.")
        if not session.scalar(shares):
            raise Denied(f"{strategy.name} has no accounts: add at least one first.")
        if self.plan(strategy).next is None:
            raise Denied(f"{strategy.name}: none of its entry times comes in the next weeks. Look at its schedule.")

    def _nudge(self) -> None:
        self._link.send("schedule", {})

    # -- what the engine does

    def armed(self, owner_id: str = "") -> Sequence[Strategy]:
        query = select(Strategy).where(Strategy.armed_at.is_not(None), Strategy.archived_at.is_(None))
        with self._db.read() as session:
            return session.scalars(query.where(Strategy.owner_id == owner_id) if owner_id else query).all()

    def pending(self, strategy: Strategy, days: MarketDays, now: datetime, ahead: timedelta) -> list[Slot]:
        """The entries since it was armed that nobody has decided yet, and those that come."""
        since = max(strategy.armed_at or now, now - LOOK_BACK)
        mine = (ScheduledEntry.strategy_id == strategy.id, ScheduledEntry.due_at > since)
        with self._db.read() as session:
            decided = {
                tuple(row) for row in session.execute(select(ScheduledEntry.day, ScheduledEntry.slot).where(*mine))
            }
        found = slots(schedule(strategy.schedule), days, since, now + ahead)
        return [one for one in found if (one.day, one.name) not in decided]

    def enter(self, strategy_id: str, slot: Slot) -> ScheduledEntry | None:
        """Decide an entry that is due; None when it was decided before, or is none any more."""
        try:
            with self._db.write(durable=True) as session:
                entry = self._enter(session, strategy_id, slot, self._clock.now())
                reach("scheduled")
        except IntegrityError:  # another engine was faster
            return None
        reach("entered")
        return entry

    def _enter(self, session: Session, strategy_id: str, slot: Slot, now: datetime) -> ScheduledEntry | None:
        strategy = session.scalar(select(Strategy).where(Strategy.id == strategy_id).with_for_update())
        if strategy is None or strategy.armed_at is None or slot.at <= strategy.armed_at or strategy.archived_at:
            return None
        named = (ScheduledEntry.day == slot.day, ScheduledEntry.slot == slot.name)
        if session.scalar(select(ScheduledEntry.id).where(ScheduledEntry.strategy_id == strategy_id, *named)):
            return None
        rules = schedule(strategy.schedule)
        why = "" if may_trade(session, strategy.owner_id) else MAY_NOT
        why = why or verdict(rules, slot, now, entering.today(session, strategy_id, rules, now))
        run = None
        if not why:
            try:
                run = entering.begin(session, strategy, key_of(strategy_id, slot), now, _begin_by(rules, slot))
            except Denied as refused:
                why = refused.message
        entry = ScheduledEntry(
            id=new_id(), owner_id=strategy.owner_id, strategy_id=strategy_id, day=slot.day, slot=slot.name,
            due_at=slot.at, decided_at=now, outcome="started" if run else "skipped" if slot.skip else "missed",
            reason=why, run_id=run.id if run else None, told_at=now if slot.skip else None,
        )  # fmt: skip
        session.add(entry)
        session.flush()
        done = {"day": slot.day.isoformat(), "slot": slot.name, "outcome": entry.outcome, "reason": why}
        self._note(session, "strategy.entry", strategy_id, done)
        return entry

    def has_unsaid(self, session: Session) -> bool:
        return session.scalar(select(ScheduledEntry.id).where(ScheduledEntry.told_at.is_(None)).limit(1)) is not None

    def unsaid(self, session: Session, now: datetime) -> list[tuple[ScheduledEntry, str]]:
        """Entries that came to nothing and that nobody was told of, each with its strategy's name; told with this."""
        rows = session.execute(
            select(ScheduledEntry, Strategy.name, Run.state, Run.started_at, Run.trouble)
            .join(Strategy, Strategy.id == ScheduledEntry.strategy_id)
            .outerjoin(Run, Run.id == ScheduledEntry.run_id)
            .where(ScheduledEntry.told_at.is_(None))
        ).all()
        found = []
        for entry, name, state, started_at, trouble in rows:
            if entry.outcome == "started" and state == "failed" and started_at is None:
                entry.outcome, entry.reason = "failed", trouble
            if entry.outcome == "started" and state in entering.UNDER_WAY:
                continue
            if swap(session, ScheduledEntry, entry.id, {"told_at": None}, {"told_at": now}):
                found += [(entry, name)] if entry.outcome != "started" else []
        return found

    def live_runs(self) -> Sequence[Run]:
        """Those that a schedule may leave and nothing has left as a whole yet: one account's own exit, which may be
        stuck, makes a run `exiting`."""
        where = (Run.schedule.is_not(None), Run.exit_reason.is_(None), Run.state.in_(("entering", "open", "exiting")))
        with self._db.read() as session:
            return session.scalars(select(Run).where(*where)).all()

    def _note(self, session: Session, action: str, subject_id: str, detail: dict[str, Any]) -> None:
        self._trail.record(session, actors.current(), action, ("strategy", subject_id), detail)


def key_of(strategy_id: str, slot: Slot) -> str:
    """Of the run that an entry begins: the same entry is the same run, whoever asks."""
    return f"schedule:{strategy_id}:{slot.day.isoformat()}:{slot.name}"


def may_trade(session: Session, owner_id: str) -> bool:
    """Whether entries may be made in this person's name."""
    owner = session.execute(select(User.active, User.role).where(User.id == owner_id)).one_or_none()
    return owner is not None and owner.active and Scope.TRADE in scopes_of(owner.role)


def under_way(session: Session, owner_id: str) -> str:
    """What would trade on with nobody to see it: "2 live runs: A, B"; or "". What is armed is not: nothing is entered
    for whoever may not trade."""
    live = (Run.owner_id == owner_id, Run.state.not_in(ENDED))
    runs = session.scalars(select(Run.name).where(*live).order_by(Run.id)).all()
    return f"{len(runs)} live {'run' if len(runs) == 1 else 'runs'}: {_named(runs)}" if runs else ""


def _named(names: Sequence[str]) -> str:
    distinct = list(dict.fromkeys(names))
    more = len(distinct) - NAMED
    return ", ".join(distinct[:NAMED]) + (f" and {more} more" if more > 0 else "")


def account_ids(db: Database, strategy_id: str) -> Sequence[str]:
    with db.read() as session:
        return session.scalars(
            select(StrategyAccount.account_id).where(StrategyAccount.strategy_id == strategy_id)
        ).all()


def _begin_by(rules: Schedule, slot: Slot) -> datetime:
    return slot.at + timedelta(seconds=max(rules.grace, 5))
