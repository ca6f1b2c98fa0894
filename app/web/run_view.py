"""A run as its page shows it: each account's part, its legs with what filled, their orders, and what happened when.

Nine reads, however many accounts take part. What was filled comes from the orders and from nowhere else. A page asks
for the same figure many times, so each is reckoned once.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property

from sqlalchemy import select

from app.accounts.models import Account
from app.core.money import ZERO
from app.execution.models import Order, OrderEvent
from app.execution.states import LIVE
from app.portfolio.pnl import Position, Trade, add_up, fold, total
from app.strategies.models import AccountRun, LegRun, Run
from app.strategies.service import LIVE_PARTS, LIVE_RUNS
from app.venues.types import Side
from app.web.current import services
from app.web.order_lines import OrderLine, Wish, order_lines, owned_accounts, wishes
from app.web.prices import Prices, Seen, seen_prices
from app.web.words import SOURCES, in_words, run_word

MOST_ORDERS = 60
TIMELINE = 60  # the newest steps; all of an order's are on its own page


@dataclass(frozen=True)
class LegLine:
    """A leg in one account; quantities in units, averages and P&L in the account's currency."""

    leg: LegRun
    orders: Sequence[OrderLine]
    currency: str
    is_live: bool
    seen: Seen | None

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
    def has_open_orders(self) -> bool:
        return any(line.order.state in LIVE for line in self.orders)

    @property
    def can_exit(self) -> bool:
        return self.is_live and (self.held != 0 or self.has_open_orders)

    @cached_property
    def _entries(self) -> list[OrderLine]:
        return [line for line in self.orders if not line.is_exit]

    @cached_property
    def _exits(self) -> list[OrderLine]:
        return [line for line in self.orders if line.is_exit]


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

    @cached_property
    def orders(self) -> list[OrderLine]:
        return [line for leg in self.legs for line in leg.orders]

    @property
    def wishes(self) -> list[Wish]:
        return wishes(self.orders)

    @cached_property
    def total(self) -> Decimal | None:
        return add_up(leg.total for leg in self.legs)


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of what happened, with where it happened."""

    at: datetime
    text: str
    account: str = ""
    detail: str = ""
    order_id: str = ""


@dataclass(frozen=True)
class RunView:
    run: Run
    parts: Sequence[PartLine]
    happenings: Sequence[Happening]

    @property
    def word(self) -> str | None:
        return run_word(self.run.state)

    @property
    def is_live(self) -> bool:
        return self.run.state in LIVE_RUNS

    @cached_property
    def live_parts(self) -> list[PartLine]:
        return [part for part in self.parts if part.is_live]

    @cached_property
    def held(self) -> int:
        return sum(part.held for part in self.live_parts)

    @cached_property
    def total(self) -> Decimal | None:
        return add_up(part.total for part in self.parts) if self.currency else None

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
        found = sorted({part.account.expected_mode for part in self.parts})
        return found[0] if len(found) == 1 else "mixed" if found else ""


def read_run(owner_id: str, run_id: str) -> RunView:
    """Raises NotFound for somebody else's."""
    strategies, accounts = services().strategies, owned_accounts(owner_id)
    run = strategies.get_run(owner_id, run_id)
    parts = strategies.parts(owner_id, run_id)
    orders = services().orders.of_parts(owner_id, [part.id for part in parts])
    by_leg: dict[str, list[OrderLine]] = defaultdict(list)
    for line in order_lines(orders, accounts):
        by_leg[line.order.leg_run_id or ""].append(line)
    legs: dict[str, list[LegRun]] = defaultdict(list)
    for leg in strategies.leg_runs(owner_id, run_id):
        legs[leg.account_run_id].append(leg)
    prices = seen_prices({part.account_id for part in parts})
    lines = [_part(part, accounts[part.account_id], legs[part.id], by_leg, prices) for part in parts]
    lines.sort(key=lambda line: (not line.part.trouble, line.account.name))
    return RunView(run, lines, _happenings(run, parts, accounts, _events(orders)))


def average(lines: Sequence[OrderLine]) -> Decimal | None:
    """The price per unit over what filled; None when nothing did, or a price is missing."""
    filled = [line.order for line in lines if line.order.filled_quantity > 0]
    if not filled or any(order.average_price is None for order in filled):
        return None
    worth = sum((order.filled_quantity * (order.average_price or ZERO) for order in filled), ZERO)
    return worth / _filled(lines)


def _filled(lines: Sequence[OrderLine]) -> Decimal:
    return sum((line.order.filled_quantity for line in lines), ZERO)


def _part(
    part: AccountRun, account: Account, legs: list[LegRun], orders: dict[str, list[OrderLine]], prices: Prices
) -> PartLine:
    is_live = part.state in LIVE_PARTS
    lines = [
        LegLine(leg, orders[leg.id], account.currency, is_live, prices.get((leg.exchange, leg.symbol))) for leg in legs
    ]
    return PartLine(part, account, lines)


def _events(orders: Sequence[Order]) -> list[tuple[OrderEvent, Order]]:
    by_id = {order.id: order for order in orders}
    newest = select(OrderEvent).where(OrderEvent.order_id.in_(by_id)).order_by(OrderEvent.seq.desc()).limit(TIMELINE)
    with services().db.read() as session:
        return [(event, by_id[event.order_id]) for event in session.scalars(newest)]


def _happenings(
    run: Run, parts: Sequence[AccountRun], accounts: dict[str, Account], events: list[tuple[OrderEvent, Order]]
) -> list[Happening]:
    """Newest first."""
    found = [Happening(run.requested_at, "Run asked for")]
    if run.started_at:
        found.append(Happening(run.started_at, "Contracts found, orders journaled"))
    if run.exit_at and run.exit_reason:
        found.append(Happening(run.exit_at, f"Exit of all accounts: {run.exit_reason}", detail=f"by {run.exit_by}"))
    if run.closed_at:
        found.append(Happening(run.closed_at, run.state.capitalize(), detail=run.trouble))
    for part in parts:
        name = accounts[part.account_id].name
        if part.exit_at and part.exit_reason:
            found.append(Happening(part.exit_at, f"Exit: {part.exit_reason}", name, f"by {part.exit_by}"))
        if part.closed_at:
            found.append(Happening(part.closed_at, part.state.capitalize(), name))
    found += [_order_step(event, order, accounts[order.account_id].name) for event, order in events]
    return sorted(found, key=lambda happening: happening.at, reverse=True)


def _order_step(event: OrderEvent, order: Order, account: str) -> Happening:
    piece = f" ({order.slice} of {order.slices})" if order.slices > 1 else ""
    heard = SOURCES.get(event.source, event.source)
    text = f"{order.side} {order.symbol}{piece}: {in_words(event.to_state)}, by {heard}"
    return Happening(event.at, text, account, event.detail, order.id)
