"""Several orders in one call: basket and split. Always HTTP 200 once accepted; each child has a status of its own.

A live server paces the children (100 ms between splits, a second between groups of ten of a basket); a broker
whose limits are switched off does not.
"""

import asyncio
import random
from dataclasses import replace
from typing import Any

from app.paper import schemas
from app.paper.broker import Broker
from app.paper.endpoints import Answer, Body, Endpoint, SemiAuto, Style, failed, ok
from app.paper.orders import Ticket
from app.paper.rest_orders import ticket_of

MAX_CHILDREN = 100
SPLIT_PAUSE = 0.1
BASKET_PAUSE = 1.0
BASKET_GROUP = 10


async def pause(broker: Broker, seconds: float) -> None:
    if broker.live and broker.config.limits:
        await asyncio.sleep(seconds)


async def basket(broker: Broker, body: Body) -> Answer:
    """All buys before all sells, ten at a time; live results come in the order of completion."""
    tickets = [ticket_of(item, strategy=body["strategy"]) for item in body["orders"]]
    results: list[Body] = []
    for side in (1, -1):
        group = [ticket for ticket in tickets if ticket.side == side]
        for start in range(0, len(group), BASKET_GROUP):
            if start:
                await pause(broker, BASKET_PAUSE)
            done = [_basket_child(broker, ticket) for ticket in group[start : start + BASKET_GROUP]]
            if broker.live:
                random.shuffle(done)
            results += done
    if not broker.live:
        _number(results)
    return ok(broker, results=results)


def _basket_child(broker: Broker, ticket: Ticket) -> Body:
    placed = broker.books.place(ticket)
    if placed.refusal is not None or placed.order is None:
        reason = placed.refusal.message if placed.refusal else ""
        message = "Failed to place order" if broker.live else reason
        return {"symbol": ticket.symbol, "status": "error", "message": message}
    return {
        "symbol": ticket.symbol,
        "exchange": ticket.exchange,
        "product": ticket.product,
        "status": "success",
        "orderid": placed.order.orderid,
    }


def _number(results: list[Body]) -> None:
    for index, result in enumerate(results):
        if result["status"] == "success":
            result.update(batch_order=True, is_last_order=index == len(results) - 1)


async def split(broker: Broker, body: Body) -> Answer:
    ticket, size = ticket_of(body), body["splitsize"]
    if _children(ticket.quantity, size) > MAX_CHILDREN:
        message = f"Total number of orders would exceed maximum limit of {MAX_CHILDREN}"
        return failed(broker, 400, message)
    results = await split_results(broker, ticket, size)
    return ok(broker, results=results, split_size=size, total_quantity=ticket.quantity)


def _children(quantity: int, size: int) -> int:
    return -(-quantity // size)


async def split_results(broker: Broker, ticket: Ticket, size: int) -> list[dict[str, Any]]:
    """The remainder goes last."""
    results = []
    for number in range(_children(ticket.quantity, size)):
        if number:
            await pause(broker, SPLIT_PAUSE)
        quantity = min(size, ticket.quantity - number * size)
        results.append(_split_child(broker, replace(ticket, quantity=quantity), number + 1))
    return results


def _split_child(broker: Broker, ticket: Ticket, number: int) -> dict[str, Any]:
    placed = broker.books.place(ticket)
    base = {"order_num": number, "quantity": ticket.quantity}
    if placed.refusal is not None or placed.order is None:
        reason = placed.refusal.message if placed.refusal else "Failed to place order"
        return {**base, "status": "error", "message": reason}
    return {**base, "status": "success", "orderid": placed.order.orderid}


ENDPOINTS = (
    Endpoint("basketorder", schemas.BASKET_ORDER, basket, Style.TEXT_WITH_MODE, semi_auto=SemiAuto.QUEUE),
    Endpoint("splitorder", schemas.SPLIT_ORDER, split, Style.TEXT_WITH_MODE, semi_auto=SemiAuto.QUEUE),
)
