"""What sizes are reckoned from and what stands in the database: a person's rules, margins that venues told, and what
runs that began a moment ago will take of the funds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import delete, func, select

from app.audit.trail import Trail
from app.core import actors
from app.core.clock import Clock
from app.core.db import Database
from app.core.money import ZERO
from app.execution.models import Order
from app.strategies.models import AccountRun, MarginReading, SizingSettings
from app.strategies.sizing import Figure
from app.strategies.sizing_settings import SizingRules, sizing_rules

LIVE = ("entering", "open", "exiting")
SETTLES = timedelta(seconds=5)  # funds that were read so soon after a start may not know of its orders yet
KEPT = timedelta(days=1)
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Since:
    """What happened in an account since its funds were read: `promised` is what runs will take that the funds may not
    show yet, `moved_at` when anything moved them last."""

    promised: Decimal
    moved_at: datetime

    def and_also(self, amount: Decimal, at: datetime) -> "Since":
        return Since(self.promised + amount, max(at, self.moved_at))


class SizingService:
    def __init__(self, db: Database, clock: Clock, trail: Trail) -> None:
        self._db = db
        self._clock = clock
        self._trail = trail

    def rules(self, owner_id: str) -> SizingRules:
        with self._db.read() as session:
            return sizing_rules(session.scalar(select(SizingSettings.rules).where(SizingSettings.owner_id == owner_id)))

    def save(self, owner_id: str, rules: SizingRules) -> None:
        """Runs under way keep their lots; what begins from now on is sized by these."""
        after = rules.model_dump(mode="json")
        with self._db.write() as session:
            known = session.get(SizingSettings, owner_id)
            before = known.rules if known else None
            session.merge(SizingSettings(owner_id=owner_id, rules=after, updated_at=self._clock.now()))
            change = {"before": before, "after": after}
            self._trail.record(session, actors.current(), "sizing.changed", ("user", owner_id), change)

    # -- margins that venues told

    def margin(self, account_id: str, legs: str, since: datetime) -> Figure | None:
        """What was told since then; None where nothing was."""
        with self._db.read() as session:
            row = session.get(MarginReading, (account_id, legs))
            return Figure(row.total, "the venue", row.read_at) if row and row.read_at >= since else None

    def keep_margin(self, account_id: str, legs: str, total: Decimal) -> Figure:
        now = self._clock.now()
        with self._db.write() as session:
            session.execute(delete(MarginReading).where(MarginReading.read_at < now - KEPT))
            session.merge(MarginReading(account_id=account_id, legs=legs, total=total, read_at=now))
        return Figure(total, "the venue", now)

    # -- what moved the funds since

    def since(self, owner_id: str, read_at: Mapping[str, datetime]) -> dict[str, Since]:
        """By account, of each whose funds were read at these times."""
        if not read_at:
            return {}
        oldest = min(read_at.values()) - SETTLES
        runs = select(AccountRun.account_id, AccountRun.started_at, AccountRun.sizing).where(
            AccountRun.account_id.in_(read_at), AccountRun.state.in_(LIVE), AccountRun.started_at >= oldest
        )
        fills = (
            select(Order.account_id, func.max(Order.filled_at))
            .where(Order.owner_id == owner_id, Order.filled_at >= oldest)
            .group_by(Order.account_id)
        )
        found = {account_id: Since(ZERO, NEVER) for account_id in read_at}
        with self._db.read() as session:
            for account_id, started_at, sizing in session.execute(runs):
                if started_at >= read_at[account_id] - SETTLES:
                    margin = Decimal((sizing or {}).get("margin") or 0)
                    found[account_id] = found[account_id].and_also(margin, started_at)
            for account_id, filled_at in session.execute(fills):
                if account_id in found and filled_at is not None:
                    found[account_id] = found[account_id].and_also(ZERO, filled_at)
        return found
