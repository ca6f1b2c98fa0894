"""Positions, holdings and money of one set of books.

Two identities hold to the paisa after every fill:
available + blocked = cash + realised, and
realised + unrealised = sold value - bought value + quantity * last price, over all positions of the day's ledger.
Charges are counted beside the money, not taken from it: OpenAlgo's funds don't show them either.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from app.paper import margin
from app.paper.contracts import Contract
from app.paper.orders import ZERO, Order

Key = tuple[str, str, str]


@dataclass(slots=True)
class Position:
    """`cost` is the signed price of what is still open; realised profit is exact because cost is never rounded."""

    contract: Contract
    product: str
    quantity: int = 0
    cost: Decimal = ZERO
    realised: Decimal = ZERO
    bought: int = 0
    bought_value: Decimal = ZERO
    sold: int = 0
    sold_value: Decimal = ZERO

    @property
    def average(self) -> Decimal:
        return self.cost / self.quantity if self.quantity else ZERO

    def unrealised(self, ltp: Decimal) -> Decimal:
        return self.quantity * ltp - self.cost

    def apply(self, side: int, quantity: int, price: Decimal) -> None:
        self._count(side, quantity, quantity * price)
        closing = min(quantity, abs(self.quantity)) if self.quantity * side < 0 else 0
        if closing:
            part = self.cost if closing == abs(self.quantity) else self.cost * closing / abs(self.quantity)
            self.realised += -side * closing * price - part
            self.cost -= part
            self.quantity += side * closing
        opening = quantity - closing
        self.quantity += side * opening
        self.cost += side * opening * price

    def _count(self, side: int, quantity: int, value: Decimal) -> None:
        if side > 0:
            self.bought += quantity
            self.bought_value += value
        else:
            self.sold += quantity
            self.sold_value += value


@dataclass(slots=True)
class Holding:
    contract: Contract
    quantity: int
    cost: Decimal

    @property
    def average(self) -> Decimal:
        return self.cost / self.quantity if self.quantity else ZERO


def exposure_lines(positions: list[Position], working: list[Order], underlying: Decimal) -> list[margin.Line]:
    """Net lines, all of one underlying, as if the worse side of the working orders had filled."""
    wishes: dict[Key, list[Order]] = defaultdict(list)
    known = {key_of(p.contract, p.product): p for p in positions}
    for order in working:
        if order.contract is not None:
            wishes[key_of(order.contract, order.ticket.product)].append(order)
    lines = []
    for key in known.keys() | wishes.keys():
        line = _worst(known.get(key), wishes.get(key, []), underlying)
        if line is not None:
            lines.append(line)
    return lines


def _worst(position: Position | None, orders: list[Order], underlying: Decimal) -> margin.Line | None:
    quantity, value = (position.quantity, position.cost) if position else (0, ZERO)
    if orders:
        ends = [_after(quantity, value, [o for o in orders if o.ticket.side == side]) for side in (1, -1)]
        quantity, value = max(ends, key=lambda end: abs(end[0]))
    if not quantity:
        return None
    contract = position.contract if position else orders[0].contract
    product = position.product if position else orders[0].ticket.product
    if contract is None:
        raise ValueError("a working order has a contract")
    return margin.Line(contract, product, quantity, abs(value), underlying)


def _after(quantity: int, cost: Decimal, orders: list[Order]) -> tuple[int, Decimal]:
    for order in orders:
        side, units, price = order.ticket.side, order.pending, order.reference
        closing = min(units, abs(quantity)) if quantity * side < 0 else 0
        if closing:
            cost -= cost * closing / abs(quantity)
        quantity += side * units
        cost += side * (units - closing) * price
    return quantity, cost


def key_of(contract: Contract, product: str) -> Key:
    return (contract.symbol, contract.exchange, product)


@dataclass(slots=True)
class Ledger:
    """Cash is the day's opening cash; `blocked` holds the margin per underlying."""

    cash: Decimal
    rule: margin.Rule
    positions: dict[Key, Position] = field(default_factory=dict)
    holdings: dict[tuple[str, str], Holding] = field(default_factory=dict)
    blocked: dict[str, Decimal] = field(default_factory=dict)
    charges: Decimal = ZERO

    @property
    def realised(self) -> Decimal:
        return sum((p.realised for p in self.positions.values()), ZERO)

    @property
    def utilised(self) -> Decimal:
        return sum(self.blocked.values(), ZERO)

    @property
    def available(self) -> Decimal:
        return self.cash + self.realised - self.utilised

    def position(self, contract: Contract, product: str) -> Position:
        key = key_of(contract, product)
        found = self.positions.get(key)
        if found is None:
            found = self.positions[key] = Position(contract, product)
        return found

    def quantity(self, contract: Contract, product: str) -> int:
        found = self.positions.get(key_of(contract, product))
        return found.quantity if found else 0

    def required(self, name: str, working: list[Order], spot: Callable[[Contract], Decimal]) -> Decimal:
        """Margin of everything in one underlying, whose price `spot` tells, with these working orders."""
        positions = [p for p in self.positions.values() if p.quantity and p.contract.name == name]
        contracts = [*(p.contract for p in positions), *(o.contract for o in working if o.contract is not None)]
        return self.rule(exposure_lines(positions, working, spot(contracts[0]))).total if contracts else ZERO

    def sellable(self, contract: Contract) -> int:
        """Shares a delivery sale may deliver: holdings plus what was bought today."""
        held = self.holdings.get((contract.symbol, contract.exchange))
        return (held.quantity if held else 0) + self.quantity(contract, "CNC")
