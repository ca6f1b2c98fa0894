"""All runs, newest first, page by page; three reads a page."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.accounts.models import Account
from app.portfolio.pnl import total
from app.strategies.models import AccountRun, Run
from app.strategies.service import LIVE_RUNS
from app.web.by_mode import Part, Sum, of_run
from app.web.chrome import mode_of
from app.web.current import services
from app.web.order_lines import owned_accounts
from app.web.words import run_word

PAGE = 50


@dataclass(frozen=True, slots=True)
class RunLine:
    run: Run
    troubles: int  # accounts that have something to say
    sums: Sequence[Sum]  # what it made so far, by mode; not known while something is open or a price is missing

    @property
    def word(self) -> str | None:
        return run_word(self.run.state)

    @property
    def is_live(self) -> bool:
        return self.run.state in LIVE_RUNS

    @property
    def accounts(self) -> int:
        return len(self.run.accounts)

    @property
    def mode(self) -> str:
        return mode_of(one.mode for one in self.sums)

    @property
    def ended(self) -> datetime | None:
        return self.run.closed_at


@dataclass(frozen=True, slots=True)
class History:
    lines: Sequence[RunLine]
    before: str  # what this page was asked with; "" is the newest
    older: str  # where the next page begins, or ""


def history(owner_id: str, before: str = "", limit: int = PAGE) -> History:
    """`before` is the id of the last run of the page before."""
    query = select(Run).where(Run.owner_id == owner_id).order_by(Run.id.desc()).limit(limit + 1)
    with services().db.read() as session:
        found = session.scalars(query.where(Run.id < before) if before else query).all()
    page = found[:limit]
    return History(run_lines(owner_id, page), before, page[-1].id if len(found) > limit else "")


def live_runs(owner_id: str, troubled: Collection[str]) -> list[RunLine]:
    """`troubled` names a run once for each of its accounts in trouble. What they make comes from the stream."""
    troubles, accounts = Counter(troubled), owned_accounts(owner_id)
    runs = services().strategies.runs(owner_id, live_only=True)
    return [RunLine(run, troubles[run.id], of_run(run.id, _taking_part(run, accounts), ())) for run in runs]


def run_lines(owner_id: str, runs: Sequence[Run]) -> list[RunLine]:
    with services().db.read() as session:
        parts = session.scalars(select(AccountRun).where(AccountRun.run_id.in_([run.id for run in runs]))).all()
    accounts, run_of = owned_accounts(owner_id), {part.id: part.run_id for part in parts}
    troubles = Counter(part.run_id for part in parts if part.trouble)
    made: dict[str, list[Part]] = defaultdict(list)
    for leg in services().portfolio.legs(owner_id, list(run_of), services().clock.now()):
        part = (accounts[leg.key.account_id], total(leg.held.position, None))
        made[run_of[leg.account_run_id or ""]].append(part)
    return [RunLine(run, troubles[run.id], of_run(run.id, _taking_part(run, accounts), made[run.id])) for run in runs]


def _taking_part(run: Run, accounts: Mapping[str, Account]) -> list[Account]:
    return [accounts[share["account_id"]] for share in run.accounts]
