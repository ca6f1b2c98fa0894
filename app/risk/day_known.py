"""Whose days are limited, by what, and over which accounts: read from the rows, and kept for whoever asks often.

A desk's limits count its live accounts; a desk that has none counts those on paper. Accounts of another currency than
the primary's are not counted: figures of several currencies have no sum.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Account
from app.core.clock import Clock, day_in_india
from app.core.db import Database
from app.core.money import ZERO
from app.risk.day_rules import DayRules, Limited, day_rules
from app.risk.models import AccountDay, DayLimits
from app.risk.states import Extent, Kind

LIVE = "live"


@dataclass(frozen=True, slots=True)
class _Owned:
    account: Account
    equity: Decimal | None
    at: datetime | None


def limited_of(session: Session, day: date, owner_id: str = "", every: bool = False) -> list[Limited]:
    """All that is limited on a day in India, of an owner or of everybody; `every`: the owner's desk and all of their
    accounts, limited or not. Desks come first."""
    asked = select(DayLimits).where(DayLimits.owner_id == owner_id) if owner_id else select(DayLimits)
    rules = {(row.kind, row.extent_id): day_rules(row.rules) for row in session.scalars(asked)}
    owners = {owner_id} if every else _owners(session, owner_id, rules)
    found: list[Limited] = []
    for one, accounts in _accounts(session, owners, day).items():
        extents = [Extent(Kind.USER, one), *(Extent(Kind.ACCOUNT, each.account.id) for each in accounts)]
        wanted = [each for each in extents if every or (each.kind, each.id) in rules]
        found += [_limited(each, one, rules.get((each.kind, each.id), DayRules()), accounts) for each in wanted]
    return found


def _owners(session: Session, owner_id: str, rules: Mapping[tuple[str, str], DayRules]) -> set[str]:
    if not rules or owner_id:
        return {owner_id} if rules else set()
    return set(session.scalars(select(DayLimits.owner_id).distinct()))


def _accounts(session: Session, owners: set[str], day: date) -> dict[str, list[_Owned]]:
    """By owner, the primary first."""
    if not owners:
        return {}
    query = (
        select(Account, AccountDay.equity, AccountDay.at)
        .join(AccountDay, (AccountDay.account_id == Account.id) & (AccountDay.day == day), isouter=True)
        .where(Account.owner_id.in_(owners), Account.removed_at.is_(None))
        .order_by(Account.owner_id, Account.is_primary.desc(), Account.failover_rank, Account.name)
    )
    found: dict[str, list[_Owned]] = {owner: [] for owner in sorted(owners)}
    for account, equity, at in session.execute(query):
        found[account.owner_id].append(_Owned(account, equity, at))
    return found


def _limited(extent: Extent, owner_id: str, rules: DayRules, accounts: Sequence[_Owned]) -> Limited:
    if extent.kind is Kind.ACCOUNT:
        counted = [one for one in accounts if one.account.id == extent.id]
        name = counted[0].account.name
    else:
        counted, name = _counted(accounts), "Your desk"
    known = [one.equity for one in counted if one.equity is not None]
    is_known = bool(counted) and len(known) == len(counted)
    return Limited(
        extent, owner_id, name, rules, tuple(one.account.id for one in counted),
        counted[0].account.currency if counted else "INR",
        sum(known, ZERO) if is_known else None,
        max((one.at for one in counted if one.at is not None), default=None) if is_known else None,
    )  # fmt: skip


def _counted(accounts: Sequence[_Owned]) -> list[_Owned]:
    lives = [one for one in accounts if one.account.mode == LIVE] or list(accounts)
    return [one for one in lives if one.account.currency == lives[0].account.currency]


@dataclass(slots=True)
class KnownLimits:
    """By owner what is limited. Read anew when it is `keep` seconds old; the engine does so before, in a loop of its
    own, so that no order waits for it. Nobody's limits cost one look at the clock."""

    db: Database
    clock: Clock
    keep: float
    _by_owner: Mapping[str, Sequence[Limited]] = field(default_factory=dict)
    _read_at: float = float("-inf")

    def of(self, owner_id: str) -> Sequence[Limited]:
        if self.clock.monotonic() - self._read_at >= self.keep:
            self.read()
        return self._by_owner.get(owner_id, ())

    def read(self) -> list[Limited]:
        now = self.clock.now()
        with self.db.read() as session:
            found = limited_of(session, day_in_india(now))
        by_owner: dict[str, list[Limited]] = defaultdict(list)
        for one in found:
            by_owner[one.owner_id].append(one)
        self._by_owner, self._read_at = by_owner, self.clock.monotonic()
        return found
