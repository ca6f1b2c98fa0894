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
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from app.core.hearing import hearing
from app.core.reply import Incoming, TooSlow
from app.core.ways import Way, authorization, host_of

log = structlog.get_logger()
IDLE_SECONDS = 60.0
MOST_IDLE = 20
NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)  # it would have to wait


class NotSent(Exception):
    """No byte of the request has left."""


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes


Told = Callable[[Response | Exception], None]


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

    def begin(
        self, method: str, target: str, headers: bytes, content: bytes, patience: float, not_after: float, told: Told
    ) -> bool:
        """As `call`, without waiting for anything: `told` hears of the response or the error in another thread, once,
        and waits for nothing either. False where no open connection is at hand or it is too late: nothing was sent."""
        connection = self._usable()
        if connection is None:
            return False
        request = self._request(method, target, headers, content)
        awaited = _Awaited(connection, time.monotonic() + patience, self._put, told)
        try:
            rest = connection.begin(request, not_after, awaited)
        except NotSent:
            connection.close()
            return False
        except OSError as error:
            connection.close()
            threading.Thread(target=told, args=(error,), name="call-failed", daemon=True).start()
            return True
        if rest is not None:
            threading.Thread(target=awaited.by_thread, args=(rest,), name="call", daemon=True).start()
        return True

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
        """One that is heard by nobody else from now on. That it can be used is asked after that."""
        while (connection := self._newest()) is not None:
            connection.hear_no_more()
            if connection.is_usable():
                return connection
            connection.close()
        return self._open()

    def _usable(self) -> "_Connection | None":
        while (connection := self._newest()) is not None and not connection.is_usable():
            connection.close()
        return connection

    def _newest(self) -> "_Connection | None":
        """The connection used last, so that those not needed any more grow old."""
        with self._lock:
            return self._idle.pop() if self._idle else None

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
    """Once a call was begun on it, what comes is heard by the one thread that hears all, also between two calls: so its
    end is known before the next call, and nobody has to look for it then. The lock keeps that thread from reading while
    another one writes: TLS is not safe for both."""

    def __init__(self, raw: socket.socket) -> None:
        self.raw = raw
        self.is_kept = True
        self.used_at = time.monotonic()
        self._waits = True  # reads and writes do, for as long as was said last
        self._lock = threading.Lock()
        self._is_heard = False
        self._has_ended = False
        self._awaited: _Awaited | None = None

    def is_usable(self) -> bool:
        """Nothing may have come since the last answer: neither bytes nor the end."""
        if time.monotonic() - self.used_at > IDLE_SECONDS:
            return False
        with self._lock:
            self._has_ended = self._has_ended or not (self._is_heard or self._is_silent())
            return not self._has_ended

    def _is_silent(self) -> bool:
        """It is read, not polled: over TLS 1.3 there are session tickets to take in after the handshake. The next
        exchange sets the timeout anew."""
        self._do_not_wait()
        try:
            self.raw.recv(1)
        except NOT_NOW:
            return True
        except OSError:
            return False
        return False

    def begin(self, request: bytes, not_after: float, awaited: "_Awaited") -> bytes | None:
        """Send it and have the answer heard. What a thread has to send before it waits for the answer itself, where
        that can't be: its buffer is full, TLS has something to settle, or there is no room to hear it. Raises NotSent
        and OSError."""
        with self._lock:
            if self._has_ended:
                raise NotSent("the connection had ended")
            sent = self.start(request, not_after)
            self._is_heard = self._is_heard or hearing().listen(self.raw, self)
            if sent == len(request) and self._is_heard:
                self._awaited = awaited
                return None
            self._leave()
            return request[sent:]

    def hear_no_more(self) -> None:
        """From now on whoever calls waits for the answer itself."""
        with self._lock:
            self._leave()

    def _leave(self) -> None:
        if self._is_heard:
            self._is_heard = False
            hearing().leave(self.raw)

    @property
    def deadline(self) -> float:
        awaited = self._awaited
        return math.inf if awaited is None else awaited.deadline

    def hear(self) -> None:
        """In the one thread that hears all."""
        with self._lock:
            awaited = self._awaited
            if not self._is_heard:
                return
            if awaited is None:
                if not self._is_silent():
                    self._has_ended = True
                    self._leave()
                return
            found = awaited.read(self.raw)
            if found is None:
                return
            self._awaited = None
        awaited.end(found)

    def give_up(self) -> None:
        with self._lock:
            awaited, self._awaited = self._awaited, None
        if awaited is not None:
            awaited.end(TooSlow("the answer came too slowly"))

    def exchange(self, request: bytes, patience: float, not_after: float) -> Response:
        deadline = time.monotonic() + patience
        sent = self.start(request, not_after)
        return self.finish(request[sent:], Incoming(), deadline)

    def start(self, request: bytes, not_after: float) -> int:
        """How many bytes of it are on their way. This does not wait for anything, so that nothing stands between the
        look at the clock and it: a process may stand still at any moment, and what it had to send may be too late when
        it goes on. Raises NotSent."""
        self._do_not_wait()
        if time.time() >= not_after:
            raise NotSent("it was too late to send it")
        try:
            return self.raw.send(request)
        except NOT_NOW:
            return 0

    def finish(self, rest: bytes, incoming: Incoming, deadline: float) -> Response:
        """Send what is left of a request and wait for the answer to it."""
        self._waits = True
        if rest:
            self.raw.settimeout(max(0.001, deadline - time.monotonic()))
            self.raw.sendall(rest)
        return self.response(incoming.read(self.raw, deadline))

    def _do_not_wait(self) -> None:
        if self._waits:
            self.raw.settimeout(0)
            self._waits = False

    def response(self, incoming: Incoming) -> Response:
        self.is_kept = incoming.is_kept
        return Response(incoming.status, incoming.body)

    def close(self) -> None:
        with self._lock:
            self._leave()
            self.raw.close()


class _Awaited:
    """A call that was begun, until its answer is there."""

    def __init__(
        self, connection: _Connection, deadline: float, put: Callable[[_Connection, float], None], told: Told
    ) -> None:
        self.deadline = deadline
        self._connection = connection
        self._put = put
        self._told = told
        self._incoming = Incoming()

    def read(self, raw: socket.socket) -> Response | Exception | None:
        """What has come by now: the answer, why there is none, or None where it is not whole."""
        try:
            return self._connection.response(self._incoming) if self._incoming.take(raw) else None
        except Exception as error:
            return error

    def by_thread(self, rest: bytes) -> None:
        try:
            found: Response | Exception = self._connection.finish(rest, self._incoming, self.deadline)
        except Exception as error:
            found = error
        self.end(found)

    def end(self, found: Response | Exception) -> None:
        """Tell it, once, whatever goes wrong with the connection. Who fails at hearing it harms nobody else: the
        connection may have the next call by then."""
        for step in (self._let_go, self._told):
            try:
                step(found)
            except Exception:
                log.exception("answer_not_taken")

    def _let_go(self, found: Response | Exception) -> None:
        if isinstance(found, Response):
            self._put(self._connection, time.monotonic())
        else:
            self._connection.close()
