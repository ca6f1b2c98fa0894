"""An OpenAlgo server behind the venue port.

Commands are sent once, as single orders; the server's baskets, splits, smart orders, cancel-all and close-all are not
used: they hide their children or act on the whole account. One instance serves all threads of the desk.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from typing import Any
from weakref import WeakSet

from app.core.clock import Clock, SystemClock
from app.core.errors import Refused, Unknown
from app.venues.openalgo import books, market, pairs
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
from app.venues.port import OnAnswer, OnQuote, OnReport, OnState
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
    PriceType,
    Quote,
    Symbol,
    TradeReport,
    WrongMode,
)

QUOTES_AT_ONCE = 200
INTERVALS = {"1D": "D"}  # the rest is spelled as the desk does
MASTER_SECONDS = 60.0  # the instrument master is tens of thousands of rows


class OpenAlgoVenue:
    capabilities = Capabilities(
        currency="INR",
        stream_symbols=1000,  # as its servers are set up: so many on a connection to the broker, and three of them
        stream_connections=3,
        products=tuple(product.value for product in PRODUCTS),
    )

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

    def warm(self, connections: int = 1) -> None:
        self._api.warm(connections)

    def close(self) -> None:
        for stream in list(self._streams):
            stream.close()
        self._api.close()

    # -- Commands

    def place(self, command: PlaceOrder) -> Answer:
        is_pair = command.price_type is PriceType.OCO
        problem = obstacle(command) or (pairs.obstacle(command) if is_pair else "")
        if problem:
            return Answer(Outcome.REFUSED, reason=problem)
        if is_pair:
            rested = self._command("placegttorder", pairs.place_body(command), command.not_after)
            return self._with_mode(placed(pairs.as_order(rested), self._key))
        sent = self._command("placeorder", place_body(command), command.not_after)
        return self._with_mode(placed(sent, self._key))

    def begin(self, command: PlaceOrder, told: OnAnswer) -> bool:
        if command.price_type is PriceType.OCO or obstacle(command):
            return False

        def heard(result: Result) -> None:
            told(lambda: self._with_mode(placed(result, self._key)))

        patience, latest = self._connection.place_timeout, _latest(command.not_after)
        return self._api.begin("placeorder", place_body(command), patience, latest, heard)

    def _with_mode(self, answer: Answer) -> Answer:
        """A server in live mode says nothing of its mode; whether its broker is one of paper, its name says."""
        if answer.mode is not Mode.LIVE or self._trades_paper is False:
            return answer
        return replace(answer, mode=Mode.PAPER if self._trades_paper else None)

    def modify(self, command: ModifyOrder) -> Answer:
        problem = obstacle(command)
        if problem:
            return Answer(Outcome.REFUSED, reason=problem)
        sent = self._command("modifyorder", modify_body(command), command.not_after)
        return self._with_mode(modified(sent, self._key))

    def cancel(self, command: CancelOrder) -> Answer:
        if command.price_type is PriceType.OCO:
            taken = self._command("cancelgttorder", pairs.cancel_body(command), command.not_after)
            return self._with_mode(cancelled(pairs.as_order(taken, command.venue_order_id), self._key))
        sent = self._command("cancelorder", cancel_body(command), command.not_after)
        return self._with_mode(cancelled(sent, self._key))

    def find(self, client_order_id: str) -> OrderReport | None:
        raise Refused("An OpenAlgo server keeps no order ids of ours.")

    def _command(self, endpoint: str, body: dict[str, Any], not_after: datetime | None) -> Result:
        return self._api.call(endpoint, body, self._connection.place_timeout, _latest(not_after))

    # -- Books

    def orders(self) -> list[OrderReport]:
        return books.orders(self._book("orderbook"))

    def pairs(self) -> list[OrderReport]:
        return pairs.reports(self._read("gttorderbook"))

    def trades(self) -> list[TradeReport]:
        return books.trades(self._book("tradebook"))

    def positions(self) -> list[PositionReport]:
        return books.positions(self._book("positionbook"))

    def holdings(self) -> list[HoldingReport]:
        return books.holdings(self._read("holdings"))

    def funds(self) -> FundsReport:
        return books.funds(self._book("funds"))

    def margin(self, orders: Sequence[PlaceOrder]) -> MarginReport:
        """At most 50 orders; some brokers price each alone, without the benefit of a hedge."""
        return books.margin(self._read("margin", {"positions": [margin_row(order) for order in orders]}))

    def _book(self, endpoint: str) -> dict[str, Any]:
        """Raises WrongMode where the simulator's books stand in for the broker's, or the other way round."""
        body = self._read(endpoint)
        self._check_mode(books.mode_of(body))
        return body

    def _check_mode(self, said: Mode) -> None:
        """`said` is LIVE where nothing is said."""
        meant = self._connection.mode
        if meant is None:
            return
        if self._seen_mode(said) is None:
            self.identity()
        seen = self._seen_mode(said)
        if seen is not None and seen is not meant:
            raise WrongMode(seen, meant)

    def _seen_mode(self, said: Mode) -> Mode | None:
        """The mode that a server's word comes down to; None: only its broker's name tells, and that was not asked for,
        or it is all the same."""
        meant = self._connection.mode
        if meant is None or (said is Mode.LIVE and meant is Mode.PAPER and self._trades_paper is None):
            return None
        return Mode.PAPER if self._trades_paper else said

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
        span = {
            "interval": INTERVALS.get(interval, interval),
            "start_date": start.isoformat(),
            "end_date": end.isoformat(),
        }
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
        heard = partial(self._heard, on_report)
        stream = OpenAlgoOrderStream(self._connection, heard, on_state, self._clock, self._pauses)
        self._streams.add(stream)
        return stream

    def market_stream(self, on_quote: OnQuote, on_state: OnState) -> OpenAlgoMarketStream:
        stream = OpenAlgoMarketStream(self._connection, on_quote, on_state, self._clock, self._pauses)
        self._streams.add(stream)
        return stream

    def _heard(self, on_report: OnReport, report: OrderReport) -> None:
        """News of the server's other mode is none of this account's orders: the books say what is wrong. While the
        broker has not been asked for its name, news of a live server may be of one that trades paper."""
        if self._seen_mode(report.mode or Mode.LIVE) in (None, self._connection.mode):
            on_report(report)

    def _read(self, endpoint: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        return reading(self._api.call(endpoint, body or {}), self._key)


def _latest(not_after: datetime | None) -> float:
    """As Unix time."""
    return not_after.timestamp() if not_after else math.inf


def _named(symbol: Symbol) -> dict[str, str]:
    return {"symbol": symbol.name, "exchange": symbol.exchange}


def _none_is_known(result: Result) -> bool:
    """When all symbols are unknown, multiquotes refuses and lists them."""
    body = result.body if isinstance(result, Reply) and result.status == 400 else None
    return isinstance(body, dict) and bool(body.get("invalid_symbols"))


def _is_about_the_symbol(reply: Reply) -> bool:
    """Not the 404 of an address that is no OpenAlgo server's."""
    return isinstance(reply.body, dict) and "path" not in reply.body and "message" in reply.body
