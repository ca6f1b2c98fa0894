"""Accounts and what was last seen of them.

A removed account keeps its row, so that orders and fills keep their account; its keys are wiped. At most
one account per owner is primary, and the database itself sees to it.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Moment
from app.core.ids import new_id


class TradingState(StrEnum):
    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"  # paused: only what shrinks risk
    HALTED = "HALTED"  # nothing but cancels and exits by hand


class Account(Base):
    __tablename__ = "accounts"
    __table_args__ = (
        Index(
            "uq_accounts_one_primary",
            "owner_id",
            unique=True,
            sqlite_where=text("is_primary"),
            postgresql_where=text("is_primary"),
        ),
        Index(
            "uq_accounts_name",
            "owner_id",
            "name_key",
            unique=True,
            sqlite_where=text("removed_at IS NULL"),
            postgresql_where=text("removed_at IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    name: Mapped[str] = mapped_column(String(60))
    name_key: Mapped[str] = mapped_column(String(120))  # the name as compared, case folded
    venue_kind: Mapped[str] = mapped_column(String(32))
    host_url: Mapped[str] = mapped_column(String(255))
    stream_url: Mapped[str] = mapped_column(String(255))
    api_key_sealed: Mapped[str] = mapped_column(Text)
    api_secret_sealed: Mapped[str | None] = mapped_column(Text)
    extra_sealed: Mapped[str | None] = mapped_column(Text)  # JSON of text: a venue's further secrets, the proxy
    bind_address: Mapped[str] = mapped_column(String(45), default="")
    enabled: Mapped[bool] = mapped_column(default=True)
    trading_state: Mapped[str] = mapped_column(String(16), default=TradingState.ACTIVE)
    is_primary: Mapped[bool] = mapped_column(default=False)
    failover_rank: Mapped[int]
    default_product: Mapped[str] = mapped_column(String(16))
    max_in_flight: Mapped[int] = mapped_column(default=10)
    orders_per_second: Mapped[int] = mapped_column(default=10)
    expected_mode: Mapped[str] = mapped_column(String(8))  # live or paper
    broker: Mapped[str] = mapped_column(String(64), default="")  # as the venue names itself
    currency: Mapped[str] = mapped_column(String(8))
    created_at: Mapped[datetime] = mapped_column(Moment)
    updated_at: Mapped[datetime] = mapped_column(Moment)
    removed_at: Mapped[datetime | None] = mapped_column(Moment)
    version: Mapped[int] = mapped_column(default=1)  # an edit of an older one is refused


class HealthState(StrEnum):
    UNKNOWN = "unknown"
    OK = "ok"
    PAPER = "analyzer (paper)"
    UNREACHABLE = "unreachable"
    KEY_WRONG = "key wrong"
    NOT_LOGGED_IN = "broker not logged in"
    APPROVAL_NEEDED = "approval needed"

    @property
    def usable(self) -> bool:
        """Whether orders can reach the broker, as far as we know."""
        return self in (HealthState.OK, HealthState.PAPER)


class AccountHealth(Base):
    __tablename__ = "account_health"

    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    state: Mapped[str] = mapped_column(String(32), default=HealthState.UNKNOWN)
    failures: Mapped[int] = mapped_column(default=0)  # unreachable so many times in a row
    latency_ms: Mapped[int | None]
    broker: Mapped[str] = mapped_column(String(64), default="")
    mode: Mapped[str] = mapped_column(String(8), default="")
    last_error: Mapped[str] = mapped_column(Text, default="")  # the venue's own words
    last_error_at: Mapped[datetime | None] = mapped_column(Moment)
    checked_at: Mapped[datetime | None] = mapped_column(Moment)
    last_ok_at: Mapped[datetime | None] = mapped_column(Moment)
    funds: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # decimals as text, in the account's currency
    funds_at: Mapped[datetime | None] = mapped_column(Moment)
    order_stream: Mapped[str] = mapped_column(String(16), default="")
    market_stream: Mapped[str] = mapped_column(String(16), default="")
    book_read_at: Mapped[datetime | None] = mapped_column(Moment)
