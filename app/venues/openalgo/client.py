"""The SDK's `api` with one pooled keep-alive client per account and with errors as they came.

The SDK opens a connection per call (1.x) and turns every failure into one text (1.x and 2.x), which hides whether an
order reached the server. Here each call gives the raw status and body, or how far the request got without an answer.
A request is sent once; nothing retries. The SDK's own methods go the same way.

Importing this module imports pandas with the SDK: only what opens accounts imports it.
"""

import time
from typing import Any
from urllib.parse import urlencode

import httpcore
import httpx
import openalgo
import orjson

from app.core.http import PooledTransport, open_pool
from app.venues.openalgo.addresses import VERSION, host_url, stream_url
from app.venues.openalgo.answers import Lost, NoReply, Reply, Result, hidden
from app.venues.types import Connection

CONNECT_SECONDS = 3.0
LONGEST_BODY = 128 * 1024 * 1024
# Raised before a byte of the request has left.
BEFORE_SENDING = (
    httpcore.ConnectError,
    httpcore.ConnectTimeout,
    httpcore.PoolTimeout,
    httpcore.UnsupportedProtocol,
)


class DeskApi(openalgo.api):
    def __init__(self, connection: Connection) -> None:
        host = host_url(connection.host_url)
        super().__init__(
            connection.api_key,
            host=host,
            version=VERSION,
            timeout=connection.read_timeout,
            ws_url=stream_url(connection.stream_url),
        )
        self._pool = open_pool(connection.allow_private, proxy=connection.proxy, bind_address=connection.bind_address)
        self._release_own_client()
        self.client = httpx.Client(transport=PooledTransport(self._pool), trust_env=False)
        self._base = httpcore.URL(f"{host}/api/{VERSION}/")
        self._urls: dict[str, httpcore.URL] = {}
        self._fixed_headers = _headers(self._base)
        self._read_limits = _limits(connection.read_timeout)

    def _release_own_client(self) -> None:
        """2.x opens a client of its own for each object."""
        own = getattr(self, "client", None)
        if own is not None:
            own.close()

    # -- Our calls

    def call(self, endpoint: str, body: dict[str, Any], timeout: float | None = None) -> Result:
        """POST `body` and the key to an endpoint, once."""
        content = orjson.dumps({**body, "apikey": self.api_key})
        headers = [*self._fixed_headers, (b"Content-Length", b"%d" % len(content))]
        return self._send("POST", self._url(endpoint), headers, content, timeout)

    def fetch(self, endpoint: str, query: dict[str, str], timeout: float | None = None) -> Result:
        """GET an endpoint with the key in the query: the address must never be logged."""
        target = self._base.target + f"{endpoint}?{urlencode({**query, 'apikey': self.api_key})}".encode()
        return self._send("GET", _with_target(self._base, target), self._fixed_headers, b"", timeout)

    def ping(self) -> Result:
        """Whether the key is good and the broker is logged in; answers with the broker's name."""
        return self.call("ping", {})

    def close(self) -> None:
        self.client.close()

    def _url(self, endpoint: str) -> httpcore.URL:
        url = self._urls.get(endpoint)
        if url is None:
            url = _with_target(self._base, self._base.target + endpoint.encode())
            self._urls[endpoint] = url
        return url

    def _send(
        self,
        method: str,
        url: httpcore.URL,
        headers: list[tuple[bytes, bytes]],
        content: bytes,
        timeout: float | None,
    ) -> Result:
        limits = self._read_limits if timeout is None else _limits(timeout)
        request = httpcore.Request(method, url, headers=headers, content=content, extensions={"timeout": limits})
        try:
            return _reply(self._pool.handle_request(request), limits["read"])
        except BEFORE_SENDING as error:
            return NoReply(Lost.NOT_SENT, self._words(error, "The server can't be reached"))
        except Exception as error:  # whatever else went wrong, the request may have arrived
            return NoReply(Lost.ON_THE_WAY, self._words(error, "The answer was lost"))

    def _words(self, error: Exception, sentence: str) -> str:
        detail = hidden(str(error), self.api_key).strip()
        return f"{sentence}: {detail}." if detail else f"{sentence} ({type(error).__name__})."

    # -- The SDK's own calls

    def _make_request(self, endpoint: str, payload: dict[str, Any]) -> dict[str, Any]:
        return _as_the_sdk_says(self.call(endpoint, payload))

    def _post(self, endpoint: str, payload: dict[str, Any]) -> dict[str, Any]:
        return _as_the_sdk_says(self.call(endpoint, payload))

    def instruments(self, exchange: str | None = None) -> dict[str, Any]:
        """The rows as a dictionary, where the SDK makes a data frame over a connection of its own."""
        return _as_the_sdk_says(self.fetch("instruments", {"exchange": exchange} if exchange else {}))


def _headers(base: httpcore.URL) -> list[tuple[bytes, bytes]]:
    usual = {b"http": 80, b"https": 443}[base.scheme]
    host = base.host if base.port in (None, usual) else base.host + b":%d" % (base.port or usual)
    return [
        (b"Host", host),
        (b"Content-Type", b"application/json"),
        (b"Accept", b"application/json"),
        (b"User-Agent", b"mirrordesk"),
    ]


def _with_target(base: httpcore.URL, target: bytes) -> httpcore.URL:
    return httpcore.URL(scheme=base.scheme, host=base.host, port=base.port, target=target)


def _limits(timeout: float) -> dict[str, float]:
    return {"connect": CONNECT_SECONDS, "read": timeout, "write": timeout, "pool": CONNECT_SECONDS}


def _reply(response: httpcore.Response, patience: float) -> Reply:
    try:
        content = _body(response, patience)
    finally:
        response.close()
    try:
        return Reply(response.status, orjson.loads(content))
    except orjson.JSONDecodeError:
        return Reply(response.status, None, content[:2000].decode("utf-8", "replace"))


def _body(response: httpcore.Response, patience: float) -> bytes:
    """The whole body, or a timeout: the limit on each read alone would let a dripping server hold us for ever."""
    deadline = time.monotonic() + patience
    chunks: list[bytes] = []
    size = 0
    for chunk in response.iter_stream():
        chunks.append(chunk)
        size += len(chunk)
        if size > LONGEST_BODY:
            raise httpcore.ReadError("the answer is too long")
        if time.monotonic() > deadline:
            raise httpcore.ReadTimeout("the answer came too slowly")
    return b"".join(chunks)


def _as_the_sdk_says(result: Result) -> dict[str, Any]:
    """A dictionary with `status`, and `code` or `error_type` where something went wrong."""
    if isinstance(result, NoReply):
        kind = "connection_error" if result.lost is Lost.NOT_SENT else "timeout_error"
        return {"status": "error", "message": result.problem, "error_type": kind}
    if not isinstance(result.body, dict):
        return {"status": "error", "message": result.text, "code": result.status, "error_type": "json_error"}
    if result.status == 200:
        return result.body
    return {"status": "error", **result.body, "code": result.status}
