"""One list of everything that needed a person, or that they wanted to know."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Moment
from app.core.ids import new_id


class Level(StrEnum):
    INFO = "info"
    WARN = "warn"
    ALARM = "alarm"


class Notification(Base):
    """A message to an owner. While it is not acknowledged its key is taken: the same again counts up and is unread
    anew instead of filling the list.
    """

    __tablename__ = "notifications"
    __table_args__ = (
        UniqueConstraint("owner_id", "key"),
        Index("ix_notifications_owner_id_last_at", "owner_id", "last_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    key: Mapped[str | None]  # NULL once it is acknowledged
    level: Mapped[str]
    topic: Mapped[str]  # alert, account, order, feed, …
    subject: Mapped[str]
    text: Mapped[str] = mapped_column(Text)
    link: Mapped[str] = mapped_column(default="")  # a path of this desk, or nothing
    times: Mapped[int] = mapped_column(default=1)
    first_at: Mapped[datetime] = mapped_column(Moment)
    last_at: Mapped[datetime] = mapped_column(Moment)
    read_at: Mapped[datetime | None] = mapped_column(Moment)
    acknowledged_at: Mapped[datetime | None] = mapped_column(Moment)
