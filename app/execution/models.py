"""The journal: intents, their orders, every step of each order, its fills, and the venue's orders that are not ours."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Exact, Moment
from app.core.ids import new_id
from app.core.money import ZERO

Sequence = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts only INTEGER keys by itself


class Intent(Base):
    """A wish for a quantity with a purpose; the idempotency key makes wishing twice the same wish."""

    __tablename__ = "intents"
    __table_args__ = (UniqueConstraint("owner_id", "key"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    key: Mapped[str]
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), index=True)
    account_run_id: Mapped[str | None] = mapped_column(index=True)
    leg_run_id: Mapped[str | None]
    purpose: Mapped[str]
    exchange: Mapped[str]
    symbol: Mapped[str]
    side: Mapped[str]
    quantity: Mapped[Decimal] = mapped_column(Exact)
    price_type: Mapped[str]
    product: Mapped[str]
    price: Mapped[Decimal | None] = mapped_column(Exact)
    trigger_price: Mapped[Decimal | None] = mapped_column(Exact)
    wave: Mapped[int] = mapped_column(default=1)
    attempt: Mapped[int] = mapped_column(default=1)
    reason: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(Moment)


class Order(Base):
    """One child order at a venue: the unit that is journaled and sent. Its id is its client order id."""

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("account_id", "venue_order_id"),
        Index("ix_orders_account_id_state", "account_id", "state"),
        Index("ix_orders_state", "state"),
        Index("ix_orders_owner_id_created_at", "owner_id", "created_at"),
        Index("ix_orders_owner_id_filled_at", "owner_id", "filled_at"),
        Index("ix_orders_filled_at", "filled_at"),  # what came lately, whoever owns it
        Index(
            "ix_orders_by_hand",  # of no run: what was filled by hand is summed for each close
            "account_id",
            "symbol",
            sqlite_where=text("account_run_id IS NULL"),
            postgresql_where=text("account_run_id IS NULL"),
        ),
        Index(
            "ix_orders_by_hand_state",  # what works by hand is asked for by each page of positions
            "owner_id",
            "state",
            sqlite_where=text("account_run_id IS NULL"),
            postgresql_where=text("account_run_id IS NULL"),
        ),
        Index(
            "ix_orders_cancel_batch",
            "cancel_batch",
            sqlite_where=text("cancel_batch IS NOT NULL"),
            postgresql_where=text("cancel_batch IS NOT NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    intent_id: Mapped[str] = mapped_column(ForeignKey("intents.id"), index=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    account_run_id: Mapped[str | None] = mapped_column(index=True)
    leg_run_id: Mapped[str | None] = mapped_column(index=True)
    purpose: Mapped[str]
    wave: Mapped[int] = mapped_column(default=1)
    slice: Mapped[int] = mapped_column(default=1)
    slices: Mapped[int] = mapped_column(default=1)
    exchange: Mapped[str]
    symbol: Mapped[str]
    side: Mapped[str]
    quantity: Mapped[Decimal] = mapped_column(Exact)
    price_type: Mapped[str]
    product: Mapped[str]
    price: Mapped[Decimal | None] = mapped_column(Exact)
    trigger_price: Mapped[Decimal | None] = mapped_column(Exact)
    # Of a pair that rests at the broker, whose trigger and price are those of its stop; `fired`: "stop" or "target",
    # once the broker made an order of it.
    target_trigger: Mapped[Decimal | None] = mapped_column(Exact)
    target_price: Mapped[Decimal | None] = mapped_column(Exact)
    fired: Mapped[str] = mapped_column(String(8), default="", server_default="")
    state: Mapped[str]
    failure: Mapped[str] = mapped_column(default="")  # refused, login, unavailable, denied, withdrawn, lost
    reason: Mapped[str] = mapped_column(default="")  # in the venue's words
    venue_order_id: Mapped[str | None]
    filled_quantity: Mapped[Decimal] = mapped_column(Exact, default=ZERO)
    average_price: Mapped[Decimal | None] = mapped_column(Exact)
    claimed_by: Mapped[str | None]
    seen_mark: Mapped[int] = mapped_column(default=0)  # foreign orders known before the send are no candidates
    book_read_at: Mapped[datetime | None] = mapped_column(Moment)  # how fresh that knowledge was at the send
    lookups: Mapped[int] = mapped_column(default=0)  # whole books, read after the send, that did not show it
    candidates: Mapped[list[Any] | None] = mapped_column(JSON)  # venue ids a person must choose from
    created_at: Mapped[datetime] = mapped_column(Moment)
    claimed_at: Mapped[datetime | None] = mapped_column(Moment)
    sent_at: Mapped[datetime | None] = mapped_column(Moment)
    answered_at: Mapped[datetime | None] = mapped_column(Moment)
    unknown_at: Mapped[datetime | None] = mapped_column(Moment)
    cancel_asked_at: Mapped[datetime | None] = mapped_column(Moment)  # a person wants it cancelled
    cancel_at: Mapped[datetime | None] = mapped_column(Moment)
    cancel_batch: Mapped[str | None]  # asked for together with others: what became of them is told together
    filled_at: Mapped[datetime | None] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    updated_at: Mapped[datetime] = mapped_column(Moment)


class OrderEvent(Base):
    """One step in the life of an order, in the order it was learned; never changed, never removed."""

    __tablename__ = "order_events"

    seq: Mapped[int] = mapped_column(Sequence, primary_key=True, autoincrement=True)
    order_id: Mapped[str] = mapped_column(ForeignKey("orders.id"), index=True)
    at: Mapped[datetime] = mapped_column(Moment)
    source: Mapped[str]  # desk, answer, push, book, trades, reconcile, person
    from_state: Mapped[str]
    to_state: Mapped[str]
    filled_quantity: Mapped[Decimal] = mapped_column(Exact, default=ZERO)
    average_price: Mapped[Decimal | None] = mapped_column(Exact)
    detail: Mapped[str] = mapped_column(default="")


class OrderChange(Base):
    """New terms that a person or a run's rule wants for a working order. At most one of an order is unfinished, and
    none is sent twice.

    asked -> sending -> done, refused or unknown; unknown ends by the order book alone. withdrawn: it was never sent.
    """

    __tablename__ = "order_changes"
    __table_args__ = (
        UniqueConstraint("owner_id", "key"),
        Index(
            "uq_order_changes_unfinished",
            "order_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(
            "ix_order_changes_unsettled",
            "account_id",
            sqlite_where=text("settled_at IS NULL"),
            postgresql_where=text("settled_at IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    order_id: Mapped[str] = mapped_column(ForeignKey("orders.id"), index=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    key: Mapped[str]
    by: Mapped[str]
    by_desk: Mapped[bool | None]  # a run's rule asked for it: an exit that rested goes at market
    quantity: Mapped[Decimal] = mapped_column(Exact)
    price_type: Mapped[str]
    price: Mapped[Decimal | None] = mapped_column(Exact)
    trigger_price: Mapped[Decimal | None] = mapped_column(Exact)
    old_quantity: Mapped[Decimal] = mapped_column(Exact)  # the terms before, as they stood at the send
    old_price_type: Mapped[str]
    old_price: Mapped[Decimal | None] = mapped_column(Exact)
    old_trigger_price: Mapped[Decimal | None] = mapped_column(Exact)
    state: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    claimed_by: Mapped[str | None]
    seen_mark: Mapped[int] = mapped_column(default=0)  # foreign orders known before the send are not this one renamed
    lookups: Mapped[int] = mapped_column(default=0)  # books, read after the send, that did not show the new terms
    asked_at: Mapped[datetime] = mapped_column(Moment)
    sent_at: Mapped[datetime | None] = mapped_column(Moment)
    answered_at: Mapped[datetime | None] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    settled_at: Mapped[datetime | None] = mapped_column(Moment)  # a book has confirmed what it ended as


class OrderTicket(Base):
    """An order written by hand for one or many accounts; it is placed once, and what each account answered stays."""

    __tablename__ = "order_tickets"
    __table_args__ = (UniqueConstraint("owner_id", "key"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    key: Mapped[str]
    draft: Mapped[dict[str, Any]] = mapped_column(JSON)
    errand_id: Mapped[str | None]  # the margins, asked of the accounts
    refused: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # by account, why nothing was sent there
    created_at: Mapped[datetime] = mapped_column(Moment)
    placed_at: Mapped[datetime | None] = mapped_column(Moment)


class Fill(Base):
    """A trade of an order: unique by the venue's trade id, or by the cumulative quantity where there is none."""

    __tablename__ = "fills"
    __table_args__ = (UniqueConstraint("order_id", "key"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    order_id: Mapped[str] = mapped_column(ForeignKey("orders.id"))
    key: Mapped[str]
    quantity: Mapped[Decimal] = mapped_column(Exact)
    price: Mapped[Decimal | None] = mapped_column(Exact)
    at: Mapped[datetime] = mapped_column(Moment)
    source: Mapped[str]


class VenueOrder(Base):
    """An order in a venue's book that is not ours, as last seen. Rows are never removed: they prove what was there."""

    __tablename__ = "venue_orders"
    __table_args__ = (UniqueConstraint("account_id", "venue_order_id"),)

    seq: Mapped[int] = mapped_column(Sequence, primary_key=True, autoincrement=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    venue_order_id: Mapped[str]
    exchange: Mapped[str]
    symbol: Mapped[str]
    side: Mapped[str]
    quantity: Mapped[Decimal] = mapped_column(Exact)
    price_type: Mapped[str]
    product: Mapped[str]
    price: Mapped[Decimal | None] = mapped_column(Exact)
    trigger_price: Mapped[Decimal | None] = mapped_column(Exact)
    status: Mapped[str]
    filled_quantity: Mapped[Decimal | None] = mapped_column(Exact)
    average_price: Mapped[Decimal | None] = mapped_column(Exact)
    at: Mapped[datetime | None] = mapped_column(Moment)
    first_seen_at: Mapped[datetime] = mapped_column(Moment)
    last_seen_at: Mapped[datetime] = mapped_column(Moment)


class EngineLease(Base):
    """Which engine may act. Whoever holds it sends; the epoch fences the one before."""

    __tablename__ = "engine_leases"

    id: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str]
    epoch: Mapped[int]
    expires_at: Mapped[datetime] = mapped_column(Moment)
