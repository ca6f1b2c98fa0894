"""One WebSocket to an OpenAlgo server that keeps itself up: connect, sign in, read, and again after a drop.

Invariants: one thread reads, the line's own or one that hears many; a frame that makes no sense is counted and
survived; an owner's callback that raises is logged and survived; silence of the socket itself (not even a ping) ends
it, silence of the data does not, since only the owner knows whether the market is open. A refused sign-in is tried
again slowly, for ever.
"""

import contextlib
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

import orjson
import structlog
import websocket

from app.core.clock import Clock
from app.core.hearing import Hearing
from app.core.http import AddressRefused
from app.core.ways import Way
from app.venues.openalgo.addresses import stream_url
from app.venues.openalgo.answers import clean
from app.venues.port import OnState, StreamState
from app.venues.types import Connection

log = structlog.get_logger()

CONNECT_SECONDS = 3.0
TICK_SECONDS = 2.0  # how long a read or a write may block
SIGN_IN_SECONDS = 10.0
PING_AFTER_SECONDS = 20.0
DEAD_AFTER_SECONDS = 50.0  # the server itself pings every 20 s
SETTLED_AFTER_SECONDS = 10.0  # a connection that lived this long was a good one
REFUSALS = ("AUTHENTICATION_ERROR", "BROKER_ERROR")
GULP = 65_536  # bytes
TEXT = (websocket.ABNF.OPCODE_TEXT, websocket.ABNF.OPCODE_BINARY)


class SignInRefused(Exception):
    """The server knows us not, or has no broker behind it: trying again fast helps nobody."""


class LineLost(Exception):
    """The connection is of no more use."""


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds between attempts: doubling from the first to the longest, less up to half by chance."""

    first: float = 0.5
    longest: float = 30.0
    refused: float = 30.0

    def after(self, failures: int) -> float:
        full = min(self.longest, self.first * 2.0 ** min(failures, 16))
        return full * random.uniform(0.5, 1.0)


@dataclass(slots=True)
class Counters:
    frames: int = 0
    garbage: int = 0
    reconnects: int = 0
    callback_errors: int = 0
    last_frame_at: datetime | None = None


class Talk(Protocol):
    """What an owner does on its line, called in the thread that reads."""

    def signed_in(self) -> None: ...

    def heard(self, frame: dict[str, Any]) -> None: ...

    def looked(self, now: float) -> None:
        """Every few seconds: whether something awaited has not come."""
        ...


class Line:
    def __init__(
        self,
        connection: Connection,
        name: str,
        on_state: OnState,
        clock: Clock,
        pauses: Pauses,
        hearing: Callable[[], Hearing] | None = None,
    ) -> None:
        """`hearing`: who reads, in place of a thread of the line's own. What its owner does then waits for nothing."""
        self.counters = Counters()
        self._hearing = hearing
        self._connection = connection
        self._name = name
        self._on_state = on_state
        self._clock = clock
        self._pauses = pauses
        self._socket: _Gulping | None = None
        self._raw: socket.socket | None = None  # known before the handshake, so that closing need not wait for it
        self._closing = threading.Event()
        self._state: StreamState | None = None
        self._failures = 0
        self._signed_in_at: float | None = None
        self._life_at = 0.0  # when anything at all came in
        self._born = self._look_at = 0.0  # of the connection, and when it is looked at next
        self._thread: threading.Thread | None = None

    def start(self, talk: Talk) -> None:
        self._talk = talk
        self._thread = threading.Thread(target=self._run, name=f"openalgo-{self._name}", daemon=True)
        self._thread.start()

    @property
    def is_signed_in(self) -> bool:
        return self._signed_in_at is not None

    def close(self) -> None:
        self._closing.set()
        self._hang_up()
        if self._thread and self._thread is not threading.current_thread():
            self._thread.join(2.0)

    def send(self, frame: dict[str, Any]) -> None:
        """From any thread; a frame that can't leave ends the connection, which is then made anew."""
        current = self._socket
        if current is None:
            return
        try:
            current.send(orjson.dumps(frame))
        except (OSError, websocket.WebSocketException):
            self._hang_up()

    def authenticate(self) -> None:
        self.send({"action": "authenticate", "api_key": self._connection.api_key})

    def tell(self, state: StreamState, message: str = "") -> None:
        if state is not self._state or message:
            self._state = state
            self.guarded(self._on_state, state, message)

    def guarded(self, callback: Callable[..., None], *arguments: Any) -> None:
        try:
            callback(*arguments)
        except Exception:  # the owner's fault must not silence the feed
            self.counters.callback_errors += 1
            log.exception("stream_callback_failed", account=self._connection.account_id, stream=self._name)

    def garbage(self, data: bytes | str) -> None:
        self.counters.garbage += 1
        if self.counters.garbage in (1, 10, 100, 1000):
            log.warning(
                "stream_garbage",
                account=self._connection.account_id,
                stream=self._name,
                count=self.counters.garbage,
                length=len(data),
            )

    # -- The line's own thread

    def _run(self) -> None:
        while not self._closing.is_set():
            self._closing.wait(self._live_once())

    def _live_once(self) -> float:
        """One connection from birth to death; how many seconds to wait until the next."""
        try:
            self._connect()
            self._read()
        except SignInRefused as refusal:
            self._tell_end(StreamState.REFUSED, refusal)
            return self._pauses.refused * random.uniform(0.75, 1.0)
        except Exception as problem:  # a line that can't be kept up is made anew, whatever it was
            self._tell_end(StreamState.DOWN, problem)
        finally:
            self._forget()
        pause = self._pauses.after(self._failures)
        self._failures += 1
        return pause

    def _tell_end(self, state: StreamState, problem: Exception) -> None:
        if self._closing.is_set():
            return
        if not isinstance(problem, SignInRefused | LineLost | OSError | websocket.WebSocketException):
            log.exception("stream_failed", account=self._connection.account_id, stream=self._name)
        message = clean(str(problem), self._connection.api_key) or type(problem).__name__
        self.tell(state, message)

    def _forget(self) -> None:
        lived = self._clock.monotonic() - self._signed_in_at if self._signed_in_at is not None else 0.0
        if lived >= SETTLED_AFTER_SECONDS:
            self._failures = 0
        self._signed_in_at = None
        self._hang_up()
        if self._raw is not None:
            self._raw.close()
        self._socket = self._raw = None

    def _hang_up(self) -> None:
        """Wakes the reader, whatever it is waiting for; the reader's thread closes."""
        raw = self._raw
        if raw is not None:
            with contextlib.suppress(OSError):
                raw.shutdown(socket.SHUT_RDWR)

    def _hold(self, raw: socket.socket) -> None:
        self._raw = raw
        if self._closing.is_set():
            raise LineLost("The stream is being closed.")

    def _connect(self) -> None:
        self.tell(StreamState.CONNECTING)
        self._socket = open_websocket(self._connection, self._hold)
        if self._life_at:
            self.counters.reconnects += 1
        self._life_at = self._clock.monotonic()
        self.authenticate()

    def _read(self) -> None:
        current, raw = self._socket, self._raw
        if current is None or raw is None:
            return
        self._born = self._look_at = self._clock.monotonic()
        if self._hearing is not None:
            _Heard(self, current, raw, self._hearing()).until_it_ends()
            return
        while not self._closing.is_set():
            self.take(current)

    def take(self, current: "_Gulping") -> None:
        """What comes next, as long as a read may block, and all that came with it."""
        is_more = True
        while is_more:
            if self._closing.is_set():
                raise LineLost("The stream is being closed.")
            data = self._next(current)
            now = self._clock.monotonic()
            if data is not None:
                self._hear(data)
            if now >= self._look_at:
                self._look_at = now + TICK_SECONDS
                self._look(current, now, self._born)
            is_more = current.has_more

    def _next(self, current: websocket.WebSocket) -> bytes | None:
        try:
            opcode, frame = current.recv_data_frame(control_frame=True)
        except (websocket.WebSocketTimeoutException, BlockingIOError, ssl.SSLWantReadError):
            return None
        self._life_at = self._clock.monotonic()
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            raise LineLost(f"The server closed the connection{_close_words(frame.data)}.")
        return frame.data if opcode in TEXT else None

    def _hear(self, data: bytes) -> None:
        self.counters.frames += 1
        self.counters.last_frame_at = self._clock.now()
        try:
            frame = orjson.loads(data)
        except orjson.JSONDecodeError:
            frame = None
        if not isinstance(frame, dict):
            self.garbage(data)
        elif frame.get("type") == "auth":
            self._admitted(frame)
        elif "type" not in frame and frame.get("status") == "error":
            self._complaint(frame)
        else:
            self._talk.heard(frame)

    def _complaint(self, frame: dict[str, Any]) -> None:
        """Errors have no type. Once signed in, one about signing in means: sign in anew and see."""
        words = f"{frame.get('message', '')} ({frame.get('code', '')})"
        about_us = frame.get("code") in (*REFUSALS, "NOT_AUTHENTICATED")
        if not self.is_signed_in:
            raise SignInRefused(words) if about_us else LineLost(words)
        if about_us:
            raise LineLost(words)
        self._talk.heard(frame)

    def _admitted(self, frame: dict[str, Any]) -> None:
        if frame.get("status") != "success":
            raise SignInRefused(str(frame.get("message", "The server refused the sign-in.")))
        self._signed_in_at = self._clock.monotonic()
        self._talk.signed_in()

    def _look(self, current: websocket.WebSocket, now: float, born: float) -> None:
        if not self.is_signed_in and now - born > SIGN_IN_SECONDS:
            raise LineLost("The server did not answer the sign-in.")
        silent = now - self._life_at
        if silent > DEAD_AFTER_SECONDS:
            raise LineLost("The connection is dead: not even a ping came back.")
        if silent > PING_AFTER_SECONDS:
            current.ping()
        self._talk.looked(now)


def _close_words(data: bytes) -> str:
    if len(data) < 2:
        return ""
    return f" ({int.from_bytes(data[:2])} {data[2:].decode('utf-8', 'replace')})".replace(" )", ")")


class _Gulping(websocket.WebSocket):
    """Takes in all that has come with one read of the socket. The library reads each frame in three, and each of them
    lets go of the interpreter, which is dear while a hundred accounts tell of their orders at once."""

    _taken, _given = b"", 0
    _is_dry = True

    @property
    def has_more(self) -> bool:
        """Whether there may be more than was read, without anything new on the wire: TLS keeps what it opened."""
        return self._given < len(self._taken) or not self._is_dry

    def _recv(self, bufsize: int) -> bytes:
        if self._given == len(self._taken):
            self._taken, self._given, self._is_dry = b"", 0, True
            self._taken = super()._recv(GULP)
            self._is_dry = type(self.sock) is socket.socket and len(self._taken) < GULP
        part = self._taken[self._given : self._given + bufsize]
        self._given += len(part)
        return part


class _Heard:
    """A line's connection among the many that one thread hears; the line's own thread sleeps until it ends."""

    def __init__(self, line: Line, current: _Gulping, raw: socket.socket, hearing: Hearing) -> None:
        self.deadline = time.monotonic() + TICK_SECONDS
        self._line = line
        self._current = current
        self._raw = raw
        self._hearing = hearing
        self._is_over = threading.Event()
        self._problem: Exception | None = None

    def until_it_ends(self) -> None:
        """Raises what ended it. What TLS has opened already is taken first: no socket tells of that."""
        self._current.settimeout(0)
        self._line.take(self._current)
        if not self._hearing.listen(self._raw, self):
            raise LineLost("The stream could not be listened to.")
        self._is_over.wait()
        if self._problem is not None:
            raise self._problem

    def hear(self) -> None:
        try:
            self._line.take(self._current)
        except Exception as problem:  # the line's own thread makes another connection, whatever it was
            self._hearing.leave(self._raw)
            self._problem = problem
            self._is_over.set()

    def give_up(self) -> None:
        """Nothing came for a while: that is when a line looks whether all is well."""
        self.deadline = time.monotonic() + TICK_SECONDS
        self.hear()


def open_websocket(connection: Connection, hold: Callable[[socket.socket], None] | None = None) -> _Gulping:
    """Connected to a checked address, without redirects and without anything from the environment.

    `hold` is given the socket as soon as there is one, to be able to end the handshake.
    """
    url = stream_url(connection.stream_url)
    opened = _Gulping(enable_multithread=True, skip_utf8_validation=True)
    raw = _way(url, connection).open()
    if hold:
        hold(raw)
    opened.connect(url, timeout=CONNECT_SECONDS, redirect_limit=0, suppress_origin=True, socket=raw)
    opened.settimeout(TICK_SECONDS)
    return opened


def _way(url: str, connection: Connection) -> Way:
    """The library's own would ask for the address a second time, speak plainly to an https:// proxy and leave from
    any address."""
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise AddressRefused("The stream's address must start with ws:// or wss://.")
    return Way(url, connection.allow_private, connection.proxy, connection.bind_address)
