"""The way out of the desk to a host that a person typed in: it connects to addresses that were checked.

A host name proves nothing: it may point into this machine's own network or to a cloud's metadata service, and
it may point elsewhere the second time it is asked. So the name is resolved at the moment of each connect,
every address it has must be allowed, and the connection goes to the very address that was checked, while Host
and TLS keep the name. Redirects are never followed and nothing is read from the environment.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, cast
from urllib.parse import SplitResult, urlsplit

import httpcore
import httpx

from app.core.errors import Invalid

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], list[str]]  # host and port to every address it has, as text

SCHEMES = ("http", "https", "ws", "wss")
PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}

# Metadata and host services of the large clouds that do not live on link-local addresses.
METADATA = frozenset(
    ipaddress.ip_address(text) for text in ("fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192")
)
NEVER = tuple(
    ipaddress.ip_network(text) for text in ("0.0.0.0/8", "240.0.0.0/4", "fec0::/10", "100::/64", "2001:db8::/32")
)
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class AddressRefused(OSError):
    """A name resolved to an address that the desk does not connect to; nothing was sent."""


def resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def check_host(url: str, allow_private: bool, field: str = "host_url", resolver: Resolver = resolve) -> None:
    """Raise `Invalid` with a sentence for `field` unless the desk may connect to where `url` points."""
    try:
        parts = _split(url)
        checked_addresses(str(parts.hostname), _port(parts), allow_private, resolver)
    except (ValueError, AddressRefused) as problem:
        raise Invalid.field(field, str(problem)) from None
    except OSError:
        raise Invalid.field(field, "This host name could not be found.") from None


def checked_addresses(host: str, port: int, allow_private: bool, resolver: Resolver = resolve) -> list[str]:
    """Every address of the host; raises `AddressRefused` if a single one of them is not allowed."""
    addresses = resolver(host, port)
    if not addresses:
        raise OSError(f"{host} has no address")
    for text in addresses:
        problem = refusal(ipaddress.ip_address(text.partition("%")[0]), allow_private)
        if problem:
            raise AddressRefused(f"{host} points to {text}, {problem}.")
    return addresses


def refusal(address: Address, allow_private: bool) -> str:
    """Why the desk does not connect to this address; empty when it does."""
    address = _embedded(address)
    if address in METADATA or address.is_link_local:
        return "an address of the machine's own metadata and link services"
    if address.is_loopback:
        return "" if allow_private else "this machine itself, which the desk's settings do not allow"
    if address.is_multicast or address.is_unspecified or any(address in network for network in NEVER):
        return "an address that no server can have"
    if address.version == 4 and address.is_reserved:
        return "an address that no server can have"
    if not address.is_global and not allow_private:
        return "a private network, which the desk's settings do not allow"
    return ""


def _embedded(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one, where a gateway would unwrap it."""
    if not isinstance(address, ipaddress.IPv6Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or teredo or address


def _split(url: str) -> SplitResult:
    if not url.isascii() or any(character <= " " or character == "\\" for character in url):
        raise ValueError("Write the address without spaces or special characters.")
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        raise ValueError(f"The address must start with one of {', '.join(f'{name}://' for name in SCHEMES)}.")
    if "@" in parts.netloc:
        raise ValueError("Leave user name and password out of the address.")
    if parts.query or parts.fragment:
        raise ValueError("Leave out everything from the ? or # on.")
    if not parts.hostname:
        raise ValueError("The address names no host.")
    _port(parts)
    return parts


def _port(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError:
        raise ValueError("The port must be a number up to 65535.") from None
    return PORTS[parts.scheme] if port is None else port


# -- Connections


@cache
def tls() -> ssl.SSLContext:
    """One context for all: loading the root certificates costs 20 ms and a megabyte each time."""
    return httpx.create_ssl_context(trust_env=False)


def open_socket(host: str, port: int, allow_private: bool, timeout: float, bind_address: str = "") -> socket.socket:
    """A TCP connection to an address that was checked just now."""
    deadline = time.monotonic() + timeout
    problem: OSError | None = None
    for address in checked_addresses(host, port, allow_private):
        source = (bind_address, 0) if bind_address else None
        try:
            connected = socket.create_connection(
                (address, port), max(0.05, deadline - time.monotonic()), source_address=source
            )
        except OSError as error:
            problem = error
            continue
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connected
    raise problem or OSError(f"{host} has no address")


class GuardedBackend(httpcore.SyncBackend):
    """The network as the connection pool sees it: it connects to checked addresses only."""

    def __init__(self, allow_private: bool, resolver: Resolver = resolve) -> None:
        self._allow_private = allow_private
        self._resolver = resolver

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            addresses = checked_addresses(host, port, self._allow_private, self._resolver)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        problem: Exception | None = None
        for address in addresses:
            left = None if deadline is None else max(0.05, deadline - time.monotonic())
            try:
                return super().connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                problem = error
        raise problem or httpcore.ConnectError(f"{host} has no address")


def open_pool(
    allow_private: bool,
    *,
    proxy: str = "",
    bind_address: str = "",
    connections: int = 20,
    idle_seconds: float = 60.0,
    resolver: Resolver = resolve,
) -> httpcore.ConnectionPool:
    """HTTP/1.1 keep-alive connections to checked addresses, never retried.

    Through a proxy it is the proxy's address that is checked: the proxy resolves the rest.
    """
    shape = {
        "ssl_context": tls(),
        "max_connections": connections,
        "max_keepalive_connections": connections,
        "keepalive_expiry": idle_seconds,
        "local_address": bind_address or None,
        "network_backend": GuardedBackend(allow_private, resolver),
    }
    if not proxy:
        return httpcore.ConnectionPool(**shape)  # type: ignore[arg-type]  # one dict for two constructors
    parts = urlsplit(proxy)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Invalid.field("proxy", "The proxy must be an http:// or https:// address.")
    auth = (parts.username or "", parts.password or "") if parts.username else None
    return httpcore.HTTPProxy(without_credentials(proxy), proxy_auth=auth, **shape)  # type: ignore[arg-type]  # as above


def without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


class PooledTransport(httpx.BaseTransport):
    """An `httpx` client's transport over such a pool."""

    def __init__(self, pool: httpcore.ConnectionPool) -> None:
        self._pool = pool

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        inner = httpcore.Request(
            request.method,
            url,
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        try:
            response = self._pool.handle_request(inner)
        except Exception as error:
            raise as_httpx(error, request) from error
        stream = _Body(response, request)
        return httpx.Response(response.status, headers=response.headers, stream=stream, extensions=response.extensions)

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response, request: httpx.Request) -> None:
        self._response = response
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from cast("Iterable[bytes]", self._response.stream)
        except Exception as error:
            raise as_httpx(error, self._request) from error

    def close(self) -> None:
        self._response.close()


def as_httpx(error: Exception, request: httpx.Request) -> Exception:
    """The `httpx` error of the same name, so that callers know one family of errors."""
    kind = getattr(httpx, type(error).__name__, None)
    if isinstance(error, OSError) or kind is None or not issubclass(kind, httpx.RequestError):
        return error
    return cast("Exception", kind(str(error), request=request))


def open_client(allow_private: bool, timeout: float = 10.0, proxy: str = "") -> httpx.Client:
    """For messages out of the desk: checked addresses, no redirects, nothing from the environment."""
    transport = PooledTransport(open_pool(allow_private, proxy=proxy))
    return httpx.Client(transport=transport, timeout=timeout, trust_env=False, follow_redirects=False)
