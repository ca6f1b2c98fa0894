"""Calls of one account to one host: each is sent once over a kept connection and never again.

A parser written in C under a pool of our own, since a call takes a quarter of the processor time of the usual pools,
and twenty accounts answer at the same moment. Invariants: a call that raises `NotSent` has not left, whatever
else is raised may have arrived; a kept connection that the server closed meanwhile is noticed before it is used; an
answer that drips in ends at its deadline; addresses are checked at every connect, redirects are not followed.
"""

import base64
import http.client
import math
import select
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

from app.core.errors import Invalid
from app.core.http import PORTS, open_socket, tls, without_credentials
from app.core.reply import Incoming

IDLE_SECONDS = 60.0
MOST_IDLE = 20
CONNECT_SECONDS = 3.0


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
        self._to = urlsplit(host_url)
        self._is_secure = self._to.scheme == "https"
        self._allow_private = allow_private
        self._bind_address = bind_address
        self._proxy = _proxy(proxy)
        self._idle: list[_Connection] = []
        self._lock = threading.Lock()
        self._closed = False
        self._host = b"Host: %s\r\n" % _host_of(self._to).encode("ascii")

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
        if self._proxy and not self._is_secure:
            target = f"http://{self._to.netloc}{target}"
            headers += _authorization(self._proxy)
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
            return _Connection(self._connect())
        except (OSError, http.client.HTTPException) as error:
            raise NotSent(str(error) or type(error).__name__) from error

    def _connect(self) -> socket.socket:
        """Through a proxy it is the proxy's address that is checked: the proxy resolves the rest."""
        way = self._proxy or self._to
        port = way.port or PORTS[way.scheme]
        raw = open_socket(str(way.hostname), port, self._allow_private, CONNECT_SECONDS, self._bind_address)
        try:
            raw.settimeout(CONNECT_SECONDS)
            if self._proxy and self._proxy.scheme == "https":
                raw = tls().wrap_socket(raw, server_hostname=self._proxy.hostname)
            if self._proxy and self._is_secure:
                _tunnel(raw, self._proxy, f"{_bracketed(self._to)}:{self._to.port or PORTS['https']}")
            return tls().wrap_socket(raw, server_hostname=self._to.hostname) if self._is_secure else raw
        except BaseException:
            raw.close()
            raise


class _Connection:
    def __init__(self, raw: socket.socket) -> None:
        self._raw = raw
        self.is_kept = True
        self.used_at = time.monotonic()

    def is_usable(self) -> bool:
        """Nothing may have come since the last answer: neither bytes nor the end."""
        if time.monotonic() - self.used_at > IDLE_SECONDS:
            return False
        poll = select.poll()
        poll.register(self._raw, select.POLLIN)
        return not poll.poll(0)

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


def _proxy(address: str) -> SplitResult | None:
    if not address:
        return None
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Invalid.field("proxy", "The proxy must be an http:// or https:// address.")
    return parts


def _authorization(proxy: SplitResult) -> bytes:
    if not proxy.username:
        return b""
    words = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return b"Proxy-Authorization: Basic " + base64.b64encode(words.encode()) + b"\r\n"


def _tunnel(raw: socket.socket, proxy: SplitResult, to: str) -> None:
    asked = f"CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n".encode("ascii") + _authorization(proxy) + b"\r\n"
    raw.sendall(asked)
    reply = Incoming(is_head_all=True).read(raw, time.monotonic() + CONNECT_SECONDS)
    if reply.status != http.client.OK:
        raise OSError(f"the proxy {without_credentials(proxy.geturl())} answered {reply.status}")


def _host_of(to: SplitResult) -> str:
    is_usual = to.port in (None, PORTS[to.scheme])
    return _bracketed(to) if is_usual else f"{_bracketed(to)}:{to.port}"


def _bracketed(to: SplitResult) -> str:
    host = str(to.hostname)
    return f"[{host}]" if ":" in host else host
