"""Kept connections over TLS, and the ways through a proxy."""

import select
import socket

import pytest

from app.core.calls import Caller, NotSent
from app.core.reply import TooSlow
from tests.tls import server_context, trust_it
from tests.venues.openalgo.peers import always, http, scripted, tunnels
from tests.waiting import until

FINE = http(b"{}")


@pytest.fixture(autouse=True)
def _trusted(monkeypatch):
    trust_it(monkeypatch)


@pytest.fixture
def open_caller():
    opened = []

    def open_one(url: str, **changes) -> Caller:
        opened.append(Caller(url, **{"allow_private": True, **changes}))
        return opened[-1]

    yield open_one
    for caller in opened:
        caller.close()


def get(caller: Caller) -> bytes:
    return caller.call("GET", "/", b"", b"", 10.0).body


def is_readable(connection) -> bool:
    return bool(select.select([connection.raw], [], [], 0)[0])


def usable(caller: Caller) -> list[bool]:
    return [connection.is_usable() for connection in caller._idle]


def warmed(caller: Caller, peer, connections: int) -> None:
    """With the session tickets there, which the server sends once the handshake is done."""
    caller.warm(connections)
    until(lambda: peer.handshakes == connections)
    until(lambda: all(is_readable(connection) for connection in caller._idle))


def test_connections_over_tls_stay_usable_when_warmed_and_the_next_call_opens_none(open_caller):
    with scripted(always(FINE), server_context()) as peer:
        caller = open_caller(peer.url)
        warmed(caller, peer, 4)
        assert {connection.raw.version() for connection in caller._idle} == {"TLSv1.3"}
        assert usable(caller) == [True] * 4
        for _ in range(5):
            caller.warm(4)
        assert get(caller) == b"{}"
    assert (peer.connections, len(peer.requests)) == (4, 1)


def test_a_first_call_over_tls_uses_the_connection_that_was_warmed(open_caller):
    with scripted(always(FINE), server_context()) as peer:
        caller = open_caller(peer.url)
        warmed(caller, peer, 1)
        assert [get(caller) for _ in range(3)] == [b"{}"] * 3
    assert (peer.connections, len(peer.requests)) == (1, 3)


@pytest.mark.parametrize("end", [lambda connected: connected.unwrap(), lambda _: None], ids=["farewell", "none"])
def test_a_tls_connection_that_the_peer_closed_is_not_usable(open_caller, end):
    def speak(connected, _request):
        connected.sendall(FINE)
        end(connected)
        return False

    with scripted(speak, server_context()) as peer:
        caller = open_caller(peer.url)
        for _ in range(3):
            assert get(caller) == b"{}"
            until(lambda: usable(caller) == [False])
    assert (peer.connections, len(peer.requests)) == (3, 3)


def test_a_tls_connection_on_which_something_came_unasked_is_not_usable(open_caller):
    def speak(connected, request):
        connected.sendall(FINE)
        connected.sendall(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
        return True

    with scripted(speak, server_context()) as peer:
        caller = open_caller(peer.url)
        get(caller)
        until(lambda: usable(caller) in ([], [False]))


def test_a_call_waits_for_its_answer_on_a_connection_that_was_looked_at(open_caller):
    asked = []

    def speak(connected, request):
        asked.append(request)
        assert connected.recv(1) == b""  # until the caller has lost its patience
        return False

    with scripted(speak, server_context()) as peer:
        caller = open_caller(peer.url)
        warmed(caller, peer, 1)
        with pytest.raises(TooSlow):
            caller.call("GET", "/", b"", b"", 0.2)
    assert len(asked) == 1


# -- Through a proxy


@pytest.mark.parametrize("secure_proxy", [True, False], ids=["https proxy", "http proxy"])
def test_a_secure_host_is_called_through_either_proxy_and_the_connection_is_kept(open_caller, secure_proxy):
    context = server_context() if secure_proxy else None
    with scripted(always(FINE), server_context()) as peer, scripted(tunnels, context) as proxy:
        caller = open_caller(peer.url, proxy=proxy.url)
        caller.warm(2)
        until(lambda: peer.handshakes == 2)
        caller.warm(2)
        assert [get(caller) for _ in range(3)] == [b"{}"] * 3
    assert (proxy.connections, peer.connections, len(peer.requests)) == (2, 2, 3)


def test_a_long_request_and_a_long_answer_go_whole_through_tls_within_tls(open_caller):
    long = b"x" * 1_000_000
    with scripted(always(http(long)), server_context()) as peer, scripted(tunnels, server_context()) as proxy:
        caller = open_caller(peer.url, proxy=proxy.url)
        assert caller.call("POST", "/", b"", long, 30.0).body == long
    assert [request.endswith(b"\r\n\r\n" + long) for request in peer.requests] == [True]


def test_a_connection_within_tls_that_the_peer_closed_is_not_usable(open_caller):
    def speak(connected, _request):
        connected.sendall(FINE)
        return False

    with scripted(speak, server_context()) as peer, scripted(tunnels, server_context()) as proxy:
        caller = open_caller(peer.url, proxy=proxy.url)
        get(caller)
        until(lambda: usable(caller) == [False])
        get(caller)
    assert peer.connections == 2


def test_within_tls_too_a_certificate_of_another_name_is_refused(open_caller):
    elsewhere = scripted(always(FINE), server_context(), host="127.0.0.2")
    with elsewhere as peer, scripted(tunnels, server_context()) as proxy:
        caller = open_caller(f"https://127.0.0.2:{peer.port}", proxy=proxy.url)
        with pytest.raises(NotSent, match="certificate"):
            get(caller)
    assert peer.requests == []


def test_what_is_no_proxy_is_told_without_its_password(open_caller):
    with scripted(always(b"SSH-2.0-OpenSSH_9.6\r\n")) as peer:
        caller = open_caller("https://openalgo.test", proxy=f"http://me:pass@127.0.0.1:{peer.port}")
        with pytest.raises(NotSent) as caught:
            get(caller)
    assert f"http://127.0.0.1:{peer.port} did not answer as a proxy" in str(caught.value)
    assert "pass" not in str(caught.value)


def test_a_proxy_that_says_nothing_is_given_up(open_caller, monkeypatch):
    monkeypatch.setattr("app.core.ways.CONNECT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        caller = open_caller("https://openalgo.test", proxy=f"http://127.0.0.1:{mute.getsockname()[1]}")
        with pytest.raises(NotSent):
            get(caller)
