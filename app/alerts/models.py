"""What a person wants to be told of, how far each alert has come, and every time it fired."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Exact, Moment
from app.core.ids import new_id


class PriceAlert(Base):
    """`version` rises with every change, by a person or by a firing: both change the row only as they know it."""

    __tablename__ = "price_alerts"
    __table_args__ = (Index("ix_price_alerts_owner_id_created_at", "owner_id", "created_at"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    version: Mapped[int] = mapped_column(default=1)
    state: Mapped[str] = mapped_column(index=True)
    subject: Mapped[str]
    exchange: Mapped[str] = mapped_column(default="")
    symbol: Mapped[str] = mapped_column(default="")
    other_exchange: Mapped[str] = mapped_column(default="")
    other_symbol: Mapped[str] = mapped_column(default="")
    ratio: Mapped[Decimal | None] = mapped_column(Exact)
    account_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    condition: Mapped[str]
    level: Mapped[Decimal] = mapped_column(Exact)  # a price, an amount of money, or per cent
    reference: Mapped[Decimal | None] = mapped_column(Exact)  # what per cent are counted from
    repeat: Mapped[str]
    pause_minutes: Mapped[int] = mapped_column(default=0)
    expires_at: Mapped[datetime | None] = mapped_column(Moment)
    note: Mapped[str] = mapped_column(Text, default="")
    armed: Mapped[bool] = mapped_column(default=True)
    side: Mapped[int | None]  # of the level: -1 below, 1 at it or above
    fired_at: Mapped[datetime | None] = mapped_column(Moment)
    firings: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(Moment)
    changed_at: Mapped[datetime] = mapped_column(Moment)
    removed_at: Mapped[datetime | None] = mapped_column(Moment, index=True)


class AlertFiring(Base):
    """One firing, in words that stay true when the alert is changed or removed."""

    __tablename__ = "alert_firings"
    __table_args__ = (Index("ix_alert_firings_owner_id_at", "owner_id", "at"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    alert_id: Mapped[str] = mapped_column(ForeignKey("price_alerts.id", ondelete="CASCADE"), index=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(Moment)
    words: Mapped[str] = mapped_column(Text)
    value: Mapped[Decimal] = mapped_column(Exact)
    seen: Mapped[list[Any]] = mapped_column(JSON)  # [{"name", "price", "age_ms", "source"}]
