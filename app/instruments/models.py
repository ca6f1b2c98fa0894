"""The instrument masters of the venues, and the facts and holidays the venues do not know.

An instrument row is what a venue of that kind last listed; `active` says whether it still lists it. Facts are
effective-dated and carry their source: the newest one whose `effective_from` has come is true. An override is the word
of an admin with a reason: it stands above what a venue or a shipped fact says until it is ended, and is never erased.
"""

from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Date, ForeignKey, Index, String, Text, Time, UniqueConstraint
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
        Index("ix_instruments_family", "name", "exchange", "kind", "expiry", "strike"),
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


class Reading(Base):
    """One reading of an exchange's list: what it changed, or why it failed. Names are those of underlyings."""

    __tablename__ = "instrument_readings"
    __table_args__ = (Index("ix_instrument_readings_newest", "venue_kind", "exchange", "at"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    venue_kind: Mapped[str] = mapped_column(String(32))
    exchange: Mapped[str] = mapped_column(String(32))
    source: Mapped[str] = mapped_column(Text)  # the account that was asked, by name
    at: Mapped[datetime] = mapped_column(Moment)
    took_ms: Mapped[int]
    contracts: Mapped[int]
    added: Mapped[int]
    changed: Mapped[int]
    gone: Mapped[int]
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)  # see `sync.summary`
    trouble: Mapped[str] = mapped_column(Text, default="")


class Family(Base):
    """What a search finds first: a share or an index by each of its names, or all options of one kind and expiry.

    Written from the instruments after each reading, so that a search looks at some thousand rows, not at all contracts.
    """

    __tablename__ = "instrument_families"
    __table_args__ = (Index("ix_instrument_families_word", "word"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    venue_kind: Mapped[str] = mapped_column(String(32))
    exchange: Mapped[str] = mapped_column(String(32))
    word: Mapped[str] = mapped_column(Bytewise)  # upper case: what it begins with
    name: Mapped[str] = mapped_column(Bytewise)
    symbol: Mapped[str] = mapped_column(Bytewise)  # "" for derivatives
    kind: Mapped[str] = mapped_column(String(16))
    expiry: Mapped[date | None] = mapped_column(Date)
    contracts: Mapped[int]


class FactKind(StrEnum):
    LOT_SIZE = "lot_size"
    TICK = "tick"
    FREEZE_QUANTITY = "freeze_quantity"
    SESSION = "session"
    PRE_OPEN = "pre_open"
    CLOSING_AUCTION = "closing_auction"
    SPOT = "spot"  # where the price of an underlying is: "NSE_INDEX:NIFTY"
    PRICE_BAND = "price_band"  # percent above and below the previous close that the exchange lets a price go
    DAY = "day"  # one day that is not like its weekday; what ships stands among the holidays


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


class Override(Base):
    """An admin's word on one value, from a day on and, once it was ended, until the day before `until`."""

    __tablename__ = "instrument_overrides"
    __table_args__ = (Index("ix_instrument_overrides_subject", "exchange", "subject"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(32))
    exchange: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(64))
    value: Mapped[str] = mapped_column(String(160))
    effective_from: Mapped[date] = mapped_column(Date)
    until: Mapped[date | None] = mapped_column(Date)
    source: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    set_by: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    set_by_name: Mapped[str] = mapped_column(Text)
    set_at: Mapped[datetime] = mapped_column(Moment)
    changed_at: Mapped[datetime] = mapped_column(Moment, index=True)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    ended_by_name: Mapped[str | None] = mapped_column(Text)
    end_reason: Mapped[str | None] = mapped_column(Text)


class HolidayKind(StrEnum):
    TRADING = "trading_holiday"
    SPECIAL = "special_session"  # open from `opens` to `closes`, whatever weekday or holiday it is
    SETTLEMENT = "settlement_holiday"  # trading goes on; funds move later
    ORDINARY = "ordinary"  # like its weekday after all


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
