"""The books of one mode of one broker: every order's life from acceptance to its end.

Every change of an order is published before the caller gets an answer, as OpenAlgo does. A refusal never moves money.
A fill is booked in the order, the position and the charges in one go; margin is reckoned anew after each change.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.paper import checks, margin
from app.paper.charges import charges
from app.paper.checks import Situation, Violation
from app.paper.contracts import Contract
from app.paper.faults import Fault, FaultSet
from app.paper.ledger import Ledger
from app.paper.matching import Match, at_quote, over_levels, wakes
from app.paper.orders import ZERO, Conduct, Fill, Order, Status, Ticket
from app.paper.prices import Prices

LIVE, ANALYZE = "live", "analyze"
STOPS = frozenset({"SL", "SL-M"})
Publish = Callable[[Order, bool], None]


@dataclass(frozen=True, slots=True)
class Placed:
    """What placing came to: an order, a refusal, or (the simulator, now and then) both."""

    order: Order | None
    refusal: Violation | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """What a set of books needs to know about its broker."""

    mode: str
    cash: Decimal
    calendar: bool
    refuse_at_gateway: frozenset[str]


class OrderIds:
    """YYMMDD and the milliseconds of the day: unique also after a restart, which forgets all books."""

    def __init__(self, digits: int) -> None:
        self._digits = digits
        self._last = 0

    def next(self, now: datetime) -> str:
        today = int(time.time() * 1000) % 86_400_000
        self._last = max(self._last + 1, today * 10 ** (self._digits - 8))
        return f"{now:%y%m%d}{self._last % 10**self._digits:0{self._digits}d}"


class Books:
    def __init__(self, setting: Setting, prices: Prices, faults: FaultSet, publish: Publish) -> None:
        self.setting = setting
        self.live = setting.mode == LIVE
        self.prices = prices
        self.market = prices.market
        self.orders: dict[str, Order] = {}
        self.working: dict[str, Order] = {}
        self.ledger = Ledger(setting.cash, margin.live if self.live else margin.analyze)
        self._faults = faults
        self._publish = publish
        self._ids = OrderIds(9 if self.live else 8)
        self._checks = checks.LIVE if self.live else checks.SIMULATED
        self._match = over_levels if self.live else at_quote
        self._rng = random.Random()

    # -- what a client asks for

    def place(self, ticket: Ticket, foreign: bool = False) -> Placed:
        contract = self.prices.find(ticket.symbol, ticket.exchange)
        conduct = self._conduct(ticket, contract.lot_size if contract else 1)
        if contract is None:
            return self._refuse(ticket, None, checks.unknown_symbol(ticket, self.live), conduct)
        violation = self._violation(ticket, contract, conduct)
        order = self._order(ticket, contract, conduct)
        order.foreign = foreign
        if violation is None:
            violation = self._unaffordable(order)
        if violation is not None:
            return self._refuse(ticket, contract, violation, conduct)
        return Placed(self._accept(order))

    def cancel(self, order: Order) -> None:
        """Cancel at once, or when the conduct of the order says so: until then it may still fill."""
        delay = [f.params["ms"] for f in self._faults_of(order.ticket, ON_CANCEL)]
        if delay:
            order.conduct.cancel_at = time.monotonic() + max(delay) / 1000
        else:
            self._cancelled(order)

    def modify(self, order: Order, ticket: Ticket) -> Violation | None:
        """Give a working order new terms; `ticket.quantity` is the new total. Refusals leave it untouched."""
        if order.contract is None:
            raise ValueError("a working order has a contract")
        awake = order.status is Status.OPEN and ticket.pricetype == order.ticket.pricetype
        probe = replace(ticket, pricetype="LIMIT") if awake and ticket.pricetype == "SL" else ticket
        violation = self._check(probe, order.contract)
        if violation is None and ticket.quantity < order.filled:
            violation = Violation("modify", "Quantity cannot be less than the filled quantity")
        changed = replace(order, ticket=ticket, reference=self._reference(ticket, order.contract))
        violation = violation or self._unaffordable(changed)
        if violation is not None:
            return violation
        order.ticket, order.reference, order.updated_at = ticket, changed.reference, self.market.now()
        if not order.pending:
            order.status = Status.COMPLETE
        elif not awake:
            order.status = self._first_status(ticket)
        if not order.working:
            self.working.pop(order.orderid, None)
        self._publish(order, False)
        self._work(order)
        self._block(order.contract.name)
        return None

    def rename(self, order: Order) -> None:
        """Some brokers give a modified order a new id; the old one is then unknown."""
        for known in (self.orders, self.working):
            known.pop(order.orderid, None)
        order.orderid = self._ids.next(self.market.now())
        self.orders[order.orderid] = order
        if order.working:
            self.working[order.orderid] = order

    # -- time

    def beat(self, moved: bool) -> None:
        """Look at the working orders again; `moved` says that prices did."""
        clock = time.monotonic()
        for order in list(self.working.values()):
            cancel_at = order.conduct.cancel_at
            if cancel_at is not None and cancel_at <= clock:
                self._cancelled(order)
            elif moved or order.conduct.hold_until:
                self._rework(order)

    def _rework(self, order: Order) -> None:
        before = (order.filled, order.status)
        self._work(order)
        if (order.filled, order.status) != before and order.contract is not None:
            self._block(order.contract.name)

    # -- acceptance

    def _violation(self, ticket: Ticket, contract: Contract, conduct: Conduct) -> Violation | None:
        if conduct.reject is not None:
            return Violation("fault", conduct.reject)
        return self._check(ticket, contract)

    def _check(self, ticket: Ticket, contract: Contract) -> Violation | None:
        held = self.ledger.quantity(contract, ticket.product)
        situation = Situation(
            ticket=ticket,
            contract=contract,
            ltp=self.prices.ltp(contract),
            band=self.prices.band(contract),
            market_open=self.market.is_open(contract.exchange),
            calendar=self.setting.calendar,
            now=self.market.now(),
            held=held,
            sellable=self.ledger.sellable(contract) if ticket.product == "CNC" else 0,
        )
        return checks.first(self._checks, situation)

    def _unaffordable(self, order: Order) -> Violation | None:
        """Compares what the order adds with what is free; an order that only closes is never refused for money."""
        contract, ticket = order.contract, order.ticket
        if contract is None:
            return None
        held = self.ledger.quantity(contract, ticket.product)
        if held * ticket.side < 0 and abs(held) >= order.pending:
            return None
        others = [o for o in self._working_in(contract.name) if o.orderid != order.orderid]
        before = self.ledger.blocked.get(contract.name, ZERO)
        added = self.ledger.required(contract.name, [*others, order], self.prices.spot) - before
        available = self.ledger.available
        if added <= 0 or added <= available:
            return None
        return checks.short_of_margin(added, available, self.live)

    def _order(self, ticket: Ticket, contract: Contract | None, conduct: Conduct) -> Order:
        now = self.market.now()
        reference = self._reference(ticket, contract) if contract else ticket.price
        order = Order(self._ids.next(now), ticket, contract, now, now, reference, self._first_status(ticket))
        order.conduct = conduct
        return order

    def _reference(self, ticket: Ticket, contract: Contract) -> Decimal:
        if ticket.pricetype in ("LIMIT", "SL"):
            return ticket.price
        return ticket.trigger_price if ticket.pricetype == "SL-M" else self.prices.ltp(contract)

    @staticmethod
    def _first_status(ticket: Ticket) -> Status:
        return Status.TRIGGER_PENDING if ticket.pricetype in STOPS else Status.OPEN

    def _accept(self, order: Order) -> Order:
        self.orders[order.orderid] = self.working[order.orderid] = order
        self._publish(order, True)
        self._work(order)
        if order.contract is not None:
            self._block(order.contract.name)
        return order

    def _refuse(self, ticket: Ticket, contract: Contract | None, why: Violation, conduct: Conduct) -> Placed:
        at_gateway = not self.live or why.code in self.setting.refuse_at_gateway or conduct.at_gateway
        if at_gateway and not why.booked:
            return Placed(None, why)
        order = self._order(ticket, contract, conduct)
        order.status, order.reason = Status.REJECTED, why.message
        self.orders[order.orderid] = order
        self._publish(order, True)
        return Placed(order, why if at_gateway else None)

    # -- filling

    def _work(self, order: Order) -> None:
        """Wake a stop, then fill what the book gives."""
        contract = order.contract
        if contract is None or not order.working or order.conduct.hold_until > time.monotonic():
            return
        if self.live and not self.market.is_open(contract.exchange):
            return
        ladder = self.prices.ladder(contract)
        if wakes(order, ladder):
            order.status, order.updated_at = Status.OPEN, self.market.now()
            self._publish(order, False)
        if order.status is Status.OPEN:
            for match in self._match(order, ladder, order.conduct.fill_cap):
                self._fill(order, contract, match)
            if order.filled and order.conduct.stop_after_cap:
                order.conduct.fill_cap = 0

    def _fill(self, order: Order, contract: Contract, match: Match) -> None:
        price, quantity = match
        ticket, now = order.ticket, self.market.now()
        tradeid = f"TRADE-{now:%Y%m%d-%H%M%S}-{self._rng.getrandbits(32):08x}"
        cost = charges(contract, ticket.product, ticket.side, order.value, price * quantity)
        order.add(Fill(order.orderid, tradeid, quantity, price, now))
        self.ledger.position(contract, ticket.product).apply(ticket.side, quantity, price)
        self.ledger.charges += cost
        if not order.working:
            self.working.pop(order.orderid, None)
        self._publish(order, False)

    def _cancelled(self, order: Order) -> None:
        order.status, order.updated_at = Status.CANCELLED, self.market.now()
        order.conduct.cancel_at = None
        self.working.pop(order.orderid, None)
        self._publish(order, False)
        if order.contract is not None:
            self._block(order.contract.name)

    def _working_in(self, name: str) -> list[Order]:
        return [o for o in self.working.values() if o.contract is not None and o.contract.name == name]

    def _block(self, name: str) -> None:
        required = self.ledger.required(name, self._working_in(name), self.prices.spot)
        if required:
            self.ledger.blocked[name] = required
        else:
            self.ledger.blocked.pop(name, None)

    def reblock(self) -> None:
        """Reckon the margin of every open position anew."""
        for name in {position.contract.name for position in self.ledger.positions.values()}:
            self._block(name)

    # -- faults

    def _conduct(self, ticket: Ticket, lot: int) -> Conduct:
        """Ask the faults once, when the order arrives."""
        conduct = Conduct()
        for fault in self._faults_of(ticket, ON_ARRIVAL):
            _CONDUCT[fault.kind](conduct, fault.params, ticket.quantity, lot)
        return conduct

    def _faults_of(self, ticket: Ticket, kinds: frozenset[str]) -> list[Fault]:
        return self._faults.take(kinds, symbol=ticket.symbol, action=ticket.action.upper())


def _reject(conduct: Conduct, params: dict[str, Any], quantity: int, lot: int) -> None:
    conduct.reject, conduct.at_gateway = params["reason"], params["at_gateway"]


def _hold(conduct: Conduct, params: dict[str, Any], quantity: int, lot: int) -> None:
    conduct.hold_until = time.monotonic() + params["ms"] / 1000


def _part(conduct: Conduct, params: dict[str, Any], quantity: int, lot: int) -> None:
    """Whole lots, at least one, at a time."""
    conduct.fill_cap = max(lot, int(quantity * params["fraction"]) // lot * lot)
    conduct.stop_after_cap = params["rest"] == "never"


def _late(conduct: Conduct, params: dict[str, Any], quantity: int, lot: int) -> None:
    conduct.visible_at = time.monotonic() + params["ms"] / 1000


def _mask(conduct: Conduct, params: dict[str, Any], quantity: int, lot: int) -> None:
    conduct.mask, conduct.masked_until = params["text"], time.monotonic() + params["ms"] / 1000


_CONDUCT = {
    "reject": _reject,
    "slow_fills": _hold,
    "partial_fills": _part,
    "late_book": _late,
    "raw_status": _mask,
}
ON_ARRIVAL = frozenset(_CONDUCT)
ON_CANCEL = frozenset({"slow_cancel"})
