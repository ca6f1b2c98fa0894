"""What a venue last said is held; replaced as a whole by each reading, so that a failed one changes nothing.

That an account was read at all stands in its own row: an empty book that was read is not a book never read.
"""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Exact, Moment
from app.core.ids import new_id


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
    changed_at: Mapped[datetime] = mapped_column(Moment)


class CarryMark(Base):
    """Orders that filled before `until` are in the carried positions; those after are not."""

    __tablename__ = "carry_marks"

    id: Mapped[str] = mapped_column(primary_key=True)
    until: Mapped[datetime] = mapped_column(Moment)
