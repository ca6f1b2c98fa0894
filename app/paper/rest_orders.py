"""Single orders over REST: place, smart, modify, cancel, and the two that act on the whole account."""

from dataclasses import replace

from app.paper import schemas
from app.paper.broker import Broker, as_analyze
from app.paper.endpoints import Answer, Body, Endpoint, SemiAuto, Style, failed, ok
from app.paper.limits import ORDERS
from app.paper.matching import decimal
from app.paper.orders import Order, Status, Ticket
from app.paper.settlement import closing

ALREADY = "Positions Already Matched. No Action needed."
NOTHING_OPEN = "No OpenPosition Found. Not placing Exit order."
BEING_PROCESSED = "Order cannot be {done} as it is being processed. Try later."


def ticket_of(body: Body, **changes: object) -> Ticket:
    ticket = Ticket(
        symbol=body["symbol"],
        exchange=body["exchange"],
        action=body["action"].upper(),
        quantity=int(body["quantity"]),
        pricetype=body["pricetype"],
        product=body["product"],
        price=decimal(body["price"]),
        trigger_price=decimal(body["trigger_price"]),
        disclosed_quantity=body["disclosed_quantity"],
        strategy=body.get("strategy", ""),
    )
    return replace(ticket, **changes) if changes else ticket  # type: ignore[arg-type]  # names of fields only


def place_ticket(broker: Broker, ticket: Ticket) -> Answer:
    placed = broker.books.place(ticket)
    if placed.refusal is not None:
        booked = {"orderid": placed.order.orderid} if placed.order else {}
        return failed(broker, 400, placed.refusal.message, **booked)
    if placed.order is None:
        raise ValueError("an order that is not refused exists")
    return ok(broker, orderid=placed.order.orderid)


def place(broker: Broker, body: Body) -> Answer:
    return place_ticket(broker, ticket_of(body))


def place_smart(broker: Broker, body: Body) -> Answer:
    """Sends the difference to `position_size`; only when flat and asked for flat do action and quantity count."""
    ticket = ticket_of(body)
    contract = broker.prices.find(ticket.symbol, ticket.exchange)
    held = broker.books.ledger.quantity(contract, ticket.product) if contract else 0
    target = int(body["position_size"])
    if target == held == 0:
        if not ticket.quantity:
            return ok(broker, message=NOTHING_OPEN)
    elif target == held:
        return ok(broker, message=ALREADY)
    else:
        ticket = replace(ticket, action="BUY" if target > held else "SELL", quantity=abs(target - held))
    return place_ticket(broker, ticket if broker.live else as_analyze(ticket))


def _unknown(broker: Broker, orderid: str) -> Answer:
    if broker.live:
        return failed(broker, 400, "Order does not exist")
    return failed(broker, 404, f"Order {orderid} not found")


def _finished(broker: Broker, order: Order, verb: str, done: str) -> Answer:
    if broker.live:
        return failed(broker, 400, BEING_PROCESSED.format(done=done))
    return failed(broker, 400, f"Cannot {verb} order in {order.status} status")


def modify(broker: Broker, body: Body) -> Answer:
    order = broker.books.orders.get(body["orderid"])
    if order is None:
        return _unknown(broker, body["orderid"])
    if not order.working:
        return _finished(broker, order, "modify", "modified")
    wrong = None if broker.live else _wrong_terms(order, body)
    if wrong:
        return failed(broker, 400, wrong)
    violation = broker.books.modify(order, _changed(broker, order, body))
    if violation is not None:
        return failed(broker, 400, violation.message)
    if broker.live:
        if broker.config.modify_renames:
            broker.books.rename(order)
        return ok(broker, orderid=order.orderid)
    return ok(broker, message="Order modified successfully", orderid=order.orderid)


def _wrong_terms(order: Order, body: Body) -> str:
    pricetype = order.ticket.pricetype
    if pricetype in ("MARKET", "SL-M") and body["price"]:
        return f"Cannot set price for {pricetype} orders"
    if pricetype in ("MARKET", "LIMIT") and body["trigger_price"]:
        return f"Cannot set trigger price for {pricetype} orders"
    return ""


def _changed(broker: Broker, order: Order, body: Body) -> Ticket:
    """The simulator changes quantity, price and trigger alone; a broker also the price type. Symbol and side stay."""
    return replace(
        order.ticket,
        quantity=int(body["quantity"]),
        price=decimal(body["price"]),
        trigger_price=decimal(body["trigger_price"]),
        pricetype=body["pricetype"] if broker.live else order.ticket.pricetype,
    )


def cancel(broker: Broker, body: Body) -> Answer:
    order = broker.books.orders.get(body["orderid"])
    if order is None:
        return _unknown(broker, body["orderid"])
    if not order.working:
        return _finished(broker, order, "cancel", "cancelled")
    broker.books.cancel(order)
    if broker.live:
        return ok(broker, orderid=order.orderid)
    return ok(broker, message="Order cancelled successfully", orderid=order.orderid)


def cancel_all(broker: Broker, _body: Body) -> Answer:
    """Every open order of the account; the simulator leaves stops that wait for their trigger."""
    wanted = [o for o in broker.books.working.values() if broker.live or o.status is Status.OPEN]
    wanted.sort(key=lambda order: order.orderid, reverse=True)
    for order in wanted:
        broker.books.cancel(order)
    message = f"Canceled {len(wanted)} orders. Failed to cancel 0 orders."
    if not wanted and not broker.live:
        message = "No open orders to cancel"
    ids = [order.orderid for order in wanted]
    return ok(broker, canceled_orders=ids, failed_cancellations=[], message=message)


def close_positions(broker: Broker, body: Body) -> Answer:
    """A live broker's answer says nothing about how the closing orders fared."""
    wanted = [p for p in broker.books.ledger.positions.values() if p.quantity]
    refused = sum(broker.books.place(closing(position, body["strategy"])).refusal is not None for position in wanted)
    if broker.live:
        message = "All Open Positions Squared Off" if wanted else "No Open Positions Found"
        return ok(broker, message=message)
    closed = len(wanted) - refused
    return ok(broker, closed_positions=closed, failed_closures=refused, message=f"Closed {closed} positions")


ENDPOINTS = (
    Endpoint("placeorder", schemas.ORDER, place, Style.TEXT, limit=ORDERS, semi_auto=SemiAuto.QUEUE),
    Endpoint(
        "placesmartorder",
        schemas.SMART_ORDER,
        place_smart,
        Style.TEXT_WITH_MODE,
        limit=ORDERS,
        semi_auto=SemiAuto.QUEUE,
    ),
    Endpoint(
        "modifyorder",
        schemas.MODIFY_ORDER,
        modify,
        Style.TEXT_WITH_MODE,
        limit=ORDERS,
        semi_auto=SemiAuto.REFUSE,
    ),
    Endpoint(
        "cancelorder",
        schemas.CANCEL_ORDER,
        cancel,
        Style.TEXT_WITH_MODE,
        limit=ORDERS,
        semi_auto=SemiAuto.REFUSE,
    ),
    Endpoint(
        "cancelallorder",
        schemas.WHOLE_ACCOUNT,
        cancel_all,
        Style.TEXT_WITH_MODE,
        semi_auto=SemiAuto.REFUSE,
    ),
    Endpoint(
        "closeposition",
        schemas.WHOLE_ACCOUNT,
        close_positions,
        Style.TEXT_WITH_MODE,
        semi_auto=SemiAuto.REFUSE,
    ),
)
