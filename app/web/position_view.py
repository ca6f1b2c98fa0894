"""What is held, netted by instrument over all accounts of a mode, with each account's part and the venue's word."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from app.accounts.models import Account
from app.core.money import ZERO
from app.execution.closing import Place
from app.portfolio.differences import surplus
from app.portfolio.models import PositionDifference
from app.portfolio.pnl import add_up, realised
from app.portfolio.positions import AccountPosition, Agreement
from app.portfolio.trades import PositionKey
from app.venues.types import Mode
from app.web.current import services
from app.web.order_lines import owned_accounts, seconds
from app.web.prices import Prices, Seen
from app.web.words import Mark

AGREEMENT = {
    Agreement.EQUAL: Mark("Same at the venue", "ok", "check"),
    Agreement.DIFFERS: Mark("The venue says otherwise", "bad", "triangle-alert"),
    Agreement.EXTERNAL: Mark("External", "warn", "link"),
    Agreement.NOT_COMPARED: Mark("Not compared yet", "", "clock"),
}


@dataclass(frozen=True, slots=True)
class Holding:
    """One account's part; the P&L is today's: realised today, and open at the price last seen."""

    account: Account
    position: AccountPosition
    seen: Seen | None
    venue_age: float | None
    gap: PositionDifference | None = None  # where the difference is proven
    closable: Decimal = ZERO  # by hand: what no run holds of it and no exit is closing yet

    @property
    def is_external(self) -> bool:
        return self.position.agreement is Agreement.EXTERNAL

    @property
    def quantity(self) -> Decimal:
        """Of an external position the venue's, else the desk's own from fills."""
        return (self.position.venue_quantity or ZERO) if self.is_external else self.position.quantity

    @property
    def average(self) -> Decimal | None:
        if self.is_external:
            return self.position.venue.average_price if self.position.venue else None
        return self.position.held.position.average_price

    @property
    def mark(self) -> Mark:
        return AGREEMENT[self.position.agreement]

    @property
    def difference(self) -> Decimal | None:
        """What the venue holds more (or less) than the desk filled."""
        theirs = self.position.venue_quantity
        differs = self.position.agreement in (Agreement.DIFFERS, Agreement.EXTERNAL)
        return theirs - self.position.quantity if differs and theirs is not None else None

    @property
    def surplus(self) -> Decimal:
        """What a person may adopt: held there beyond the desk's own."""
        return surplus(self.gap.desk_quantity, self.gap.venue_quantity) if self.gap else ZERO

    @property
    def today(self) -> Decimal | None:
        return None if self.is_external else self.position.today(self.seen.price if self.seen else None)

    @property
    def realised(self) -> Decimal | None:
        return realised_today(self.position)

    @property
    def open(self) -> Decimal | None:
        return self.position.unrealised(self.seen.price if self.seen else None)

    @property
    def cell(self) -> str:
        key = self.position.key
        return f"pnl:position:{key.account_id}:{key.exchange}:{key.symbol}:{key.product}"


@dataclass(frozen=True, slots=True)
class Net:
    """An instrument with a product, over all accounts of one mode: live and paper are never one number."""

    exchange: str
    symbol: str
    product: str
    mode: str  # live or paper
    currency: str
    holdings: Sequence[Holding]
    seen: Seen | None

    @property
    def quantity(self) -> Decimal:
        return sum((holding.quantity for holding in self.holdings), ZERO)

    @property
    def is_flat(self) -> bool:
        return all(holding.quantity == 0 for holding in self.holdings)

    @property
    def today(self) -> Decimal | None:
        """Of what the desk filled; None when all of it was made elsewhere."""
        ours = [holding.today for holding in self.holdings if not holding.is_external]
        return add_up(ours) if ours else None

    @property
    def troubles(self) -> list[Holding]:
        wrong = (Agreement.DIFFERS, Agreement.EXTERNAL)
        return [holding for holding in self.holdings if holding.position.agreement in wrong]

    @property
    def cell(self) -> str:
        return f"pnl:net:{self.mode}:{self.exchange}:{self.symbol}:{self.product}"


@dataclass(frozen=True, slots=True)
class Book:
    nets: Sequence[Net]

    @property
    def open(self) -> list[Net]:
        return [net for net in self.nets if not net.is_flat]

    @property
    def closed(self) -> list[Net]:
        return [net for net in self.nets if net.is_flat]

    @property
    def holdings(self) -> list[Holding]:
        return [holding for net in self.nets for holding in net.holdings if not holding.is_external]


def realised_today(position: AccountPosition) -> Decimal | None:
    now, before = realised(position.held.position), realised(position.held.opening)
    return None if now is None or before is None else now - before


def read_book(owner_id: str, to_close: bool = True) -> Book:
    """Six reads, however many accounts; live first, the biggest instruments first. One less without `to_close`."""
    accounts, now = owned_accounts(owner_id), services().clock.now()
    closing = services().by_hand.closing
    leaving = closing.leaving(owner_id) if to_close else {}  # first: what fills meanwhile is not offered twice
    positions = services().portfolio.positions(owner_id, now)
    prices, gaps = _prices(positions, now), _gaps(owner_id, positions)
    groups: dict[tuple[str, str, str], list[Holding]] = defaultdict(list)
    for position in positions:
        key = position.key
        read_at = position.venue_read_at
        age = seconds(read_at, now) if read_at else None
        holding = Holding(
            accounts[key.account_id], position, prices.get((key.exchange, key.symbol)), age, gaps.get(key),
            _closable(position, leaving),
        )  # fmt: skip
        groups[key.exchange, key.symbol, key.product].append(holding)
    nets = [net for key, holdings in groups.items() for net in _nets(key, holdings, prices)]
    return Book(sorted(nets, key=lambda net: (net.is_flat, net.mode != Mode.LIVE, -abs(net.quantity), net.symbol)))


def _gaps(owner_id: str, positions: Sequence[AccountPosition]) -> dict[PositionKey, PositionDifference]:
    """What is proven to differ; asked only where something does."""
    wrong = (Agreement.DIFFERS, Agreement.EXTERNAL)
    if not any(position.agreement in wrong for position in positions):
        return {}
    found = services().adopting.differences(owner_id)
    return {PositionKey(row.account_id, row.exchange, row.symbol, row.product): row for row in found}


def _closable(position: AccountPosition, leaving: Mapping[Place, Decimal]) -> Decimal:
    key = position.key
    on_its_way = leaving.get(Place(key.account_id, key.exchange, key.symbol, key.product), ZERO)
    return max(ZERO, abs(position.held.by_hand) - on_its_way)


def _prices(positions: Sequence[AccountPosition], now: datetime) -> Prices:
    """The newest that any account's venue said of each symbol."""
    found: Prices = {}
    for position in positions:
        place, venue = (position.key.exchange, position.key.symbol), position.venue
        if venue is None or venue.last_price is None or (place in found and found[place].at >= venue.seen_at):
            continue
        found[place] = Seen(venue.last_price, venue.seen_at, seconds(venue.seen_at, now))
    return found


def _nets(key: tuple[str, str, str], holdings: Sequence[Holding], prices: Prices) -> list[Net]:
    """One per mode."""
    exchange, symbol, product = key
    by_mode: dict[str, list[Holding]] = defaultdict(list)
    for holding in sorted(holdings, key=lambda holding: holding.account.name):
        by_mode[holding.account.mode].append(holding)
    seen = prices.get((exchange, symbol))
    return [
        Net(exchange, symbol, product, mode, mine[0].account.currency, mine, seen) for mode, mine in by_mode.items()
    ]
