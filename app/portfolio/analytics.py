"""What was realised, added up by the database: by day, strategy, account, symbol and round trip.

Results of several currencies are never added; of both modes only when asked for so. A result that is not known yet is
counted, and left out of sums.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from app.core.db import Database
from app.core.money import ZERO
from app.portfolio.models import DayResult, RoundTrip

BOTH = "both"
GROUPS: dict[str, Any] = {
    "strategy": DayResult.strategy_id,
    "account": DayResult.account_id,
    "symbol": DayResult.underlying,
    "mode": DayResult.mode,
}


@dataclass(frozen=True, slots=True)
class Choice:
    """Whose results, and which: days inclusive, none for all; "" for any account or strategy."""

    owner_id: str
    first: date | None = None
    last: date | None = None
    mode: str = BOTH
    currency: str = ""
    account_id: str = ""
    strategy_id: str = ""


@dataclass(frozen=True, slots=True)
class Sums:
    """`unknown` results and `uncharged` ones are not in the sums."""

    realised: Decimal = ZERO
    charges: Decimal = ZERO
    turnover: Decimal = ZERO
    orders: int = 0
    unknown: int = 0
    uncharged: int = 0

    @property
    def net(self) -> Decimal:
        return self.realised - self.charges


class AnalyticsService:
    def __init__(self, db: Database) -> None:
        self._db = db

    def kinds(self, owner_id: str) -> list[tuple[str, str, int]]:
        """Mode and currency of all results there are, the most frequent first."""
        how_many = func.count()
        query = select(DayResult.mode, DayResult.currency, how_many).where(DayResult.owner_id == owner_id)
        query = query.group_by(DayResult.mode, DayResult.currency).order_by(how_many.desc(), DayResult.mode)
        with self._db.read() as session:
            return [(mode, currency, count) for mode, currency, count in session.execute(query)]

    def by_day(self, choice: Choice) -> dict[date, Sums]:
        return {day: sums for day, sums in self._sums(choice, DayResult.day) if day is not None}

    def by(self, choice: Choice, group: str) -> list[tuple[str | None, Sums]]:
        """`group` is strategy (None: by hand), account, symbol or mode; the biggest gain first."""
        return sorted(self._sums(choice, GROUPS[group]), key=lambda one: one[1].net, reverse=True)

    def trips(self, choice: Choice) -> list[Decimal]:
        """What each closed entry made, less charges: a run in all the accounts chosen, or a trade by hand."""
        net = func.sum(RoundTrip.realised)
        query = select(net, func.sum(RoundTrip.charges)).where(*_of_trips(choice)).group_by(RoundTrip.entry_id)
        query = query.having(func.count() == func.count(RoundTrip.realised))
        still = select(RoundTrip.entry_id).where(RoundTrip.owner_id == choice.owner_id, RoundTrip.closed_on.is_(None))
        query = query.where(RoundTrip.entry_id.not_in(still))
        with self._db.read() as session:
            return [(made or ZERO) - (charged or ZERO) for made, charged in session.execute(query)]

    def _sums(self, choice: Choice, column: Any) -> list[tuple[Any, Sums]]:
        with self._db.read() as session:
            rows = session.execute(_added(choice, column)).all()
        return [(key, _sums(*figures)) for key, *figures in rows]


def _added(choice: Choice, column: Any) -> Select[Any]:
    row = DayResult
    figures: Sequence[Any] = (
        func.sum(row.realised), func.sum(row.charges), func.sum(row.turnover), func.sum(row.orders),
        func.count() - func.count(row.realised), func.count() - func.count(row.charges),
    )  # fmt: skip
    return select(column, *figures).where(*_of_days(choice)).group_by(column)


def _sums(
    realised: Decimal | None,
    charges: Decimal | None,
    turnover: Decimal | None,
    orders: Any,
    unknown: int,
    uncharged: int,
) -> Sums:
    return Sums(realised or ZERO, charges or ZERO, turnover or ZERO, int(orders), unknown, uncharged)


def _of_days(choice: Choice) -> list[ColumnElement[bool]]:
    return [*_of(DayResult, choice), *_between(DayResult.day, choice)]


def _of_trips(choice: Choice) -> list[ColumnElement[bool]]:
    return [*_of(RoundTrip, choice), RoundTrip.closed_on.is_not(None), *_between(RoundTrip.closed_on, choice)]


def _of(model: type[DayResult] | type[RoundTrip], choice: Choice) -> list[ColumnElement[bool]]:
    wanted = {"account_id": choice.account_id, "strategy_id": choice.strategy_id, "currency": choice.currency}
    if choice.mode != BOTH:
        wanted["mode"] = choice.mode
    return [model.owner_id == choice.owner_id] + [
        getattr(model, name) == value for name, value in wanted.items() if value
    ]


def _between(column: Any, choice: Choice) -> list[ColumnElement[bool]]:
    first = [column >= choice.first] if choice.first else []
    return [*first, *([column <= choice.last] if choice.last else [])]
