"""Orders and fills as the paper exchange knows them: the full truth, of which a venue's answers show only a part.

Prices are Decimal rupees, quantities are units (shares, never lots), times are aware and in market time.
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from app.paper.contracts import Contract

ZERO = Decimal(0)


class Status(StrEnum):
    """The words OpenAlgo puts on the wire."""

    OPEN = "open"
    TRIGGER_PENDING = "trigger pending"
    COMPLETE = "complete"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


WORKING = frozenset({Status.OPEN, Status.TRIGGER_PENDING})


@dataclass(frozen=True, slots=True)
class Ticket:
    """One order as it was asked for."""

    symbol: str
    exchange: str
    action: str
    quantity: int
    pricetype: str = "MARKET"
    product: str = "MIS"
    price: Decimal = ZERO
    trigger_price: Decimal = ZERO
    disclosed_quantity: int = 0
    strategy: str = ""

    @property
    def side(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self.action.upper() == "BUY" else -1


@dataclass(frozen=True, slots=True)
class Fill:
    orderid: str
    tradeid: str
    quantity: int
    price: Decimal
    at: datetime


@dataclass(slots=True)
class Conduct:
    """How faults want one order to behave. Times are seconds of the monotonic clock."""

    reject: str | None = None
    hold_until: float = 0.0
    fill_cap: int | None = None
    stop_after_cap: bool = False
    cancel_at: float | None = None
    visible_at: float = 0.0
    mask: str = ""
    masked_until: float = 0.0
    at_gateway: bool = False


@dataclass(slots=True)
class Order:
    orderid: str
    ticket: Ticket
    contract: Contract | None
    placed_at: datetime
    updated_at: datetime
    reference: Decimal
    status: Status = Status.OPEN
    filled: int = 0
    value: Decimal = ZERO
    fills: list[Fill] = field(default_factory=list)
    reason: str = ""
    foreign: bool = False
    conduct: Conduct = field(default_factory=Conduct)

    @property
    def working(self) -> bool:
        return self.status in WORKING

    def shown_status(self, clock: float) -> str:
        """What a live book says, which for a moment can be a text of the broker's own."""
        return self.conduct.mask if self.conduct.masked_until > clock else str(self.status)

    @property
    def pending(self) -> int:
        return self.ticket.quantity - self.filled

    @property
    def average(self) -> Decimal:
        return self.value / self.filled if self.filled else ZERO

    def add(self, fill: Fill) -> None:
        if fill.quantity > self.pending:
            raise ValueError(f"order {self.orderid} would be overfilled")
        self.fills.append(fill)
        self.filled += fill.quantity
        self.value += fill.price * fill.quantity
        self.updated_at = fill.at
        if not self.pending:
            self.status = Status.COMPLETE
