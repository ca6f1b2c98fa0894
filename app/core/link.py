"""Hints between the web and the engine: events up, nudges down. Nothing that matters depends on them.

Lose every message and the desk is slower, not wrong: the row is the queue, and both sides look again by themselves.
The default is ZeroMQ over socket files in `instance/link/` (folder 0700, files 0600), or over loopback with CURVE
encryption where such files cannot be had; with REDIS_URL set, Redis publish/subscribe. Sending never blocks: when
nobody takes the messages, the oldest are dropped. Either side may start first, end, and come back: the other finds it.
"""

import fcntl
import hashlib
import json
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import orjson
import redis
import structlog
import zmq
from sqlalchemy import make_url
from zmq import green

from app.core.private_files import create_once

log = structlog.get_logger()

Handler = Callable[[str, dict[str, Any]], None]
SOCKET_PATH_LIMIT = 100  # the kernel's 108, less a margin
QUEUE_LIMIT = 20_000
AT_ONCE = 50  # messages
LOOK_EVERY = 0.25  # seconds between two looks for the other side
KEPT_FOR = 2.0  # seconds; a hint older than this helps nobody


class Link(Protocol):
    def send(self, kind: str, payload: dict[str, Any]) -> None:
        """From the engine: an event for every web process. From the web: a nudge for the engine."""
        ...

    def listen(self, handler: Handler) -> None:
        """Call the handler for each message of the other side, from one background thread."""
        ...

    def close(self) -> None: ...


def open_link(role: str, folder: Path, redis_url: str = "", database_url: str = "") -> Link:
    """`role` is "engine" or "web"; over Redis those with the same database find each other."""
    return RedisLink(role, redis_url, desk_name(database_url)) if redis_url else ZmqLink(role, folder)


def desk_name(database_url: str) -> str:
    """The same on every machine of a desk, and another one for every other desk on the same Redis."""
    url = make_url(database_url)
    return hashlib.sha256(f"{url.host}:{url.port}/{url.database}".encode()).hexdigest()[:16]


class SilentLink:
    """No other side: for commands that only touch the database."""

    def send(self, kind: str, payload: dict[str, Any]) -> None:
        pass

    def listen(self, handler: Handler) -> None:
        pass

    def close(self) -> None:
        pass


class _Outbox:
    """A bounded queue whose oldest entries give way, emptied by one thread that owns the socket.

    What nobody takes is tried again for a moment, since the other side may just be coming.
    """

    def __init__(self, send: Callable[[bytes], bool], look: Callable[[], object] = lambda: None) -> None:
        self._send = send
        self._look = look
        self._waiting: deque[tuple[float, bytes]] = deque(maxlen=QUEUE_LIMIT)
        self._wake = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="link-out", daemon=True)
        self._thread.start()

    def put(self, message: bytes) -> None:
        self._waiting.append((time.monotonic(), message))
        self._wake.set()

    def _run(self) -> None:
        while not self._stopped:
            self._look()
            self._wake.wait(LOOK_EVERY)
            self._wake.clear()
            self._empty()

    def _empty(self) -> None:
        while self._waiting:
            born, message = self._waiting[0]
            if time.monotonic() - born < KEPT_FOR and not self._send(message):
                return
            self._waiting.popleft()

    def close(self) -> bool:
        """Whether the thread has ended."""
        self._stopped = True
        self._wake.set()
        self._thread.join(timeout=2)
        return not self._thread.is_alive()


class ZmqLink:
    def __init__(self, role: str, folder: Path) -> None:
        self._is_engine = role == "engine"
        self._places = _Places(folder)
        self._context = _context()
        self._writing = self._end(zmq.PUB if self._is_engine else zmq.PUSH, "up" if self._is_engine else "down")
        self._outbox = _Outbox(self._write, self._writing.attach)
        self._stopped = False
        self._reader: threading.Thread | None = None

    def send(self, kind: str, payload: dict[str, Any]) -> None:
        self._outbox.put(orjson.dumps([kind, payload], default=str))

    def listen(self, handler: Handler) -> None:
        self._reader = threading.Thread(target=self._read, args=(handler,), name="link-in", daemon=True)
        self._reader.start()

    def close(self) -> None:
        self._stopped = True
        ended = self._outbox.close()
        if self._reader:
            self._reader.join(timeout=2)
            ended = ended and not self._reader.is_alive()
        if ended:  # a handler that hangs keeps its socket, and the context would wait for it for ever
            self._writing.socket.close(linger=0)
            self._context.term()
        self._places.close()

    def _write(self, message: bytes) -> bool:
        if not self._writing.attach():
            return False
        try:
            self._writing.socket.send(message, zmq.NOBLOCK)
        except zmq.ZMQError:  # nobody is there to take it
            return False
        return True

    def _read(self, handler: Handler) -> None:
        end = self._end(zmq.PULL if self._is_engine else zmq.SUB, "down" if self._is_engine else "up")
        while not self._stopped:
            end.attach()
            if end.socket.poll(int(LOOK_EVERY * 1000)):
                self._take(end.socket, handler)
        end.socket.close(linger=0)

    def _take(self, socket: "zmq.Socket[bytes]", handler: Handler) -> None:
        """What has come by now, up to a bound: to ask whether there is more costs as much as a message."""
        for _ in range(AT_ONCE):
            try:
                message = socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            _deliver(message, handler)

    def _end(self, kind: int, direction: str) -> "_End":
        socket: zmq.Socket[bytes] = self._context.socket(kind)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.SNDHWM, QUEUE_LIMIT)
        socket.setsockopt(zmq.RCVHWM, QUEUE_LIMIT)
        if kind == zmq.PUSH:
            socket.setsockopt(zmq.IMMEDIATE, 1)
        if kind == zmq.SUB:
            socket.setsockopt(zmq.SUBSCRIBE, b"")
        return (_Bound if self._is_engine else _Connected)(socket, self._places, direction)


def _context() -> "zmq.Context[Any]":
    """Under gevent a plain ZeroMQ socket would freeze every greenlet while it waits."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey and monkey.is_module_patched("socket"):
        return green.Context()
    return zmq.Context()


class _Places:
    """Where the sockets are: a file of ours, or an encrypted loopback port noted in a file of ours.

    One engine at a time holds them: a second one, waiting for the first to end, would take its files away.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        self.folder = folder
        self.has_files = zmq.has("ipc") and len(os.fsencode(folder)) + 8 < SOCKET_PATH_LIMIT
        self._lock = os.open(folder / "engine.lock", os.O_RDWR | os.O_CREAT, 0o600)

    def are_ours(self) -> bool:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def keys(self) -> tuple[bytes, bytes]:
        """The engine's CURVE keys, public and secret, made by whoever comes first."""
        path = self.folder / "curve.json"
        if not path.exists():
            public, secret = zmq.curve_keypair()
            create_once(path, json.dumps([public.decode(), secret.decode()]))
        public, secret = json.loads(path.read_text())
        return public.encode(), secret.encode()

    def close(self) -> None:
        os.close(self._lock)


class _End:
    """One socket and where it belongs."""

    def __init__(self, socket: "zmq.Socket[bytes]", places: _Places, direction: str) -> None:
        self.socket = socket
        self._places = places
        self._at = places.folder / direction
        self._port_file = places.folder / f"{direction}.port"
        self._address = ""

    def attach(self) -> bool:
        """Bind or connect if that is possible and still to be done; called again and again."""
        raise NotImplementedError


class _Bound(_End):
    def attach(self) -> bool:
        if not self._address and self._places.are_ours():
            self._address = self._bind_file() if self._places.has_files else self._bind_port()
        return bool(self._address)

    def _bind_file(self) -> str:
        self.socket.bind(f"ipc://{self._at}")
        os.chmod(self._at, 0o600)
        return f"ipc://{self._at}"

    def _bind_port(self) -> str:
        self.socket.curve_server = True
        self.socket.curve_publickey, self.socket.curve_secretkey = self._places.keys()
        port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        new = self._port_file.with_suffix(".new")
        new.unlink(missing_ok=True)
        create_once(new, str(port))
        new.replace(self._port_file)
        return f"tcp://127.0.0.1:{port}"


class _Connected(_End):
    def attach(self) -> bool:
        address = self._wanted()
        if address and address != self._address:
            if self._address:  # the engine came back on another port
                self.socket.disconnect(self._address)
            self._connect(address)
        return bool(self._address)

    def _wanted(self) -> str:
        if self._places.has_files:
            return f"ipc://{self._at}"
        try:
            return f"tcp://127.0.0.1:{self._port_file.read_text()}"
        except FileNotFoundError:  # no engine has ever run here
            return ""

    def _connect(self, address: str) -> None:
        if not self._places.has_files:
            self.socket.curve_publickey, self.socket.curve_secretkey = zmq.curve_keypair()
            self.socket.curve_serverkey = self._places.keys()[0]
        self.socket.connect(address)
        self._address = address


class RedisLink:
    def __init__(self, role: str, url: str, desk: str) -> None:
        up, down = f"mirrordesk:{desk}:up", f"mirrordesk:{desk}:down"
        self._out, self._in = (up, down) if role == "engine" else (down, up)
        self._redis = redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=2)
        self._reachable = True
        self._stopped = threading.Event()
        self._outbox = _Outbox(self._write)
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

    def _write(self, message: bytes) -> bool:
        try:
            self._redis.publish(self._out, message)
        except (redis.RedisError, AttributeError, ValueError):  # the client stumbles where its connection goes
            self._lost()
            return False
        self._found()
        return True

    def _read(self, handler: Handler) -> None:
        while not self._stopped.is_set():
            try:
                self._follow(handler)
            except redis.RedisError:
                self._lost()

    def _follow(self, handler: Handler) -> None:
        with self._redis.pubsub(ignore_subscribe_messages=True) as channel:  # type: ignore[no-untyped-call]  # redis-py
            channel.subscribe(self._in)
            self._found()
            while not self._stopped.is_set():
                message = channel.get_message(timeout=LOOK_EVERY)
                if message:
                    _deliver(message["data"], handler)

    def _found(self) -> None:
        if not self._reachable:
            log.info("link_reachable_again", through="redis")
        self._reachable = True

    def _lost(self) -> None:
        """Said once, not per message; then a pause, in which the oldest messages give way."""
        if self._reachable:
            log.warning("link_unreachable", through="redis")
        self._reachable = False
        self._stopped.wait(1.0)


def _deliver(raw: bytes, handler: Handler) -> None:
    try:
        message = orjson.loads(raw)
    except orjson.JSONDecodeError:
        message = None
    if not isinstance(message, list) or [type(part) for part in message] != [str, dict]:
        log.warning("link_garbage", size=len(raw))
        return
    kind, payload = message
    try:
        handler(kind, payload)
    except Exception:  # one message that a handler cannot take must not end the listening
        log.exception("link_handler_failed", kind=kind)
