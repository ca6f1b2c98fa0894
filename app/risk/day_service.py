"""The front desk of limited days: what an account or a person's desk may do and lose in a day, and what was blocked.

Every method takes the owner first: somebody else's account or event is not found.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.primary import own
from app.audit.trail import Trail
from app.core import actors
from app.core.clock import Clock, day_in_india
from app.core.db import Database, after_commit
from app.core.errors import Denied, Invalid, NotFound
from app.core.link import Link
from app.risk import day_acting
from app.risk.day_acting import Acted
from app.risk.day_known import limited_of
from app.risk.day_monitor import DayTrigger
from app.risk.day_rules import DayRules, Limited
from app.risk.gate import take_turn
from app.risk.killing import Means
from app.risk.models import DayLimits, RiskEvent
from app.risk.service import LONGEST_WHY
from app.risk.states import Extent, Kind

LATEST = 20


class DayLimitService:
    def __init__(self, db: Database, clock: Clock, link: Link, trail: Trail, means: Means) -> None:
        self._db = db
        self._clock = clock
        self._link = link
        self._trail = trail
        self._means = means

    # -- what is limited

    def all(self, owner_id: str) -> list[Limited]:
        """The owner's desk first, then their accounts, limited or not."""
        with self._db.read() as session:
            return limited_of(session, day_in_india(self._clock.now()), owner_id, every=True)

    def of(self, owner_id: str, extent: Extent) -> Limited:
        found = next((one for one in self.all(owner_id) if one.extent == extent), None)
        if found is None:
            raise NotFound("There is no such account.")
        return found

    def save(self, owner_id: str, extent: Extent, rules: DayRules) -> None:
        """All of them anew. What was touched today stays touched; a limit that is changed is another one."""
        now, after = self._clock.now(), rules.model_dump(mode="json", exclude_none=True)
        with self._db.write(durable=True) as session:
            _check(session, owner_id, extent)
            known = session.get(DayLimits, extent.slot)
            before = known.rules if known else {}
            if not rules.is_empty:
                row = DayLimits(slot=extent.slot, kind=extent.kind, extent_id=extent.id, owner_id=owner_id)
                row.rules, row.updated_at, row.updated_by = after, now, actors.current().name
                session.merge(row)
            elif known is not None:  # who has none costs nothing
                session.delete(known)
            subject = (extent.kind.value, extent.id)
            self._trail.record(session, actors.current(), "limits.changed", subject, {"before": before, "after": after})
            after_commit(session, lambda: self._tell(owner_id))

    # -- what was touched

    def events(self, owner_id: str) -> Sequence[RiskEvent]:
        """The latest, newest first; those that block now are those of today that nobody released."""
        asked = select(RiskEvent).where(RiskEvent.owner_id == owner_id, RiskEvent.key.is_not(None))
        with self._db.read() as session:
            return session.scalars(asked.order_by(RiskEvent.at.desc(), RiskEvent.id.desc()).limit(LATEST)).all()

    def event(self, owner_id: str, event_id: str) -> RiskEvent:
        with self._db.read() as session:
            return _owned(session, owner_id, event_id)

    def release(self, owner_id: str, event_id: str, why: str) -> RiskEvent:
        """Let entries begin again. Raises Invalid without a reason, Denied when it blocks nothing any more."""
        why = " ".join(why.split())
        if not why or len(why) > LONGEST_WHY:
            raise Invalid.field("why", f"Say why, in at most {LONGEST_WHY} characters.")
        with self._db.write(durable=True) as session:
            take_turn(session, changes=True)
            event = _owned(session, owner_id, event_id)
            if event.released_at is not None:
                raise Denied(f"This block was released already, by {event.released_by}.")
            day_acting.end(session, self._trail, event, actors.current().name, why, self._clock.now())
            after_commit(session, lambda: self._tell(owner_id))
        return event

    # -- for the engine, in its unit of work

    def act(self, session: Session, trigger: DayTrigger, now: datetime) -> Acted | None:
        """A limit was touched: stop what it says; None when that was done before."""
        return day_acting.act(session, self._means, self._trail, trigger, now)

    def has_over(self, session: Session, now: datetime) -> bool:
        return bool(day_acting.over(session, now))

    def lift(self, session: Session, now: datetime) -> set[str]:
        """The day is over: end its blocks; the owners."""
        return day_acting.lift(session, self._trail, now)

    def _tell(self, owner_id: str) -> None:
        self._link.send("limits", {"owner": owner_id})
        self._link.send("risk", {"owner": owner_id})


def _check(session: Session, owner_id: str, extent: Extent) -> None:
    if extent.kind is Kind.ACCOUNT:
        own(session, owner_id, extent.id)
    elif extent != Extent(Kind.USER, owner_id):
        raise NotFound("There are no such limits.")


def _owned(session: Session, owner_id: str, event_id: str) -> RiskEvent:
    event = session.get(RiskEvent, event_id)
    if event is None or event.owner_id != owner_id or event.key is None:
        raise NotFound("There is no such block.")
    return event
