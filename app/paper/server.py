"""Several brokers in one process: a REST port and a WebSocket port each, and one control port for all of them.

Low-level aiohttp servers without routing: a call costs little more than its own work. Listening sockets are open before
`serve` returns, so a port 0 has its number by then.
"""

import asyncio
import ipaddress
import logging
import socket
import struct
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from app.paper import connection, rest
from app.paper.broker import Broker
from app.paper.call_faults import Loss
from app.paper.config import BrokerConfig, PaperConfig
from app.paper.control import Control
from app.paper.endpoints import Answer
from app.paper.market import Market
from app.paper.prices import Prices
from app.paper.stream import Hub

BEAT = 0.02
PATIENCE = 0.05  # seconds for calls under way when it stops; zero would wait for ever
BACKLOG = 1024
SYMBOLS_AT_A_TIME = 20
HANG_LOOK = 0.05
JSON = "application/json"
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Address:
    """Where one broker can be reached."""

    config: BrokerConfig
    rest_url: str
    ws_url: str

    def shown(self) -> dict[str, Any]:
        return {
            "name": self.config.name,
            "rest_url": self.rest_url,
            "ws_url": self.ws_url,
            "mode": self.config.mode,
        }


@dataclass(slots=True)
class Running:
    """Brokers being served; `close` ends it at once, hanging calls included."""

    brokers: list[Broker]
    addresses: list[Address]
    control_url: str
    _hubs: list[Hub]
    _runners: list[web.ServerRunner] = field(default_factory=list)
    _beat: asyncio.Task[None] | None = None

    def ready_line(self) -> dict[str, Any]:
        brokers = [address.shown() for address in self.addresses]
        return {"ready": True, "brokers": brokers, "control_url": self.control_url}

    async def close(self) -> None:
        if self._beat is not None:
            self._beat.cancel()
        for hub in self._hubs:
            for client in list(hub.clients):
                client.abort()
        for runner in self._runners:
            await runner.cleanup()


async def serve(config: PaperConfig) -> Running:
    market = Market(config.seed, config.started_at, config.speed, config.sessions, config.step_ms)
    prices = Prices(market)
    calendar = config.sessions == "calendar"
    brokers = [Broker(broker, prices, config.seed + number, calendar) for number, broker in enumerate(config.brokers)]
    hubs = [Hub(broker) for broker in brokers]
    running = Running(brokers, [], "", hubs)
    for broker, hub in zip(brokers, hubs, strict=True):
        rest_port = await _listen(running, config.host, broker.config.rest_port, _rest(broker, hub))
        ws_port = await _listen(running, config.host, broker.config.ws_port, _stream(hub))
        host = _named(config.host)
        running.addresses.append(Address(broker.config, f"http://{host}:{rest_port}", f"ws://{host}:{ws_port}"))
    world = _World(prices, brokers, hubs)
    control = Control(brokers, prices, world.jolt)
    port = await _listen(running, "127.0.0.1", config.control_port, _control(control))
    running.control_url = f"http://127.0.0.1:{port}"
    running._beat = asyncio.create_task(world.run())
    return running


def _named(host: str) -> str:
    return f"[{host}]" if ":" in host else host


async def _listen(running: Running, host: str, port: int, handler: Any) -> int:
    runner = web.ServerRunner(web.Server(handler, access_log=None), shutdown_timeout=PATIENCE)
    await runner.setup()
    running._runners.append(runner)
    site = web.SockSite(runner, _bound(host, port), backlog=BACKLOG)
    await site.start()
    return int(runner.addresses[0][1])


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


# -- time


class _World:
    """The beat of everything that moves by itself."""

    def __init__(self, prices: Prices, brokers: list[Broker], hubs: list[Hub]) -> None:
        self._prices = prices
        self._brokers = brokers
        self._hubs = hubs
        self._step = -1

    def jolt(self) -> None:
        """Prices were moved by hand: orders feel it now, listeners within a beat."""
        self._step = -1
        self._beat(True)

    def _beat(self, moved: bool) -> None:
        for broker in self._brokers:
            broker.beat(moved)

    async def run(self) -> None:
        while True:
            now = self._prices.market.step()
            moved, self._step = now != self._step, now
            self._beat(moved)
            if moved:
                await self._tell()
            await asyncio.sleep(BEAT)

    async def _tell(self) -> None:
        for hub in self._hubs:
            for count, _ in enumerate(hub.tick(), 1):
                if count % SYMBOLS_AT_A_TIME == 0:
                    await asyncio.sleep(0)


# -- doors


def _rest(broker: Broker, hub: Hub) -> Any:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        query = dict(request.query) if request.method == "GET" else {}
        call = rest.Call(request.method, request.path, query, request.content_type, body, request.remote or "")
        given = await _answered(broker, call)
        if isinstance(given, Loss):
            return await _lose(request, given)
        if hub.pushes:
            await asyncio.sleep(0)
        return web.Response(body=rest.encoded(given), status=given.status, content_type=given.content_type)

    return handle


async def _answered(broker: Broker, call: rest.Call) -> Answer | Loss:
    """A mistake of ours is answered as OpenAlgo answers its own, and told on standard error."""
    try:
        return await rest.answer(broker, call)
    except Exception:
        log.exception("%s of %s failed", call.path, broker.name)
        return Answer(500, {"status": "error", "message": rest.UNEXPECTED})


async def _lose(request: web.BaseRequest, loss: Loss) -> web.StreamResponse:
    """Say nothing: until the client gives up or the time is over, or cut the line at once with a reset."""
    deadline = asyncio.get_running_loop().time() + (loss.seconds if loss.how == "hang" else 0)
    while request.transport is not None and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(HANG_LOOK)
    if request.transport is not None:
        raw = request.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    return web.Response(status=500)


def _stream(hub: Hub) -> Any:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return web.Response(status=426, text="This port speaks WebSocket.")
        return await connection.serve(hub, request)

    return handle


def _control(control: Control) -> Any:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if not _from_this_machine(request):
            return web.Response(status=403, text="loopback only")
        status, answer = await control.answer(request.method, request.path, await request.read())
        return web.Response(body=orjson.dumps(answer), status=status, content_type=JSON)

    return handle


def _from_this_machine(request: web.BaseRequest) -> bool:
    """Also refuses a browser page of another site: it can reach loopback, but not hide where it comes from."""
    peer = ipaddress.ip_address(request.remote or "0.0.0.0")  # noqa: S104 - no address is a foreign one
    host = request.headers.get("Host", "").rpartition(":")[0]
    return peer.is_loopback and host in ("127.0.0.1", "localhost") and "Origin" not in request.headers
