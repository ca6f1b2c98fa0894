"""Candles that were read from a venue, one row per contract and interval: ten readers cost one reading."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Exact, Moment
from app.core.ids import new_id


class CandleSeries(Base):
    """`wanted_at` is renewed by whoever looks; the engine reads what is wanted, and says how that went."""

    __tablename__ = "candle_series"
    __table_args__ = (UniqueConstraint("exchange", "symbol", "interval"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    exchange: Mapped[str] = mapped_column(String(32))
    symbol: Mapped[str] = mapped_column(String(64))
    interval: Mapped[str] = mapped_column(String(8))
    wanted_at: Mapped[datetime] = mapped_column(Moment, index=True)
    tried_at: Mapped[datetime | None] = mapped_column(Moment)
    read_at: Mapped[datetime | None] = mapped_column(Moment)
    traded: Mapped[Decimal | None] = mapped_column(Exact)  # the day's volume when it was read, as the ticks had it
    trouble: Mapped[str] = mapped_column(default="", server_default="")  # why the newest reading failed, in a sentence
    bars: Mapped[bytes | None] = mapped_column(LargeBinary)  # ascending, packed
