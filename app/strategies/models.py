"""A strategy is a template; a run is one life of it; an account run its part in one account; a leg run a leg of that.

What was filled is never copied here: it is read from the orders.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Exact, Moment
from app.core.ids import new_id


class Strategy(Base):
    __tablename__ = "strategies"
    __table_args__ = (
        Index(
            "uq_strategies_owner_id_name",
            "owner_id",
            "name",
            unique=True,
            sqlite_where=text("archived_at IS NULL"),
            postgresql_where=text("archived_at IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    name: Mapped[str]
    legs: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    on_failure: Mapped[str]  # unwind, hold
    venue_kind: Mapped[str] = mapped_column(default="openalgo")
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(Moment)
    updated_at: Mapped[datetime] = mapped_column(Moment)
    archived_at: Mapped[datetime | None] = mapped_column(Moment)


class StrategyAccount(Base):
    __tablename__ = "strategy_accounts"
    __table_args__ = (UniqueConstraint("strategy_id", "account_id"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    strategy_id: Mapped[str] = mapped_column(ForeignKey("strategies.id", ondelete="CASCADE"))
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    multiplier: Mapped[Decimal] = mapped_column(Exact)


class Run(Base):
    __tablename__ = "runs"
    __table_args__ = (
        UniqueConstraint("owner_id", "key"),
        Index("ix_runs_owner_id_requested_at", "owner_id", "requested_at"),
        Index("ix_runs_state", "state"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    strategy_id: Mapped[str] = mapped_column(ForeignKey("strategies.id"), index=True)
    key: Mapped[str]  # the click, the request, the signal: the same key is the same run
    name: Mapped[str]
    version: Mapped[int]
    legs: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    on_failure: Mapped[str]
    venue_kind: Mapped[str]
    accounts: Mapped[list[dict[str, Any]]] = mapped_column(JSON)  # account_id and multiplier as they were
    state: Mapped[str]
    claimed_by: Mapped[str | None]
    trouble: Mapped[str] = mapped_column(default="")
    requested_at: Mapped[datetime] = mapped_column(Moment)
    started_at: Mapped[datetime | None] = mapped_column(Moment)
    closed_at: Mapped[datetime | None] = mapped_column(Moment)
    exit_reason: Mapped[str | None]
    exit_by: Mapped[str | None]
    exit_at: Mapped[datetime | None] = mapped_column(Moment)


class AccountRun(Base):
    __tablename__ = "account_runs"
    __table_args__ = (
        UniqueConstraint("run_id", "account_id"),
        Index("ix_account_runs_account_id_state", "account_id", "state"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"))
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    multiplier: Mapped[Decimal] = mapped_column(Exact)
    on_failure: Mapped[str]
    state: Mapped[str]
    trouble: Mapped[str] = mapped_column(default="")  # what a person should know, in a sentence
    exit_reason: Mapped[str | None]
    exit_by: Mapped[str | None]
    exit_at: Mapped[datetime | None] = mapped_column(Moment)
    started_at: Mapped[datetime] = mapped_column(Moment)
    closed_at: Mapped[datetime | None] = mapped_column(Moment)


class LegRun(Base):
    __tablename__ = "leg_runs"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    account_run_id: Mapped[str] = mapped_column(ForeignKey("account_runs.id"), index=True)
    number: Mapped[int]
    exchange: Mapped[str]
    symbol: Mapped[str]
    side: Mapped[str]
    lots: Mapped[int]
    lot_size: Mapped[Decimal] = mapped_column(Exact)
    freeze_quantity: Mapped[Decimal | None] = mapped_column(Exact)
    tick: Mapped[Decimal] = mapped_column(Exact)
    quantity: Mapped[Decimal] = mapped_column(Exact)  # the target, in units
    product: Mapped[str]
    price_type: Mapped[str]
    price: Mapped[Decimal | None] = mapped_column(Exact)
    exit_reason: Mapped[str | None]
    exit_by: Mapped[str | None]
    exit_at: Mapped[datetime | None] = mapped_column(Moment)
