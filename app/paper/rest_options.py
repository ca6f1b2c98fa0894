"""Options over REST: symbol by offset, chain, greeks, synthetic future, and the two orders that resolve a
strike themselves.
"""

from collections.abc import Callable
from dataclasses import replace

from app.paper import analytics, schemas
from app.paper.analytics import OptionsError
from app.paper.broker import Broker
from app.paper.contracts import Contract
from app.paper.endpoints import Answer, Body, Endpoint, SemiAuto, Style, failed, ok, plain_error, plain_ok
from app.paper.fields import Schema
from app.paper.limits import CALLS, GREEKS, ORDERS, Limit
from app.paper.orders import Ticket
from app.paper.rest_bulk import SPLIT_PAUSE, pause, split_results
from app.paper.rest_orders import ticket_of

Read = Callable[[Broker, Body], Body]


def _answered(read: Read) -> Callable[[Broker, Body], Answer]:
    def handle(broker: Broker, body: Body) -> Answer:
        try:
            return plain_ok(**read(broker, body))
        except OptionsError as error:
            return plain_error(error.status, error.message)

    return handle


def _symbol(broker: Broker, body: Body) -> Body:
    return analytics.option_symbol(
        broker.market,
        body["underlying"],
        body["exchange"],
        body["expiry_date"],
        offset=body["offset"],
        option_type=body["option_type"].upper(),
    )


def _chain(broker: Broker, body: Body) -> Body:
    """The forward is only known to a chain that was asked for greeks."""
    chain = analytics.option_chain(
        broker.market,
        body["underlying"],
        body["exchange"],
        body["expiry_date"],
        strike_count=body["strike_count"],
        with_greeks=body["with_greeks"],
        interest_rate=body["interest_rate"] or 0,
    )
    return chain if body["with_greeks"] else {**chain, "forward_price": None}


def _greeks(broker: Broker, body: Body) -> Body:
    return analytics.option_greeks(
        broker.market,
        body["symbol"],
        body["exchange"],
        interest_rate=body["interest_rate"] or 0,
        forward_price=body["forward_price"],
    )


def _multi_greeks(broker: Broker, body: Body) -> Body:
    rate = body["interest_rate"] or 0
    return analytics.multi_option_greeks(broker.market, body["symbols"], interest_rate=rate)


def _synthetic_future(broker: Broker, body: Body) -> Body:
    return analytics.synthetic_future(broker.market, body["underlying"], body["exchange"], body["expiry_date"])


# -- orders


def _resolved(broker: Broker, order: Body, leg: Body) -> tuple[Contract, float]:
    """The contract of this instant on this server: another server, or a second later, may find another."""
    return analytics.option_by_offset(
        broker.market,
        order["underlying"],
        order["exchange"],
        leg["expiry_date"] or order["expiry_date"],
        offset=leg["offset"],
        option_type=leg["option_type"].upper(),
    )


def _ticket(order: Body, leg: Body, contract: Contract) -> Ticket:
    named = {**leg, "symbol": contract.symbol, "exchange": contract.exchange}
    return replace(ticket_of(named), strategy=order["strategy"])


async def order(broker: Broker, body: Body) -> Answer:
    try:
        contract, ltp = _resolved(broker, body, body)
    except OptionsError as error:
        return failed(broker, error.status, error.message)
    ticket = _ticket(body, body, contract)
    about = {
        "symbol": contract.symbol,
        "exchange": contract.exchange,
        "underlying": body["underlying"],
        "underlying_ltp": ltp,
        "offset": body["offset"],
        "option_type": contract.kind,
    }
    if body["splitsize"]:
        size = body["splitsize"]
        results = await split_results(broker, ticket, size)
        return ok(broker, **about, results=results, split_size=size, total_quantity=ticket.quantity)
    placed = broker.books.place(ticket)
    if placed.refusal is not None or placed.order is None:
        return failed(broker, 400, placed.refusal.message if placed.refusal else "Failed to place order")
    return ok(broker, **about, orderid=placed.order.orderid)


async def multi_order(broker: Broker, body: Body) -> Answer:
    """Buys before sells, one after the other; each leg is answered for itself."""
    legs = sorted(enumerate(body["legs"], 1), key=lambda pair: pair[1]["action"].upper() != "BUY")
    results: list[Body] = []
    for number, leg in legs:
        if results:
            await pause(broker, SPLIT_PAUSE)
        results.append(await _leg(broker, body, leg, number))
    try:
        ltp = _resolved(broker, body, {**body["legs"][0], "offset": "ATM"})[1]
    except OptionsError as error:
        return failed(broker, error.status, error.message)
    return ok(broker, underlying=body["underlying"], underlying_ltp=ltp, results=results)


async def _leg(broker: Broker, body: Body, leg: Body, number: int) -> Body:
    about = {key: leg[key] for key in ("offset", "option_type", "action")}
    base: Body = {"leg": number, **about}
    try:
        contract, _ = _resolved(broker, body, leg)
    except OptionsError as error:
        return {**base, "status": "error", "message": error.message}
    ticket = _ticket(body, leg, contract)
    base.update(symbol=contract.symbol, exchange=contract.exchange)
    if leg["splitsize"]:
        results = await split_results(broker, ticket, leg["splitsize"])
        return {**base, "status": "success", "results": results}
    placed = broker.books.place(ticket)
    if placed.refusal is not None or placed.order is None:
        reason = placed.refusal.message if placed.refusal else "Failed to place order"
        return {**base, "status": "error", "message": reason}
    extra = {} if broker.live else {"mode": "analyze", "product": ticket.product}
    return {**base, **extra, "status": "success", "orderid": placed.order.orderid}


def _read(name: str, schema: Schema, read: Read, style: Style = Style.OPTIONS, limit: Limit = CALLS) -> Endpoint:
    return Endpoint(name, schema, _answered(read), style, limit=limit)


ENDPOINTS = (
    _read("optionsymbol", schemas.OPTION_SYMBOL, _symbol),
    _read("optionchain", schemas.OPTION_CHAIN, _chain),
    _read("syntheticfuture", schemas.SYNTHETIC_FUTURE, _synthetic_future),
    _read("optiongreeks", schemas.OPTION_GREEKS, _greeks, Style.GREEKS, GREEKS),
    _read("multioptiongreeks", schemas.MULTI_OPTION_GREEKS, _multi_greeks, Style.GREEKS),
    Endpoint(
        "optionsorder",
        schemas.OPTIONS_ORDER,
        order,
        Style.OPTIONS,
        limit=ORDERS,
        semi_auto=SemiAuto.QUEUE,
    ),
    Endpoint(
        "optionsmultiorder",
        schemas.OPTIONS_MULTI_ORDER,
        multi_order,
        Style.OPTIONS,
        limit=ORDERS,
        semi_auto=SemiAuto.QUEUE,
    ),
)
