"""The newest of each account's books, kept for everybody who reads: one venue call feeds them all.

A part is replaced as a whole and only when it differs; when it was read last stands beside it, so that the web tells
its true age whether or not an engine runs.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Moment


class CachedPart(Base):
    """A part of an account: funds, positions, orders, trades or holdings."""

    __tablename__ = "cached_parts"

    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    part: Mapped[str] = mapped_column(primary_key=True)
    data: Mapped[str] = mapped_column(Text)  # JSON, written once and served as it is
    size: Mapped[int]  # rows
    seq: Mapped[int]  # of the account's change that this part changed with last
    source: Mapped[str]  # push or poll
    changed_at: Mapped[datetime] = mapped_column(Moment)
    read_at: Mapped[datetime] = mapped_column(Moment)  # when the reading that it comes from began
    fresh_ms: Mapped[int]  # older than that, it should have been read again: stale


class CachedCount(Base):
    """What reading an account has come to, since `since`."""

    __tablename__ = "cached_counts"

    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    seq: Mapped[int]  # of the account's newest change; it only rises
    polls: Mapped[dict[str, Any]] = mapped_column(JSON)  # readings that the venue answered, by part
    pushes: Mapped[int]
    errors: Mapped[int]
    since: Mapped[datetime] = mapped_column(Moment)
    last_success_at: Mapped[datetime | None] = mapped_column(Moment)
    last_error_at: Mapped[datetime | None] = mapped_column(Moment)
    last_error: Mapped[str] = mapped_column(default="")
