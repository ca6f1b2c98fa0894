"""What was recorded, and what was played over it. The ticks themselves are files; what a replay found is kept here.

A replay keeps what it was asked with: the strategy as it was then, its tape, its terms. So the row alone can be played
again, and gives the same journal.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Date, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Moment
from app.core.ids import new_id


class Recording(Base):
    """One day's ticks of what somebody chose, in a folder of its own."""

    __tablename__ = "recordings"
    __table_args__ = (Index("ix_recordings_owner_id_day", "owner_id", "day"), Index("ix_recordings_state", "state"))

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    day: Mapped[date] = mapped_column(Date)  # in India
    what: Mapped[str] = mapped_column(String(16))  # symbols, strategy, everything
    symbols: Mapped[list[str]] = mapped_column(JSON)  # "NFO:NIFTY…": those that were named
    strategy_id: Mapped[str | None] = mapped_column(ForeignKey("strategies.id"))
    title: Mapped[str] = mapped_column(String(120))
    state: Mapped[str] = mapped_column(String(12))  # on, ended
    asked_at: Mapped[datetime] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    first_at: Mapped[datetime | None] = mapped_column(Moment)  # of its ticks
    last_at: Mapped[datetime | None] = mapped_column(Moment)
    heard: Mapped[int] = mapped_column(default=0)  # symbols that had a tick
    ticks: Mapped[int] = mapped_column(default=0)
    dropped: Mapped[int] = mapped_column(default=0)  # there was no room for them
    size: Mapped[int] = mapped_column(default=0)  # bytes
    trouble: Mapped[str] = mapped_column(default="")


class Replay(Base):
    """A strategy played over a tape: asked for, played by a process of its own, and kept."""

    __tablename__ = "replays"
    __table_args__ = (Index("ix_replays_owner_id_asked_at", "owner_id", "asked_at"), Index("ix_replays_state", "state"))

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    strategy_id: Mapped[str] = mapped_column(ForeignKey("strategies.id"))
    version: Mapped[int]
    name: Mapped[str]
    content: Mapped[dict[str, Any]] = mapped_column(JSON)  # the Draft of that version
    accounts: Mapped[list[dict[str, Any]]] = mapped_column(JSON)  # id, name, currency, protection
    terms: Mapped[dict[str, Any]] = mapped_column(JSON)  # Terms
    tape: Mapped[str] = mapped_column(String(160))  # in words
    state: Mapped[str] = mapped_column(String(12))  # waiting, playing, done, failed, cancelled
    progress: Mapped[int] = mapped_column(default=0)  # percent
    asked_at: Mapped[datetime] = mapped_column(Moment)
    began_at: Mapped[datetime | None] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    cancel_asked_at: Mapped[datetime | None] = mapped_column(Moment)
    trouble: Mapped[str] = mapped_column(default="")
    fingerprint: Mapped[str] = mapped_column(String(64), default="")  # of the tape, SHA-256
    totals: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # see `outcome`
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # totals, trades, exits, the curve; as above
    journal: Mapped[bytes | None] = mapped_column(LargeBinary)  # JSON lines, deflated
