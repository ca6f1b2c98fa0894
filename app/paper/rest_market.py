"""Market data and reference over REST: quotes, depth, candles, symbols, expiries, instruments, the trading calendar."""

import asyncio
import csv
import io
from typing import Any

from app.paper import calendar, schemas
from app.paper.broker import Broker
from app.paper.contracts import Contract
from app.paper.endpoints import Access, Answer, Body, Endpoint, plain_error, plain_ok
from app.paper.market import Quote

SEARCH_LIMIT = 500
HISTORY_PAUSE = 0.35
INTERVALS = {
    "seconds": [],
    "minutes": ["1m", "3m", "5m", "10m", "15m", "30m"],
    "hours": ["1h"],
    "days": ["D"],
    "weeks": [],
    "months": [],
}
INSTRUMENT_COLUMNS = (
    "symbol", "brsymbol", "name", "exchange", "brexchange", "token", "expiry", "strike", "lotsize",
    "instrumenttype", "tick_size",
)  # fmt: skip


def not_found(body: Body) -> str:
    return (
        f"Symbol '{body['symbol']}' not found for exchange '{body['exchange']}'. "
        "Please verify the symbol name and ensure master contracts are downloaded."
    )


def quote_row(quote: Quote) -> Body:
    return {
        "ask": quote.ask,
        "bid": quote.bid,
        "high": quote.high,
        "low": quote.low,
        "ltp": quote.ltp,
        "oi": quote.oi,
        "open": quote.open,
        "prev_close": quote.prev_close,
        "volume": quote.volume,
    }


def quotes(broker: Broker, body: Body) -> Answer:
    contract = broker.prices.find(body["symbol"], body["exchange"])
    if contract is None:
        return plain_error(400, not_found(body))
    return plain_ok(data=quote_row(broker.seen(contract, "quotes")[0]))


def multi_quotes(broker: Broker, body: Body) -> Answer:
    """Unknown symbols come first; only when there is no good one does the call fail."""
    bad, good = [], []
    for pair in body["symbols"]:
        contract = broker.prices.find(pair["symbol"], pair["exchange"])
        named = {"symbol": pair["symbol"], "exchange": pair["exchange"]}
        if contract is None:
            bad.append({**named, "error": not_found(pair)})
        else:
            good.append({**named, "data": quote_row(broker.seen(contract, "multiquotes")[0])})
    if not good:
        return plain_error(400, bad[0]["error"], invalid_symbols=bad)
    return plain_ok(results=[*bad, *good])


def depth(broker: Broker, body: Body) -> Answer:
    contract = broker.prices.find(body["symbol"], body["exchange"])
    if contract is None:
        return plain_error(400, not_found(body))
    quote, book = broker.seen(contract, "depth")
    row = quote_row(quote)
    data = {
        **{name: row[name] for name in ("high", "low", "ltp", "oi", "open", "prev_close", "volume")},
        "asks": _levels(book.asks),
        "bids": _levels(book.bids),
        "ltq": book.last_quantity,
        "totalbuyqty": book.total_buy,
        "totalsellqty": book.total_sell,
    }
    return plain_ok(data=data)


def _levels(levels: Any) -> list[Body]:
    listed = [{"price": level.price, "quantity": level.quantity} for level in levels[:5]]
    return listed + [{"price": 0.0, "quantity": 0}] * (5 - len(listed))


async def history(broker: Broker, body: Body) -> Answer:
    """Calls queue up, 350 ms apart, as the server spaces its own calls to the broker."""
    wait = broker.history_turn(HISTORY_PAUSE, asyncio.get_running_loop().time())
    if wait > 0:
        await asyncio.sleep(wait)
    return _history(broker, body)


def _history(broker: Broker, body: Body) -> Answer:
    name, exchange, interval = body["symbol"], body["exchange"], body["interval"]
    if body["source"] == "db":
        message = f"No data found for {name}:{exchange} interval {interval} in local database. "
        return plain_error(404, message + "Download data first using Historify.")
    contract = broker.prices.find(name, exchange)
    if contract is None:
        return plain_error(400, not_found(body))
    if not any(interval in group for group in INTERVALS.values()):
        return plain_error(500, f"Unsupported interval: {interval}")
    rows = broker.market.history(contract, interval, body["start_date"], body["end_date"])
    return plain_ok(data=rows)


def intervals(_broker: Broker, _body: Body) -> Answer:
    return plain_ok(data=INTERVALS)


# -- symbols


def expiry_text(contract: Contract) -> str:
    return contract.expiry.strftime("%d-%b-%y").upper() if contract.expiry else ""


def symbol_row(contract: Contract) -> Body:
    return {
        "symbol": contract.symbol,
        "brsymbol": contract.symbol,
        "name": contract.name,
        "exchange": contract.exchange,
        "brexchange": contract.exchange,
        "token": contract.token,
        "expiry": expiry_text(contract),
        "strike": float(contract.strike),
        "lotsize": contract.lot_size,
        "instrumenttype": contract.kind,
        "tick_size": float(contract.tick),
    }


def symbol(broker: Broker, body: Body) -> Answer:
    contract = broker.prices.find(body["symbol"], body["exchange"])
    if contract is None:
        return plain_error(404, f"Symbol {body['symbol']} not found in exchange {body['exchange']}")
    row = symbol_row(contract)
    return plain_ok(data={**row, "id": contract.id, "freeze_qty": contract.freeze_quantity})


def search(broker: Broker, body: Body) -> Answer:
    found = broker.market.universe.search(body["query"], body["exchange"])[:SEARCH_LIMIT]
    message = f"Found {len(found)} matching symbols" if found else "No matching symbols found"
    rows = [{**symbol_row(contract), "freeze_qty": contract.freeze_quantity} for contract in found]
    return plain_ok(data=rows, message=message)


def expiry(broker: Broker, body: Body) -> Answer:
    name, exchange, kind = body["symbol"], body["exchange"], body["instrumenttype"]
    dates = broker.market.universe.expiries(name, exchange, kind)
    many = f"{name} {kind} in {exchange}"
    message = f"Found {len(dates)} expiry dates for {many}" if dates else f"No expiry dates found for {many}"
    return plain_ok(data=[day.strftime("%d-%b-%y").upper() for day in dates], message=message)


def instruments(broker: Broker, body: Body) -> Answer:
    rows = [symbol_row(contract) for contract in broker.market.universe.all(body["exchange"])]
    if body["format"] == "csv":
        return Answer(200, _csv(rows), "text/csv")
    return plain_ok(data=rows, message=f"Found {len(rows)} instruments")


def _csv(rows: list[Body]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, INSTRUMENT_COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


# -- calendar


def holidays(broker: Broker, body: Body) -> Answer:
    year = body["year"] or broker.market.now().year
    return plain_ok(year=year, timezone="Asia/Kolkata", data=calendar.holidays(year))


def timings(_broker: Broker, body: Body) -> Answer:
    return plain_ok(data=calendar.timings(body["date"]))


ENDPOINTS = (
    Endpoint("quotes", schemas.INSTRUMENT, quotes),
    Endpoint("multiquotes", schemas.MULTI_QUOTES, multi_quotes),
    Endpoint("depth", schemas.INSTRUMENT, depth),
    Endpoint("history", schemas.HISTORY, history),
    Endpoint("intervals", schemas.ONLY_KEY, intervals),
    Endpoint("symbol", schemas.INSTRUMENT, symbol),
    Endpoint("search", schemas.SEARCH, search, access=Access.KEY),
    Endpoint("expiry", schemas.EXPIRY, expiry, access=Access.KEY),
    Endpoint("instruments", schemas.INSTRUMENTS, instruments, access=Access.KEY, method="GET"),
    Endpoint("market/holidays", schemas.HOLIDAYS, holidays, access=Access.NONE),
    Endpoint("market/timings", schemas.TIMINGS, timings, access=Access.NONE),
)
