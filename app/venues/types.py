"""What we say to a venue (commands), what it answers (answers, reports), and nothing about what we make of it.

Prices are Decimals in the venue's currency, quantities Decimals of units (shares or contracts, never lots), times
aware UTC, ids text. A field that the venue did not give is None: absent is never zero.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from app.core.errors import Refused


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"

    @property
    def opposite(self) -> "Side":
        return Side.SELL if self is Side.BUY else Side.BUY

    @property
    def sign(self) -> int:
        return 1 if self is Side.BUY else -1


class PriceType(StrEnum):
    MARKET = "MARKET"
    LIMIT = "LIMIT"
    SL = "SL"
    SL_M = "SL-M"
    OCO = "OCO"  # a stop and a target that rest at the broker as one: the first that is touched ends the other


class Product(StrEnum):
    CNC = "CNC"
    MIS = "MIS"
    NRML = "NRML"
    ISOLATED = "ISOLATED"
    CROSS = "CROSS"
    SPOT = "SPOT"


class TimeInForce(StrEnum):
    DAY = "DAY"
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


class Outcome(StrEnum):
    """How sure we are of what a command did."""

    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    UNAVAILABLE = "unavailable"  # proven not to have reached the venue: trying again is safe


class OrderStatus(StrEnum):
    """The venue's view of an order, in one spelling; the raw word travels beside it."""

    OPEN = "open"
    TRIGGER_PENDING = "trigger pending"
    PARTIALLY_FILLED = "partially filled"
    FILLED = "filled"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def is_final(self) -> bool:
        return self in (OrderStatus.FILLED, OrderStatus.REJECTED, OrderStatus.CANCELLED, OrderStatus.EXPIRED)


class Mode(StrEnum):
    LIVE = "live"
    PAPER = "paper"


class WrongMode(Refused):
    """The server is in another mode than the account is meant for: what it tells is of other money."""

    def __init__(self, mode: Mode, meant: Mode) -> None:
        super().__init__(f"Its server was switched: it is in {mode} mode, and the account is meant for {meant}.")
        self.mode = mode


class FeedMode(StrEnum):
    LTP = "ltp"
    QUOTE = "quote"
    BEST = "best"  # the day with the best bid and ask, which not every venue tells without its whole depth
    DEPTH = "depth"


@dataclass(frozen=True, slots=True, order=True)
class Symbol:
    """What is traded where, in the venue's own spelling."""

    exchange: str
    name: str

    def __str__(self) -> str:
        return f"{self.exchange}:{self.name}"

    @classmethod
    def parse(cls, text: str) -> "Symbol":
        exchange, _, name = text.partition(":")
        return cls(exchange, name)


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    client_order_id: str
    symbol: Symbol
    side: Side
    quantity: Decimal
    price_type: PriceType
    product: Product
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.DAY
    tag: str = ""
    reduce_only: bool = False
    post_only: bool = False
    leverage: Decimal | None = None
    target_trigger: Decimal | None = None  # of an OCO, whose trigger and price are those of its stop
    target_price: Decimal | None = None
    not_after: datetime | None = None  # it must not leave later: by then another engine may act


@dataclass(frozen=True, slots=True)
class ModifyOrder:
    venue_order_id: str
    client_order_id: str
    symbol: Symbol
    side: Side
    quantity: Decimal
    price_type: PriceType
    product: Product
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    tag: str = ""
    not_after: datetime | None = None  # as of a placing


@dataclass(frozen=True, slots=True)
class CancelOrder:
    venue_order_id: str
    client_order_id: str
    symbol: Symbol
    tag: str = ""
    price_type: PriceType | None = None  # as it was placed: an OCO is kept elsewhere at some venues
    not_after: datetime | None = None  # as of a placing


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a command. `venue_order_id` is there exactly when a placing was DONE."""

    outcome: Outcome
    venue_order_id: str | None = None
    reason: str = ""
    code: int | None = None
    mode: Mode | None = None  # which mode the venue said it acted in, where it says so
    awaiting_approval: bool = False  # the server queued it for a person to approve: nothing reached the venue
    login_needed: bool = False  # refused before anything reached the broker: nobody is logged in there


@dataclass(frozen=True, slots=True)
class OrderReport:
    venue_order_id: str
    symbol: Symbol
    side: Side
    quantity: Decimal
    price_type: PriceType
    product: str
    status: OrderStatus
    raw_status: str
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    filled_quantity: Decimal | None = None  # cumulative; None where the venue does not say
    average_price: Decimal | None = None
    reason: str = ""
    client_order_id: str | None = None
    at: datetime | None = None  # the venue's clock, where it is usable
    mode: Mode | None = None


@dataclass(frozen=True, slots=True)
class TradeReport:
    venue_order_id: str
    symbol: Symbol
    side: Side
    quantity: Decimal
    price: Decimal
    venue_trade_id: str | None = None
    at: datetime | None = None
    fee: Decimal | None = None


@dataclass(frozen=True, slots=True)
class PositionReport:
    symbol: Symbol
    product: str
    quantity: Decimal  # signed: short is negative
    average_price: Decimal | None = None
    last_price: Decimal | None = None
    pnl: Decimal | None = None


@dataclass(frozen=True, slots=True)
class HoldingReport:
    symbol: Symbol
    product: str
    quantity: Decimal
    average_price: Decimal | None = None
    last_price: Decimal | None = None
    pnl: Decimal | None = None


@dataclass(frozen=True, slots=True)
class FundsReport:
    available: Decimal
    used: Decimal | None = None
    collateral: Decimal | None = None
    realised_pnl: Decimal | None = None
    unrealised_pnl: Decimal | None = None


@dataclass(frozen=True, slots=True)
class MarginReport:
    total: Decimal
    span: Decimal | None = None
    exposure: Decimal | None = None


class PriceSource(StrEnum):
    STREAM = "stream"
    REQUEST = "request"  # asked for, where the stream gave none


@dataclass(frozen=True, slots=True)
class Level:
    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Ladder:
    """The five best prices of each side, the best first; the totals are of the whole book where a venue tells them."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    received_at: datetime
    total_bid: Decimal | None = None
    total_ask: Decimal | None = None
    source: PriceSource = PriceSource.STREAM


@dataclass(frozen=True, slots=True)
class Quote:
    """A price with its own age: `received_at` is our clock, `at` the venue's."""

    symbol: Symbol
    last: Decimal
    received_at: datetime
    bid: Decimal | None = None
    ask: Decimal | None = None
    open: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    previous_close: Decimal | None = None
    volume: Decimal | None = None
    open_interest: Decimal | None = None
    at: datetime | None = None
    source: PriceSource = PriceSource.STREAM
    ladder: Ladder | None = None  # only where depth was asked for; it has an age of its own


@dataclass(frozen=True, slots=True)
class Depth:
    symbol: Symbol
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    received_at: datetime
    quote: Quote | None = None


@dataclass(frozen=True, slots=True)
class Candle:
    start: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    open_interest: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ContractReport:
    """One row of a venue's instrument master."""

    symbol: Symbol
    name: str  # the underlying's name for derivatives
    kind: str  # EQ INDEX FUT CE PE …
    lot_size: Decimal
    tick: Decimal
    expiry: date | None = None
    strike: Decimal | None = None
    freeze_quantity: Decimal | None = None  # None: the venue does not know


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a venue can do, so that the desk chooses its way instead of guessing."""

    currency: str
    client_order_id: bool = False  # the venue keeps our id and finds an order by it
    decimal_quantity: bool = False
    order_push: bool = True
    trigger_orders: bool = True
    leverage: bool = False
    reduce_only: bool = False
    modify: bool = True  # working orders can be changed
    market_protection: bool = False  # takes no plain market order: a limit that crosses the book instead
    margin: bool = True
    orders_per_second: int = 10
    stream_symbols: int = 1000  # one market connection carries at most
    stream_connections: int = 1  # market connections of one account at most
    products: tuple[str, ...] = ()
    price_types: tuple[PriceType, ...] = tuple(PriceType)


@dataclass(frozen=True, slots=True)
class CheckStep:
    """One line of the guided connection test."""

    name: str  # reachable, key, broker login, mode, funds, stream
    passed: bool
    message: str
    took_ms: int
    hint: str = ""
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Connection:
    """Where an account lives and how it signs in; the secrets are in the clear only inside this value."""

    account_id: str
    kind: str
    host_url: str
    stream_url: str
    api_key: str = field(repr=False)
    api_secret: str = field(default="", repr=False)
    extra: dict[str, str] = field(default_factory=dict, repr=False)
    place_timeout: float = 30.0
    read_timeout: float = 10.0
    allow_private: bool = True
    bind_address: str = ""
    proxy: str = field(default="", repr=False)
    mode: Mode | None = None  # which the account is meant for: books of the other are no books of this account
