"""The account's books over REST: ping, funds, orders, trades, positions, holdings, margin and the analyzer switch."""

import time

from app.paper import margin, rows, schemas
from app.paper.books import Books
from app.paper.broker import Broker
from app.paper.endpoints import Answer, Body, Endpoint, Style, failed, ok, plain_error, plain_ok
from app.paper.margin import Line
from app.paper.matching import decimal
from app.paper.orders import ZERO, Order


def ping(broker: Broker, _body: Body) -> Answer:
    return plain_ok(data={"message": "pong", "broker": broker.name})


def funds(broker: Broker, _body: Body) -> Answer:
    books = broker.books
    open_positions = [(p, books.prices.ltp(p.contract)) for p in books.ledger.positions.values() if p.quantity]
    unrealised = sum((p.unrealised(ltp) for p, ltp in open_positions), ZERO)
    if broker.live:
        return ok(broker, data=rows.live_funds(books.ledger, unrealised))
    exposure = sum((abs(p.quantity) * ltp for p, ltp in open_positions), ZERO)
    reset_at = broker.reset_at.strftime(rows.CLOCK)
    return ok(broker, data=rows.analyze_funds(books.ledger, unrealised, exposure, broker.resets, reset_at))


def visible(books: Books) -> list[Order]:
    """What the order book shows: an order can be there later than it was accepted. The simulator lists newest first."""
    clock = time.monotonic()
    shown = [order for order in books.orders.values() if order.conduct.visible_at <= clock]
    return shown if books.live else shown[::-1]


def order_book(broker: Broker, _body: Body) -> Answer:
    orders = visible(broker.books)
    if broker.live:
        clock = time.monotonic()
        listed = [rows.live_order(order, broker.dialect, clock) for order in orders]
    else:
        listed = [rows.analyze_order(order) for order in orders]
    return ok(broker, data={"orders": listed, "statistics": rows.statistics(orders, broker.live)})


def order_status(broker: Broker, body: Body) -> Answer:
    order = broker.books.orders.get(body["orderid"])
    if order is None or order.conduct.visible_at > time.monotonic():
        return failed(broker, 404, f"Order {body['orderid']} not found")
    if broker.live:
        return ok(broker, data=rows.live_status(order, broker.dialect, time.monotonic()))
    return ok(broker, data=rows.analyze_status(order))


def trade_book(broker: Broker, _body: Body) -> Answer:
    fills = [(order, fill) for order in visible(broker.books) for fill in order.fills]
    fills.sort(key=lambda pair: pair[1].at, reverse=not broker.live)
    if broker.live:
        return ok(broker, data=[rows.live_trade(order, fill, broker.dialect) for order, fill in fills])
    return ok(broker, data=[rows.analyze_trade(order, fill) for order, fill in fills])


def position_book(broker: Broker, _body: Body) -> Answer:
    listed = [(p, broker.prices.ltp(p.contract)) for p in broker.books.ledger.positions.values()]
    if broker.live:
        return ok(broker, data=[rows.live_position(p, ltp, broker.dialect) for p, ltp in listed])
    realised = sum((p.realised for p, _ in listed), ZERO)
    unrealised = sum((p.unrealised(ltp) for p, ltp in listed), ZERO)
    total = rows.money(realised + unrealised)
    return ok(
        broker,
        data=[rows.analyze_position(p, ltp) for p, ltp in listed],
        total_pnl=total,
        total_pnl_today=total,
        total_today_realized_pnl=rows.money(realised),
        total_unrealized_pnl=rows.money(unrealised),
    )


def open_position(broker: Broker, body: Body) -> Answer:
    key = (body["symbol"], body["exchange"], body["product"])
    position = broker.books.ledger.positions.get(key)
    units = position.quantity if position else 0
    return ok(broker, quantity=broker.dialect.quantity(units) if broker.live else units)


def holdings(broker: Broker, _body: Body) -> Answer:
    listed = [(h, broker.prices.ltp(h.contract)) for h in broker.books.ledger.holdings.values()]
    value = sum((h.quantity * ltp for h, ltp in listed), ZERO)
    invested = sum((h.cost for h, _ in listed), ZERO)
    data = {
        "holdings": [rows.holding(h, ltp, broker.dialect) for h, ltp in listed],
        "statistics": rows.holding_statistics(value, invested),
    }
    return ok(broker, data=data)


def margin_of(broker: Broker, body: Body) -> Answer:
    """Always by the live broker's rules, also in analyze mode, and whatever is already held."""
    lines = []
    for item in body["positions"]:
        line = _line(broker, item)
        if line is None:
            return plain_error(400, f"Symbol {item['symbol']} not found on {item['exchange']}")
        lines.append(line)
    needed = margin.live(lines)
    data = {
        "total_margin_required": rows.money(needed.total),
        "span_margin": rows.money(needed.span),
        "exposure_margin": rows.money(needed.exposure),
    }
    return plain_ok(data=data)


def _line(broker: Broker, item: Body) -> Line | None:
    contract = broker.prices.find(item["symbol"], item["exchange"])
    if contract is None:
        return None
    units = int(item["quantity"])
    price = decimal(item["price"]) or broker.prices.ltp(contract)
    side = 1 if item["action"].upper() == "BUY" else -1
    return Line(contract, item["product"], side * units, price * units, broker.prices.spot(contract))


def analyzer(broker: Broker, _body: Body) -> Answer:
    return plain_ok(data=_switch(broker))


def analyzer_toggle(broker: Broker, body: Body) -> Answer:
    broker.switch(body["mode"])
    return plain_ok(data={**_switch(broker), "message": f"Analyzer mode switched to {broker.mode}"})


def _switch(broker: Broker) -> Body:
    return {"analyze_mode": not broker.live, "mode": broker.mode, "total_logs": broker.total_logs}


ENDPOINTS = (
    Endpoint("ping", schemas.ONLY_KEY, ping),
    Endpoint("funds", schemas.ONLY_KEY, funds),
    Endpoint("orderbook", schemas.ONLY_KEY, order_book),
    Endpoint("tradebook", schemas.ONLY_KEY, trade_book),
    Endpoint("positionbook", schemas.ONLY_KEY, position_book),
    Endpoint("holdings", schemas.ONLY_KEY, holdings),
    Endpoint("orderstatus", schemas.ORDER_STATUS, order_status, Style.TEXT_WITH_MODE),
    Endpoint("openposition", schemas.OPEN_POSITION, open_position, Style.TEXT_WITH_MODE),
    Endpoint("margin", schemas.MARGIN, margin_of, Style.TEXT_WITH_MODE),
    Endpoint("analyzer", schemas.ONLY_KEY, analyzer),
    Endpoint("analyzer/toggle", schemas.ANALYZER_TOGGLE, analyzer_toggle),
)
