"""What venues say of accounts, as pages and CSV files show it: rows of all accounts together, each with its age."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from app.accounts.models import Account
from app.broadcast.cached import PartView
from app.broadcast.parts import Part
from app.core.money import ZERO, number
from app.execution.models import Order
from app.web.current import services

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reading:
    """Of one part of one account: when it was read, whether that is too long ago, and how it came."""

    account: Account
    read_at: datetime | None
    seconds: float | None
    is_stale: bool
    source: str

    @property
    def way(self) -> str:
        return {"push": "pushed", "poll": "read"}.get(self.source, "never read")


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a book with the account it is in; `order_id` is the desk's own order behind it, if there is one."""

    account: Account
    row: Row
    order_id: str = ""

    def __getitem__(self, name: str) -> Any:
        return self.row[name]

    def figure(self, name: str) -> Decimal | None:
        return number(self.row.get(name))

    @property
    def at(self) -> datetime | None:
        text = self.row.get("at")
        return datetime.fromisoformat(text) if text else None

    @property
    def invested(self) -> Decimal | None:
        return _times(self.figure("quantity"), self.figure("average_price"))

    @property
    def worth(self) -> Decimal | None:
        return _times(self.figure("quantity"), self.figure("last_price"))


@dataclass(frozen=True, slots=True)
class Total:
    """Of one currency in one mode: figures of several are not added up. None where one of them is not known."""

    currency: str
    mode: str  # live or paper
    count: int
    figures: Mapping[str, Decimal | None]


def reading(account: Account, view: PartView | None, now: datetime) -> Reading:
    if view is None:
        return Reading(account, None, None, True, "")
    return Reading(account, view.read_at, view.age(now).total_seconds(), view.is_stale(now), view.source)


def read_part(accounts: Sequence[Account], part: Part) -> tuple[list[Line], list[Reading]]:
    """Of these accounts: the rows of one part, and when each was read. One query."""
    now = services().clock.now()
    found = services().cached.of([account.id for account in accounts], part)
    views = [(account, found[account.id].get(part)) for account in accounts]
    lines = [Line(account, row) for account, view in views if view for row in view.rows]
    return lines, [reading(account, view, now) for account, view in views]


def with_orders(lines: Sequence[Line], name: str = "order_id") -> list[Line]:
    """Each with the desk's own order behind it; one query, for what one page shows."""
    wanted = {str(line.row[name]) for line in lines}
    accounts = {line.account.id for line in lines}
    question = select(Order.account_id, Order.venue_order_id, Order.id).where(
        Order.account_id.in_(accounts), Order.venue_order_id.in_(wanted)
    )
    with services().db.read() as session:
        known = {(account, venue): order for account, venue, order in session.execute(question)}
    return [Line(line.account, line.row, known.get((line.account.id, line.row[name]), "")) for line in lines]


def newest_first(lines: Iterable[Line]) -> list[Line]:
    """By the venue's clock; what has no time stands last."""
    return sorted(lines, key=lambda line: (line.row.get("at") or "", line.row["id"]), reverse=True)


def trade_totals(lines: Iterable[Line]) -> list[Total]:
    """Bought, sold, what came in on balance, and fees as far as the venues tell them."""
    groups = _by_currency_and_mode(lines)
    return [
        Total(
            currency,
            mode,
            len(mine),
            {
                "bought": _sum(line.figure("value") for line in mine if line["side"] == "BUY"),
                "sold": _sum(line.figure("value") for line in mine if line["side"] == "SELL"),
                "net": _sum(_signed(line) for line in mine),
                "fees": _sum(line.figure("fee") for line in mine),
            },
        )
        for (currency, mode), mine in sorted(groups.items())
    ]


def holding_totals(lines: Iterable[Line]) -> list[Total]:
    groups = _by_currency_and_mode(lines)
    return [
        Total(
            currency,
            mode,
            len(mine),
            {
                "invested": _sum(line.invested for line in mine),
                "worth": _sum(line.worth for line in mine),
                "pnl": _sum(line.figure("pnl") for line in mine),
            },
        )
        for (currency, mode), mine in sorted(groups.items())
    ]


def _by_currency_and_mode(lines: Iterable[Line]) -> dict[tuple[str, str], list[Line]]:
    groups: dict[tuple[str, str], list[Line]] = defaultdict(list)
    for line in lines:
        groups[line.account.currency, line.account.mode].append(line)
    return groups


def _signed(line: Line) -> Decimal | None:
    value = line.figure("value")
    return value if value is None or line["side"] == "SELL" else -value


def _sum(figures: Iterable[Decimal | None]) -> Decimal | None:
    total = ZERO
    for figure in figures:
        if figure is None:
            return None
        total += figure
    return total


def _times(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else one * other
