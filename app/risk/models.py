"""The trading states of the desk, of users and of strategies (an account carries its own), the kill switches, the
limits of the day, and what limits led to."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, Date, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.states import TradingState
from app.core.db import Base, Exact, Moment
from app.core.ids import new_id


class TradingStand(Base):
    """What was said last of an extent, by a person or by a limit of the day; none means ACTIVE."""

    __tablename__ = "trading_stands"

    slot: Mapped[str] = mapped_column(String(80), primary_key=True)  # of the extent, or of the event of a limit
    kind: Mapped[str] = mapped_column(String(16))
    extent_id: Mapped[str] = mapped_column(String(40))
    owner_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"))  # whose it is; none of the whole desk
    name: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(String(16), default=TradingState.ACTIVE, index=True)
    state_by: Mapped[str] = mapped_column(default="")
    state_why: Mapped[str] = mapped_column(default="")
    state_at: Mapped[datetime] = mapped_column(Moment)
    until: Mapped[datetime | None] = mapped_column(Moment)  # it ends by itself then; none: when a person ends it


class KillSwitch(Base):
    """One pressing, until its release. The slot is taken by one at a time, so a second press joins the first."""

    __tablename__ = "kill_switches"
    __table_args__ = (Index("ix_kill_switches_owner_id_at", "owner_id", "at"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    slot: Mapped[str | None] = mapped_column(String(80), unique=True)  # NULL once it is released
    kind: Mapped[str] = mapped_column(String(16))
    extent_id: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(default="")
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id"))  # who pressed it, or whose viewer looks on
    by: Mapped[str]
    reason: Mapped[str]
    flatten: Mapped[bool]
    at: Mapped[datetime] = mapped_column(Moment)
    done_at: Mapped[datetime | None] = mapped_column(Moment, index=True)
    released_at: Mapped[datetime | None] = mapped_column(Moment)
    released_by: Mapped[str | None]


class KillSwitchAccount(Base):
    """How far it is in one account. The first three count what was decided, the next two what is left of it."""

    __tablename__ = "kill_switch_accounts"
    __table_args__ = (UniqueConstraint("kill_id", "account_id"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    kill_id: Mapped[str] = mapped_column(ForeignKey("kill_switches.id", ondelete="CASCADE"), index=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    withdrawn: Mapped[int] = mapped_column(default=0)  # orders that were waiting and are never sent
    cancelling: Mapped[int] = mapped_column(default=0)  # entry orders that the venue is asked to cancel
    exiting: Mapped[int] = mapped_column(default=0)  # runs, and positions opened by hand, that leave
    orders_left: Mapped[int] = mapped_column(default=0)
    runs_left: Mapped[int] = mapped_column(default=0)
    trouble: Mapped[str] = mapped_column(default="")
    updated_at: Mapped[datetime] = mapped_column(Moment)
    done_at: Mapped[datetime | None] = mapped_column(Moment)


class RiskEvent(Base):
    """A bound that was touched, and whether that decided the exit. Figures are profits in the account's currency, or
    what the rule looks at: the combined premium, the underlying, a close and its line, a delta."""

    __tablename__ = "risk_events"
    __table_args__ = (Index("ix_risk_events_owner_id_at", "owner_id", "at"), Index("ix_risk_events_run_id", "run_id"))

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    run_id: Mapped[str] = mapped_column(String(40))  # "" of a limit of the day
    reach: Mapped[str] = mapped_column(String(8))  # run, part, leg; user, account
    subject_id: Mapped[str] = mapped_column(String(40))
    name: Mapped[str]
    rule: Mapped[str] = mapped_column(String(24))
    threshold: Mapped[Decimal | None] = mapped_column(Exact)
    value: Mapped[Decimal | None] = mapped_column(Exact)
    prices: Mapped[list[dict[str, Any]]] = mapped_column(JSON)  # exchange, symbol, price, age_ms
    decided: Mapped[bool]  # False: somebody or something else had decided the exit before
    at: Mapped[datetime] = mapped_column(Moment)
    # Of a limit of the day: one for each limit and day, whatever restarts.
    key: Mapped[str | None] = mapped_column(String(160), unique=True)
    day: Mapped[date | None] = mapped_column(Date, index=True)  # in India
    action: Mapped[str] = mapped_column(String(8), default="", server_default="")  # block, reduce, flatten
    did: Mapped[str] = mapped_column(default="", server_default="")  # in words
    released_at: Mapped[datetime | None] = mapped_column(Moment)
    released_by: Mapped[str | None]
    released_why: Mapped[str | None]


class RiskTrail(Base):
    """How far a stop has followed: the best profit seen, and the profit at or under which it is left."""

    __tablename__ = "risk_trails"

    subject_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    run_id: Mapped[str] = mapped_column(String(40), index=True)
    peak: Mapped[Decimal] = mapped_column(Exact)
    stop: Mapped[Decimal | None] = mapped_column(Exact)
    at: Mapped[datetime] = mapped_column(Moment)


class RiskReading(Base):
    """What a rule that is looked at off the ticks saw last: a close and its line, or a delta and its bound; `trouble`
    says why it decides nothing."""

    __tablename__ = "risk_readings"

    subject_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    rule: Mapped[str] = mapped_column(String(24), primary_key=True)
    run_id: Mapped[str] = mapped_column(String(40), index=True)
    value: Mapped[Decimal | None] = mapped_column(Exact)
    threshold: Mapped[Decimal | None] = mapped_column(Exact)
    words: Mapped[str] = mapped_column(default="")
    trouble: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime] = mapped_column(Moment)  # of what was looked at, not of the looking


class DayLimits(Base):
    """What an account, or a person's desk, may do and lose in a day."""

    __tablename__ = "day_limits"

    slot: Mapped[str] = mapped_column(String(80), primary_key=True)  # of the extent
    kind: Mapped[str] = mapped_column(String(16))  # user, account
    extent_id: Mapped[str] = mapped_column(String(40))
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    rules: Mapped[dict[str, Any]] = mapped_column(JSON)  # DayRules
    updated_at: Mapped[datetime] = mapped_column(Moment)
    updated_by: Mapped[str]


class AccountDay(Base):
    """What an account had when its day began: the first funds that were read on that day in India."""

    __tablename__ = "account_days"

    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    equity: Mapped[Decimal] = mapped_column(Exact)
    at: Mapped[datetime] = mapped_column(Moment)  # of the reading


class DayPeak(Base):
    """The best profit of a day that was seen of an account or a desk: what its drawdown is counted from."""

    __tablename__ = "day_peaks"

    slot: Mapped[str] = mapped_column(String(80), primary_key=True)  # of the extent
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    peak: Mapped[Decimal] = mapped_column(Exact)
    at: Mapped[datetime] = mapped_column(Moment)
