"""A key that a program sends along makes sending twice the same as sending once.

The key is claimed before anything is done, by a unique row, so of two callers at once only one goes on. The answer is
kept for a day and given to whoever asks again with the same key and the same question. The question is kept as a
keyed digest and the answer sealed: both may hold a secret. A caller who died in the middle keeps the key for a minute.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core.db import Base, Database, Moment, swap
from app.core.errors import DeskError, Invalid
from app.core.ids import new_id

HEADER = "Idempotency-Key"
KEPT = timedelta(hours=36)  # at least a day is promised
GONE_AFTER = timedelta(seconds=60)


class InProgress(DeskError):
    """The same request is being worked on right now."""

    code = "in_progress"
    status = 409


class IdempotencyKey(Base):
    __tablename__ = "idempotency_keys"
    __table_args__ = (UniqueConstraint("user_id", "key"), Index("ix_idempotency_keys_claimed_at", "claimed_at"))

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(128))
    fingerprint: Mapped[str] = mapped_column(String(64))  # of method, path and body
    claimed_at: Mapped[datetime] = mapped_column(Moment)
    done_at: Mapped[datetime | None] = mapped_column(Moment)
    status: Mapped[int | None]
    location: Mapped[str | None]
    answer_sealed: Mapped[str | None] = mapped_column(Text)


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer that was given before."""

    status: int
    location: str | None
    answer_sealed: str


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to do what the key stands for, or the answer to when that was done."""

    id: str
    kept: Kept | None = None


def claim(db: Database, user_id: str, key: str, fingerprint: str, now: datetime) -> Claim:
    """Raises Invalid when the key stood for something else, InProgress while another caller is at it."""
    try:
        with db.write(durable=True) as session:
            session.execute(
                delete(IdempotencyKey).where(IdempotencyKey.user_id == user_id, IdempotencyKey.claimed_at < now - KEPT)
            )
            known = session.scalar(
                select(IdempotencyKey).where(IdempotencyKey.user_id == user_id, IdempotencyKey.key == key)
            )
            return _known(session, known, fingerprint, now) if known else _new(session, user_id, key, fingerprint, now)
    except IntegrityError as error:
        raise InProgress("Another request with this key came at the same moment.") from error


def keep(db: Database, claim_id: str, now: datetime, kept: Kept) -> None:
    """The answer, for whoever asks again."""
    change = {
        "done_at": now,
        "status": kept.status,
        "location": kept.location,
        "answer_sealed": kept.answer_sealed,
    }
    with db.write(durable=True) as session:
        swap(session, IdempotencyKey, claim_id, {"done_at": None}, change)


def release(db: Database, claim_id: str) -> None:
    """Nothing was done: the key is free again."""
    with db.write() as session:
        session.execute(delete(IdempotencyKey).where(IdempotencyKey.id == claim_id, IdempotencyKey.done_at.is_(None)))


def sweep(db: Database, now: datetime) -> None:
    """Forget what nobody will ask again."""
    with db.write() as session:
        session.execute(delete(IdempotencyKey).where(IdempotencyKey.claimed_at < now - KEPT))


def _new(session: Session, user_id: str, key: str, fingerprint: str, now: datetime) -> Claim:
    row = IdempotencyKey(id=new_id(), user_id=user_id, key=key, fingerprint=fingerprint, claimed_at=now)
    session.add(row)
    session.flush()
    return Claim(row.id)


def _known(session: Session, row: IdempotencyKey, fingerprint: str, now: datetime) -> Claim:
    if row.fingerprint != fingerprint:
        raise Invalid.field(HEADER, "This key was used for another request: choose a new one.")
    if row.done_at is not None:
        return Claim(row.id, Kept(row.status or 200, row.location, row.answer_sealed or ""))
    took_over = now - row.claimed_at > GONE_AFTER and swap(
        session, IdempotencyKey, row.id, {"done_at": None, "claimed_at": row.claimed_at}, {"claimed_at": now}
    )
    if not took_over:
        raise InProgress("The same request is being worked on: ask again in a moment.")
    return Claim(row.id)
