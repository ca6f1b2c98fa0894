"""A server that says exactly what a test tells it to, and counts what it hears."""

import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.waiting import until

Speak = Callable[[socket.socket, bytes], bool]  # answers one request; False ends the connection


@dataclass
class Peer:
    port: int
    scheme: str = "http"
    connections: int = 0
    handshakes: int = 0  # of TLS, done
    requests: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"


@contextmanager
def scripted(
    speak: Speak, secure: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0
) -> Iterator[Peer]:
    """Serve HTTP/1.1 on a free port, over TLS if `secure`, one thread per connection, until the block ends."""
    listener = socket.create_server((host, port))
    peer = Peer(listener.getsockname()[1], "https" if secure else "http")
    opened = [listener]
    threads: list[threading.Thread] = []

    def accept() -> None:
        with listener, suppress(OSError):
            while True:
                connected, _ = listener.accept()
                peer.connections += 1
                start(converse, connected)

    def converse(connected: socket.socket) -> None:
        opened.append(connected)
        with suppress(OSError), connected:
            if secure:
                with secure.wrap_socket(connected, server_side=True, do_handshake_on_connect=False) as within:
                    opened.append(within)
                    within.do_handshake()
                    peer.handshakes += 1
                    talk(within)
            else:
                talk(connected)

    def talk(connected: socket.socket) -> None:
        while request := _request(connected):
            peer.requests.append(request)
            if not speak(connected, request):
                return

    def start(run: Callable[..., None], *given: socket.socket) -> None:
        threads.append(threading.Thread(target=run, args=given, daemon=True))
        threads[-1].start()

    start(accept)
    try:
        yield peer
    finally:
        _end(threads, opened)


def _end(threads: list[threading.Thread], opened: list[socket.socket]) -> None:
    """Wake each thread from its socket; it closes what it has: closed under it, the number could be another's soon."""

    def have_ended() -> bool:
        if not any(each.is_alive() for each in threads):
            return True
        for each in tuple(opened):
            with suppress(OSError):
                socket.socket.shutdown(each, socket.SHUT_RDWR)  # not that of TLS, which breaks a read under way
        return False

    until(have_ended, every=0.01)


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
        chunk = connected.recv(65536)
        if not chunk:
            return b""
        body += chunk
    return head + b"\r\n\r\n" + body


def http(body: bytes, status: int = 200, extra: bytes = b"") -> bytes:
    head = b"HTTP/1.1 %d Said\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % (status, len(body))
    return head + extra + b"\r\n" + body


def always(answer: bytes) -> Speak:
    def speak(connected: socket.socket, _request: bytes) -> bool:
        connected.sendall(answer)
        return True

    return speak


def _passed_on(one: socket.socket, other: socket.socket) -> None:
    """All that either says, until one of them ends. A read takes a whole TLS record, so that none waits unseen."""
    to = {one: other, other: one}
    while True:
        for ready in select.select([one, other], [], [])[0]:
            data = ready.recv(65536)
            if not data:
                return
            to[ready].sendall(data)


def tunnels(connected: socket.socket, request: bytes) -> bool:
    """A proxy that opens what CONNECT asks for."""
    host, _, port = request.split()[1].rpartition(b":")
    with socket.create_connection((host.decode(), int(port))) as target:
        connected.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        _passed_on(connected, target)
    return False


def stands_before(port: int) -> Speak:
    """Passes requests on to a port of this machine, as a web server does that speaks TLS for another."""

    def speak(connected: socket.socket, request: bytes) -> bool:
        with socket.create_connection(("127.0.0.1", port)) as target:
            target.sendall(request)
            _passed_on(connected, target)
        return False

    return speak
