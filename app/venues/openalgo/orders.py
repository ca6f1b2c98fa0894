"""Orders between the desk's words and OpenAlgo's: commands to request bodies, rows to reports. Pure.

The server refuses a request with a field it does not know, so a body has exactly the fields of its endpoint.
The word on the wire for the price type is `pricetype`; quantities are units, never lots.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

from app.core.errors import Unknown
from app.core.money import ZERO, number, plain
from app.venues.openalgo.answers import identity
from app.venues.openalgo.times import moment
from app.venues.types import (
    CancelOrder,
    Mode,
    ModifyOrder,
    OrderReport,
    OrderStatus,
    PlaceOrder,
    PriceType,
    Product,
    Side,
    Symbol,
    TimeInForce,
    TradeReport,
)

T = TypeVar("T")
Row = Mapping[str, Any]
PRODUCTS = (Product.CNC, Product.MIS, Product.NRML)
PRICED = (PriceType.LIMIT, PriceType.SL)
TRIGGERED = (PriceType.SL, PriceType.SL_M)
MAKER = "mirrordesk"
_UNSAFE = re.compile(r"[^0-9A-Za-z-]+")

# The only final words. Whatever else a broker's plugin lets through means that the order may still trade.
FINAL = {
    "complete": OrderStatus.FILLED,
    "rejected": OrderStatus.REJECTED,
    "cancelled": OrderStatus.CANCELLED,
    "canceled": OrderStatus.CANCELLED,
    "expired": OrderStatus.EXPIRED,
}
# Brokers' own spellings that their plugins do not always translate.
PRICE_TYPES = {"SLM": PriceType.SL_M, "SL-MKT": PriceType.SL_M, "SL-LMT": PriceType.SL, "SL-L": PriceType.SL}
SIDES = {"BUY": Side.BUY, "B": Side.BUY, "SELL": Side.SELL, "S": Side.SELL}


# -- Commands


def obstacle(command: PlaceOrder | ModifyOrder) -> str:
    """Why this order can't be said to an OpenAlgo server at all; empty when it can."""
    if command.product not in PRODUCTS:
        return f"An OpenAlgo server has no product {command.product}."
    if command.quantity <= 0:
        return "The quantity must be above zero."
    if command.symbol.exchange != "CRYPTO" and command.quantity % 1:
        return "The quantity must be whole."
    if command.price_type in PRICED and not command.price:
        return f"A {command.price_type} order needs a price."
    if command.price_type in TRIGGERED and not command.trigger_price:
        return f"A {command.price_type} order needs a trigger price."
    if isinstance(command, PlaceOrder):
        return _wish(command)
    return "What rests as one is not changed: cancel it." if command.price_type is PriceType.OCO else ""


def _wish(command: PlaceOrder) -> str:
    """A wish that would be dropped on the way and change what the order does."""
    if command.time_in_force is not TimeInForce.DAY:
        return f"An OpenAlgo server places day orders only, not {command.time_in_force}."
    return "An OpenAlgo server has no post-only orders." if command.post_only else ""


def place_body(command: PlaceOrder) -> dict[str, Any]:
    return {"strategy": label(command.tag, command.client_order_id), **_terms(command)}


def modify_body(command: ModifyOrder) -> dict[str, Any]:
    """All eleven fields are required; the quantity is the new total."""
    return {
        "strategy": label(command.tag, command.client_order_id),
        "orderid": command.venue_order_id,
        **_terms(command),
    }


def cancel_body(command: CancelOrder) -> dict[str, Any]:
    return {"strategy": label(command.tag, command.client_order_id), "orderid": command.venue_order_id}


def margin_row(command: PlaceOrder) -> dict[str, str]:
    """One position of a margin question, whose numbers must be text."""
    return {name: str(value) for name, value in _terms(command).items() if name != "disclosed_quantity"}


def _terms(command: PlaceOrder | ModifyOrder) -> dict[str, Any]:
    kind = command.price_type
    return {
        "symbol": command.symbol.name,
        "exchange": command.symbol.exchange,
        "action": command.side.value,
        "quantity": wire(command.quantity),
        "pricetype": kind.value,
        "product": command.product.value,
        "price": wire(command.price) if command.price and kind in PRICED else 0,
        "trigger_price": wire(command.trigger_price) if command.trigger_price and kind in TRIGGERED else 0,
        "disclosed_quantity": 0,
    }


def wire(value: Decimal) -> int | float | str:
    """A JSON number where that is exact, else its text, which the server accepts as well."""
    if value == value.to_integral_value():
        return int(value)
    short = float(value)
    return short if Decimal(repr(short)) == value else plain(value)


def label(tag: str, client_order_id: str) -> str:
    """The `strategy` text: letters, digits and hyphens, 8 to 32 of them, what tells orders apart first.

    Some brokers keep its first 8 characters as their reference and refuse underscores.
    """
    text = _UNSAFE.sub("-", tag or client_order_id[-12:]).strip("-")[:32]
    return text if len(text) >= 8 else f"{text}-{MAKER}".strip("-")


# -- Reports


def status(word: str, filled: Decimal | None) -> OrderStatus:
    plain_word = word.strip().lower().replace("_", " ")
    final = FINAL.get(plain_word)
    if final is not None:
        return final
    if filled:
        return OrderStatus.PARTIALLY_FILLED
    return OrderStatus.TRIGGER_PENDING if plain_word == "trigger pending" else OrderStatus.OPEN


def order_report(row: Row, mode: Mode | None = None) -> OrderReport:
    """A row of the order book."""
    return _order(row, number(row.get("filled_quantity")), mode)


def update_report(frame: Row) -> OrderReport:
    """A pushed update; filled and pending both zero mean that the broker gave neither."""
    filled, pending = number(frame.get("filled_quantity")), number(frame.get("pending_quantity"))
    return _order(frame, filled if filled or pending else None, mode_of(frame))


def mode_of(body: Row) -> Mode:
    """Account answers and updates of a live server carry "live" or nothing."""
    return Mode.PAPER if str(body.get("mode", "")).lower() == "analyze" else Mode.LIVE


def _order(row: Row, filled: Decimal | None, mode: Mode | None) -> OrderReport:
    raw = str(row.get("order_status") or "")
    state = status(raw, filled)
    if state is OrderStatus.FILLED and not filled:
        filled = None
    price = above_zero(row.get("price"))
    return OrderReport(
        venue_order_id=_needed(row, "orderid", identity),
        symbol=symbol_of(row),
        side=_side(row),
        quantity=_needed(row, "quantity", number),
        price_type=_price_type(row, price),
        product=str(row.get("product") or "").upper(),
        status=state,
        raw_status=raw,
        price=price,
        trigger_price=above_zero(row.get("trigger_price")),
        filled_quantity=filled,
        average_price=above_zero(row.get("average_price")),
        reason=str(row.get("rejection_reason") or ""),
        at=moment(row.get("timestamp")),
        mode=mode,
    )


def trade_report(row: Row) -> TradeReport:
    price = above_zero(row.get("average_price")) or above_zero(row.get("price"))
    if price is None:
        raise Unknown("The trade book has a row without a price.")
    symbol = symbol_of(row)
    return TradeReport(
        venue_order_id=_needed(row, "orderid", identity),
        symbol=symbol,
        side=_side(row),
        quantity=_traded(row, price, symbol.exchange),
        price=price,
        venue_trade_id=identity(row.get("tradeid")),
        at=moment(row.get("timestamp")),
    )


def _traded(row: Row, price: Decimal, exchange: str) -> Decimal:
    """The quantity; with brokers that say 0 it is the value of the trade over its price."""
    quantity = number(row.get("quantity"))
    if quantity:
        return abs(quantity)
    value = number(row.get("trade_value"))
    if not value:
        raise Unknown("The trade book has a row without a quantity.")
    quotient = abs(value) / price
    return quotient if exchange == "CRYPTO" else quotient.to_integral_value()


def _side(row: Row) -> Side:
    return _needed(row, "action", lambda value: SIDES.get(str(value).strip().upper()))


def _price_type(row: Row, price: Decimal | None) -> PriceType:
    word = str(row.get("pricetype") or row.get("price_type") or "").strip().upper().replace("_", "-")
    known = PRICE_TYPES.get(word) or next((kind for kind in PriceType if kind.value == word), None)
    return known or (PriceType.LIMIT if price else PriceType.MARKET)


def symbol_of(row: Row) -> Symbol:
    return Symbol(_needed(row, "exchange", _word), _needed(row, "symbol", _word))


def _word(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _needed(row: Row, name: str, read: Callable[[object], T | None]) -> T:
    """A field without which a row has no meaning; leaving the row out would make the book a wrong one."""
    value = read(row.get(name))
    if value is None:
        raise Unknown(f"The server sent a row without a usable {name}.")
    return value


def above_zero(value: object) -> Decimal | None:
    """A price, of which zero means that there is none."""
    parsed = number(value)
    return parsed if parsed is not None and parsed > ZERO else None
