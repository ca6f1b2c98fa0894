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
from app.strategies.legs import AccountShare, Draft
from app.strategies.models import AccountRun, LegRun, Run, Strategy, StrategyAccount

LIVE_RUNS = ("requested", "resolving", "entering", "open", "exiting")
LIVE_PARTS = ("entering", "open", "exiting")


class StrategyService:
    def __init__(self, db: Database, clock: Clock, link: Link, trail: Trail) -> None:
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
            return _strategy(session, owner_id, strategy_id)

    def shares(self, owner_id: str, strategy_id: str) -> Sequence[StrategyAccount]:
        with self._db.read() as session:
            _strategy(session, owner_id, strategy_id)
            return session.scalars(
                select(StrategyAccount).where(StrategyAccount.strategy_id == strategy_id).order_by(StrategyAccount.id)
            ).all()

    def create(self, owner_id: str, draft: Draft) -> str:
        now = self._clock.now()
        with self._db.write() as session:
            self._check(session, owner_id, draft, None)
            strategy = Strategy(id=new_id(), owner_id=owner_id, created_at=now, updated_at=now, **_columns(draft))
            session.add(strategy)
            session.flush()
            _write_shares(session, strategy.id, draft.accounts)
            self._note(session, "strategy.created", strategy.id, {"after": draft.model_dump(mode="json")})
            return strategy.id

    def edit(self, owner_id: str, strategy_id: str, draft: Draft, version: int | None = None) -> None:
        """Runs that are under way keep what they started with. `version` is the one the changes were made from."""
        with self._db.write() as session:
            strategy = _strategy(session, owner_id, strategy_id, is_changed=True)
            if version not in (None, strategy.version):
                raise Denied(f"{strategy.name} was changed meanwhile: look at it again, nothing was saved.")
            self._check(session, owner_id, draft, strategy_id)
            before = {"name": strategy.name, "legs": strategy.legs, "on_failure": strategy.on_failure}
            for name, value in _columns(draft).items():
                setattr(strategy, name, value)
            strategy.version += 1
            strategy.updated_at = self._clock.now()
            _write_shares(session, strategy_id, draft.accounts)
            change = {"before": before, "after": draft.model_dump(mode="json")}
            self._note(session, "strategy.edited", strategy_id, change)

    def remove(self, owner_id: str, strategy_id: str) -> None:
        """The template goes; its runs and their orders stay in the journal. Refused while a run is live."""
        with self._db.write() as session:
            strategy = _strategy(session, owner_id, strategy_id)
            live = session.scalar(select(Run.id).where(Run.strategy_id == strategy_id, Run.state.in_(LIVE_RUNS)))
            if live:
                raise Denied(f"{strategy.name} has a live run: exit it first.")
            strategy.archived_at = self._clock.now()
            self._note(session, "strategy.removed", strategy_id, {"name": strategy.name})

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
            strategy = _strategy(session, owner_id, strategy_id)
            known = session.scalar(select(Run).where(Run.owner_id == owner_id, Run.key == key))
            if known:
                return _same_run(known, strategy_id)
            shares = session.scalars(select(StrategyAccount).where(StrategyAccount.strategy_id == strategy_id)).all()
            if not shares:
                raise Denied(f"{strategy.name} has no accounts: add at least one before running it.")
            run = _new_run(strategy, shares, owner_id, key)
            run.requested_at = now
            session.add(run)
            session.flush()
            self._note(session, "run.requested", run.id, {"strategy": strategy.name, "accounts": len(shares)})
            after_commit(session, lambda: self._link.send("runs", {}))
            return run.id

    def runs(self, owner_id: str, limit: int = 50, live_only: bool = False) -> Sequence[Run]:
        query = select(Run).where(Run.owner_id == owner_id).order_by(Run.requested_at.desc()).limit(limit)
        if live_only:
            query = query.where(Run.state.in_(LIVE_RUNS))
        with self._db.read() as session:
            return session.scalars(query).all()

    def get_run(self, owner_id: str, run_id: str) -> Run:
        with self._db.read() as session:
            run: Run = _owned(session, Run, owner_id, run_id, "run")
            return run

    def parts(self, owner_id: str, run_id: str) -> Sequence[AccountRun]:
        with self._db.read() as session:
            _owned(session, Run, owner_id, run_id, "run")
            return session.scalars(select(AccountRun).where(AccountRun.run_id == run_id).order_by(AccountRun.id)).all()

    def leg_runs(self, owner_id: str, run_id: str) -> Sequence[LegRun]:
        with self._db.read() as session:
            _owned(session, Run, owner_id, run_id, "run")
            return session.scalars(
                select(LegRun)
                .join(AccountRun, AccountRun.id == LegRun.account_run_id)
                .where(AccountRun.run_id == run_id)
                .order_by(LegRun.account_run_id, LegRun.number)
            ).all()

    # -- exits

    def exit_run(self, owner_id: str, run_id: str, reason: str, by: str) -> bool:
        """Exit everything of a run, in all accounts. False when that was decided before: nothing changes."""
        with self._db.write(durable=True) as session:
            run = _owned(session, Run, owner_id, run_id, "run")
            if run.state not in LIVE_RUNS:
                raise Denied("This run has ended: there is nothing to exit.")
            return self._exit(session, Run, run.id, reason, by)

    def exit_account(self, owner_id: str, account_run_id: str, reason: str, by: str) -> bool:
        """Exit one account's part of a run."""
        with self._db.write(durable=True) as session:
            part = _owned(session, AccountRun, owner_id, account_run_id, "account run")
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


def _strategy(session: Session, owner_id: str, strategy_id: str, is_changed: bool = False) -> Strategy:
    """Locked when it is changed, so that of two changes from one version one is stale."""
    found: Strategy = _owned(session, Strategy, owner_id, strategy_id, "strategy", is_changed)
    if found.archived_at is not None:
        raise NotFound("There is no such strategy.")
    return found


def _owned(session: Session, model: Any, owner_id: str, row_id: str, word: str, is_changed: bool = False) -> Any:
    query = select(model).where(model.id == row_id, model.owner_id == owner_id)
    found = session.scalar(query.with_for_update() if is_changed else query)
    if found is None:
        raise NotFound(f"There is no such {word}.")
    return found


def _columns(draft: Draft) -> dict[str, Any]:
    legs = [leg.model_dump(mode="json") for leg in draft.legs]
    return {"name": draft.name, "legs": legs, "on_failure": draft.on_failure}


def _write_shares(session: Session, strategy_id: str, shares: Sequence[AccountShare]) -> None:
    session.execute(delete(StrategyAccount).where(StrategyAccount.strategy_id == strategy_id))
    session.add_all(
        StrategyAccount(id=new_id(), strategy_id=strategy_id, account_id=s.account_id, multiplier=s.multiplier)
        for s in shares
    )


def _new_run(strategy: Strategy, shares: Sequence[StrategyAccount], owner_id: str, key: str) -> Run:
    return Run(
        id=new_id(),
        owner_id=owner_id,
        strategy_id=strategy.id,
        key=key,
        name=strategy.name,
        version=strategy.version,
        legs=strategy.legs,
        on_failure=strategy.on_failure,
        venue_kind=strategy.venue_kind,
        accounts=[{"account_id": s.account_id, "multiplier": str(s.multiplier)} for s in shares],
        state="requested",
    )
