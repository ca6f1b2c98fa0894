"""What the web asks of the engine: a committed row, claimed once, answered in the row.

The web never talks to a venue. It writes an errand ("test this connection", "preview this run"), nudges, and the
engine fills in the answer. A nudge only saves the wait. An errand is a question: asking twice is harmless, so one whose
engine died in the middle is simply taken again. Errands never place, change or cancel an order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, delete, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core.db import Base, Database, Moment
from app.core.ids import new_id

TAKEN_TOO_LONG = timedelta(seconds=60)
KEPT = timedelta(hours=24)


class Errand(Base):
    __tablename__ = "errands"
    __table_args__ = (Index("ix_errands_open", "done_at", "created_at"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str]
    question: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(Moment)
    taken_at: Mapped[datetime | None] = mapped_column(Moment)
    done_at: Mapped[datetime | None] = mapped_column(Moment)
    progress: Mapped[list[Any]] = mapped_column(JSON, default=list)
    answer: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    error: Mapped[str | None]


@dataclass(frozen=True, slots=True)
class ErrandDone:
    errand_id: str
    owner_id: str
    kind: str


def ask(session: Session, owner_id: str, kind: str, question: dict[str, Any], now: datetime) -> Errand:
    errand = Errand(id=new_id(), owner_id=owner_id, kind=kind, question=question, created_at=now, progress=[])
    session.add(errand)
    session.flush()
    return errand


def find(session: Session, owner_id: str, errand_id: str) -> Errand | None:
    return session.scalar(select(Errand).where(Errand.id == errand_id, Errand.owner_id == owner_id))


def answered(session: Session, owner_id: str, kind: str, since: datetime, limit: int) -> Sequence[Errand]:
    """Of a kind those with an answer that were asked since then, the newest first."""
    mine = (Errand.owner_id == owner_id, Errand.kind == kind, Errand.created_at >= since, Errand.done_at.is_not(None))
    newest = select(Errand).where(*mine, Errand.error.is_(None)).order_by(Errand.created_at.desc()).limit(limit)
    return session.scalars(newest).all()


def claim(db: Database, now: datetime, limit: int = 8) -> list[Errand]:
    """Take open errands; those taken long ago belong to an engine that died and are taken again."""
    stale = now - TAKEN_TOO_LONG
    free = or_(Errand.taken_at.is_(None), Errand.taken_at < stale)
    with db.read() as session:
        waiting = session.scalars(
            select(Errand.id).where(Errand.done_at.is_(None), free).order_by(Errand.created_at).limit(limit)
        ).all()
    if not waiting:
        return []
    with db.write() as session:
        won = session.scalars(
            update(Errand)
            .where(Errand.id.in_(waiting), Errand.done_at.is_(None), free)
            .values(taken_at=now)
            .returning(Errand.id)
            .execution_options(synchronize_session=False)
        ).all()
        return list(session.scalars(select(Errand).where(Errand.id.in_(won))))


def report_progress(db: Database, errand_id: str, lines: list[Any]) -> None:
    with db.write() as session:
        session.execute(update(Errand).where(Errand.id == errand_id).values(progress=lines))


def finish(db: Database, errand_id: str, now: datetime, answer: dict[str, Any] | None, error: str | None) -> None:
    with db.write() as session:
        session.execute(update(Errand).where(Errand.id == errand_id).values(done_at=now, answer=answer, error=error))


def sweep(db: Database, now: datetime) -> None:
    """Forget answers nobody will read any more."""
    with db.write() as session:
        session.execute(delete(Errand).where(Errand.created_at < now - KEPT))
