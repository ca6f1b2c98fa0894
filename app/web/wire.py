"""The connection under a stream: how to end one that nobody reads, and WebSocket frames over it.

The protocol itself is wsproto's, which does no I/O: writing waits here until all of a message is taken, one writer at
a time, and reading keeps nothing, so that a program that floods us or sleeps costs no memory.
"""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    TextMessage,
)
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from app.core.clock import SystemClock

LONGEST = 65_536  # bytes of a message to us
MOST_FRAMES = 1024  # of a message: an empty one adds no byte, and there could be any number of them
AT_ONCE = 16_384
PARTING = 1.0  # seconds
PROTOCOL_ERROR, NOT_TEXT, TOO_LONG = 1002, 1003, 1009
SOCKETS = ("gunicorn.socket", "werkzeug.socket")


class Broken(Exception):
    """The other side sent what we do not take."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code  # to close with
        self.reason = reason


def socket_of(environ: dict[str, Any]) -> socket.socket | None:
    """The connection that brought a request, where the server shows it."""
    return next((environ[name] for name in SOCKETS if name in environ), None)


def cutter(environ: dict[str, Any]) -> Callable[[], None]:
    """Ends the connection, also under a thread that waits for it to take more."""
    wire = socket_of(environ)

    def cut() -> None:
        if wire is not None:
            with contextlib.suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)

    return cut


class Wire:
    """One WebSocket on the server's side. One thread reads, another writes."""

    def __init__(self, environ: dict[str, Any]) -> None:
        """Raises Broken when what was asked is no WebSocket, OSError when its asker has gone."""
        found = socket_of(environ)
        if found is None:
            raise OSError("this server shows no connection")
        self._socket = found
        self._protocol = WSConnection(ConnectionType.SERVER)
        self._lock = threading.Lock()
        self._parts: list[str] = []
        self._length = self._frames = 0  # of these parts
        self._clock = SystemClock()
        self._ends_at: float | None = None
        self._unread = threading.Event()  # nobody reads: not yet, or no more
        self._unread.set()
        list(self._events(_request(environ)))
        self._write(AcceptConnection())

    def send(self, text: bytes) -> None:
        """Waits until the connection has taken it; raises OSError when it is gone."""
        self._write(TextMessage(text.decode()))

    def be_patient(self, seconds: float) -> None:
        """How long each reading and writing waits; then it raises TimeoutError."""
        self._ends_at = None
        self._socket.settimeout(seconds)

    def be_done_in(self, seconds: float) -> None:
        """All reading together has so long, whatever is heard meanwhile; then it raises TimeoutError."""
        self._ends_at = self._clock.monotonic() + seconds

    def ping(self) -> None:
        self._write(Ping())

    def close(self, code: int, reason: str) -> None:
        """Say goodbye; the other side answers or not."""
        with contextlib.suppress(OSError):
            self._write(CloseConnection(code, reason))
            self._socket.shutdown(socket.SHUT_WR)

    def read(self) -> Iterator[str | None]:
        """Messages, None for any other sign of life, until the other side ends it. Raises Broken or OSError."""
        self._unread.clear()
        try:
            while data := self._came():
                for event in self._events(data):
                    if isinstance(event, CloseConnection):
                        self.close(event.code, "")
                        return
                    yield self._heard(event)
        finally:
            self._unread.set()

    def part(self) -> None:
        """After the goodbye: the other side may answer it, for a moment. Ending at once could take the goodbye away."""
        if not self._unread.wait(PARTING):
            return
        self.be_done_in(PARTING)
        with contextlib.suppress(OSError):
            while self._came():
                pass

    def _came(self) -> bytes:
        """Nothing at the end. The time is looked at before each reading: what came already never makes it wait."""
        if self._ends_at is not None:
            left = self._ends_at - self._clock.monotonic()
            if left <= 0:
                raise TimeoutError
            self._socket.settimeout(left)
        return self._socket.recv(AT_ONCE)

    def _events(self, data: bytes) -> Iterator[Event]:
        try:
            self._protocol.receive_data(data)
            yield from self._protocol.events()
        except RemoteProtocolError as problem:
            raise Broken(PROTOCOL_ERROR, "That was no WebSocket frame.") from problem

    def _heard(self, event: Event) -> str | None:
        if isinstance(event, Ping):
            self._write(event.response())
        elif isinstance(event, BytesMessage):
            raise Broken(NOT_TEXT, "Messages are text: JSON objects.")
        elif isinstance(event, TextMessage):
            return self._message(event)
        return None

    def _message(self, event: TextMessage) -> str | None:
        self._parts.append(event.data)
        self._length += len(event.data)
        self._frames += event.frame_finished
        if self._length > LONGEST or self._frames > MOST_FRAMES:
            raise Broken(TOO_LONG, f"A message is {LONGEST // 1024} KB in {MOST_FRAMES} frames at most.")
        if not event.message_finished:
            return None
        whole, self._parts = "".join(self._parts), []
        self._length = self._frames = 0
        return whole

    def _write(self, event: Event) -> None:
        with self._lock:
            try:
                self._socket.sendall(self._protocol.send(event))
            except LocalProtocolError as problem:
                raise OSError("the WebSocket is closed") from problem


def _request(environ: dict[str, Any]) -> bytes:
    """As it came, less the wish to compress: that costs 300 KB and much of a processor per connection."""
    lines = [b"GET / HTTP/1.1"]
    for name, value in environ.items():
        if name.startswith("HTTP_") and name != "HTTP_SEC_WEBSOCKET_EXTENSIONS":
            lines.append(f"{name[5:].replace('_', '-')}: {value}".encode("latin-1"))
    return b"\r\n".join([*lines, b"", b""])
