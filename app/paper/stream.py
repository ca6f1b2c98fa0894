"""The WebSocket side of a broker: who listens to what, and what they are sent.

Frames leave each client's outbox in order; an order update is in the socket before the HTTP answer of the
call that caused it. A client hears market data only while its session is the broker's present one: after a
new login it must authenticate and subscribe again, and until then gets neither a message nor a close. The
richest mode any client wants is sent to all of them.
"""

import asyncio
import time
from collections.abc import Iterable, Iterator
from typing import Any

import orjson
from aiohttp import web

from app.paper.broker import Broker
from app.paper.contracts import Contract
from app.paper.faults import PUSH, TICK
from app.paper.market import Depth, Quote
from app.paper.orders import Order
from app.paper.rows import Row

LTP, QUOTE, DEPTH = 1, 2, 3
OUTBOX = 20_000
AT_LEAST_EVERY = 1.0
GARBAGE = ('{"type":"market_data","symbol":', "<html>502 Bad Gateway</html>", b"\x00\xff\x13\x37")
LONGEST_HOLD = 2.0
Key = tuple[str, str]
ORDERS: Key = ("", "")


class Client:
    """One socket. `subscriptions` keeps every mode asked for per symbol; the highest is delivered."""

    def __init__(self, socket: web.WebSocketResponse, request: web.BaseRequest) -> None:
        self.socket = socket
        self._request = request
        self.session = 0
        self.orders = False
        self.subscriptions: dict[Key, set[int]] = {}
        self.outbox: asyncio.Queue[str | bytes] = asyncio.Queue(OUTBOX)
        self.held: dict[Key, tuple[str, float]] = {}
        self.pong_at = time.monotonic()

    @property
    def authenticated(self) -> bool:
        return self.session > 0

    def say(self, message: Row) -> None:
        self.put(orjson.dumps(message).decode())

    def put(self, frame: str | bytes) -> None:
        """A client that doesn't read loses its connection rather than our memory."""
        try:
            self.outbox.put_nowait(frame)
        except asyncio.QueueFull:
            self.abort()

    def hold(self, key: Key, frame: str) -> None:
        """Keep a frame back until a newer one of its key has gone out."""
        self.release(key)
        self.held[key] = (frame, time.monotonic())

    def release(self, key: Key) -> None:
        frame, _ = self.held.pop(key, (None, 0.0))
        if frame is not None:
            self.put(frame)

    def release_old(self) -> None:
        """Nothing newer came: what was held is late, not lost."""
        overdue = time.monotonic() - LONGEST_HOLD
        for key in [key for key, (_, since) in self.held.items() if since < overdue]:
            self.release(key)

    def abort(self) -> None:
        """Drop the connection without a close frame."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def write(self) -> None:
        """Send the outbox until the connection ends; run as a task."""
        while not self.socket.closed:
            frame = await self.outbox.get()
            try:
                if isinstance(frame, str):
                    await self.socket.send_str(frame)
                else:
                    await self.socket.send_bytes(frame)
            except (ConnectionError, RuntimeError):
                return


class Hub:
    """All clients of one broker."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.clients: set[Client] = set()
        self._sent: dict[Key, tuple[Quote, float]] = {}
        if broker.config.push:
            broker.on_update = self.push

    def valid(self, client: Client) -> bool:
        return client.session == self.broker.sessions and self.broker.logged_in

    def has_room(self, client: Client, key: Key) -> bool:
        """A server pools its connections to the broker: their capacity is shared by all its clients."""
        if key in client.subscriptions:
            return True
        config = self.broker.config
        wanted = {known for one in self.clients for known in one.subscriptions}
        shared = key in wanted or len(wanted) < config.stream_symbols
        return shared and len(client.subscriptions) < config.socket_symbols

    # -- order updates

    def push(self, update: Row, order: Order) -> None:
        listeners = [client for client in self.clients if client.orders and self.valid(client)]
        if not listeners:
            return
        ticket = order.ticket
        faults = self.broker.faults.take(PUSH, symbol=ticket.symbol, action=ticket.action.upper())
        struck = {fault.kind.removeprefix("order_") for fault in faults}
        frame = orjson.dumps(update).decode()
        for client in listeners:
            self._deliver(client, ORDERS, frame, struck)

    @property
    def pushes(self) -> bool:
        """Whether an answer has to wait for its order updates to be written first."""
        return any(client.orders for client in self.clients)

    # -- market data

    def tick(self) -> Iterator[None]:
        """Prices may have moved: send each wanted symbol that did, and the quiet ones once a second.

        Yields after each symbol, so that orders needn't wait for all of them.
        """
        wanted: dict[Key, list[Client]] = {}
        for client in self.clients:
            client.release_old()
            for key in client.subscriptions if self.valid(client) else ():
                wanted.setdefault(key, []).append(client)
        for key, clients in wanted.items():
            contract = self.broker.prices.find(*key)
            listening = [client for client in clients if key in client.subscriptions]
            if contract is not None and listening and self.broker.market.is_open(contract.exchange):
                self._tick(key, contract, listening)
                yield

    def _tick(self, key: Key, contract: Contract, clients: list[Client]) -> None:
        struck = {f.kind.removeprefix("market_") for f in self.broker.faults.take(TICK, symbol=key[0])}
        quote, depth = self.broker.seen(contract, "stream")
        if not struck and not self._news(key, quote):
            return
        level = max(max(client.subscriptions[key]) for client in clients)
        data = self._data(contract, quote, depth, level)
        frames: dict[int, str] = {}
        for client in clients:
            mode = max(client.subscriptions[key])
            if mode not in frames:
                frames[mode] = self._frame(key, mode, data)
            self._deliver(client, key, frames[mode], struck)

    def _news(self, key: Key, quote: Quote) -> bool:
        now = time.monotonic()
        before, at = self._sent.get(key, (None, 0.0))
        if quote == before and now - at < AT_LEAST_EVERY:
            return False
        self._sent[key] = (quote, now)
        return True

    def _frame(self, key: Key, mode: int, data: Row) -> str:
        message = {
            "type": "market_data",
            "symbol": key[0],
            "exchange": key[1],
            "mode": mode,
            "broker": self.broker.name,
            "data": data,
        }
        return orjson.dumps(message).decode()

    def _data(self, contract: Contract, quote: Quote, depth: Depth, level: int) -> Row:
        stamp = int(self.broker.market.now().timestamp() * 1000)
        data: Row = {
            "symbol": contract.symbol,
            "exchange": contract.exchange,
            "mode": level,
            "ltp": quote.ltp,
            "ltt": stamp,
            "timestamp": stamp,
        }
        if level >= QUOTE:
            data.update(_day(quote, depth))
        if level >= DEPTH:
            data["depth"] = {"buy": _levels(depth.bids), "sell": _levels(depth.asks)}
        return data

    def _deliver(self, client: Client, key: Key, frame: str, struck: set[str]) -> None:
        if "drop" in struck:
            client.abort()
            return
        if "silent" in struck:
            return
        if "garbage" in struck:
            for rubbish in GARBAGE:
                client.put(rubbish)
        if "reorder" in struck:
            client.hold(key, frame)
            return
        client.put(frame)
        if "duplicate" in struck:
            client.put(frame)
        client.release(key)


def _day(quote: Quote, depth: Depth) -> Row:
    """`close` is the previous close; the average price is spelled as some plugins do."""
    return {
        "open": quote.open,
        "high": quote.high,
        "low": quote.low,
        "close": quote.prev_close,
        "volume": quote.volume,
        "oi": quote.oi,
        "average_price": quote.ltp,
        "last_quantity": depth.last_quantity,
        "total_buy_quantity": depth.total_buy,
        "total_sell_quantity": depth.total_sell,
    }


def _levels(levels: Iterable[Any]) -> list[Row]:
    return [{"price": level.price, "quantity": level.quantity, "orders": level.orders} for level in levels]
