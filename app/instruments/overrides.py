"""What admins overrule: set with a reason, ended with a reason, never erased, each on the audit trail."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.audit.trail import Trail
from app.core.actors import current
from app.core.clock import Clock, day_in_india
from app.core.db import Database, after_commit, swap
from app.core.errors import Denied, Invalid, NotFound
from app.core.ids import new_id
from app.instruments.checks import LONGEST_TEXT, SIZES, Asked, problems
from app.instruments.facts import read
from app.instruments.models import FactKind, Instrument, Master, Override
from app.instruments.rulings import Rulings

REPLACED = "Replaced by another one for the same day."


@dataclass(frozen=True, slots=True)
class Known:
    """What is on record as a change is judged."""

    rulings: Rulings
    exchanges: set[str]
    has_name: Callable[[str, str], bool]  # exchange, underlying or symbol


class Overrides:
    def __init__(self, db: Database, clock: Clock, trail: Trail, announce: Callable[[], None]) -> None:
        """`announce` is called after each change: whoever keeps rulings must look again."""
        self._db = db
        self._clock = clock
        self._trail = trail
        self._announce = announce

    def list(self) -> list[Override]:
        """All that ever were, the newest first."""
        with self._db.read() as session:
            return list(session.scalars(select(Override).order_by(Override.set_at.desc(), Override.id.desc())))

    def get(self, override_id: str) -> Override:
        with self._db.read() as session:
            return _existing(session.get(Override, override_id))

    def set(self, asked: Asked) -> Override:
        """Let a value count from its day on. Raises Invalid with a sentence per field."""
        with self._db.write(durable=True) as session:
            known = self._known(session)
            wrong = judge(asked, known)
            if wrong:
                raise Invalid({name: [sentence] for name, sentence in wrong.items()})
            before = known.rulings.holding(asked.kind, *asked.place, asked.effective_from or date.max)
            row = self._add(session, asked, before.value if before else "")
            session.refresh(row)
        return row

    def set_all(self, changes: Iterable[tuple[Asked, str]]) -> None:
        """All or none: what was judged a moment ago, each with what counted before it."""
        with self._db.write(durable=True) as session:
            for asked, before in changes:
                self._add(session, asked, before)

    def end(self, override_id: str, reason: str) -> Override:
        """From today on it counts no more; one of a day to come, or of one day, never counts."""
        reason = reason.strip()
        if not reason or len(reason) > LONGEST_TEXT:
            raise Invalid.field("reason", f"Say why it ends, in {LONGEST_TEXT} characters at most.")
        with self._db.write(durable=True) as session:
            row = _existing(session.get(Override, override_id))
            if row.ended_at is not None:
                raise Denied(f"It was ended already, by {row.ended_by_name}.")
            self._end(session, row, reason)
        return row

    def known(self) -> Known:
        with self._db.read() as session:
            return self._known(session)

    def _known(self, session: Session) -> Known:
        rulings = read(session)
        masters = set(session.scalars(select(Master.exchange)))

        def has_name(exchange: str, name: str) -> bool:
            here = select(Instrument.id).where(Instrument.exchange == exchange)
            with self._db.read() as look:
                found = look.scalar(here.where((Instrument.name == name) | (Instrument.symbol == name)).limit(1))
            return exchange not in masters or found is not None

        return Known(rulings, rulings.exchanges | masters, has_name)

    def _add(self, session: Session, asked: Asked, before: str) -> Override:
        day, now, actor = asked.effective_from or date.max, self._clock.now(), current()
        same = select(Override).where(
            Override.kind == asked.kind,
            Override.exchange == asked.exchange,
            Override.subject == asked.subject,
            Override.effective_from == day,
            Override.ended_at.is_(None),
        )
        for old in session.scalars(same):
            self._end(session, old, REPLACED, wholly=True)
        row = Override(
            id=new_id(),
            kind=asked.kind,
            exchange=asked.exchange,
            subject=asked.subject,
            value=asked.value,
            effective_from=day,
            source=asked.source,
            reason=asked.reason,
            set_by=actor.id,
            set_by_name=actor.name,
            set_at=now,
            changed_at=now,
        )
        session.add(row)
        session.flush()
        told = _told(row) | {"before": before or None, "after": row.value, "reason": row.reason}
        self._trail.record(session, actor, "instrument.override_set", ("override", row.id), told)
        after_commit(session, self._announce)
        return row

    def _end(self, session: Session, row: Override, reason: str, wholly: bool = False) -> None:
        now, actor = self._clock.now(), current()
        today = day_in_india(now)
        never = wholly or row.kind == FactKind.DAY
        until = row.effective_from if never else max(today, row.effective_from)
        change = {"until": until, "ended_at": now, "changed_at": now, "ended_by_name": actor.name, "end_reason": reason}
        if not swap(session, Override, row.id, {"ended_at": None}, change):
            raise Denied("It was ended already.")
        session.refresh(row)
        told = _told(row) | {"value": row.value, "until": until.isoformat(), "reason": reason}
        self._trail.record(session, actor, "instrument.override_ended", ("override", row.id), told)
        after_commit(session, self._announce)


def judge(asked: Asked, known: Known) -> dict[str, str]:
    """A sentence for each field that is wrong."""
    wrong = problems(asked, known.exchanges)
    if wrong or asked.kind not in SIZES:
        return wrong
    if not known.has_name(asked.exchange, asked.subject):
        return {"subject": f"{asked.subject} is no underlying and no symbol on {asked.exchange}."}
    return {}


def _told(row: Override) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "exchange": row.exchange,
        "subject": row.subject,
        "effective_from": row.effective_from.isoformat(),
    }


def _existing(row: Override | None) -> Override:
    if row is None:
        raise NotFound("There is no such override.")
    return row
