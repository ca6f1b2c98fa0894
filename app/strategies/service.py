"""What people do with strategies and runs. Every method takes the owner first: someone else's row is not found.

Running and exiting only write a row; the engine does the rest. The key makes running twice the same run, and an exit
is decided by a compare-and-swap from NULL, so whoever comes second changes nothing.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.accounts.models import Account
from app.audit.trail import Trail
from app.core import actors
from app.core.clock import Clock
from app.core.db import Base, Database, after_commit, swap
from app.core.errors import Denied, Invalid, NotFound
from app.core.ids import new_id
from app.core.link import Link
from app.core.owning import owned
from app.instruments.service import InstrumentService
from app.strategies import entering, versions
from app.strategies.fitting import misfits
from app.strategies.legs import AccountShare, Draft
from app.strategies.models import AccountRun, LegRun, Run, Strategy, StrategyAccount
from app.strategies.owning import own_strategy

KIND = "openalgo"
LIVE_RUNS = ("requested", "resolving", "entering", "open", "exiting")
LIVE_PARTS = ("entering", "open", "exiting")


class StrategyService:
    def __init__(self, db: Database, clock: Clock, link: Link, trail: Trail, instruments: InstrumentService) -> None:
        self._instruments = instruments
        self._db = db
        self._clock = clock
        self._link = link
        self._trail = trail

    # -- strategies

    def list(self, owner_id: str) -> Sequence[Strategy]:
        with self._db.read() as session:
            return session.scalars(
                select(Strategy)
                .where(Strategy.owner_id == owner_id, Strategy.archived_at.is_(None))
                .order_by(Strategy.name)
            ).all()

    def get(self, owner_id: str, strategy_id: str) -> Strategy:
        with self._db.read() as session:
            return own_strategy(session, owner_id, strategy_id)

    def shares(self, owner_id: str, strategy_id: str) -> Sequence[StrategyAccount]:
        with self._db.read() as session:
            own_strategy(session, owner_id, strategy_id)
            return _shares(session, strategy_id)

    def create(self, owner_id: str, draft: Draft, said: Sequence[str] = ()) -> str:
        """`said`: where it came from, for its first version."""
        self._fit(draft, KIND)
        now = self._clock.now()
        with self._db.write() as session:
            self._check(session, owner_id, draft, None)
            strategy = Strategy(id=new_id(), owner_id=owner_id, created_at=now, updated_at=now, **_columns(draft))
            session.add(strategy)
            session.flush()
            _write_shares(session, strategy.id, draft.accounts)
            versions.keep(session, strategy, draft, said, now)
            self._note(session, "strategy.created", strategy.id, {"after": draft.model_dump(mode="json")})
            return strategy.id

    def edit(
        self, owner_id: str, strategy_id: str, draft: Draft, version: int | None = None, said: Sequence[str] = ()
    ) -> None:
        """Runs that are under way keep what they started with. `version` is the one the changes were made from. A save
        that changes nothing makes no version; `said` stands before what changed."""
        self._fit(draft, KIND)
        with self._db.write() as session:
            strategy = own_strategy(session, owner_id, strategy_id, is_changed=True)
            if version not in (None, strategy.version):
                who = versions.who_changed(session, strategy)
                raise Denied(f"{strategy.name} was changed meanwhile{who}: look at it again, nothing was saved.")
            self._check(session, owner_id, draft, strategy_id)
            before = versions.draft_of(strategy, _shares(session, strategy_id))
            changed = versions.changes(before, draft)
            if not changed:
                return
            versions.keep_unwritten(session, strategy, before)
            for name, value in _columns(draft).items():
                setattr(strategy, name, value)
            strategy.version += 1
            strategy.armed_at = strategy.armed_by = None  # what was confirmed is another strategy now
            strategy.updated_at = self._clock.now()
            _write_shares(session, strategy_id, draft.accounts)
            versions.keep(session, strategy, draft, [*said, *changed], strategy.updated_at)
            change = {"before": before.model_dump(mode="json"), "after": draft.model_dump(mode="json")}
            self._note(session, "strategy.edited", strategy_id, change)

    def remove(self, owner_id: str, strategy_id: str) -> None:
        """The template goes; its runs and their orders stay in the journal. Refused while a run is live."""
        with self._db.write() as session:
            strategy = own_strategy(session, owner_id, strategy_id)
            live = session.scalar(select(Run.id).where(Run.strategy_id == strategy_id, Run.state.in_(LIVE_RUNS)))
            if live:
                raise Denied(f"{strategy.name} has a live run: exit it first.")
            strategy.archived_at = self._clock.now()
            strategy.armed_at = strategy.armed_by = None
            self._note(session, "strategy.removed", strategy_id, {"name": strategy.name})

    def _fit(self, draft: Draft, venue_kind: str) -> None:
        wrong = misfits(self._instruments, venue_kind, draft.legs, self._clock.now())
        if wrong:
            raise Invalid(wrong)

    def _check(self, session: Session, owner_id: str, draft: Draft, strategy_id: str | None) -> None:
        same_name = session.scalar(
            select(Strategy.id).where(
                Strategy.owner_id == owner_id, Strategy.name == draft.name, Strategy.archived_at.is_(None)
            )
        )
        if same_name and same_name != strategy_id:
            raise Invalid.field("name", "You already have a strategy with this name.")
        wanted = {share.account_id for share in draft.accounts}
        known = set(
            session.scalars(
                select(Account.id).where(
                    Account.owner_id == owner_id, Account.id.in_(wanted), Account.removed_at.is_(None)
                )
            )
        )
        if wanted - known:
            raise Invalid.field("accounts", "One of these accounts does not exist.")

    # -- runs

    def run(self, owner_id: str, strategy_id: str, key: str) -> str:
        """Ask for a run; the same key again gives the same run, and another strategy with it is refused."""
        try:
            return self._run(owner_id, strategy_id, key)
        except IntegrityError:  # the same click arrived twice in the same instant: the other one made the run
            return self._run(owner_id, strategy_id, key)

    def _run(self, owner_id: str, strategy_id: str, key: str) -> str:
        now = self._clock.now()
        with self._db.write(durable=True) as session:
            strategy = own_strategy(session, owner_id, strategy_id, is_changed=True)
            known = session.scalar(select(Run).where(Run.owner_id == owner_id, Run.key == key))
            if known:
                return _same_run(known, strategy_id)
            entering.check_by_hand(session, strategy, now)
            run = entering.begin(session, strategy, key, now)
            self._note(session, "run.requested", run.id, {"strategy": strategy.name, "accounts": len(run.accounts)})
            after_commit(session, lambda: self._link.send("starts", {}))
            return run.id

    def runs(self, owner_id: str, limit: int = 50, live_only: bool = False) -> Sequence[Run]:
        query = select(Run).where(Run.owner_id == owner_id).order_by(Run.requested_at.desc()).limit(limit)
        if live_only:
            query = query.where(Run.state.in_(LIVE_RUNS))
        with self._db.read() as session:
            return session.scalars(query).all()

    def get_run(self, owner_id: str, run_id: str) -> Run:
        with self._db.read() as session:
            return owned(session, Run, owner_id, run_id, "run")

    def parts(self, owner_id: str, run_id: str) -> Sequence[AccountRun]:
        with self._db.read() as session:
            owned(session, Run, owner_id, run_id, "run")
            return session.scalars(select(AccountRun).where(AccountRun.run_id == run_id).order_by(AccountRun.id)).all()

    def leg_runs(self, owner_id: str, run_id: str) -> Sequence[LegRun]:
        return self.whole(owner_id, run_id)[2]

    def whole(self, owner_id: str, run_id: str) -> tuple[Run, Sequence[AccountRun], Sequence[LegRun]]:
        """A run with its parts and their legs, in three reads."""
        with self._db.read() as session:
            run = owned(session, Run, owner_id, run_id, "run")
            of_run = select(AccountRun).where(AccountRun.run_id == run_id).order_by(AccountRun.id)
            legs = (
                select(LegRun)
                .join(AccountRun, AccountRun.id == LegRun.account_run_id)
                .where(AccountRun.run_id == run_id)
                .order_by(LegRun.account_run_id, LegRun.number, LegRun.entry)
            )
            return run, session.scalars(of_run).all(), session.scalars(legs).all()

    # -- exits

    def exit_run(self, owner_id: str, run_id: str, reason: str, by: str) -> bool:
        """Exit everything of a run, in all accounts. False when that was decided before: nothing changes."""
        with self._db.write(durable=True) as session:
            run = owned(session, Run, owner_id, run_id, "run")
            if run.state not in LIVE_RUNS:
                raise Denied("This run has ended: there is nothing to exit.")
            return self._exit(session, Run, run.id, reason, by)

    def exit_account(self, owner_id: str, account_run_id: str, reason: str, by: str) -> bool:
        """Exit one account's part of a run."""
        with self._db.write(durable=True) as session:
            part = owned(session, AccountRun, owner_id, account_run_id, "account run")
            if part.state not in LIVE_PARTS:
                raise Denied("This account's part of the run has ended: there is nothing to exit.")
            return self._exit(session, AccountRun, part.id, reason, by)

    def exit_leg(self, owner_id: str, leg_run_id: str, reason: str, by: str) -> bool:
        """Exit one leg in one account."""
        with self._db.write(durable=True) as session:
            leg = session.get(LegRun, leg_run_id)
            part = session.get(AccountRun, leg.account_run_id) if leg else None
            if leg is None or part is None or part.owner_id != owner_id:
                raise NotFound("There is no such leg.")
            if part.state not in LIVE_PARTS:
                raise Denied("This account's part of the run has ended: there is nothing to exit.")
            return self._exit(session, LegRun, leg.id, reason, by)

    def _exit(self, session: Session, model: type[Base], row_id: str, reason: str, by: str) -> bool:
        """The first one decides. A later one only renews the tries of an exit that gave up."""
        now = self._clock.now()
        change = {"exit_reason": reason, "exit_by": by, "exit_at": now}
        won = swap(session, model, row_id, {"exit_reason": None}, change)
        if not won:
            swap(session, model, row_id, {}, {"exit_at": now})
        kind = model.__tablename__.removesuffix("s").replace("_", " ")
        self._note(session, f"{kind.split()[0]}.exit", row_id, {"reason": reason, "of": kind, "decided_now": won})
        after_commit(session, lambda: self._link.send("runs", {}))
        return won

    def _note(self, session: Session, action: str, subject_id: str, detail: dict[str, Any]) -> None:
        self._trail.record(session, actors.current(), action, (action.partition(".")[0], subject_id), detail)


def _same_run(known: Run, strategy_id: str) -> str:
    if known.strategy_id != strategy_id:
        raise Denied("This key started a run of another strategy: choose a new one.")
    return known.id


def _shares(session: Session, strategy_id: str) -> Sequence[StrategyAccount]:
    where = StrategyAccount.strategy_id == strategy_id
    return session.scalars(select(StrategyAccount).where(where).order_by(StrategyAccount.id)).all()


def _columns(draft: Draft) -> dict[str, Any]:
    legs = [leg.model_dump(mode="json") for leg in draft.legs]
    exits = draft.exits.model_dump(mode="json")
    limits = None if draft.limits.is_empty else draft.limits.model_dump(mode="json")
    has_times = not draft.schedule.is_empty or any(leg.breakout for leg in draft.legs)  # a range is of its zone
    schedule = draft.schedule.model_dump(mode="json") if has_times else None
    sizing = None if draft.sizing.is_fixed else draft.sizing.model_dump(mode="json")
    rules = {"exits": exits, "limits": limits, "schedule": schedule, "sizing": sizing}
    return {"name": draft.name, "legs": legs, "on_failure": draft.on_failure, **rules}


def _write_shares(session: Session, strategy_id: str, shares: Sequence[AccountShare]) -> None:
    session.execute(delete(StrategyAccount).where(StrategyAccount.strategy_id == strategy_id))
    session.add_all(StrategyAccount(id=new_id(), strategy_id=strategy_id, **share.model_dump()) for share in shares)
