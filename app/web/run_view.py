"""A run as its page shows it: each account's part, its legs with what filled, their orders, and what happened when.

Seven reads, however many accounts take part, and one more where legs wait. What was filled comes from the orders and
from nowhere else. A page asks for the same figure many times, so each is reckoned once.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from app.accounts.models import Account
from app.core.money import ZERO
from app.execution.models import Order
from app.execution.states import AT_VENUE, LIVE
from app.execution.terms import PRICED
from app.execution.timing import RoundTiming
from app.portfolio.pnl import Position, Trade, add_up, fold, total
from app.strategies.adopting import LegGap
from app.strategies.exit_rule import AT_MARKET, ExitRule, exit_rule
from app.strategies.models import AccountRun, LegRun, LegWait, Run
from app.strategies.part_views import AccountRunState
from app.strategies.schedule import Leaving
from app.strategies.service import LIVE_PARTS, LIVE_RUNS
from app.strategies.sizing import sizing
from app.strategies.waves import MUST_ACT
from app.venues.types import Side
from app.web import format as fmt
from app.web.by_mode import Sum, of_run
from app.web.contracts import contract_name
from app.web.current import services
from app.web.order_lines import OrderLine, Wish, order_lines, owned_accounts, wishes
from app.web.prices import Prices, Seen, seen_prices
from app.web.run_happenings import Happening, read_happenings
from app.web.run_late import LateLine, late_line, late_rows
from app.web.run_limits import Entered, LimitsView, Share, holder_words, level_words, read_limits
from app.web.run_timing import TimingTable, run_rounds, timing_table
from app.web.size_view import SizeView, size_view
from app.web.words import run_word

MOST_ORDERS = 60


@dataclass(frozen=True)
class LegLine:
    """A leg in one account; quantities in units, averages and P&L in the account's currency."""

    leg: LegRun
    orders: Sequence[OrderLine]
    currency: str
    is_live: bool
    seen: Seen | None
    gap: LegGap | None = None  # what of it is no longer at the broker
    rule: ExitRule = AT_MARKET
    levels: str = ""  # where it is left by itself
    late: LateLine | None = None  # of one that is not entered with the others

    @cached_property
    def position(self) -> Position:
        filled = [line.order for line in self.orders if line.order.filled_at is not None]
        filled.sort(key=lambda order: (order.filled_at, order.id))
        return fold(Trade(Side(o.side).sign * o.filled_quantity, o.average_price) for o in filled)

    @cached_property
    def total(self) -> Decimal | None:
        """Realised, and open at the price last seen; None when that is not known."""
        return total(self.position, self.seen.price if self.seen else None)

    @cached_property
    def entered(self) -> Decimal:
        return _filled(self._entries)

    @cached_property
    def exited(self) -> Decimal:
        return _filled(self._exits)

    @cached_property
    def held(self) -> Decimal:
        return self.entered - self.exited

    @property
    def entry_average(self) -> Decimal | None:
        return average(self._entries)

    @property
    def exit_average(self) -> Decimal | None:
        return average(self._exits)

    @property
    def counts(self) -> bool:
        """Whether limits are measured by it: what is entered later only once it is whole, what comes again never."""
        return self.leg.entry == 1 and (not self.leg.waits or self.entered >= self.leg.quantity)

    @property
    def has_open_orders(self) -> bool:
        return any(line.order.state in LIVE for line in self.orders)

    @property
    def can_exit(self) -> bool:
        is_waiting = self.late is not None and self.late.is_waiting and self.leg.exit_reason is None
        return self.is_live and (self.held != 0 or self.has_open_orders or is_waiting)

    @property
    def resting(self) -> "tuple[Order, datetime] | None":
        """An exit that waits at the venue for its price, and when it goes at market."""
        for line in self._exits:
            order = line.order
            since = order.unknown_at if order.fired else order.sent_at  # of a pair: when an order came of it
            if order.state in AT_VENUE and order.price_type in PRICED and since is not None:
                return order, since + self.rule.converts_after
        return None

    @property
    def holder(self) -> str:
        """Who holds its stop and target, while it is held."""
        return holder_words(self.leg, (line.order for line in self._exits)) if self.is_live and self.held else ""

    @cached_property
    def texts(self) -> "LegTexts":
        return _texts(self)

    @cached_property
    def _entries(self) -> list[OrderLine]:
        return [line for line in self.orders if not line.is_exit]

    @cached_property
    def _exits(self) -> list[OrderLine]:
        return [line for line in self.orders if line.is_exit]


@dataclass(frozen=True, slots=True)
class LegTexts:
    """The cells of a leg as they are shown: a page of many accounts has hundreds of these rows."""

    number: int
    symbol: str
    name: str
    kind: str
    side: str
    target: str
    filled: str
    entry_average: str
    exited: str
    exit_average: str
    last: str
    last_key: str
    last_at: int | None
    pnl: str
    pnl_key: str
    tone: str
    exit_path: str
    levels: str  # where the leg is left by itself


@dataclass(frozen=True)
class PartLine:
    """What a run is in one account."""

    part: AccountRun
    account: Account
    legs: Sequence[LegLine]

    @property
    def word(self) -> str | None:
        return run_word(self.part.state)

    @property
    def is_live(self) -> bool:
        return self.part.state in LIVE_PARTS

    @cached_property
    def held(self) -> int:
        """How many legs hold something."""
        return sum(leg.held != 0 for leg in self.legs)

    @property
    def size(self) -> SizeView | None:
        """The figures that led to its lots; None where they are as written."""
        return size_view(self.part.sizing, self.account.currency)

    @property
    def gave_up(self) -> bool:
        """Its exit was refused as often as the strategy lets it be tried, and nothing of it is under way."""
        is_moving = any(line.is_exit and line.order.state in LIVE for line in self.orders)
        return self.is_live and MUST_ACT in self.part.trouble and not is_moving

    @cached_property
    def orders(self) -> list[OrderLine]:
        return [line for leg in self.legs for line in leg.orders]

    @property
    def wishes(self) -> list[Wish]:
        return wishes(self.orders)

    @cached_property
    def total(self) -> Decimal | None:
        return add_up(leg.total for leg in self.legs)


@dataclass(frozen=True)
class RunView:
    run: Run
    parts: Sequence[PartLine]
    happenings: Sequence[Happening]
    rounds: Sequence[RoundTiming]
    limits: LimitsView | None = None
    leaving: Leaving | None = None  # by its schedule, while nothing has decided its exit

    @property
    def word(self) -> str | None:
        return run_word(self.run.state)

    @property
    def is_live(self) -> bool:
        return self.run.state in LIVE_RUNS

    @property
    def sizing(self) -> str:
        return sizing(self.run.sizing).words

    @property
    def exits(self) -> ExitRule:
        return exit_rule(self.run.exits)

    @cached_property
    def live_parts(self) -> list[PartLine]:
        return [part for part in self.parts if part.is_live]

    @cached_property
    def held(self) -> int:
        return sum(part.held for part in self.live_parts)

    @cached_property
    def total(self) -> Decimal | None:
        """Live and paper alike, as limits of the whole run count; what is shown are `sums`."""
        return add_up(part.total for part in self.parts) if self.currency else None

    @property
    def sums(self) -> list[Sum]:
        """By mode."""
        accounts = [part.account for part in self.parts]
        return of_run(self.run.id, accounts, [(part.account, part.total) for part in self.parts])

    @property
    def timings(self) -> list[TimingTable]:
        names = {part.account.id: part.account.name for part in self.parts}
        return [timing_table(one, names) for one in self.rounds]

    @cached_property
    def shows_orders(self) -> bool:
        """Of a big run they are a click away instead, so that the page stays quick."""
        return sum(len(part.orders) for part in self.parts) <= MOST_ORDERS

    @cached_property
    def currency(self) -> str:
        """Of all parts, or "" when they have several: figures of several are not added up."""
        found = {part.account.currency for part in self.parts}
        return found.pop() if len(found) == 1 else ""

    @property
    def modes(self) -> str:
        found = sorted({part.account.mode for part in self.parts})
        return found[0] if len(found) == 1 else "mixed" if found else ""


def read_run(owner_id: str, run_id: str) -> RunView:
    """Raises NotFound for somebody else's."""
    strategies, accounts = services().strategies, owned_accounts(owner_id)
    run, parts, leg_runs = strategies.whole(owner_id, run_id)
    orders = services().orders.of_parts(owner_id, [part.id for part in parts])
    by_leg: dict[str, list[OrderLine]] = defaultdict(list)
    for line in order_lines(orders, accounts):
        by_leg[line.order.leg_run_id or ""].append(line)
    legs: dict[str, list[LegRun]] = defaultdict(list)
    for leg in leg_runs:
        legs[leg.account_run_id].append(leg)
    held_in = sorted({part.account_id for part in parts})
    rule = exit_rule(run.exits)
    prices, gaps = seen_prices(held_in), services().adopting.leg_gaps(owner_id, held_in, [part.id for part in parts])
    told = _Told(prices, gaps, rule, run.legs, late_rows(run.id, leg_runs))
    lines = [_part(part, accounts[part.account_id], legs[part.id], by_leg, told) for part in parts]
    lines.sort(key=lambda line: (not line.part.trouble, line.account.name))
    happenings = read_happenings(run, parts, accounts, orders)
    rounds = run_rounds(run, parts, leg_runs, orders, services().clock.now())
    kept = read_limits(run, [_share(line) for line in lines], any(leg.levels for line in lines for leg in line.legs))
    return RunView(run, lines, happenings, rounds, kept, leaving_of(run))


def leaving_of(run: Run) -> Leaving | None:
    if run.exit_reason or run.state not in LIVE_RUNS:
        return None
    return services().schedules.leaving(run, services().clock.now())


def _share(line: PartLine) -> Share:
    part = line.part
    legs = [Entered(leg.leg.number, leg.leg.side, leg.entered, leg.entry_average) for leg in line.legs if leg.counts]
    is_whole = part.state != AccountRunState.ENTERING
    of = (part.id, line.account.name, line.account.currency, part.multiplier)
    return Share(*of, line.is_live, is_whole, legs, line.total)


def _texts(line: LegLine) -> LegTexts:
    leg, currency, seen, symbol = line.leg, line.currency, line.seen, line.leg.symbol
    return LegTexts(
        number=leg.number,
        symbol=symbol,
        name=contract_name(symbol),
        kind=f"{leg.exchange} · {leg.product} · {leg.price_type.lower()}",
        side=leg.side,
        target=fmt.quantity(leg.quantity, leg.lot_size),
        filled=f"{fmt.quantity(line.entered)}/{fmt.quantity(leg.quantity)}",
        entry_average=fmt.price(line.entry_average, leg.tick, currency),
        exited=fmt.quantity(line.exited) if line.exited else "",
        exit_average=fmt.price(line.exit_average, leg.tick, currency) if line.exited else "",
        last=fmt.price(seen.price if seen else None, leg.tick, currency),
        last_key=f"ltp:{leg.exchange}:{symbol}",
        last_at=fmt.millis(seen.at) if seen else None,
        pnl=fmt.signed(line.total, currency),
        pnl_key=f"pnl:leg:{leg.id}",
        tone=fmt.tone(line.total),
        exit_path=f"/legs/{leg.id}/exit",
        levels=line.levels,
    )


def average(lines: Sequence[OrderLine]) -> Decimal | None:
    """The price per unit over what filled; None when nothing did, or a price is missing."""
    filled = [line.order for line in lines if line.order.filled_quantity > 0]
    if not filled or any(order.average_price is None for order in filled):
        return None
    worth = sum((order.filled_quantity * (order.average_price or ZERO) for order in filled), ZERO)
    return worth / _filled(lines)


def _filled(lines: Sequence[OrderLine]) -> Decimal:
    return sum((line.order.filled_quantity for line in lines), ZERO)


@dataclass(frozen=True, slots=True)
class _Told:
    """What all legs of a run are shown with; `legs` as they were written."""

    prices: Prices
    gaps: dict[str, LegGap]
    rule: ExitRule
    legs: Sequence[dict[str, Any]]
    waits: Mapping[str, LegWait]  # by leg run


def _part(
    part: AccountRun,
    account: Account,
    legs: list[LegRun],
    orders: dict[str, list[OrderLine]],
    told: _Told,
) -> PartLine:
    is_live = part.state in LIVE_PARTS
    lines = [
        LegLine(
            leg,
            orders[leg.id],
            account.currency,
            is_live,
            told.prices.get((leg.exchange, leg.symbol)),
            told.gaps.get(leg.id),
            told.rule,
            level_words(leg, told.legs),
            late_line(leg, told.waits.get(leg.id)),
        )
        for leg in legs
    ]
    return PartLine(part, account, lines)
