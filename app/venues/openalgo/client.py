"""The SDK's `api` with one pooled keep-alive client per account and with errors as they came.

The SDK opens a connection per call (1.x) and turns every failure into one text (1.x and 2.x), which hides whether an
order reached the server. Here each call gives the raw status and body, or how far the request got without an answer.
A request is sent once; nothing retries. The SDK's own methods go the same way.

Importing this module imports pandas with the SDK: only what opens accounts imports it.
"""

import contextlib
import math
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import openalgo
import orjson

from app.core.calls import Caller, NotSent, Response
from app.core.http import PooledTransport, open_pool
from app.venues.openalgo.addresses import VERSION, host_url, stream_url
from app.venues.openalgo.answers import Lost, NoReply, Reply, Result, hidden
from app.venues.types import Connection

HEADERS = b"Content-Type: application/json\r\nAccept: application/json\r\nUser-Agent: mirrordesk\r\n"


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
        proxy, bind_address = connection.proxy, connection.bind_address
        self._caller = Caller(host, connection.allow_private, proxy, bind_address)
        self._release_own_client()
        pool = open_pool(connection.allow_private, proxy=proxy, bind_address=bind_address)
        self.client = httpx.Client(transport=PooledTransport(pool), trust_env=False)
        self._base = f"{urlsplit(host).path}/api/{VERSION}/"
        self._patience = connection.read_timeout

    def _release_own_client(self) -> None:
        """2.x opens a client of its own for each object."""
        own = getattr(self, "client", None)
        if own is not None:
            own.close()

    # -- Our calls

    def call(
        self, endpoint: str, body: dict[str, Any], timeout: float | None = None, not_after: float = math.inf
    ) -> Result:
        """POST `body` and the key to an endpoint, once, and not after that Unix time."""
        return self._send("POST", self._base + endpoint, self._content(body), timeout, not_after)

    def begin(
        self, endpoint: str, body: dict[str, Any], timeout: float, not_after: float, told: Callable[[Result], None]
    ) -> bool:
        """As `call`, where that can leave without waiting: `told` hears the result in another thread."""

        def heard(ended: Response | Exception) -> None:
            told(_reply(ended) if isinstance(ended, Response) else self._lost(ended))

        content = self._content(body)
        return self._caller.begin("POST", self._base + endpoint, HEADERS, content, timeout, not_after, heard)

    def _content(self, body: dict[str, Any]) -> bytes:
        return orjson.dumps({**body, "apikey": self.api_key})

    def fetch(self, endpoint: str, query: dict[str, str], timeout: float | None = None) -> Result:
        """GET an endpoint with the key in the query: the address must never be logged."""
        target = f"{self._base}{endpoint}?{urlencode({**query, 'apikey': self.api_key})}"
        return self._send("GET", target, b"", timeout)

    def ping(self) -> Result:
        """Whether the key is good and the broker is logged in; answers with the broker's name."""
        return self.call("ping", {})

    def warm(self, connections: int) -> None:
        """Open connections ahead of time; a server that can't be reached is noticed by whoever calls next."""
        with contextlib.suppress(NotSent):
            self._caller.warm(connections)

    def close(self) -> None:
        self._caller.close()
        self.client.close()

    def _send(
        self, method: str, target: str, content: bytes, timeout: float | None, not_after: float = math.inf
    ) -> Result:
        patience = self._patience if timeout is None else timeout
        try:
            return _reply(self._caller.call(method, target, HEADERS, content, patience, not_after))
        except Exception as error:
            return self._lost(error)

    def _lost(self, error: Exception) -> NoReply:
        """Unless it says that nothing has left, the request may have arrived, whatever went wrong."""
        if isinstance(error, NotSent):
            return NoReply(Lost.NOT_SENT, self._words(error, "The server can't be reached"))
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


def _reply(response: Response) -> Reply:
    try:
        return Reply(response.status, orjson.loads(response.body))
    except orjson.JSONDecodeError:
        return Reply(response.status, None, response.body[:2000].decode("utf-8", "replace"))


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
