"""The way of the WebSocket: to the address that was checked, from the account's own, and over TLS where it says so."""

import base64
import hashlib
import socket
import threading
import time
from contextlib import closing
from urllib.parse import urlsplit

import orjson
import pytest

from app.core.clock import SystemClock
from app.core.http import AddressRefused
from app.venues.openalgo.line import Pauses, open_websocket
from app.venues.openalgo.streams import OpenAlgoOrderStream
from app.venues.port import StreamState
from app.venues.types import Connection, FeedMode, Symbol
from tests.paper.running import PaperServer
from tests.tls import server_context, trust_it
from tests.venues.conformance import market
from tests.venues.openalgo.paper import open_venue
from tests.venues.openalgo.peers import always, http, scripted, stands_before, tunnels
from tests.waiting import threads_ended, until

CALL = Symbol("NFO", "NIFTY24NOV2626050CE")
REFUSED = http(b"", 407)
STREAM = "ws://openalgo.test:8765"


@pytest.fixture(autouse=True)
def _trusted(monkeypatch):
    trust_it(monkeypatch)


@pytest.fixture(scope="module")
def paper():
    with PaperServer([{"name": "zerodha"}], step_ms=100) as running:
        yield running["zerodha"]


@pytest.fixture
def rebound(monkeypatch) -> list[str]:
    """A name that points to 127.0.0.1 when it is first asked for and to 127.0.0.2 ever after; each time it was."""
    asked = []
    usual = socket.getaddrinfo

    def answer(host, *args, **kwargs):
        if host != "proxy.test":
            return usual(host, *args, **kwargs)
        asked.append(host)
        return usual("127.0.0.1" if len(asked) == 1 else "127.0.0.2", *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return asked


def to(stream_url: str, **changes) -> Connection:
    return Connection("a1", "openalgo", "", stream_url, "key", **changes)


def test_the_proxys_address_that_was_checked_is_the_one_dialled(rebound):
    with (
        scripted(always(REFUSED)) as checked,
        scripted(always(REFUSED), host="127.0.0.2", port=checked.port) as other,
        pytest.raises(OSError, match="407"),
    ):
        open_websocket(to(STREAM, proxy=f"http://proxy.test:{checked.port}"))
    assert (len(checked.requests), other.connections, len(rebound)) == (1, 0, 1)


def test_a_proxy_at_a_metadata_address_is_not_dialled():
    with pytest.raises(AddressRefused, match="metadata"):
        open_websocket(to(STREAM, proxy="http://169.254.169.254:3128"))


@pytest.mark.parametrize("by_proxy", [True, False], ids=["by proxy", "straight"])
def test_a_stream_leaves_from_the_accounts_own_address(by_proxy):
    seen = []

    def refuse(connected, _request):
        seen.append(connected.getpeername()[0])
        connected.sendall(REFUSED)
        return False

    with scripted(refuse) as peer, pytest.raises(Exception, match="407"):
        way = {"stream_url": STREAM, "proxy": peer.url} if by_proxy else {"stream_url": f"ws://127.0.0.1:{peer.port}"}
        open_websocket(to(**way, bind_address="127.0.0.5"))
    assert seen == ["127.0.0.5"]


def test_an_https_proxy_sees_tls_and_nothing_else():
    heard = []

    def listen(listener: socket.socket) -> None:
        connected, _ = listener.accept()
        with connected:
            heard.append(connected.recv(65536))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=listen, args=(listener,))
        thread.start()
        with pytest.raises(OSError):
            open_websocket(to(STREAM, proxy=f"https://me:pass@127.0.0.1:{listener.getsockname()[1]}"))
        thread.join(30)
    assert heard[0][:2] == b"\x16\x03"  # the first bytes of a TLS handshake


def test_an_https_proxy_is_given_its_credentials_over_tls():
    with scripted(always(REFUSED), server_context()) as proxy, pytest.raises(OSError, match="407") as caught:
        open_websocket(to(STREAM, proxy=f"https://me:p%40ss@127.0.0.1:{proxy.port}"))
    assert proxy.requests[0].startswith(b"CONNECT openalgo.test:8765 ")
    assert b"Proxy-Authorization: Basic bWU6cEBzcw==" in proxy.requests[0]
    assert "p%40ss" not in str(caught.value)


def test_what_is_no_proxy_is_an_error_of_the_network():
    with scripted(always(b"SSH-2.0-OpenSSH_9.6\r\n")) as peer, pytest.raises(OSError, match="as a proxy"):
        open_websocket(to(STREAM, proxy=peer.url))


@pytest.mark.parametrize("secure_proxy", [True, False], ids=["https proxy", "http proxy"])
@pytest.mark.parametrize("secure_stream", [True, False], ids=["wss", "ws"])
def test_prices_come_through_either_proxy_from_either_stream(paper, secure_proxy, secure_stream):
    behind = stands_before(urlsplit(paper.ws_url).port)
    front = scripted(behind, server_context() if secure_stream else None)
    with front as server, scripted(tunnels, server_context() if secure_proxy else None) as proxy:
        scheme = "wss" if secure_stream else "ws"
        way = {"proxy": proxy.url, "stream_url": f"{scheme}://127.0.0.1:{server.port}"}
        with closing(open_venue(paper, **way)) as venue, market(venue) as (stream, seen):
            stream.subscribe([CALL], FeedMode.LTP)
            until(lambda: len(seen.of(CALL)) > 3)
    assert server.connections == 1


@pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])
def test_frames_come_whole_whether_they_arrive_together_or_in_pieces(secure):
    small, large = frame(b"one"), frame(b"x" * 100_000)
    pieces = [small + frame(b"two") + small[:1], small[1:4], small[4:] + large[:70_000], large[70_000:] + small]

    def speak(connected: socket.socket, request: bytes) -> bool:
        connected.sendall(handshake(request))
        for piece in pieces:
            connected.sendall(piece)
            time.sleep(0.05)
        return True

    with scripted(speak, server_context() if secure else None) as peer:
        opened = open_websocket(to(f"{'wss' if secure else 'ws'}://127.0.0.1:{peer.port}"))
        heard = [opened.recv_data_frame(control_frame=True)[1].data for _ in range(5)]
        opened.close()
    assert heard == [b"one", b"two", b"one", b"x" * 100_000, b"one"]


@pytest.mark.parametrize("at_once", [True, False], ids=["with the handshake", "in pieces"])
@pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])
def test_all_news_of_orders_are_heard_however_they_arrive(secure, at_once):
    names = [f"v{number}" for number in range(20 if at_once else 300)]  # so few fit into one record of TLS
    news = [orjson.dumps({**UPDATE, "orderid": name}) for name in names]
    sent = b"".join(frame(each) for each in (AUTH, SUBSCRIBED, *news))

    def speak(connected: socket.socket, request: bytes) -> bool:
        if at_once:
            connected.sendall(handshake(request) + sent)
        else:
            connected.sendall(handshake(request))
            for start in range(0, len(sent), 7_001):
                connected.sendall(sent[start : start + 7_001])
                time.sleep(0.001)
        while connected.recv(4096):
            pass
        return False

    heard, states = [], []
    with scripted(speak, server_context() if secure else None) as peer, threads_ended():
        way = to(f"{'wss' if secure else 'ws'}://127.0.0.1:{peer.port}")
        stream = OpenAlgoOrderStream(way, heard.append, lambda *state: states.append(state), SystemClock(), Pauses())
        until(lambda: len(heard) == len(news))
        stream.close()
    assert [report.venue_order_id for report in heard] == names
    assert [state for state, _ in states] == [StreamState.CONNECTING, StreamState.LIVE]
    assert peer.connections == 1


AUTH = b'{"type": "auth", "status": "success"}'
SUBSCRIBED = b'{"type": "subscribe_orders", "status": "success"}'
UPDATE = {
    "type": "order_update", "symbol": "NIFTY24NOV2626050CE", "exchange": "NFO", "action": "BUY", "quantity": 65,
    "pricetype": "MARKET", "product": "NRML", "order_status": "complete", "filled_quantity": 65, "average_price": 100.5,
}  # fmt: skip


def frame(data: bytes) -> bytes:
    """As a server sends a text."""
    length = bytes([len(data)]) if len(data) < 126 else b"\x7f" + len(data).to_bytes(8)
    return b"\x81" + length + data


def handshake(request: bytes) -> bytes:
    key = next(line for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:")).split()[1]
    proof = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11", usedforsecurity=False)
    accept = base64.b64encode(proof.digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )
