"""Many browsers in one thread: streams opened, events read, the age of each new price noted as its bytes arrive."""

import os
import selectors
import socket
import time
from dataclasses import dataclass, field
from typing import ClassVar

import orjson

MARKET = "/ws/v1/market"
OPENING = 20  # at once: a desk's people do not press reload in the same millisecond


@dataclass(slots=True)
class Browser:
    path: str
    token: str
    symbols: list[str]
    wire: socket.socket | None = None
    rest: bytes = b""
    newest: dict[str, int] = field(default_factory=dict)  # the age each price had when it was last seen
    events: int = 0
    beats: int = 0
    ended: bool = False
    last: bytes = b""  # of what was said
    upgraded: bool = False  # to a WebSocket


class Readers:
    headers: ClassVar[dict[str, str]] = {"Accept": "text/event-stream"}

    def __init__(self, port: int) -> None:
        self._port = port
        self._selector = selectors.DefaultSelector()
        self.browsers: list[Browser] = []
        self.delays: list[float] = []  # milliseconds from the price's arrival at the desk to its bytes here
        self.ticks = 0
        self.bytes = 0

    def open(self, browsers: list[Browser]) -> None:
        """A few at a time; those open are read meanwhile."""
        for start in range(0, len(browsers), OPENING):
            for one in browsers[start : start + OPENING]:
                self._connect(one)
            waiting = browsers[start : start + OPENING]
            deadline = time.monotonic() + 60
            while any(not one.events and not one.ended for one in waiting):
                if time.monotonic() > deadline:
                    raise TimeoutError("browsers got no first event within a minute")
                self._turn(0.05)
        ended = [one for one in browsers if one.ended]
        if ended:
            raise RuntimeError(
                f"{len(ended)} streams ended, the first after {ended[0].events} events: {ended[0].last!r}"
            )

    def start(self, browsers: list[Browser]) -> None:
        """Ask, and read nothing."""
        for one in browsers:
            self._connect(one)

    def read(self, seconds: float) -> None:
        """Read for so long, with nothing noted from before."""
        self.delays, self.ticks, self.bytes = [], 0, 0
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._turn(0.05)

    def close(self) -> None:
        for one in self.browsers:
            if one.wire is not None:
                one.wire.close()
        self._selector.close()

    def _connect(self, one: Browser) -> None:
        one.wire = socket.create_connection(("127.0.0.1", self._port), timeout=60)
        wanted = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        one.wire.sendall(
            f"GET {one.path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n{wanted}"
            f"Authorization: Bearer {one.token}\r\n\r\n".encode()
        )
        one.wire.setblocking(False)
        self._selector.register(one.wire, selectors.EVENT_READ, one)
        self.browsers.append(one)

    def _turn(self, wait: float) -> None:
        for key, _ in self._selector.select(wait):
            self._take(key.data)

    def _take(self, one: Browser) -> None:
        assert one.wire is not None
        try:
            got = one.wire.recv(262_144)
        except BlockingIOError:
            return
        at = time.time() * 1000
        if not got:
            one.ended = True
            self._selector.unregister(one.wire)
            return
        self.bytes += len(got)
        one.last = got[:300]
        for event in self._whole(one, one.rest + got):
            self._hear(one, event, at)

    def _whole(self, one: Browser, data: bytes) -> list[bytes]:
        """The events that came whole; the rest is kept."""
        *whole, one.rest = data.split(b"\n\n")
        return whole

    def _hear(self, one: Browser, event: bytes, at: float) -> None:
        _, found, rest = event.partition(b"event: ")
        if not found:
            return
        name, _, line = rest.partition(b"\n")
        one.events += 1
        if name == b"beat":
            one.beats += 1
        if name != b"tick":
            return
        self.ticks += 1
        figures = orjson.loads(line[line.index(b"{") : line.rindex(b"}") + 1])
        for key, figure in figures.items():
            if key.startswith("ltp:"):
                self._note(one, key, figure["at"], at)

    def _note(self, one: Browser, key: str, born: int, at: float) -> None:
        before = one.newest.get(key)
        one.newest[key] = born
        if before is not None and born > before:  # what was told before is only repeated
            self.delays.append(at - born)


class Programs(Readers):
    """The same over WebSockets: each subscribes to its symbols as soon as it is let in."""

    headers: ClassVar[dict[str, str]] = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "bWlycm9yZGVzay1iZW5jaA==",
    }

    def _whole(self, one: Browser, data: bytes) -> list[bytes]:
        if not one.upgraded:
            answer, found, data = data.partition(b"\r\n\r\n")
            if not found:
                one.rest = answer
                return []
            one.upgraded = True
            assert one.wire is not None
            one.wire.sendall(_masked(orjson.dumps({"type": "subscribe", "symbols": one.symbols})))
        messages = []
        while (end := _end_of_frame(data)) is not None:
            start, stop = end
            messages.append(data[start:stop])
            data = data[stop:]
        one.rest = data
        return messages

    def _hear(self, one: Browser, event: bytes, at: float) -> None:
        if not event.startswith(b"{"):
            return  # a ping
        one.events += 1
        message = orjson.loads(event)
        if message["type"] != "tick":
            return
        self.ticks += 1
        for symbol, price in message["prices"].items():
            if "at" in price:
                self._note(one, symbol, price["at"], at)


def _masked(text: bytes) -> bytes:
    """A text frame of a client, which is up to 64 KB."""
    mask = os.urandom(4)
    length = bytes([0x80 | len(text)]) if len(text) < 126 else b"\xfe" + len(text).to_bytes(2, "big")
    return b"\x81" + length + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(text))


def _end_of_frame(data: bytes) -> tuple[int, int] | None:
    """Where the first frame's payload begins and ends; None while it has not come whole."""
    if len(data) < 2:
        return None
    more = {126: 2, 127: 8}.get(data[1], 0)
    start = 2 + more
    if len(data) < start:
        return None
    stop = start + (int.from_bytes(data[2:start], "big") if more else data[1])
    return (start, stop) if len(data) >= stop else None
