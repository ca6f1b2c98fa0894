"""What a venue last said is held; replaced as a whole by each reading, so that a failed one changes nothing.

That an account was read at all stands in its own row: an empty book that was read is not a book never read.
"""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Exact, Moment, Summed
from app.core.ids import new_id

Sequence = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts only INTEGER keys by itself


class VenuePosition(Base):
    __tablename__ = "venue_positions"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), index=True)
    exchange: Mapped[str]
    symbol: Mapped[str]
    product: Mapped[str]
    quantity: Mapped[Decimal] = mapped_column(Exact)
    average_price: Mapped[Decimal | None] = mapped_column(Exact)
    last_price: Mapped[Decimal | None] = mapped_column(Exact)
    pnl: Mapped[Decimal | None] = mapped_column(Exact)
    seen_at: Mapped[datetime] = mapped_column(Moment)


class VenueHolding(Base):
    """What lies in the depository; positions of a delivery product end up here."""

    __tablename__ = "venue_holdings"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), index=True)
    exchange: Mapped[str]
    symbol: Mapped[str]
    product: Mapped[str]
    quantity: Mapped[Decimal] = mapped_column(Exact)
    average_price: Mapped[Decimal | None] = mapped_column(Exact)
    last_price: Mapped[Decimal | None] = mapped_column(Exact)
    pnl: Mapped[Decimal | None] = mapped_column(Exact)
    seen_at: Mapped[datetime] = mapped_column(Moment)


class VenueReading(Base):
    """When each book of an account was last read whole."""

    __tablename__ = "venue_readings"

    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    positions_at: Mapped[datetime | None] = mapped_column(Moment)
    holdings_at: Mapped[datetime | None] = mapped_column(Moment)


class PositionDifference(Base):
    """Where a venue's book and the desk's fills say different things of one position, as last compared.

    The row goes when they agree again. A person who decides about it names its id: each difference is decided once.
    """

    __tablename__ = "position_differences"
    __table_args__ = (UniqueConstraint("account_id", "exchange", "symbol", "product"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    exchange: Mapped[str]
    symbol: Mapped[str]
    product: Mapped[str]
    desk_quantity: Mapped[Decimal] = mapped_column(Exact)  # signed: sold is negative
    venue_quantity: Mapped[Decimal] = mapped_column(Exact)
    looks: Mapped[int]
    is_confirmed: Mapped[bool]
    reason: Mapped[str] = mapped_column(default="")
    foreign_order_id: Mapped[str | None]  # the one foreign order that explains it, where there is exactly one
    foreign_price: Mapped[Decimal | None] = mapped_column(Exact)  # average of the foreign trades that explain it
    closed_at: Mapped[datetime | None] = mapped_column(Moment)  # the venue's time of the last foreign trade
    first_seen_at: Mapped[datetime] = mapped_column(Moment)
    last_seen_at: Mapped[datetime] = mapped_column(Moment)


class CarriedPosition(Base):
    """A position of the desk as it stood at the carry mark, so that nobody reads older orders again."""

    __tablename__ = "carried_positions"
    __table_args__ = (UniqueConstraint("account_id", "exchange", "symbol", "product"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    exchange: Mapped[str]
    symbol: Mapped[str]
    product: Mapped[str]
    quantity: Mapped[Decimal] = mapped_column(Exact)
    cost: Mapped[Decimal] = mapped_column(Exact)
    realised: Mapped[Decimal] = mapped_column(Exact)
    fees: Mapped[Decimal] = mapped_column(Exact)
    is_priced: Mapped[bool]
    by_hand: Mapped[Decimal] = mapped_column(Exact, server_default="0")  # signed: the part that no run holds
    changed_at: Mapped[datetime] = mapped_column(Moment)


class CarryMark(Base):
    """Orders that filled before `until` are in the carried positions; those after are not."""

    __tablename__ = "carry_marks"

    id: Mapped[str] = mapped_column(primary_key=True)
    until: Mapped[datetime] = mapped_column(Moment)


class RoundTrip(Base):
    """What one account made of a run, or of a position traded by hand, from its first fill until it was flat.

    Derived: the engine writes these rows anew from the orders whenever one of theirs changed.
    """

    __tablename__ = "round_trips"
    __table_args__ = (
        Index("ix_round_trips_owner_id_closed_on", "owner_id", "closed_on"),
        Index("ix_round_trips_place", "account_id", "exchange", "symbol", "product"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # of the account run, or of the first order by hand
    entry_id: Mapped[str] = mapped_column(index=True)  # the run, or itself: what the trade journal shows it under
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    run_id: Mapped[str | None] = mapped_column(index=True)
    strategy_id: Mapped[str | None]
    name: Mapped[str]
    exchange: Mapped[str] = mapped_column(default="")  # of a trade by hand, as the two below
    symbol: Mapped[str] = mapped_column(default="")
    product: Mapped[str] = mapped_column(default="")
    mode: Mapped[str]  # live or paper, as the account was when it was first written
    currency: Mapped[str]
    realised: Mapped[Decimal | None] = mapped_column(Summed)  # before charges; None while a price is missing
    charges: Mapped[Decimal | None] = mapped_column(Summed)  # None where no price list is known
    orders: Mapped[int]
    opened_at: Mapped[datetime] = mapped_column(Moment)
    closed_at: Mapped[datetime | None] = mapped_column(Moment)
    closed_on: Mapped[date | None]  # the day in India


class DayResult(Base):
    """What a round trip realised in one contract on one day in India; derived, as the trips are."""

    __tablename__ = "day_results"
    __table_args__ = (Index("ix_day_results_owner_id_day", "owner_id", "day"),)

    trip_id: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    exchange: Mapped[str] = mapped_column(primary_key=True)
    symbol: Mapped[str] = mapped_column(primary_key=True)
    underlying: Mapped[str]
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    strategy_id: Mapped[str | None]
    mode: Mapped[str]
    currency: Mapped[str]
    realised: Mapped[Decimal | None] = mapped_column(Summed)
    charges: Mapped[Decimal | None] = mapped_column(Summed)
    turnover: Mapped[Decimal] = mapped_column(Summed)
    orders: Mapped[int]


class PnlSample(Base):
    """What a run, an account, or all of a person's in one mode made up to a moment. What is not known has no sample."""

    __tablename__ = "pnl_samples"
    __table_args__ = (Index("ix_pnl_samples_subject_at", "subject", "at"),)

    seq: Mapped[int] = mapped_column(Sequence, primary_key=True, autoincrement=True)
    subject: Mapped[str]
    at: Mapped[datetime] = mapped_column(Moment)
    total: Mapped[Decimal] = mapped_column(Summed)  # realised and open; of a run since it began, else of the day
    stop: Mapped[Decimal | None] = mapped_column(Summed)  # the profit at which the run is left
    grain: Mapped[int]  # minutes it stands for when old points are thinned; 0: something happened, it stays


class TripNote(Base):
    """What a person wrote to an entry of the trade journal."""

    __tablename__ = "trip_notes"
    __table_args__ = (UniqueConstraint("owner_id", "entry_id"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    entry_id: Mapped[str]
    note: Mapped[str]
    tags: Mapped[str]  # ",breakout,news,": each between commas, so that one is found by its whole name
    version: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[datetime] = mapped_column(Moment)
