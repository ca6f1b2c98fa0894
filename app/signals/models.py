"""The addresses that programs elsewhere send to, and every message that proved itself."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Moment
from app.core.ids import new_id

WAITING = "state = 'received'"


class Webhook(Base):
    """One address, for one strategy. `version` rises with each change; who changes it names the one they saw."""

    __tablename__ = "webhooks"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    strategy_id: Mapped[str] = mapped_column(ForeignKey("strategies.id", ondelete="CASCADE"))
    name: Mapped[str]
    secret_sealed: Mapped[str]
    hint: Mapped[str]  # the last four characters of the secret
    silent_action: Mapped[str] = mapped_column(default="")  # of a message that names none; empty: it is refused
    one_at_a_time: Mapped[bool] = mapped_column(default=True)
    most_entries: Mapped[int]  # of one day in India
    allowed_ips: Mapped[list[str]] = mapped_column(JSON, default=list)  # addresses or networks; empty: any
    version: Mapped[int] = mapped_column(default=1)
    paused_at: Mapped[datetime | None] = mapped_column(Moment)
    created_at: Mapped[datetime] = mapped_column(Moment)
    changed_at: Mapped[datetime] = mapped_column(Moment)
    heard_at: Mapped[datetime | None] = mapped_column(Moment)
    unproven: Mapped[int] = mapped_column(default=0)  # messages that did not prove themselves
    unproven_at: Mapped[datetime | None] = mapped_column(Moment)
    unproven_why: Mapped[str] = mapped_column(default="")
    removed_at: Mapped[datetime | None] = mapped_column(Moment)


class Signal(Base):
    """One message. The row is the queue: the engine acts on what is `received`, in the order of the ids."""

    __tablename__ = "signals"
    __table_args__ = (
        UniqueConstraint("webhook_id", "key"),
        Index("ix_signals_owner_id_id", "owner_id", "id"),
        Index("ix_signals_waiting", "id", sqlite_where=text(WAITING), postgresql_where=text(WAITING)),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    webhook_id: Mapped[str] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    key: Mapped[str]  # what tells it from a repeat
    action: Mapped[str]
    state: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    body: Mapped[str] = mapped_column(Text)  # as it came, without the secret
    repeats: Mapped[int] = mapped_column(default=0)
    run_ids: Mapped[list[str]] = mapped_column(JSON, default=list)  # that it began or made leave
    received_at: Mapped[datetime] = mapped_column(Moment)
    decided_at: Mapped[datetime | None] = mapped_column(Moment)
