"""Hints between the web and the engine: events up, nudges down. Nothing that matters depends on them.

Lose every message and the desk is slower, not wrong: the row is the queue, and both sides look again by themselves.
The default is ZeroMQ over socket files in `instance/link/` (folder 0700, files 0600), or over loopback with CURVE
encryption where such files cannot be had; with REDIS_URL set, Redis publish/subscribe. Sending never blocks: when
nobody takes the messages, the oldest are dropped.
"""

import contextlib
import json
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import orjson
import redis
import structlog
import zmq
from zmq import green

log = structlog.get_logger()

Handler = Callable[[str, dict[str, Any]], None]
SOCKET_PATH_LIMIT = 100  # the kernel's 108, less a margin
QUEUE_LIMIT = 20_000


class Link(Protocol):
    def send(self, kind: str, payload: dict[str, Any]) -> None:
        """From the engine: an event for every web process. From the web: a nudge for the engine."""
        ...

    def listen(self, handler: Handler) -> None:
        """Call the handler for each message of the other side, from one background thread."""
        ...

    def close(self) -> None: ...


def open_link(role: str, folder: Path, redis_url: str = "") -> Link:
    """`role` is "engine" or "web"."""
    return RedisLink(role, redis_url, folder) if redis_url else ZmqLink(role, folder)


class SilentLink:
    """No other side: for commands that only touch the database."""

    def send(self, kind: str, payload: dict[str, Any]) -> None:
        pass

    def listen(self, handler: Handler) -> None:
        pass

    def close(self) -> None:
        pass


class _Outbox:
    """A bounded queue whose oldest entries give way, emptied by one thread that owns the socket."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self._waiting: deque[bytes] = deque(maxlen=QUEUE_LIMIT)
        self._wake = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="link-out", daemon=True)
        self._thread.start()

    def put(self, message: bytes) -> None:
        self._waiting.append(message)
        self._wake.set()

    def _run(self) -> None:
        while not self._stopped:
            self._wake.wait(1.0)
            self._wake.clear()
            while self._waiting:
                self._send(self._waiting.popleft())

    def close(self) -> None:
        self._stopped = True
        self._wake.set()
        self._thread.join(timeout=2)


class ZmqLink:
    def __init__(self, role: str, folder: Path) -> None:
        self._is_engine = role == "engine"
        self._places = _Places(folder)
        self._context = _context()
        self._socket = self._open(zmq.PUB if self._is_engine else zmq.PUSH)
        self._bind_or_connect(self._socket, "up" if self._is_engine else "down")
        self._outbox = _Outbox(self._write)
        self._stopped = False
        self._reader: threading.Thread | None = None

    def send(self, kind: str, payload: dict[str, Any]) -> None:
        self._outbox.put(orjson.dumps([kind, payload], default=str))

    def listen(self, handler: Handler) -> None:
        self._reader = threading.Thread(target=self._read, args=(handler,), name="link-in", daemon=True)
        self._reader.start()

    def close(self) -> None:
        self._stopped = True
        self._outbox.close()
        if self._reader:
            self._reader.join(timeout=2)
        self._socket.close(linger=0)
        self._context.term()

    def _write(self, message: bytes) -> None:
        with contextlib.suppress(zmq.ZMQError):  # nobody is there to take it: a hint may be lost
            self._socket.send(message, zmq.NOBLOCK)

    def _read(self, handler: Handler) -> None:
        socket = self._open(zmq.PULL if self._is_engine else zmq.SUB)
        if not self._is_engine:
            socket.setsockopt(zmq.SUBSCRIBE, b"")
        self._bind_or_connect(socket, "down" if self._is_engine else "up")
        while not self._stopped:
            if socket.poll(250):
                _deliver(socket.recv(), handler)
        socket.close(linger=0)

    def _open(self, kind: int) -> "zmq.Socket[bytes]":
        socket: zmq.Socket[bytes] = self._context.socket(kind)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.SNDHWM, QUEUE_LIMIT)
        socket.setsockopt(zmq.RCVHWM, QUEUE_LIMIT)
        if kind == zmq.PUSH:
            socket.setsockopt(zmq.IMMEDIATE, 1)
        return socket

    def _bind_or_connect(self, socket: "zmq.Socket[bytes]", direction: str) -> None:
        if self._is_engine:
            self._places.bind(socket, direction)
        else:
            self._places.connect(socket, direction)


def _context() -> "zmq.Context[Any]":
    """Under gevent a plain ZeroMQ socket would freeze every greenlet while it waits."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey and monkey.is_module_patched("socket"):
        return green.Context()
    return zmq.Context()


class _Places:
    """Where the sockets are: a file of ours, or an encrypted loopback port noted in a file of ours."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        self._folder = folder
        self._has_files = zmq.has("ipc") and len(str(folder)) + 8 < SOCKET_PATH_LIMIT

    def bind(self, socket: "zmq.Socket[bytes]", direction: str) -> None:
        if self._has_files:
            socket.bind(f"ipc://{self._folder / direction}")
            os.chmod(self._folder / direction, 0o600)
            return
        public, secret = self._keys()
        socket.curve_server = True
        socket.curve_publickey, socket.curve_secretkey = public, secret
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        _write_private(self._folder / f"{direction}.port", str(port))

    def connect(self, socket: "zmq.Socket[bytes]", direction: str) -> None:
        if self._has_files:
            socket.connect(f"ipc://{self._folder / direction}")
            return
        port = self._folder / f"{direction}.port"
        if not port.exists():
            return  # no engine has ever run here; the next start of this process finds it
        socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
        socket.curve_serverkey = self._keys()[0]
        socket.connect(f"tcp://127.0.0.1:{port.read_text()}")

    def _keys(self) -> tuple[bytes, bytes]:
        path = self._folder / "curve.json"
        if not path.exists():
            public, secret = zmq.curve_keypair()
            _write_private(path, json.dumps([public.decode(), secret.decode()]))
        public, secret = json.loads(path.read_text())
        return public.encode(), secret.encode()


class RedisLink:
    def __init__(self, role: str, url: str, folder: Path) -> None:
        desk = str(folder)  # two desks may share one Redis
        up, down = f"mirrordesk:{desk}:up", f"mirrordesk:{desk}:down"
        self._out, self._in = (up, down) if role == "engine" else (down, up)
        self._redis = redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=2)
        self._outbox = _Outbox(self._write)
        self._stopped = threading.Event()
        self._reader: threading.Thread | None = None

    def send(self, kind: str, payload: dict[str, Any]) -> None:
        self._outbox.put(orjson.dumps([kind, payload], default=str))

    def listen(self, handler: Handler) -> None:
        self._reader = threading.Thread(target=self._read, args=(handler,), name="link-in", daemon=True)
        self._reader.start()

    def close(self) -> None:
        self._stopped.set()
        self._outbox.close()
        if self._reader:
            self._reader.join(timeout=6)
        self._redis.close()

    def _write(self, message: bytes) -> None:
        try:
            self._redis.publish(self._out, message)
        except redis.RedisError:
            log.warning("link_unreachable", through="redis")

    def _read(self, handler: Handler) -> None:
        while not self._stopped.is_set():
            try:
                self._follow(handler)
            except redis.RedisError:
                log.warning("link_unreachable", through="redis")
                self._stopped.wait(1.0)

    def _follow(self, handler: Handler) -> None:
        with self._redis.pubsub(ignore_subscribe_messages=True) as channel:  # type: ignore[no-untyped-call]  # redis-py
            channel.subscribe(self._in)
            while not self._stopped.is_set():
                message = channel.get_message(timeout=0.25)
                if message:
                    _deliver(message["data"], handler)


def _deliver(raw: bytes, handler: Handler) -> None:
    try:
        kind, payload = orjson.loads(raw)
    except (orjson.JSONDecodeError, ValueError):
        log.warning("link_garbage", size=len(raw))
        return
    try:
        handler(kind, payload)
    except Exception:  # one message that a handler cannot take must not end the listening
        log.exception("link_handler_failed", kind=kind)


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
