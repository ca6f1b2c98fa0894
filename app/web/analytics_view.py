"""How trading went, as its page and the API show it: five reads, whatever the years."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from functools import cached_property, partial

from sqlalchemy import select

from app.core.clock import INDIA, day_in_india
from app.core.money import ZERO
from app.portfolio.analytics import BOTH, Choice, Sums
from app.portfolio.curves import Point as Sample
from app.portfolio.curves import of_account, of_desk
from app.portfolio.measures import (
    FEWEST_DAYS,
    Drawdown,
    Point,
    TripFigures,
    by_weekday,
    deepest,
    equity,
    months,
    trip_figures,
    weekdays,
)
from app.portfolio.ratios import Ratios, ratios
from app.strategies.models import Strategy
from app.web.blocking import in_thread_pool
from app.web.current import services
from app.web.order_lines import owned_accounts

BY_HAND = "By hand"
LIVE, PAPER = "live", "paper"


@dataclass(frozen=True, slots=True)
class Line:
    """Of a strategy, an account or a symbol; `id` is empty where it has no page."""

    id: str
    name: str
    sums: Sums


@dataclass(frozen=True)
class Report:
    choice: Choice
    kinds: Sequence[tuple[str, str, int]]  # mode, currency and how many results there are, of all there is
    days: Mapping[date, Sums]
    trips: TripFigures
    groups: Mapping[str, Sequence[Line]]
    today: Sequence[Sample]
    capital: Decimal | None = None

    @cached_property
    def results(self) -> dict[date, Decimal]:
        return {day: sums.net for day, sums in self.days.items()}

    @cached_property
    def equity(self) -> list[Point]:
        return equity(self.results)

    @cached_property
    def deepest(self) -> Drawdown | None:
        return deepest(self.equity)

    @cached_property
    def daily(self) -> list[Decimal]:
        """Weekdays without a result count as zero."""
        return weekdays(self.results)

    @cached_property
    def ratios(self) -> Ratios | None:
        """None for a sample too small. The library is loaded, and reckons, outside the loop that serves streams."""
        if len(self.daily) < FEWEST_DAYS:
            return None
        found: Ratios = in_thread_pool(partial(ratios, self.daily, self.capital))
        return found

    @cached_property
    def months(self) -> dict[int, dict[int, Decimal]]:
        return months(self.results)

    @cached_property
    def weekdays(self) -> list[tuple[str, int, Decimal]]:
        return by_weekday(self.results)

    @cached_property
    def whole(self) -> Sums:
        parts = list(self.days.values())
        return Sums(
            realised=sum((part.realised for part in parts), ZERO),
            charges=sum((part.charges for part in parts), ZERO),
            turnover=sum((part.turnover for part in parts), ZERO),
            orders=sum(part.orders for part in parts),
            unknown=sum(part.unknown for part in parts),
            uncharged=sum(part.uncharged for part in parts),
        )

    @cached_property
    def hottest(self) -> Decimal:
        return max((abs(made) for year in self.months.values() for made in year.values()), default=ZERO)

    def heat(self, made: Decimal) -> str:
        """heat-0 … heat-9 by size, against the biggest month."""
        share = abs(made) / self.hottest if self.hottest else ZERO
        step = min(4, int(share * 5))
        return f"heat-{5 + step if made > 0 else 4 - step}" if made else ""

    @property
    def is_mixed(self) -> bool:
        """Both modes are in the sums."""
        modes = {mode for mode, currency, _ in self.kinds if currency == self.choice.currency}
        return self.choice.mode == BOTH and len(modes) > 1

    @property
    def mode(self) -> str:
        return "mixed" if self.is_mixed else self.choice.mode if self.choice.mode != BOTH else self._only_mode

    @property
    def _only_mode(self) -> str:
        return next((mode for mode, currency, _ in self.kinds if currency == self.choice.currency), "")

    @property
    def enough_days(self) -> int:
        return FEWEST_DAYS


def settled(choice: Choice) -> tuple[Choice, list[tuple[str, str, int]]]:
    """The choice with what was left open: live before paper, and the currency that has the most results."""
    kinds = services().analytics.kinds(choice.owner_id)
    modes = {mode for mode, _, _ in kinds}
    mode = choice.mode or (LIVE if LIVE in modes else PAPER if PAPER in modes else BOTH)
    fits = [currency for kind, currency, _ in kinds if mode in (BOTH, kind)]
    currency = choice.currency if choice.currency in fits else next(iter(fits), "INR")
    picked = Choice(choice.owner_id, choice.first, choice.last, mode, currency, choice.account_id, choice.strategy_id)
    return picked, kinds


def read_report(asked: Choice, capital: Decimal | None = None) -> Report:
    """`asked.mode` may be empty: see `settled`. Only the owner's rows, whatever ids are asked for."""
    choice, kinds = settled(asked)
    desk = services().analytics
    return Report(
        choice=choice,
        kinds=kinds,
        days=desk.by_day(choice),
        trips=trip_figures(desk.trips(choice)),
        groups={name: _lines(choice, name) for name in ("strategy", "account", "symbol")},
        today=_today(choice),
        capital=capital,
    )


def strategy_names(owner_id: str) -> dict[str, str]:
    """Of all, those put away too."""
    with services().db.read() as session:
        query = select(Strategy.id, Strategy.name).where(Strategy.owner_id == owner_id).order_by(Strategy.name)
        return {strategy_id: name for strategy_id, name in session.execute(query)}  # noqa: C416 - dict() does not know that rows are pairs


def _lines(choice: Choice, group: str) -> list[Line]:
    names = {
        "strategy": lambda: strategy_names(choice.owner_id),
        "account": lambda: {one.id: one.name for one in owned_accounts(choice.owner_id).values()},
        "symbol": dict[str, str],
    }[group]()
    found = services().analytics.by(choice, group)
    return [Line(key or "", names.get(key or "", key or BY_HAND), sums) for key, sums in found]


def _today(choice: Choice) -> list[Sample]:
    """The last day asked for, as sampled: realised that day, and open. Of one strategy only its runs know."""
    if choice.strategy_id or choice.mode == BOTH:
        return []
    owned = owned_accounts(choice.owner_id)
    if choice.account_id and choice.account_id not in owned:
        return []
    of_all = of_desk(choice.owner_id, choice.mode, choice.currency)
    subject = of_account(choice.account_id) if choice.account_id else of_all
    now = services().clock.now()
    if choice.last is not None and choice.last < day_in_india(now):
        now = datetime.combine(choice.last, time(12), INDIA)
    return services().curves.read(subject, now)
