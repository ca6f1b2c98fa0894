"""Stops and targets that rest as one, as OpenAlgo's good-till-triggered orders. Pure.

They are kept apart from the orders and named by a trigger's id, which is no order's id: `PREFIX` keeps the two apart.
The server counts them by where they lie, below or above the market, whichever of them is the stop.
"""

from typing import Any

from app.core.errors import Unknown
from app.core.money import ZERO, number
from app.venues.openalgo.answers import Reply, Result, identity
from app.venues.openalgo.books import rows
from app.venues.openalgo.orders import SIDES, Row, above_zero, label, symbol_of, wire
from app.venues.openalgo.times import moment
from app.venues.types import CancelOrder, OrderReport, OrderStatus, PlaceOrder, PriceType, Product, Side

PREFIX = "gtt:"
PRODUCTS = (Product.NRML, Product.CNC)
NOT_THERE = 501  # most brokers' plugins have no such orders


def obstacle(command: PlaceOrder) -> str:
    """Why this pair can't be said to an OpenAlgo server; empty when it can."""
    if command.product not in PRODUCTS:
        return "A stop and a target rest at the broker for NRML and CNC alone."
    prices = (command.trigger_price, command.price, command.target_trigger, command.target_price)
    return "" if all(prices) else "A stop and a target that rest as one need a trigger and a price each."


def place_body(command: PlaceOrder) -> dict[str, Any]:
    """Trigger and limit of the one below the market and of the one above: who sells has the stop below."""
    stop = (command.trigger_price or ZERO, command.price or ZERO)
    target = (command.target_trigger or ZERO, command.target_price or ZERO)
    below, above = (stop, target) if command.side is Side.SELL else (target, stop)
    return {
        "strategy": label(command.tag, command.client_order_id),
        "trigger_type": "OCO",
        "exchange": command.symbol.exchange,
        "symbol": command.symbol.name,
        "action": command.side.value,
        "product": command.product.value,
        "quantity": wire(command.quantity),
        "pricetype": PriceType.LIMIT.value,
        "price": 0,
        "triggerprice_sl": wire(below[0]),
        "stoploss": wire(below[1]),
        "triggerprice_tg": wire(above[0]),
        "target": wire(above[1]),
    }


def cancel_body(command: CancelOrder) -> dict[str, Any]:
    return {
        "strategy": label(command.tag, command.client_order_id),
        "trigger_id": command.venue_order_id.removeprefix(PREFIX),
    }


def as_order(result: Result, known: str = "") -> Result:
    """An answer about a trigger as one about an order; `known` is the id it was asked by, which not every answer
    repeats."""
    if not isinstance(result, Reply) or not isinstance(result.body, dict):
        return result
    if result.status == NOT_THERE:
        return Reply(400, result.body)  # it was refused, and reached no broker
    trigger_id = identity(result.body.get("trigger_id")) or known.removeprefix(PREFIX)
    is_done = trigger_id and result.body.get("status") == "success"
    return Reply(result.status, result.body | {"orderid": f"{PREFIX}{trigger_id}"}) if is_done else result


def reports(body: Row) -> list[OrderReport]:
    """Those that wait with both of their legs; with one leg it is nobody's pair."""
    return [_report(row) for row in rows(body) if len(row.get("legs") or ()) == 2]


def _report(row: Row) -> OrderReport:
    first, second = row["legs"]
    triggers = [above_zero(value) for value in row.get("trigger_prices") or ()]
    trigger_id, quantity = identity(row.get("trigger_id")), number(first.get("quantity"))
    side = SIDES.get(str(first.get("action")).strip().upper())
    if trigger_id is None or side is None or not quantity or len(triggers) != 2 or None in triggers:
        raise Unknown("The server sent a pair without a usable id, side, quantity or trigger.")
    below, above = sorted(zip(triggers, (first, second), strict=True), key=lambda one: one[0] or ZERO)
    trigger, stop = below if side is Side.SELL else above
    return OrderReport(
        venue_order_id=f"{PREFIX}{trigger_id}",
        symbol=symbol_of(row),
        side=side,
        quantity=quantity,
        price_type=PriceType.OCO,
        product=str(stop.get("product") or "").upper(),
        status=OrderStatus.TRIGGER_PENDING,
        raw_status=str(row.get("status") or ""),
        price=above_zero(stop.get("price")),
        trigger_price=trigger,
        filled_quantity=ZERO,
        at=moment(row.get("created_at")),
    )
