"""The way to a host: its address checked and dialled from the account's own, through a proxy where there is one, and
TLS to each that speaks it. The address that was checked is the one that is dialled.
"""

import base64
import http.client
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

from app.core.errors import Invalid
from app.core.http import PORTS, open_socket, tls, without_credentials
from app.core.reply import CHUNK, Incoming

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

T = TypeVar("T")
CONNECT_SECONDS = 3.0


class Way:
    """From this machine to one host, straight or through the account's proxy; for HTTP and for WebSockets."""

    def __init__(self, url: str, allow_private: bool, proxy: str = "", bind_address: str = "") -> None:
        """`url` is of the scheme http, https, ws or wss. Raises Invalid for a proxy that is not HTTP."""
        self.to = urlsplit(url)
        self.proxy = _proxy(proxy)
        self.is_tunnelled = self.proxy is not None and self.to.scheme != "http"  # a proxy itself asks for plain HTTP
        self._allow_private = allow_private
        self._bind_address = bind_address

    def open(self) -> socket.socket:
        """A new connection, over TLS for https and wss. Through a proxy it is the proxy's address that is checked: the
        proxy resolves the rest. Raises OSError."""
        first = self.proxy or self.to
        port = first.port or PORTS[first.scheme]
        raw = open_socket(str(first.hostname), port, self._allow_private, CONNECT_SECONDS, self._bind_address)
        try:
            raw.settimeout(CONNECT_SECONDS)
            if self.proxy and self.proxy.scheme == "https":
                raw = _over_tls(raw, self.proxy)
            if self.proxy and self.is_tunnelled:
                _tunnel(raw, self.proxy, f"{_bracketed(self.to)}:{self.to.port or PORTS[self.to.scheme]}")
            return _over_tls(raw, self.to) if self.to.scheme in ("https", "wss") else raw
        except BaseException:
            raw.close()
            raise


class _TlsInTls(socket.socket):
    """A TLS connection inside another, as through an https:// proxy: `wrap_socket` would take the file descriptor from
    the outer one and talk past it. One thread may read while others write."""

    def __init__(self, outer: ssl.SSLSocket, host: str) -> None:
        super().__init__(outer.family, outer.type, outer.proto, os.dup(outer.fileno()))
        self._outer = outer
        self._lock = threading.Lock()
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = tls().wrap_bio(self._in, self._out, server_hostname=host)
        try:
            self._through(self._tls.do_handshake)
        except BaseException:
            self.close()
            raise

    def recv(self, most: int, _flags: int = 0, /) -> bytes:
        try:
            return self._through(lambda: self._tls.read(most))
        except ssl.SSLEOFError:
            return b""  # as other TLS sockets here take an end without a farewell

    def send(self, data: "ReadableBuffer", _flags: int = 0, /) -> int:
        """All of it, also without a timeout: what is encrypted can't be taken back, and would be sent twice."""
        with self._lock:
            sent = self._tls.write(data)
            self._flush()
        return sent

    def sendall(self, data: "ReadableBuffer", _flags: int = 0, /) -> None:
        self.send(data)

    def settimeout(self, seconds: float | None, /) -> None:
        self._outer.settimeout(seconds)

    def gettimeout(self) -> float | None:
        return self._outer.gettimeout()

    def close(self) -> None:
        self._outer.close()
        super().close()

    def _through(self, act: Callable[[], T]) -> T:
        """Act, and hear as much from the peer as that takes."""
        while True:
            with self._lock:
                try:
                    return act()
                except ssl.SSLWantReadError:
                    pass
                finally:
                    self._flush()
            heard = self._outer.recv(CHUNK)  # not under the lock: it may take long, and others want to write
            if not heard:
                raise ssl.SSLEOFError("the connection ended")
            with self._lock:
                self._in.write(heard)

    def _flush(self) -> None:
        waiting = self._out.read()
        if not waiting:
            return
        patience = self._outer.gettimeout()
        self._outer.settimeout(patience or CONNECT_SECONDS)
        try:
            self._outer.sendall(waiting)
        finally:
            self._outer.settimeout(patience)


def _proxy(address: str) -> SplitResult | None:
    if not address:
        return None
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Invalid.field("proxy", "The proxy must be an http:// or https:// address.")
    return parts


def authorization(proxy: SplitResult) -> bytes:
    if not proxy.username:
        return b""
    words = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return b"Proxy-Authorization: Basic " + base64.b64encode(words.encode()) + b"\r\n"


def _over_tls(raw: socket.socket, peer: SplitResult) -> socket.socket:
    host = str(peer.hostname)
    return _TlsInTls(raw, host) if isinstance(raw, ssl.SSLSocket) else tls().wrap_socket(raw, server_hostname=host)


def _tunnel(raw: socket.socket, proxy: SplitResult, to: str) -> None:
    """Raises OSError where the proxy does not open it."""
    asked = f"CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n".encode("ascii") + authorization(proxy) + b"\r\n"
    raw.sendall(asked)
    try:
        reply = Incoming(is_head_all=True).read(raw, time.monotonic() + CONNECT_SECONDS)
    except http.client.HTTPException as error:
        raise OSError(f"the proxy {without_credentials(proxy.geturl())} did not answer as a proxy: {error}") from error
    if reply.status != http.client.OK:
        raise OSError(f"the proxy {without_credentials(proxy.geturl())} answered {reply.status}")
    raw.settimeout(CONNECT_SECONDS)  # what the answer took is not taken from whoever comes next


def host_of(to: SplitResult) -> str:
    is_usual = to.port in (None, PORTS[to.scheme])
    return _bracketed(to) if is_usual else f"{_bracketed(to)}:{to.port}"


def _bracketed(to: SplitResult) -> str:
    host = str(to.hostname)
    return f"[{host}]" if ":" in host else host
