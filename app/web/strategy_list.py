"""The strategies as their page lists them: legs in words, who takes part, and the newest run. Six reads in all."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import func, select

from app.accounts.models import Account
from app.strategies.legs import Leg
from app.strategies.models import Run, Strategy, StrategyAccount
from app.strategies.scheduling import Plan
from app.strategies.service import LIVE_RUNS
from app.web.by_mode import Sum
from app.web.chrome import mode_of
from app.web.current import services
from app.web.order_lines import owned_accounts
from app.web.run_history import RunLine, run_lines
from app.web.words import run_word


@dataclass(frozen=True, slots=True)
class Share:
    account: Account
    multiplier: Decimal


@dataclass(frozen=True, slots=True)
class StrategyLine:
    strategy: Strategy
    legs: Sequence[str]
    shares: Sequence[Share]
    run: Run | None = None
    sums: Sequence[Sum] = ()  # of that run, by mode
    plan: Plan | None = None  # of its schedule, where it has one

    @property
    def is_live(self) -> bool:
        return self.run is not None and self.run.state in LIVE_RUNS

    @property
    def word(self) -> str | None:
        return run_word(self.run.state) if self.run else None

    @property
    def mode(self) -> str:
        """live, paper or mixed; none without accounts."""
        return mode_of(share.account.mode for share in self.shares)

    @property
    def run_mode(self) -> str:
        """Of the accounts in which that run was: those of the strategy may be others by now."""
        return mode_of(one.mode for one in self.sums)


def strategy_lines(owner_id: str) -> list[StrategyLine]:
    strategies = services().strategies.list(owner_id)
    ids = [strategy.id for strategy in strategies]
    accounts = owned_accounts(owner_id)
    shares = _shares(ids, accounts)
    runs = {line.run.strategy_id: line for line in run_lines(owner_id, list(_newest_runs(owner_id, ids).values()))}
    plans = services().schedules.plans(strategies)
    return [_line(one, shares[one.id], runs.get(one.id), plans.get(one.id)) for one in strategies]


def _line(strategy: Strategy, shares: Sequence[Share], run: RunLine | None, plan: Plan | None) -> StrategyLine:
    newest, sums = (run.run, run.sums) if run else (None, ())
    return StrategyLine(strategy, leg_words(strategy.legs), shares, newest, sums, plan)


def leg_words(legs: Sequence[object]) -> list[str]:
    return [Leg.model_validate(leg).words for leg in legs]


def _shares(strategy_ids: Sequence[str], accounts: dict[str, Account]) -> dict[str, list[Share]]:
    found: dict[str, list[Share]] = defaultdict(list)
    with services().db.read() as session:
        rows = session.scalars(select(StrategyAccount).where(StrategyAccount.strategy_id.in_(strategy_ids)))
        for row in rows:
            found[row.strategy_id].append(Share(accounts[row.account_id], row.multiplier))
    for shares in found.values():
        shares.sort(key=lambda share: share.account.name)
    return found


def _newest_runs(owner_id: str, strategy_ids: Sequence[str]) -> dict[str, Run]:
    """A live run comes before a newer one that has ended; ids grow with time."""
    newest = (
        select(func.max(Run.id))
        .where(Run.owner_id == owner_id, Run.strategy_id.in_(strategy_ids))
        .group_by(Run.strategy_id, Run.state.in_(LIVE_RUNS))
    )
    with services().db.read() as session:
        runs = session.scalars(select(Run).where(Run.id.in_(newest)).order_by(Run.id)).all()
    return {run.strategy_id: run for run in sorted(runs, key=lambda run: run.state in LIVE_RUNS)}
