"""A server that says exactly what a test tells it to, and counts what it hears."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Speak = Callable[[socket.socket, bytes], bool]  # answers one request; False ends the connection


@dataclass
class Peer:
    port: int
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def scripted(speak: Speak) -> Iterator[Peer]:
    """Serve HTTP/1.1 on a free port, one thread per connection, until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    peer = Peer(listener.getsockname()[1])
    opened: list[socket.socket] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                connected, _ = listener.accept()
                peer.connections += 1
                opened.append(connected)
                threading.Thread(target=converse, args=(connected,), daemon=True).start()

    def converse(connected: socket.socket) -> None:
        with suppress(OSError), connected:
            while request := _request(connected):
                peer.requests.append(request)
                if not speak(connected, request):
                    return

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield peer
    finally:
        for each in (listener, *opened):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


def _request(connected: socket.socket) -> bytes:
    """One whole request: head, and as much body as it announces."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connected.recv(65536)
        if not chunk:
            return b""
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
    )
    while len(body) < length:
        body += connected.recv(65536)
    return head + b"\r\n\r\n" + body


def http(body: bytes, status: int = 200, extra: bytes = b"") -> bytes:
    head = b"HTTP/1.1 %d Said\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % (status, len(body))
    return head + extra + b"\r\n" + body


def always(answer: bytes) -> Speak:
    def speak(connected: socket.socket, _request: bytes) -> bool:
        connected.sendall(answer)
        return True

    return speak
