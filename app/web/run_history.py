"""All runs, newest first, page by page; three reads a page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from app.strategies.models import AccountRun, Run
from app.strategies.service import LIVE_RUNS
from app.web.current import services
from app.web.words import run_word

PAGE = 50


@dataclass(frozen=True, slots=True)
class RunLine:
    run: Run
    troubles: int  # accounts that have something to say

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
    return History(run_lines(page), before, page[-1].id if len(found) > limit else "")


def live_runs(owner_id: str) -> list[RunLine]:
    return run_lines(services().strategies.runs(owner_id, live_only=True))


def run_lines(runs: Sequence[Run]) -> list[RunLine]:
    with services().db.read() as session:
        troubled = session.execute(
            select(AccountRun.run_id, func.count().label("troubles"))
            .where(AccountRun.run_id.in_([run.id for run in runs]), AccountRun.trouble != "")
            .group_by(AccountRun.run_id)
        )
        troubles = {row.run_id: int(row.troubles) for row in troubled}
    return [RunLine(run, troubles.get(run.id, 0)) for run in runs]
