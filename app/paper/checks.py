"""Why an order is refused: the broker's and exchange's rules (live) and the simulator's (analyze). Pure.

Live violations carry a code, so that a broker can be told which of them it refuses at its gateway (HTTP 400) and which
it lets through to appear as `rejected` in the order book. The simulator refuses everything synchronously.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal

from app.paper.contracts import Contract
from app.paper.orders import ZERO, Ticket

EQUITY = frozenset({"NSE", "BSE"})
OPENS = time(9, 0)
SQUARE_OFF = {
    "NSE": time(15, 15),
    "BSE": time(15, 15),
    "NFO": time(15, 15),
    "BFO": time(15, 15),
    "CDS": time(16, 45),
    "BCD": time(16, 45),
    "MCX": time(23, 30),
    "NCDEX": time(17, 0),
}


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything a check may look at. `held` is the signed quantity of the same product, `sellable` the
    shares at hand.
    """

    ticket: Ticket
    contract: Contract
    ltp: Decimal
    band: tuple[Decimal, Decimal]
    market_open: bool
    calendar: bool
    now: datetime
    held: int
    sellable: int


@dataclass(frozen=True, slots=True)
class Violation:
    code: str
    message: str
    booked: bool = False


Check = Callable[[Situation], Violation | None]


def first(checks: tuple[Check, ...], situation: Situation) -> Violation | None:
    for check in checks:
        violation = check(situation)
        if violation is not None:
            return violation
    return None


def _opposes(s: Situation) -> bool:
    return s.held * s.ticket.side < 0 and abs(s.held) >= s.ticket.quantity


def _tradable(s: Situation) -> Violation | None:
    if s.contract.kind == "INDEX":
        return Violation("symbol", f"{s.ticket.symbol} is an index and cannot be traded")
    return None


def _expired(s: Situation) -> Violation | None:
    if s.contract.expiry is not None and s.contract.expiry < s.now.date():
        return Violation("symbol", f"{s.ticket.symbol} has expired")
    return None


def _live_product(s: Situation) -> Violation | None:
    wrong = "NRML" if s.ticket.exchange in EQUITY else "CNC"
    if s.ticket.product == wrong:
        return Violation("product", f"Product {wrong} is not allowed for {s.ticket.exchange}")
    return None


def _live_prices(s: Situation) -> Violation | None:
    t = s.ticket
    if t.pricetype in ("LIMIT", "SL") and t.price <= 0:
        return Violation("price", "Order price cannot be zero for limit orders")
    if t.pricetype in ("SL", "SL-M") and t.trigger_price <= 0:
        return Violation("price", "Trigger price cannot be zero for stoploss orders")
    return None


def _live_lot(s: Situation) -> Violation | None:
    if s.ticket.quantity % s.contract.lot_size:
        return Violation(
            "lot", f"Quantity is not a multiple of the lot size. Allowed multiples of {s.contract.lot_size}"
        )
    return None


def _live_freeze(s: Situation) -> Violation | None:
    limit = s.contract.freeze_quantity
    if 1 < limit < s.ticket.quantity:
        return Violation("freeze", f"Order quantity {s.ticket.quantity} exceeds the freeze quantity limit of {limit}")
    return None


def _live_tick(s: Situation) -> Violation | None:
    for price in (s.ticket.price, s.ticket.trigger_price):
        if price and price % s.contract.tick:
            return Violation("tick", f"Price {price} is not a multiple of the tick size {s.contract.tick}")
    return None


def _live_band(s: Situation) -> Violation | None:
    low, high = s.band
    if s.ticket.pricetype in ("LIMIT", "SL") and not low <= s.ticket.price <= high:
        return Violation("band", f"Price {s.ticket.price} is outside the circuit limits {low} to {high}")
    return None


def _live_trigger(s: Situation) -> Violation | None:
    t = s.ticket
    if t.pricetype not in ("SL", "SL-M"):
        return None
    if (s.ltp - t.trigger_price) * t.side >= 0:
        word, than = ("buy", "higher") if t.side > 0 else ("sell", "lower")
        return Violation("trigger", f"Trigger price for stoploss {word} orders should be {than} than the LTP")
    if t.pricetype == "SL" and (t.price - t.trigger_price) * t.side < 0:
        word, than = ("buy", "at or above") if t.side > 0 else ("sell", "at or below")
        return Violation("trigger", f"Price of stoploss {word} orders should be {than} the trigger price")
    return None


def _live_open(s: Situation) -> Violation | None:
    if not s.market_open:
        return Violation("closed", f"{s.ticket.exchange} is closed. Your order was not sent to the exchange")
    return None


def _live_holdings(s: Situation) -> Violation | None:
    if s.ticket.product == "CNC" and s.ticket.side < 0 and s.ticket.quantity > s.sellable:
        return Violation("holdings", f"Insufficient holdings. Required {s.ticket.quantity}, available {s.sellable}")
    return None


LIVE: tuple[Check, ...] = (
    _tradable,
    _expired,
    _live_product,
    _live_prices,
    _live_open,
    _live_lot,
    _live_freeze,
    _live_tick,
    _live_band,
    _live_trigger,
    _live_holdings,
)


def _simulated_product(s: Situation) -> Violation | None:
    exchange, product = s.ticket.exchange, s.ticket.product
    if exchange in EQUITY and product == "NRML":
        advice = "Use CNC for delivery or MIS for intraday."
        return Violation("product", f"NRML product not allowed for {exchange} equity segment. {advice}")
    if exchange not in EQUITY and product == "CNC":
        advice = "Use NRML for carryforward or MIS for intraday."
        return Violation("product", f"CNC product not allowed for {exchange} derivatives segment. {advice}")
    return None


def _simulated_prices(s: Situation) -> Violation | None:
    t = s.ticket
    if t.pricetype in ("LIMIT", "SL") and t.price <= 0:
        return Violation("price", f"{t.pricetype} orders require price")
    if t.pricetype in ("SL", "SL-M") and t.trigger_price <= 0:
        return Violation("price", f"{t.pricetype} orders require trigger_price")
    return None


def _simulated_lot(s: Situation) -> Violation | None:
    lot = s.contract.lot_size
    if s.ticket.exchange not in EQUITY and s.ticket.quantity % lot:
        return Violation("lot", f"Quantity must be in multiples of lot size {lot}")
    return None


def _simulated_hours(s: Situation) -> Violation | None:
    """The simulator looks at the time of day alone, never at the date, and lets a position shrink at any hour."""
    closes = SQUARE_OFF.get(s.ticket.exchange)
    if s.ticket.product != "MIS" or not s.calendar or closes is None or _opposes(s):
        return None
    if OPENS <= s.now.time() < closes:
        return None
    at = closes.strftime("%H:%M")
    return Violation(
        "closed",
        f"MIS orders cannot be placed after square-off time ({at} IST). Trading resumes at 09:00 AM IST.",
    )


def _simulated_holdings(s: Situation) -> Violation | None:
    if s.ticket.product != "CNC" or s.ticket.side > 0 or s.ticket.quantity <= s.sellable:
        return None
    rule = "CNC (delivery) requires existing shares. Use MIS for intraday short selling."
    if s.sellable <= 0:
        text = f"Cannot sell {s.ticket.symbol} in CNC. No positions or holdings available. {rule}"
    else:
        text = f"Cannot sell {s.ticket.quantity} of {s.ticket.symbol} in CNC. Only {s.sellable} available. {rule}"
    return Violation("holdings", text, booked=True)


SIMULATED: tuple[Check, ...] = (
    _tradable,
    _expired,
    _simulated_product,
    _simulated_prices,
    _simulated_lot,
    _simulated_hours,
    _simulated_holdings,
)


def unknown_symbol(ticket: Ticket, live: bool) -> Violation:
    text = "Invalid trading symbol" if live else f"Symbol {ticket.symbol} not found on {ticket.exchange}"
    return Violation("symbol", text)


def short_of_margin(required: Decimal, available: Decimal, live: bool) -> Violation:
    """Both amounts in rupees; `required` is what this order adds."""
    shortage = max(required - available, ZERO)
    if live:
        text = f"Insufficient funds. Required margin is {required:.2f} but available margin is {available:.2f}."
    else:
        text = (
            f"Insufficient funds. Required: ₹{_plain(required)}, Available: ₹{_plain(available)}, "
            f"Shortage: ₹{_plain(shortage)}"
        )
    return Violation("margin", text)


def _plain(amount: Decimal) -> str:
    return str(float(round(amount, 2)))
