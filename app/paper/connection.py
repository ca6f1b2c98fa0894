"""The life of one WebSocket: the time to authenticate, keep-alive pings, reading, and the end."""

import asyncio
import contextlib
import time

import orjson
from aiohttp import WSMsgType, web

from app.paper.stream import Client, Hub
from app.paper.stream_actions import SaidWrong, respond

PING_EVERY = 20.0
AUTH_TIMEOUT = 4401
KEEPALIVE_TIMEOUT = 1011
CLOSING = frozenset({WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR})


async def serve(hub: Hub, request: web.BaseRequest) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(autoping=False, compress=False, max_msg_size=8 * 1024 * 1024)
    await socket.prepare(request)
    client = Client(socket, request)
    hub.clients.add(client)
    tasks = [asyncio.ensure_future(task) for task in (client.write(), _guard(hub, client), _keep_alive(client))]
    try:
        await _read(hub, client)
    finally:
        hub.clients.discard(client)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return socket


async def _read(hub: Hub, client: Client) -> None:
    while True:
        message = await client.socket.receive()
        if message.type in CLOSING:
            return
        if message.type is WSMsgType.PONG:
            client.pong_at = time.monotonic()
        elif message.type is WSMsgType.PING:
            await client.socket.pong(message.data)
        else:
            _hear(hub, client, message.data)


def _hear(hub: Hub, client: Client, text: str | bytes) -> None:
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        client.say(SaidWrong("INVALID_JSON", "Invalid JSON message").answer)
        return
    respond(hub, client, message)


async def _guard(hub: Hub, client: Client) -> None:
    """A socket that never authenticates is closed; a wrong key alone does not close it."""
    await asyncio.sleep(hub.broker.config.auth_timeout_s)
    if not client.authenticated:
        await client.socket.close(code=AUTH_TIMEOUT, message=b"auth timeout")


async def _keep_alive(client: Client) -> None:
    with contextlib.suppress(ConnectionError, RuntimeError):
        while True:
            await asyncio.sleep(PING_EVERY)
            if time.monotonic() - client.pong_at > 2 * PING_EVERY:
                await client.socket.close(code=KEEPALIVE_TIMEOUT, message=b"keepalive ping timeout")
                return
            await client.socket.ping()
