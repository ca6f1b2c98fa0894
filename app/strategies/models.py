"""A strategy is a template; a run is one life of it; an account run its part in one account; a leg run a leg of that.

What was filled is never copied here: it is read from the orders.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, Date, ForeignKey, Index, String, UniqueConstraint, text
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
    exits: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # an ExitRule; none: at market
    limits: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # when it is left by itself; none: never
    schedule: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # when it enters and leaves
    armed_at: Mapped[datetime | None] = mapped_column(Moment, index=True)  # since when its schedule enters; none: not
    armed_by: Mapped[str | None]
    sizing: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # how lots are found; none: as written
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
    grade: Mapped[str] = mapped_column(default="", server_default="")  # "": the account's own
    max_lots: Mapped[int | None]  # of one leg; none: the account's own, or no limit
    max_value: Mapped[Decimal | None] = mapped_column(Exact)  # of all legs, as above


class StrategyVersion(Base):
    """A strategy as it was saved once; never changed afterwards."""

    __tablename__ = "strategy_versions"
    __table_args__ = (UniqueConstraint("strategy_id", "number"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    strategy_id: Mapped[str] = mapped_column(ForeignKey("strategies.id", ondelete="CASCADE"))
    number: Mapped[int]
    at: Mapped[datetime] = mapped_column(Moment)
    by: Mapped[str]  # who saved it; empty where nobody wrote that down
    content: Mapped[dict[str, Any]] = mapped_column(JSON)  # a Draft
    changes: Mapped[list[str]] = mapped_column(JSON)  # against the version before, in words


class StrategyTemplate(Base):
    """Somebody's own template: a strategy without its accounts."""

    __tablename__ = "strategy_templates"
    __table_args__ = (UniqueConstraint("owner_id", "name"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    name: Mapped[str]
    content: Mapped[dict[str, Any]] = mapped_column(JSON)  # a Draft
    created_at: Mapped[datetime] = mapped_column(Moment)


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
    exits: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # as the strategy had it
    limits: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # as the strategy had them
    schedule: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # as the strategy had it
    begin_by: Mapped[datetime | None] = mapped_column(Moment)  # what has not begun by then never begins
    # By leg number where its underlying's price is (exchange, symbol) and stood at the start; none: nothing asks.
    underlyings: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    sizing: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # as the strategy had it
    venue_kind: Mapped[str]
    accounts: Mapped[list[dict[str, Any]]] = mapped_column(JSON)  # as they were: account_id, multiplier, grade, caps
    state: Mapped[str]
    claimed_by: Mapped[str | None]
    trouble: Mapped[str] = mapped_column(default="")
    requested_at: Mapped[datetime] = mapped_column(Moment)
    started_at: Mapped[datetime | None] = mapped_column(Moment)
    closed_at: Mapped[datetime | None] = mapped_column(Moment)
    exit_reason: Mapped[str | None]
    exit_by: Mapped[str | None]
    exit_at: Mapped[datetime | None] = mapped_column(Moment)


class ScheduledEntry(Base):
    """An entry of a schedule that was due, and what became of it: one row per day and time, whoever wrote it first."""

    __tablename__ = "scheduled_entries"
    __table_args__ = (
        UniqueConstraint("strategy_id", "day", "slot"),
        Index("ix_scheduled_entries_owner_id_due_at", "owner_id", "due_at"),
        Index("ix_scheduled_entries_told_at", "told_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    strategy_id: Mapped[str] = mapped_column(ForeignKey("strategies.id"))
    day: Mapped[date] = mapped_column(Date)  # in the zone of the schedule
    slot: Mapped[str] = mapped_column(String(8))  # the time of day there
    due_at: Mapped[datetime] = mapped_column(Moment)
    decided_at: Mapped[datetime] = mapped_column(Moment)
    outcome: Mapped[str] = mapped_column(String(12))  # started, failed, skipped (as planned), missed
    reason: Mapped[str] = mapped_column(default="")
    run_id: Mapped[str | None] = mapped_column(ForeignKey("runs.id"))
    told_at: Mapped[datetime | None] = mapped_column(Moment)  # nobody needs to be told any more


class ReadyCheck(Base):
    """Which accounts were ready for what is armed; `key` is the day of the one that the desk makes by itself."""

    __tablename__ = "ready_checks"
    __table_args__ = (UniqueConstraint("owner_id", "key"), Index("ix_ready_checks_owner_id_at", "owner_id", "at"))

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    key: Mapped[str | None] = mapped_column(String(16))
    at: Mapped[datetime] = mapped_column(Moment)
    ready: Mapped[int]  # accounts, each counted once per strategy
    wanting: Mapped[int]
    findings: Mapped[dict[str, Any]] = mapped_column(JSON)  # see `readiness.findings`


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
    sizing: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # the figures that led to its lots; none: as written
    on_failure: Mapped[str]
    state: Mapped[str]
    trouble: Mapped[str] = mapped_column(default="")  # what a person should know, in a sentence
    stopped: Mapped[str] = mapped_column(default="", server_default="")  # why its entry was ended before it was whole
    exit_reason: Mapped[str | None]
    exit_by: Mapped[str | None]
    exit_at: Mapped[datetime | None] = mapped_column(Moment)
    # Exits go at market, whatever the strategy says: a kill switch was pressed.
    hurried: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    started_at: Mapped[datetime] = mapped_column(Moment)
    closed_at: Mapped[datetime | None] = mapped_column(Moment)


WAITING, ENTERED, NEVER = "waiting", "entered", "never"  # of a leg that is not entered with the others


class LegRun(Base):
    __tablename__ = "leg_runs"
    __table_args__ = (
        Index("ix_leg_runs_waits", "waits", sqlite_where=text("waits != ''"), postgresql_where=text("waits != ''")),
        Index(
            "ix_leg_runs_again",
            "account_run_id",
            sqlite_where=text("again IS NOT NULL"),
            postgresql_where=text("again IS NOT NULL"),
        ),
    )

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
    trigger_price: Mapped[Decimal | None] = mapped_column(Exact)
    # A PriceFrom, of a limit that follows the market.
    price_from: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    chase: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # a Chase
    chosen: Mapped[str] = mapped_column(default="", server_default="")  # the prices that decided it, with their ages
    stop: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # a LegLevel
    target: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # as above
    # WAITING, ENTERED (its orders are journaled) or NEVER; empty where it is entered with the others.
    waits: Mapped[str] = mapped_column(String(8), default="", server_default="")
    # Its stop and target shall rest at the broker, where it takes them.
    at_broker: Mapped[bool] = mapped_column(default=False, server_default=text("(false)"))
    entry: Mapped[int] = mapped_column(default=1, server_default=text("1"))  # which of this leg; the first is 1
    again: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # an Again, with the times left
    entered_at: Mapped[datetime | None] = mapped_column(Moment)  # when that was decided, of one that had waited
    # Of a late one, where its underlying stood then; else the run knows.
    underlying: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    exit_reason: Mapped[str | None]
    exit_by: Mapped[str | None]
    exit_at: Mapped[datetime | None] = mapped_column(Moment)
    exit_rule: Mapped[str | None] = mapped_column(String(24))  # its limit that decided it; none: no limit did


MOVE, RANGE, AGAIN = "move", "range", "again"  # what it waits for, or why it comes


class LegWait(Base):
    """What the entry of a late leg waits for, or waited for; of one that comes again, whose exit it follows."""

    __tablename__ = "leg_waits"
    __table_args__ = (Index("ix_leg_waits_run_id", "run_id"),)

    leg_run_id: Mapped[str] = mapped_column(ForeignKey("leg_runs.id", ondelete="CASCADE"), primary_key=True)
    after_id: Mapped[str | None] = mapped_column(ForeignKey("leg_runs.id"), unique=True)  # one entry per exit
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"))
    kind: Mapped[str] = mapped_column(String(8))  # MOVE, RANGE, AGAIN
    rule: Mapped[dict[str, Any]] = mapped_column(JSON)  # a Wait, a Breakout, an Again
    exchange: Mapped[str]  # of the price that is looked at
    symbol: Mapped[str]
    reference: Mapped[Decimal | None] = mapped_column(Exact)  # the price at the start; of one again its first entry's
    reference_at: Mapped[datetime | None] = mapped_column(Moment)
    starts_at: Mapped[datetime | None] = mapped_column(Moment)  # of a range
    ends_at: Mapped[datetime | None] = mapped_column(Moment)
    last_at: Mapped[datetime | None] = mapped_column(Moment)  # the last moment to enter
    low: Mapped[Decimal | None] = mapped_column(Exact)  # of the range, as far as it was seen
    high: Mapped[Decimal | None] = mapped_column(Exact)
    level: Mapped[Decimal | None] = mapped_column(Exact)  # a Trigger; none while it is not known yet
    is_above: Mapped[bool | None]
    is_beyond: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    price: Mapped[Decimal | None] = mapped_column(Exact)  # seen last; once it is entered, the one that reached it
    price_at: Mapped[datetime | None] = mapped_column(Moment)
    decided_at: Mapped[datetime | None] = mapped_column(Moment)
    reason: Mapped[str] = mapped_column(default="", server_default="")  # why it is never entered


class SizingSettings(Base):
    """What a person set for the sizes of all strategies; who has no row has the usual ones."""

    __tablename__ = "sizing_settings"

    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    rules: Mapped[dict[str, Any]] = mapped_column(JSON)  # SizingRules
    updated_at: Mapped[datetime] = mapped_column(Moment)


class MarginReading(Base):
    """What a venue said that one set of legs takes of an account, and when."""

    __tablename__ = "margin_readings"

    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    legs: Mapped[str] = mapped_column(String(64), primary_key=True)  # SHA-256 of the orders that were asked about
    total: Mapped[Decimal] = mapped_column(Exact)
    read_at: Mapped[datetime] = mapped_column(Moment, index=True)
