"""The first page: what the desk makes, whether its accounts are well, what runs, and what needs a person."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import func, or_, select

from app.accounts.models import Account, AccountHealth, HealthState
from app.core.money import ZERO
from app.core.pulse import Beat
from app.notify.models import Notification
from app.portfolio.trades import day_start
from app.strategies.models import AccountRun, Run, Strategy
from app.strategies.service import LIVE_PARTS
from app.web.account_rows import Row, row_of
from app.web.by_mode import Sum, in_order, sum_up
from app.web.chrome import desk as around
from app.web.current import owner_id, services
from app.web.masters import MasterLine, stale
from app.web.notifications import open_messages
from app.web.order_lines import OrderLine, keep_accounts, order_lines, owned_accounts
from app.web.position_view import Book, Holding, Net, read_book
from app.web.run_history import RunLine, live_runs
from app.web.words import count

bp = Blueprint("dashboard", __name__)

bp.record(lambda state: state.app.jinja_env.globals.update(count=count))  # "3 accounts", on any page

TOP = 8
MOST_TROUBLES = 20
MOST_FIRED = 8


@dataclass(frozen=True, slots=True)
class Step:
    """One of the three steps of setting up."""

    text: str
    done: bool
    endpoint: str
    button: str
    hint: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """An account's part of a run that has something to say to a person."""

    part: AccountRun
    run_name: str
    account: str


@dataclass(frozen=True, slots=True)
class Open:
    """How many positions are open in accounts of a mode."""

    mode: str
    count: int


@dataclass(frozen=True)
class Overview:
    accounts: Sequence[Row]
    book: Book
    runs: Sequence[RunLine]
    troubles: Sequence[Trouble]
    doubts: Sequence[OrderLine]
    fired: Sequence[Notification]  # alerts that were not acknowledged yet
    steps: Sequence[Step]
    not_ready: Beat | None = None  # today's look at the accounts, where some are not ready for what is armed
    stale: Sequence[MasterLine] = ()  # lists of instruments that nobody read for a week

    @property
    def top(self) -> Sequence[Net]:
        return self.book.open[:TOP]

    @property
    def sick(self) -> list[Row]:
        return [row for row in self.accounts if row.account.enabled and _is_sick(row)]

    @property
    def alerts(self) -> int:
        return (
            len(self.troubles)
            + len(self.doubts)
            + len(self.sick)
            + len(self.fired)
            + bool(self.stale)
            + bool(self.not_ready)
        )

    @property
    def is_set_up(self) -> bool:
        return all(step.done for step in self.steps)

    @cached_property
    def modes(self) -> list[str]:
        """Of the accounts that are in use, and of those that hold something; live first."""
        accounts = [row.account for row in self.accounts]
        used = [account for account in accounts if account.enabled] + [one.account for one in self.book.holdings]
        return in_order(account.mode for account in used or accounts)

    @property
    def day(self) -> list[Sum]:
        return [self._sum(mode, "day", lambda holding: holding.today) for mode in self.modes]

    @property
    def open(self) -> list[Sum]:
        return [self._sum(mode, "open", lambda holding: holding.open) for mode in self.modes]

    @property
    def realised(self) -> list[Sum]:
        return [self._sum(mode, "realised", lambda holding: holding.realised) for mode in self.modes]

    @property
    def held(self) -> list[Open]:
        return [Open(mode, sum(net.mode == mode for net in self.book.open)) for mode in self.modes]

    def _sum(self, mode: str, what: str, made: Callable[[Holding], Decimal | None]) -> Sum:
        parts = [(one.account, made(one)) for one in self.book.holdings if one.account.mode == mode]
        nothing = [(row.account, ZERO) for row in self.accounts if row.account.mode == mode][:1]
        return sum_up(mode, parts or nothing, f"pnl:{what}:{mode}")


def partials() -> dict[str, Any]:
    """What the page shows; the first paint and each refresh use the same."""
    desk, owner = services(), owner_id()
    accounts = _accounts(owner)
    owned, troubles = owned_accounts(owner), _troubles(owner, owned_accounts(owner))
    runs = live_runs(owner, [trouble.part.run_id for trouble in troubles])
    return {
        "overview": Overview(
            accounts=accounts,
            book=read_book(owner, to_close=False),
            runs=runs,
            troubles=troubles,
            doubts=order_lines(desk.orders.in_doubt(owner), owned),
            fired=[row for row in open_messages() if row.topic == "alert"][:MOST_FIRED],
            steps=_steps(owner, any(account.removed_at is None for account in owned.values())) if not runs else [],
            stale=stale(),
            not_ready=_not_ready(),
        )
    }


@bp.get("/")
def index() -> ResponseReturnValue:
    return render_template("dashboard/index.html", **partials())


@bp.get("/dashboard/live")
def live() -> ResponseReturnValue:
    return render_template("dashboard/_live.html", **partials())


def _accounts(owner: str) -> list[Row]:
    desk = services()
    with desk.db.read() as session:
        rows = session.execute(
            select(Account, AccountHealth)
            .outerjoin(AccountHealth, AccountHealth.account_id == Account.id)
            .where(Account.owner_id == owner)
            .order_by(Account.is_primary.desc(), Account.failover_rank, Account.name)
        ).all()
    keep_accounts(account for account, _ in rows)
    now, kinds = desk.clock.now(), desk.accounts.kinds
    return [row_of(account, health, kinds, now) for account, health in rows if account.removed_at is None]


def _not_ready() -> Beat | None:
    """Today's look at the accounts, where some were not ready."""
    known, today = around().ready, day_start(services().clock.now())
    return known if known and known.at >= today and known.detail["wanting"] else None


def _is_sick(row: Row) -> bool:
    state = HealthState(row.health.state)
    return (state is not HealthState.UNKNOWN and not state.usable) or row.wrong_mode or row.is_halted


def _troubles(owner: str, accounts: Mapping[str, Account]) -> list[Trouble]:
    """Of live parts, and of those that ended today."""
    today = day_start(services().clock.now())
    with services().db.read() as session:
        rows = session.execute(
            select(AccountRun, Run.name)
            .join(Run, Run.id == AccountRun.run_id)
            .where(
                AccountRun.owner_id == owner,
                AccountRun.trouble != "",
                or_(AccountRun.state.in_(LIVE_PARTS), AccountRun.closed_at >= today),
            )
            .order_by(AccountRun.id.desc())
            .limit(MOST_TROUBLES)
        )
        return [Trouble(part, name, accounts[part.account_id].name) for part, name in rows]


def _steps(owner: str, has_account: bool) -> list[Step]:
    with services().db.read() as session:
        strategies = select(func.count()).where(Strategy.owner_id == owner, Strategy.archived_at.is_(None))
        runs = select(func.count()).where(Run.owner_id == owner)
        has_strategy, has_run = session.execute(select(strategies.scalar_subquery(), runs.scalar_subquery())).one()
    return [
        Step("Connect an account", has_account, "accounts.new", "Add an account",
             "An OpenAlgo server or the practice broker; each line of the test says what works."),
        Step("Write a strategy", bool(has_strategy or has_run), "builder.new", "New strategy",
             "Its legs, and which accounts take part with how many lots."),
        Step("Run it", bool(has_run), "strategies.index", "To the strategies",
             "A preview shows contracts, quantities and margin before anything is sent."),
    ]  # fmt: skip
