"""The instrument masters of the venues, and the facts and holidays the venues do not know.

An instrument row is what a venue of that kind last listed; `active` says whether it still lists it. Facts are
effective-dated and carry their source: the newest one whose `effective_from` has come is true.
"""

from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import Date, ForeignKey, Index, String, Text, Time, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Exact, Moment
from app.core.ids import new_id

# Ordered byte by byte on every database, so that "starts with" is a range of the index.
Bytewise = String(64).with_variant(String(64, collation="C"), "postgresql")


class Instrument(Base):
    __tablename__ = "instruments"
    __table_args__ = (
        UniqueConstraint("venue_kind", "exchange", "symbol"),
        Index("ix_instruments_symbol", "symbol"),
        Index("ix_instruments_family", "name", "exchange", "kind", "expiry"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    venue_kind: Mapped[str] = mapped_column(String(32))
    exchange: Mapped[str] = mapped_column(String(32))
    symbol: Mapped[str] = mapped_column(Bytewise)
    name: Mapped[str] = mapped_column(Bytewise)
    kind: Mapped[str] = mapped_column(String(16))
    expiry: Mapped[date | None] = mapped_column(Date)
    strike: Mapped[Decimal | None] = mapped_column(Exact)
    lot_size: Mapped[Decimal] = mapped_column(Exact)
    tick: Mapped[Decimal] = mapped_column(Exact)
    freeze_quantity: Mapped[Decimal | None] = mapped_column(Exact)
    source: Mapped[str] = mapped_column(String(64))
    synced_at: Mapped[datetime] = mapped_column(Moment)  # when this row last changed; see Master for the age
    active: Mapped[bool] = mapped_column(default=True)


class Master(Base):
    """When one exchange of one kind of venue was last read whole."""

    __tablename__ = "instrument_masters"
    __table_args__ = (UniqueConstraint("venue_kind", "exchange"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    venue_kind: Mapped[str] = mapped_column(String(32))
    exchange: Mapped[str] = mapped_column(String(32))
    source: Mapped[str] = mapped_column(String(64))
    synced_at: Mapped[datetime] = mapped_column(Moment)
    contracts: Mapped[int]


class FactKind(StrEnum):
    LOT_SIZE = "lot_size"
    TICK = "tick"
    FREEZE_QUANTITY = "freeze_quantity"
    SESSION = "session"
    SPOT = "spot"  # where the price of an underlying is: "NSE_INDEX:NIFTY"


class Fact(Base):
    """One thing known about an exchange or one of its underlyings (`subject`; `*` is every one) from a day
    on.
    """

    __tablename__ = "instrument_facts"
    __table_args__ = (UniqueConstraint("kind", "exchange", "subject", "effective_from"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(32))
    exchange: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(64))
    value: Mapped[str] = mapped_column(String(64))
    effective_from: Mapped[date] = mapped_column(Date)
    source: Mapped[str] = mapped_column(Text)
    set_by: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))


class HolidayKind(StrEnum):
    TRADING = "trading_holiday"
    SPECIAL = "special_session"  # open from `opens` to `closes`, whatever weekday or holiday it is
    SETTLEMENT = "settlement_holiday"  # trading goes on; funds move later


class Holiday(Base):
    __tablename__ = "instrument_holidays"
    __table_args__ = (UniqueConstraint("exchange", "date"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    exchange: Mapped[str] = mapped_column(String(32))
    date: Mapped[date] = mapped_column(Date)
    name: Mapped[str] = mapped_column(String(120))
    kind: Mapped[str] = mapped_column(String(32))
    opens: Mapped[time | None] = mapped_column(Time)
    closes: Mapped[time | None] = mapped_column(Time)
    source: Mapped[str] = mapped_column(Text)
