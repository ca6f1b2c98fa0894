"""All runs, newest first, page by page; three reads a page."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select

from app.portfolio.pnl import add_up, total
from app.strategies.models import AccountRun, Run
from app.strategies.service import LIVE_RUNS
from app.web.current import services
from app.web.words import run_word

PAGE = 50


@dataclass(frozen=True, slots=True)
class RunLine:
    run: Run
    troubles: int  # accounts that have something to say
    total: Decimal | None  # what it made so far; None while something is open or a price is missing

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
    troubles = Counter(troubled)
    return [RunLine(run, troubles[run.id], None) for run in services().strategies.runs(owner_id, live_only=True)]


def run_lines(owner_id: str, runs: Sequence[Run]) -> list[RunLine]:
    with services().db.read() as session:
        parts = session.scalars(select(AccountRun).where(AccountRun.run_id.in_([run.id for run in runs]))).all()
    run_of = {part.id: part.run_id for part in parts}
    troubles = Counter(part.run_id for part in parts if part.trouble)
    figures: dict[str, list[Decimal | None]] = defaultdict(list)
    for leg in services().portfolio.legs(owner_id, list(run_of), services().clock.now()):
        figures[run_of[leg.account_run_id or ""]].append(total(leg.held.position, None))
    return [RunLine(run, troubles[run.id], add_up(figures[run.id]) if run.id in figures else None) for run in runs]
