"""Accounts and what was last seen of them.

A removed account keeps its row, so that orders and fills keep their account; its keys are wiped. At most
one account per owner is primary, and the database itself sees to it.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.states import TradingState
from app.core.db import Base, Exact, Moment
from app.core.ids import new_id


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
    state_by: Mapped[str] = mapped_column(String(120), default="", server_default="")  # who set it last, by name
    state_why: Mapped[str] = mapped_column(String(200), default="", server_default="")
    state_at: Mapped[datetime | None] = mapped_column(Moment)
    is_primary: Mapped[bool] = mapped_column(default=False)
    failover_rank: Mapped[int]
    default_product: Mapped[str] = mapped_column(String(16))
    max_in_flight: Mapped[int] = mapped_column(default=10)
    orders_per_second: Mapped[int] = mapped_column(default=10)
    kept_for_exits: Mapped[int | None]  # of the orders per second; none: one in five
    market_protection: Mapped[Decimal | None] = mapped_column(Exact)  # percent; none: exits at market go as such
    poll_seconds: Mapped[Decimal | None] = mapped_column(Exact)  # between readings of open positions; none: the desk's
    reads_per_minute: Mapped[int | None]  # books, in all; none: the desk's
    grade: Mapped[str] = mapped_column(String(8), default="", server_default="")  # quality: its share of free margin
    max_lots: Mapped[int | None]  # of one leg of a run; none: no limit
    max_value: Mapped[Decimal | None] = mapped_column(Exact)  # of a run's legs together, in its currency
    counts_collateral: Mapped[bool] = mapped_column(default=False, server_default=text("false"))  # as free margin
    expected_mode: Mapped[str] = mapped_column(String(8))  # live or paper
    seen_mode: Mapped[str | None] = mapped_column(String(8))  # as the venue said it last; none: not yet
    broker: Mapped[str] = mapped_column(String(64), default="")  # as the venue names itself
    currency: Mapped[str] = mapped_column(String(8))
    created_at: Mapped[datetime] = mapped_column(Moment)
    updated_at: Mapped[datetime] = mapped_column(Moment)
    removed_at: Mapped[datetime | None] = mapped_column(Moment)
    version: Mapped[int] = mapped_column(default=1)  # an edit of an older one is refused

    @property
    def mode(self) -> str:
        """live or paper, as the venue said it last; before that, as the owner expects it."""
        return self.seen_mode or self.expected_mode

    @property
    def is_in_wrong_mode(self) -> bool:
        return self.mode != self.expected_mode


class HealthState(StrEnum):
    UNKNOWN = "unknown"
    OK = "ok"
    PAPER = "analyzer (paper)"
    UNREACHABLE = "unreachable"
    KEY_WRONG = "key wrong"
    NOT_LOGGED_IN = "broker not logged in"
    APPROVAL_NEEDED = "approval needed"
    WRONG_MODE = "in the wrong mode"

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
