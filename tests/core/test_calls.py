"""Kept connections over TLS, and the ways through a proxy."""

import http.client
import math
import select
import socket
import threading
import time

import pytest

from app.core.calls import Caller, NotSent, Response
from app.core.hearing import hearing
from app.core.reply import TooSlow
from tests.tls import server_context, trust_it
from tests.venues.openalgo.peers import always, scripted, tunnels
from tests.venues.openalgo.peers import http as answer_of
from tests.waiting import until

FINE = answer_of(b"{}")


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
    with scripted(always(answer_of(long)), server_context()) as peer, scripted(tunnels, server_context()) as proxy:
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


# -- Begun without waiting


class Told:
    """What the other thread says, in the order it does."""

    def __init__(self) -> None:
        self.all: list[object] = []

    def begin(self, caller: Caller, patience: float = 10.0, not_after: float = math.inf, content: bytes = b"") -> bool:
        return caller.begin("POST", "/", b"", content, patience, not_after, self.all.append)

    @property
    def bodies(self) -> list[object]:
        return [each.body if isinstance(each, Response) else type(each) for each in self.all]


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_calls_that_were_begun_are_answered_over_the_connections_that_were_open(open_caller, secure):
    with scripted(always(FINE), server_context() if secure else None) as peer:
        caller, told = open_caller(peer.url), Told()
        caller.warm(3)
        for count in range(3, 13, 3):
            assert [told.begin(caller) for _ in range(3)] == [True] * 3
            until(lambda count=count: len(told.all) == count)
        assert get(caller) == b"{}"
    assert told.bodies == [b"{}"] * 12
    assert (peer.connections, len(peer.requests)) == (3, 13)


def test_nothing_is_begun_where_no_connection_is_open(open_caller):
    with scripted(always(FINE)) as peer:
        told = Told()
        assert not told.begin(open_caller(peer.url))
    assert (told.all, peer.requests, peer.connections) == ([], [], 0)


def test_nothing_is_begun_over_a_connection_that_the_peer_closed(open_caller):
    def speak(connected, _request):
        connected.sendall(FINE)
        return False

    with scripted(speak) as peer:
        caller, told = open_caller(peer.url), Told()
        get(caller)
        until(lambda: usable(caller) == [False])
        assert not told.begin(caller)
    assert (told.all, len(peer.requests)) == ([], 1)


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize(
    "last", [b"", b"HTTP/1.1 408 Request Timeout\r\n\r\n", b"x"], ids=["the end", "something unasked", "a letter"]
)
def test_what_comes_between_two_calls_that_were_begun_is_heard_and_the_connection_used_no_more(
    open_caller, secure, last
):
    go_on = threading.Event()

    def speak(connected, _request):
        connected.sendall(FINE)
        assert go_on.wait(10)
        connected.sendall(last)
        return last == b"x"

    with scripted(speak, server_context() if secure else None) as peer:
        caller, told = open_caller(peer.url), Told()
        caller.warm(1)
        assert told.begin(caller)
        until(lambda: usable(caller) == [True])
        go_on.set()
        until(lambda: usable(caller) == [False])
        assert not told.begin(caller)
        assert caller._idle == []
        assert get(caller) == b"{}"
    assert (told.bodies, len(peer.requests), peer.connections) == ([b"{}"], 2, 2)


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_a_connection_serves_calls_that_were_begun_and_calls_that_are_waited_for_in_turn(open_caller, secure):
    with scripted(always(FINE), server_context() if secure else None) as peer:
        caller, told = open_caller(peer.url), Told()
        caller.warm(1)
        for count in range(1, 6):
            assert told.begin(caller)
            until(lambda count=count: len(told.all) == count)
            assert get(caller) == b"{}"
    assert told.bodies == [b"{}"] * 5
    assert (peer.connections, len(peer.requests)) == (1, 10)


def test_a_call_that_is_waited_for_looks_for_an_end_that_was_not_heard_yet(open_caller):
    """However late the one thread hears of it: what it had to hear is read by who sends."""
    with scripted(lambda connected, _: bool(connected.sendall(FINE)), None) as peer:
        caller, told = open_caller(peer.url), Told()
        caller.warm(1)
        assert told.begin(caller)
        until(lambda: told.all and caller._idle)
        with hearing().hushed():
            until(lambda: is_readable(caller._idle[0]))
            assert get(caller) == b"{}"
    assert (told.bodies, len(peer.requests), peer.connections) == ([b"{}"], 2, 2)


def test_who_fails_at_the_answer_harms_neither_the_connection_nor_the_next_call(open_caller):
    def fail(_answer):
        raise ValueError("not now")

    with scripted(always(FINE)) as peer:
        caller, told = open_caller(peer.url), Told()
        caller.warm(1)
        assert caller.begin("POST", "/", b"", b"", 10.0, math.inf, fail)
        until(lambda: len(caller._idle) == 1)
        assert told.begin(caller)
        until(lambda: told.all)
    assert (told.bodies, peer.connections) == ([b"{}"], 1)


def test_an_answer_is_told_although_its_connection_could_not_be_put_back(open_caller, monkeypatch):
    def fail(*_):
        raise OSError("not now")

    with scripted(always(FINE)) as peer:
        caller, told = open_caller(peer.url), Told()
        caller.warm(1)
        (connection,) = caller._idle
        monkeypatch.setattr(caller, "_put", fail)
        assert told.begin(caller)
        until(lambda: told.all)
        connection.close()
    assert told.bodies == [b"{}"]


def test_an_end_that_was_heard_at_the_last_moment_is_no_begin(open_caller, monkeypatch):
    """Between the choice of the connection and the sending."""
    with scripted(always(FINE)) as peer:
        caller, told = open_caller(peer.url), Told()
        caller.warm(1)
        caller._idle[0]._has_ended = True
        monkeypatch.setattr("app.core.calls._Connection.is_usable", lambda _: True)
        assert not told.begin(caller)
    assert (told.all, peer.requests) == ([], [])


def test_nothing_is_begun_too_late(open_caller):
    with scripted(always(FINE)) as peer:
        caller, told = open_caller(peer.url), Told()
        caller.warm(1)
        assert not told.begin(caller, not_after=time.time() - 1)
    assert (told.all, peer.requests) == ([], [])


def test_who_is_not_answered_in_time_is_told_so_once_and_the_connection_is_used_no_more(open_caller):
    gone = threading.Event()

    def speak(connected, _request):
        connected.sendall(FINE[:10])  # it drips
        assert connected.recv(1) == b""
        gone.set()
        return False

    with scripted(speak) as peer:
        caller, told = open_caller(peer.url), Told()
        caller.warm(1)
        assert told.begin(caller, patience=0.1)
        assert gone.wait(10)
        until(lambda: told.all)
    assert told.bodies == [TooSlow]
    assert caller._idle == []


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", http.client.RemoteDisconnected),
        (FINE[:-1], http.client.IncompleteRead),
        (b"HI\r\n", http.client.HTTPException),
    ],
    ids=["nothing", "half an answer", "no HTTP"],
)
def test_an_answer_that_ends_early_or_is_none_is_told_as_what_it_is(open_caller, answer, error):
    def speak(connected, _request):
        connected.sendall(answer)
        return False

    with scripted(speak) as peer:
        caller, told = open_caller(peer.url), Told()
        caller.warm(1)
        assert told.begin(caller)
        until(lambda: told.all)
    assert told.bodies == [error]
    assert caller._idle == []


def test_a_request_that_does_not_fit_into_the_buffer_is_sent_to_its_end_by_a_thread(open_caller):
    content = bytes(20_000_000)
    with scripted(always(FINE)) as peer:
        caller, told = open_caller(peer.url), Told()
        caller.warm(1)
        began = time.monotonic()
        assert told.begin(caller, content=content)
        assert time.monotonic() - began < 5
        until(lambda: told.all)
    assert told.bodies == [b"{}"]
    assert len(peer.requests[0]) > len(content)


def test_a_connection_that_breaks_as_the_request_leaves_is_told_in_another_thread(open_caller, monkeypatch):
    def reset(*_):
        raise ConnectionResetError("reset")

    with scripted(always(FINE)) as peer:
        caller, told = open_caller(peer.url), Told()
        caller.warm(1)
        monkeypatch.setattr("app.core.calls._Connection.start", reset)
        assert told.begin(caller)
        until(lambda: told.all)
    assert told.bodies == [ConnectionResetError]


def test_a_call_is_begun_through_tls_within_tls_too(open_caller):
    with scripted(always(FINE), server_context()) as peer, scripted(tunnels, server_context()) as proxy:
        caller, told = open_caller(peer.url, proxy=proxy.url), Told()
        get(caller)
        for count in (1, 2):
            until(lambda: told.begin(caller))
            until(lambda count=count: len(told.all) == count)
    assert told.bodies == [b"{}"] * 2
    assert len(peer.requests) == 3
