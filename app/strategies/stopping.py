"""Runs as the risk room stops them: which are live in its reach, and what is decided about all of them at once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, or_, select, true, update
from sqlalchemy.orm import Session

from app.risk.reach import LivePart
from app.risk.states import Extent, Kind
from app.strategies.models import AccountRun, LegRun, Run
from app.strategies.owning import own_strategy
from app.strategies.part_views import AccountRunState

LIVE = (AccountRunState.ENTERING, AccountRunState.OPEN, AccountRunState.EXITING)
NOT_BEGUN = ("requested", "resolving")
_PART = (AccountRun.id, AccountRun.account_id, AccountRun.owner_id)


class StoppableRuns:
    """As `risk.reach.Runs` wants them; all in the caller's unit of work."""

    def name(self, session: Session, owner_id: str, strategy_id: str) -> str:
        return own_strategy(session, owner_id, strategy_id).name

    def live_parts(self, session: Session, extent: Extent, until: datetime | None = None) -> Sequence[LivePart]:
        is_leaving = or_(AccountRun.exit_reason.is_not(None), Run.exit_reason.is_not(None))
        query = (
            select(*_PART, is_leaving, AccountRun.trouble)
            .join(Run, Run.id == AccountRun.run_id)
            .where(AccountRun.state.in_(LIVE), _among(extent))
        )
        if until is not None:
            query = query.where(AccountRun.started_at <= until)
        return [LivePart(*row) for row in session.execute(query)]

    def end_entries(self, session: Session, extent: Extent, why: str) -> None:
        entering = select(AccountRun.id).join(Run, Run.id == AccountRun.run_id)
        entering = entering.where(AccountRun.state == AccountRunState.ENTERING, _among(extent))
        late = select(LegRun.account_run_id).where(or_(LegRun.waits != "", LegRun.again.is_not(None)))
        later = select(AccountRun.id).join(Run, Run.id == AccountRun.run_id)
        later = later.where(AccountRun.state.in_(LIVE), AccountRun.id.in_(late), _among(extent))
        for parts in (entering, later):  # what waits, or would come again, is ended as well
            _change(session, update(AccountRun).where(AccountRun.id.in_(parts), AccountRun.stopped == ""), stopped=why)

    def forget_requests(self, session: Session, extent: Extent, why: str, now: datetime) -> None:
        """Of one account only its part fails, when the run begins: the others may want to trade."""
        if extent.kind is not Kind.ACCOUNT:
            waiting = update(Run).where(Run.state.in_(NOT_BEGUN), _among(extent))
            _change(session, waiting, state=AccountRunState.FAILED.value, trouble=why, closed_at=now)

    def exit(self, session: Session, part_ids: Sequence[str], reason: str, by: str, now: datetime) -> None:
        these = AccountRun.id.in_(part_ids)
        _change(session, update(AccountRun).where(these), exit_at=now, hurried=True)
        whole = select(Run.id).where(Run.exit_reason.is_not(None))
        undecided = update(AccountRun).where(these, AccountRun.exit_reason.is_(None), AccountRun.run_id.not_in(whole))
        _change(session, undecided, exit_reason=reason, exit_by=by)


def _among(extent: Extent) -> ColumnElement[bool]:
    if extent.kind is Kind.USER:
        return Run.owner_id == extent.id
    if extent.kind is Kind.ACCOUNT:
        return AccountRun.account_id == extent.id
    return Run.strategy_id == extent.id if extent.kind is Kind.STRATEGY else true()


def _change(session: Session, statement: Any, **values: object) -> None:
    session.execute(statement.values(**values).execution_options(synchronize_session=False))
