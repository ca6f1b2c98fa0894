"""An OpenAlgo server behind the venue port.

Commands are sent once, as single orders; the server's baskets, splits, smart orders, cancel-all and close-all are not
used: they hide their children or act on the whole account. One instance serves all threads of the desk.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Any
from weakref import WeakSet

from app.core.clock import Clock, SystemClock
from app.core.errors import Refused, Unknown
from app.venues.openalgo import books, market
from app.venues.openalgo.answers import Reply, Result, cancelled, modified, placed, reading
from app.venues.openalgo.check import PAPER_BROKER, Check
from app.venues.openalgo.client import DeskApi
from app.venues.openalgo.line import Pauses
from app.venues.openalgo.orders import (
    PRODUCTS,
    cancel_body,
    margin_row,
    modify_body,
    obstacle,
    place_body,
)
from app.venues.openalgo.streams import OpenAlgoMarketStream, OpenAlgoOrderStream
from app.venues.port import OnQuote, OnReport, OnState
from app.venues.types import (
    Answer,
    CancelOrder,
    Candle,
    Capabilities,
    CheckStep,
    Connection,
    ContractReport,
    Depth,
    FundsReport,
    HoldingReport,
    MarginReport,
    Mode,
    ModifyOrder,
    OrderReport,
    Outcome,
    PlaceOrder,
    PositionReport,
    Quote,
    Symbol,
    TradeReport,
)

QUOTES_AT_ONCE = 200
MASTER_SECONDS = 60.0  # the instrument master is tens of thousands of rows


class OpenAlgoVenue:
    capabilities = Capabilities(currency="INR", products=tuple(product.value for product in PRODUCTS))

    def __init__(self, connection: Connection, clock: Clock | None = None, pauses: Pauses | None = None) -> None:
        self._connection = connection
        self._clock = clock or SystemClock()
        self._pauses = pauses or Pauses()
        self._key = connection.api_key
        self._api = DeskApi(connection)
        self._trades_paper: bool | None = None  # until the broker has named itself
        self._streams: WeakSet[OpenAlgoOrderStream | OpenAlgoMarketStream] = WeakSet()

    # -- Who and how

    def check(self) -> Iterator[CheckStep]:
        return Check(self._api, self._connection, self._clock).steps()

    def identity(self) -> str:
        data = reading(self._api.ping(), self._key).get("data")
        broker = data.get("broker") if isinstance(data, dict) else None
        if not broker:
            raise Unknown("The server did not name its broker.")
        self._trades_paper = str(broker).startswith(PAPER_BROKER)
        return str(broker)

    def mode(self) -> Mode:
        data = self._read("analyzer").get("data")
        analyze = data.get("analyze_mode") if isinstance(data, dict) else None
        if not isinstance(analyze, bool):
            raise Unknown("The server did not name its mode.")
        if self._trades_paper is None:
            self.identity()
        return Mode.PAPER if analyze or self._trades_paper else Mode.LIVE

    def warm(self) -> None:
        self._api.ping()

    def close(self) -> None:
        for stream in list(self._streams):
            stream.close()
        self._api.close()

    # -- Commands

    def place(self, command: PlaceOrder) -> Answer:
        problem = obstacle(command)
        if problem:
            return Answer(Outcome.REFUSED, reason=problem)
        return self._with_mode(placed(self._command("placeorder", place_body(command)), self._key))

    def _with_mode(self, answer: Answer) -> Answer:
        """A server in live mode says nothing of its mode; whether its broker is one of paper, its name says."""
        if answer.mode is not Mode.LIVE or self._trades_paper is False:
            return answer
        return replace(answer, mode=Mode.PAPER if self._trades_paper else None)

    def modify(self, command: ModifyOrder) -> Answer:
        problem = obstacle(command)
        if problem:
            return Answer(Outcome.REFUSED, reason=problem)
        return modified(self._command("modifyorder", modify_body(command)), self._key)

    def cancel(self, command: CancelOrder) -> Answer:
        return cancelled(self._command("cancelorder", cancel_body(command)), self._key)

    def find(self, client_order_id: str) -> OrderReport | None:
        raise Refused("An OpenAlgo server keeps no order ids of ours.")

    def _command(self, endpoint: str, body: dict[str, Any]) -> Result:
        return self._api.call(endpoint, body, self._connection.place_timeout)

    # -- Books

    def orders(self) -> list[OrderReport]:
        return books.orders(self._read("orderbook"))

    def trades(self) -> list[TradeReport]:
        return books.trades(self._read("tradebook"))

    def positions(self) -> list[PositionReport]:
        return books.positions(self._read("positionbook"))

    def holdings(self) -> list[HoldingReport]:
        return books.holdings(self._read("holdings"))

    def funds(self) -> FundsReport:
        return books.funds(self._read("funds"))

    def margin(self, orders: Sequence[PlaceOrder]) -> MarginReport:
        """At most 50 orders; some brokers price each alone, without the benefit of a hedge."""
        return books.margin(self._read("margin", {"positions": [margin_row(order) for order in orders]}))

    # -- Market data

    def quotes(self, symbols: Sequence[Symbol]) -> dict[Symbol, Quote]:
        priced: dict[Symbol, Quote] = {}
        for start in range(0, len(symbols), QUOTES_AT_ONCE):
            priced.update(self._some_quotes(symbols[start : start + QUOTES_AT_ONCE]))
        return priced

    def _some_quotes(self, symbols: Sequence[Symbol]) -> dict[Symbol, Quote]:
        asked = {(symbol.exchange, symbol.name): symbol for symbol in symbols}
        names = [{"symbol": symbol.name, "exchange": symbol.exchange} for symbol in asked.values()]
        result = self._api.call("multiquotes", {"symbols": names})
        if _none_is_known(result):
            return {}
        return market.quotes(reading(result, self._key), asked, self._clock.now())

    def depth(self, symbol: Symbol) -> Depth:
        return market.depth(symbol, self._read("depth", _named(symbol)), self._clock.now())

    def history(self, symbol: Symbol, interval: str, start: date, end: date) -> list[Candle]:
        span = {"interval": interval, "start_date": start.isoformat(), "end_date": end.isoformat()}
        return market.history(self._read("history", {**_named(symbol), **span}))

    def contracts(self, exchange: str) -> list[ContractReport]:
        """The whole master of an exchange, which knows no freeze quantities: `contract` does."""
        result = self._api.fetch("instruments", {"exchange": exchange, "format": "json"}, MASTER_SECONDS)
        return market.contracts(reading(result, self._key))

    def contract(self, symbol: Symbol) -> ContractReport | None:
        result = self._api.call("symbol", _named(symbol))
        if isinstance(result, Reply) and result.status == 404 and _is_about_the_symbol(result):
            return None
        data = reading(result, self._key).get("data")
        return market.contract(data) if isinstance(data, dict) else None

    def expiries(self, name: str, exchange: str, kind: str) -> list[date]:
        """`kind` is options or futures."""
        body = {"symbol": name, "exchange": exchange, "instrumenttype": kind}
        return market.expiries(self._read("expiry", body))

    # -- Streams

    def order_stream(self, on_report: OnReport, on_state: OnState) -> OpenAlgoOrderStream:
        stream = OpenAlgoOrderStream(self._connection, on_report, on_state, self._clock, self._pauses)
        self._streams.add(stream)
        return stream

    def market_stream(self, on_quote: OnQuote, on_state: OnState) -> OpenAlgoMarketStream:
        stream = OpenAlgoMarketStream(self._connection, on_quote, on_state, self._clock, self._pauses)
        self._streams.add(stream)
        return stream

    def _read(self, endpoint: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        return reading(self._api.call(endpoint, body or {}), self._key)


def _named(symbol: Symbol) -> dict[str, str]:
    return {"symbol": symbol.name, "exchange": symbol.exchange}


def _none_is_known(result: Result) -> bool:
    """When all symbols are unknown, multiquotes refuses and lists them."""
    body = result.body if isinstance(result, Reply) and result.status == 400 else None
    return isinstance(body, dict) and bool(body.get("invalid_symbols"))


def _is_about_the_symbol(reply: Reply) -> bool:
    """Not the 404 of an address that is no OpenAlgo server's."""
    return isinstance(reply.body, dict) and "path" not in reply.body and "message" in reply.body
