"""Calls of one account to one host: each is sent once over a kept connection and never again.

A parser written in C under a pool of our own, since a call takes a quarter of the processor time of the usual pools,
and twenty accounts answer at the same moment. Invariants: a call that raises `NotSent` has not left, whatever
else is raised may have arrived; a kept connection that the server closed meanwhile is noticed before it is used; an
answer that drips in ends at its deadline; addresses are checked at every connect, redirects are not followed.
"""

import math
import socket
import ssl
import threading
import time
from dataclasses import dataclass

from app.core.reply import Incoming
from app.core.ways import Way, authorization, host_of

IDLE_SECONDS = 60.0
MOST_IDLE = 20


class NotSent(Exception):
    """No byte of the request has left."""


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes


class Caller:
    """Safe for several threads; each call has a connection to itself."""

    def __init__(self, host_url: str, allow_private: bool, proxy: str = "", bind_address: str = "") -> None:
        """`host_url` is scheme, host and port. Raises Invalid for a proxy that is not HTTP."""
        self._way = Way(host_url, allow_private, proxy, bind_address)
        self._idle: list[_Connection] = []
        self._lock = threading.Lock()
        self._closed = False
        self._host = b"Host: %s\r\n" % host_of(self._way.to).encode("ascii")

    def call(
        self, method: str, target: str, headers: bytes, content: bytes, patience: float, not_after: float = math.inf
    ) -> Response:
        """One request and its answer within `patience` seconds; it does not leave after the Unix time `not_after`.
        `headers` are lines that end in CRLF, without Host and length; `target` starts with a slash. Raises NotSent,
        TooSlow, OSError or http.client.HTTPException."""
        connection = self._take()
        try:
            request = self._request(method, target, headers, content)
            response = connection.exchange(request, patience, not_after)
        except BaseException:
            connection.close()
            raise
        self._put(connection, time.monotonic())
        return response

    def warm(self, connections: int) -> None:
        """Have at least so many connections open that can be used. Raises NotSent."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            if connection.is_usable():
                self._put(connection, connection.used_at)
            else:
                connection.close()
        while not self._closed and len(self._idle) < min(connections, MOST_IDLE):
            self._put(self._open(), time.monotonic())

    def close(self) -> None:
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _request(self, method: str, target: str, headers: bytes, content: bytes) -> bytes:
        if self._way.proxy and not self._way.is_tunnelled:
            target = f"http://{self._way.to.netloc}{target}"
            headers += authorization(self._way.proxy)
        first = f"{method} {target} HTTP/1.1\r\n".encode("ascii")
        length = b"Content-Length: %d\r\n" % len(content) if content or method == "POST" else b""
        return first + self._host + headers + length + b"\r\n" + content

    def _take(self) -> "_Connection":
        """The connection used last, so that those not needed any more grow old."""
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return self._open()
            if connection.is_usable():
                return connection
            connection.close()

    def _put(self, connection: "_Connection", used_at: float) -> None:
        connection.used_at = used_at
        with self._lock:
            if connection.is_kept and not self._closed and len(self._idle) < MOST_IDLE:
                self._idle.append(connection)
                return
        connection.close()

    def _open(self) -> "_Connection":
        try:
            return _Connection(self._way.open())
        except OSError as error:
            raise NotSent(str(error) or type(error).__name__) from error


class _Connection:
    def __init__(self, raw: socket.socket) -> None:
        self._raw = raw
        self.is_kept = True
        self.used_at = time.monotonic()

    def is_usable(self) -> bool:
        """Nothing may have come since the last answer: neither bytes nor the end. It is read, not polled: over
        TLS 1.3 there are session tickets to take in after the handshake. The next exchange sets the timeout anew."""
        if time.monotonic() - self.used_at > IDLE_SECONDS:
            return False
        self._raw.settimeout(0)
        try:
            self._raw.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False

    def exchange(self, request: bytes, patience: float, not_after: float) -> Response:
        deadline = time.monotonic() + patience
        self._send(request, patience, not_after)
        reply = Incoming().read(self._raw, deadline)
        self.is_kept = reply.is_kept
        return Response(reply.status, reply.body)

    def _send(self, request: bytes, patience: float, not_after: float) -> None:
        """The first try does not wait for anything, so that nothing stands between the look at the clock and it: a
        process may stand still at any moment, and what it had to send may be too late when it goes on."""
        self._raw.settimeout(0)
        if time.time() >= not_after:
            raise NotSent("it was too late to send it")
        try:
            sent = self._raw.send(request)
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            sent = 0
        self._raw.settimeout(patience)
        if sent < len(request):
            self._raw.sendall(request[sent:])

    def close(self) -> None:
        self._raw.close()
