"""The audit trail: an entry is written in the same unit of work as the change it tells of, or neither is.

Entries of a unit of work are numbered at its very end, just before the commit. On PostgreSQL an advisory
lock makes the writers take turns there (SQLite has one writer anyway); taken last, it can never be part of
a deadlock, and no writer waits for a change that is still being made.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, event, select, text
from sqlalchemy.orm import Session

from app.audit.chain import GENESIS, Verdict, check, fingerprint
from app.audit.models import AuditEntry
from app.audit.redact import clean
from app.core.actors import Actor
from app.core.clock import Clock
from app.core.db import Database

LOCK = 0x4D495252  # any number no other advisory lock of this database uses
PENDING = "audit_pending"


class Trail:
    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def record(
        self,
        session: Session,
        actor: Actor,
        action: str,
        subject: tuple[str, str],
        detail: dict[str, Any] | None = None,
    ) -> None:
        """`action` reads "account.created"; `subject` is (type, id); `detail` holds before and after."""
        if PENDING not in session.info:
            session.info[PENDING] = []
            event.listen(session, "before_commit", _write_pending, once=True)
        session.info[PENDING].append(
            AuditEntry(
                at=self._clock.now(),
                actor_id=actor.id,
                actor_name=actor.name,
                ip=actor.ip,
                action=action,
                subject_type=subject[0],
                subject_id=subject[1],
                detail=clean(detail or {}),
            )
        )

    def verify(self) -> Verdict:
        with self._db.read() as session:
            entries = select(AuditEntry).order_by(AuditEntry.seq).execution_options(yield_per=1000)
            return check(session.scalars(entries))

    def find(
        self,
        *,
        actor_id: str = "",
        action: str = "",
        subject: tuple[str, str] = ("", ""),
        before: int | None = None,
        limit: int = 100,
    ) -> Sequence[AuditEntry]:
        """Newest first; `action` may be the start of one ("account."); `before` is a seq, for the next page."""
        query = select(AuditEntry).order_by(AuditEntry.seq.desc()).limit(limit)
        with self._db.read() as session:
            return session.scalars(_narrowed(query, actor_id, action, subject, before)).all()

    def get(self, seq: int) -> AuditEntry | None:
        with self._db.read() as session:
            return session.get(AuditEntry, seq)


def _narrowed(
    query: Select[AuditEntry],
    actor_id: str,
    action: str,
    subject: tuple[str, str],
    before: int | None,
) -> Select[AuditEntry]:
    wanted = [
        (actor_id, AuditEntry.actor_id == actor_id),
        (action, AuditEntry.action.startswith(action, autoescape=True)),
        (subject[0], AuditEntry.subject_type == subject[0]),
        (subject[1], AuditEntry.subject_id == subject[1]),
        (before, AuditEntry.seq < (before or 0)),
    ]
    return query.where(*(condition for value, condition in wanted if value))


def _write_pending(session: Session) -> None:
    entries: list[AuditEntry] = session.info.pop(PENDING)
    session.flush()  # every other lock of this unit of work is taken before ours
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    last = session.execute(select(AuditEntry.seq, AuditEntry.hash).order_by(AuditEntry.seq.desc()).limit(1)).first()
    seq, head = last or (0, GENESIS)
    for entry in entries:
        seq += 1
        entry.seq, entry.previous_hash = seq, head
        entry.hash = head = fingerprint(entry)
        session.add(entry)
    session.flush()
