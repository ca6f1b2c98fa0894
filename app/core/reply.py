"""One HTTP/1.1 reply from a socket: whole by its deadline, or an error.

The parser is httptools', since the standard library's takes a third of the processor time of a call, most of it for
headers that nobody reads.
"""

import http.client
import socket
import ssl
import time

import httptools

LONGEST_BODY = 128 * 1024 * 1024
LONGEST_HEAD = 128 * 1024
CHUNK = 64 * 1024


class TooSlow(TimeoutError):
    """The answer was not there in time."""


class Incoming:
    """Of one request: `status`, `body`, and whether the connection is `kept` for the next one."""

    def __init__(self, is_head_all: bool = False) -> None:
        """`is_head_all`: what follows the head belongs to somebody else, as after CONNECT."""
        self.status = 0
        self.is_kept = False
        self._is_head_all = is_head_all
        self._parser = httptools.HttpResponseParser(self)
        self._parts: list[bytes] = []
        self._size = 0
        self._head = 0
        self._has_begun = False
        self._has_length = False
        self._is_whole = False

    @property
    def body(self) -> bytes:
        return b"".join(self._parts)

    def read(self, raw: socket.socket, deadline: float) -> "Incoming":
        """Until all is there; `deadline` is of the monotonic clock, since the limit of each read alone would let a
        server that drips hold us for ever. Raises TooSlow, OSError or http.client.HTTPException."""
        while not self._is_whole:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TooSlow("the answer came too slowly")
            raw.settimeout(left)
            try:
                data = raw.recv(CHUNK)
            except TimeoutError as error:
                raise TooSlow("the answer came too slowly") from error
            self._take(data)
        return self

    def take(self, raw: socket.socket) -> bool:
        """What has come by now, of a socket that does not wait; whether all is there. Raises as `read` does."""
        while not self._is_whole:
            try:
                data = raw.recv(CHUNK)
            except (BlockingIOError, ssl.SSLWantReadError):
                return False
            self._take(data)
        return True

    def _take(self, data: bytes) -> None:
        if data:
            self._feed(data)
        else:
            self._end()

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            if not self._is_whole:
                raise http.client.HTTPException(f"the answer is not HTTP: {error}") from error
            self.is_kept = False  # what follows the answer belongs to nothing that was asked
        if not self._has_begun:
            self._head += len(data)
        if self._size > LONGEST_BODY or self._head > LONGEST_HEAD:
            raise http.client.HTTPException("the answer is too long")

    def _end(self) -> None:
        """The connection has ended: that is an answer's end where it names no length."""
        if not self._has_begun:
            raise http.client.RemoteDisconnected("the connection ended before the answer")
        if self._has_length:
            raise http.client.IncompleteRead(b"")
        self._is_whole = True

    # -- what the parser tells

    def on_message_begin(self) -> None:
        if self._is_whole:
            self.is_kept = False

    def on_header(self, name: bytes, _value: bytes) -> None:
        if name.lower() in (b"content-length", b"transfer-encoding"):
            self._has_length = True

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if self._is_whole or status < http.client.OK:  # 1xx only announces
            return
        self.status = status
        self.is_kept = self._parser.should_keep_alive()
        self._has_begun = True
        self._is_whole = self._is_head_all

    def on_body(self, data: bytes) -> None:
        if not self._is_whole:
            self._size += len(data)
            self._parts.append(data)

    def on_message_complete(self) -> None:
        self._is_whole = self._is_whole or self._has_begun
