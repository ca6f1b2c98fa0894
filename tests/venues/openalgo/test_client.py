"""The client: one pool, one sending, errors as they came."""

import json
import socket
import threading
import time

import pytest

from app.core import reply
from app.venues.openalgo.answers import Lost, NoReply, Reply
from app.venues.openalgo.client import DeskApi
from app.venues.types import Connection
from tests.servers import free_port
from tests.venues.openalgo.peers import always, http, scripted
from tests.waiting import until

KEY = "0123456789abcdef" * 4
PLACED = http(b'{"status":"success","orderid":"2611"}')


@pytest.fixture
def open_api():
    """Opens clients, and closes them after the test."""
    opened = []

    def open_one(url: str, **changes) -> DeskApi:
        usual = {"account_id": "a", "kind": "openalgo", "host_url": url, "stream_url": "", "api_key": KEY}
        opened.append(DeskApi(Connection(**{**usual, "read_timeout": 10.0, **changes})))
        return opened[-1]

    yield open_one
    for api in opened:
        api.close()


def test_d1c_peer_4_3_04_a_thousand_calls_share_one_connection(open_api):
    with scripted(always(PLACED)) as peer:
        api = open_api(peer.url)
        for _ in range(1000):
            assert isinstance(api.call("placeorder", {"quantity": 65}), Reply)
    assert (peer.connections, len(peer.requests)) == (1, 1000)


def test_the_first_wave_after_warming_opens_no_connection(open_api):
    gate = threading.Barrier(5, timeout=30)

    def speak(connected, _request):
        gate.wait()
        connected.sendall(PLACED)
        return True

    with scripted(speak) as peer:
        api = open_api(peer.url)
        api.warm(5)
        until(lambda: peer.connections == 5)
        api.warm(5)
        threads = [threading.Thread(target=api.call, args=("placeorder", {})) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert (peer.connections, len(peer.requests)) == (5, 5)


def test_warming_a_server_that_is_not_there_is_no_error(open_api):
    open_api(f"http://127.0.0.1:{free_port()}").warm(3)


def test_calls_at_the_same_time_get_a_connection_each_and_share_them_later(open_api):
    gate = threading.Barrier(4, timeout=30)

    def speak(connected, _request):
        gate.wait()
        connected.sendall(PLACED)
        return True

    with scripted(speak) as peer:
        api = open_api(peer.url)
        for _ in range(3):
            threads = [threading.Thread(target=api.call, args=("placeorder", {})) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(30)
    assert (peer.connections, len(peer.requests)) == (4, 12)


def test_the_request_is_plain_http_with_the_key_in_the_body(open_api):
    with scripted(always(PLACED)) as peer:
        open_api(peer.url + "/").call("placeorder", {"symbol": "SBIN"})
    head, _, body = peer.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /api/v1/placeorder HTTP/1.1\r\n")
    assert b"Host: 127.0.0.1:%d" % peer.port in head
    assert b"Content-Type: application/json" in head
    assert KEY.encode() not in head
    assert json.loads(body) == {"symbol": "SBIN", "apikey": KEY}


def test_status_and_body_come_through_as_they_are(open_api):
    with scripted(always(http(b'{"message":"10 per 1 second"}', 429))) as peer:
        assert open_api(peer.url).call("placeorder", {}) == Reply(429, {"message": "10 per 1 second"})


def test_what_is_no_json_keeps_its_start_for_people(open_api):
    with scripted(always(http(b"<html>Bad Gateway</html>", 502))) as peer:
        assert open_api(peer.url).call("funds", {}) == Reply(502, None, "<html>Bad Gateway</html>")


def test_a_redirect_is_not_followed(open_api):
    with scripted(always(http(b"", 307, b"Location: /elsewhere\r\n"))) as peer:
        assert open_api(peer.url).call("placeorder", {}).status == 307
    assert len(peer.requests) == 1


def test_a_refused_connection_was_never_sent(open_api):
    result = open_api(f"http://127.0.0.1:{free_port()}").call("placeorder", {})
    assert isinstance(result, NoReply)
    assert result.lost is Lost.NOT_SENT


def test_what_is_too_late_does_not_leave(open_api):
    with scripted(always(PLACED)) as peer:
        result = open_api(peer.url).call("placeorder", {}, not_after=time.time())
        assert result.lost is Lost.NOT_SENT
        assert open_api(peer.url).call("placeorder", {}, not_after=time.time() + 60).status == 200
    assert len(peer.requests) == 1


def test_an_address_that_is_not_allowed_was_never_sent(open_api):
    with scripted(always(PLACED)) as peer:
        result = open_api(peer.url, allow_private=False).call("placeorder", {})
    assert result.lost is Lost.NOT_SENT
    assert peer.requests == []


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", b"not http at all\r\n\r\n", b"HTTP/1.1 200"],
    ids=["nothing", "half a body", "not http", "half a head"],
)
def test_a_connection_that_ends_in_the_middle_was_on_the_way(open_api, answer):
    def speak(connected, _request):
        connected.sendall(answer)
        return False

    with scripted(speak) as peer:
        result = open_api(peer.url).call("placeorder", {})
    assert result.lost is Lost.ON_THE_WAY
    assert len(peer.requests) == 1


def test_silence_was_on_the_way(open_api):
    with scripted(lambda *_: True) as peer:
        result = open_api(peer.url).call("placeorder", {}, timeout=0.2)
        until(lambda: peer.requests)
    assert result.lost is Lost.ON_THE_WAY
    assert len(peer.requests) == 1


def test_a_server_that_drips_does_not_hold_us_for_ever(open_api):
    def speak(connected, _request):
        connected.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        for _ in range(400):
            connected.sendall(b" ")
            time.sleep(0.02)
        return False

    with scripted(speak) as peer:
        result = open_api(peer.url).call("placeorder", {}, timeout=0.3)
    assert result.lost is Lost.ON_THE_WAY
    assert "slowly" in result.problem


def test_an_endless_answer_is_cut(open_api, monkeypatch):
    monkeypatch.setattr(reply, "LONGEST_BODY", 1000)
    with scripted(always(http(b" " * 2000))) as peer:
        assert open_api(peer.url).call("funds", {}).lost is Lost.ON_THE_WAY


def test_a_connection_the_server_closed_while_idle_costs_no_order(open_api):
    calls = []

    def speak(connected, _request):
        connected.sendall(PLACED)
        connected.shutdown(socket.SHUT_RDWR)
        calls.append(connected)
        return False

    with scripted(speak) as peer:
        api = open_api(peer.url)
        for number in range(1, 6):
            assert isinstance(api.call("placeorder", {}), Reply)
            until(lambda number=number: len(calls) == number)
            until(lambda: not any(one.is_usable() for one in api._caller._idle))
    assert peer.connections == 5


def test_the_environments_proxy_is_not_used(open_api, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    with scripted(always(PLACED)) as peer:
        assert open_api(peer.url).call("placeorder", {}).status == 200


def test_the_accounts_own_proxy_and_bind_address_are_used(open_api):
    with scripted(always(PLACED)) as proxy:
        api = open_api("http://openalgo.test:5000", proxy=f"http://me:pass@127.0.0.1:{proxy.port}")
        assert api.call("placeorder", {}).status == 200
    assert proxy.requests[0].startswith(b"POST http://openalgo.test:5000/api/v1/placeorder HTTP/1.1")
    assert b"Proxy-Authorization: Basic" in proxy.requests[0]
    with scripted(always(PLACED)) as peer:
        assert open_api(peer.url, bind_address="127.0.0.1").call("placeorder", {}).status == 200


def test_the_sdks_own_methods_go_through_the_same_pool(open_api):
    with scripted(always(http(b'{"status":"success","data":{"ltp":1.5}}'))) as peer:
        api = open_api(peer.url)
        assert api.quotes(symbol="SBIN", exchange="NSE")["data"] == {"ltp": 1.5}
        assert api.funds()["status"] == "success"
        assert api.placeorder(symbol="SBIN", action="BUY", exchange="NSE")["status"] == "success"
        assert api.instruments(exchange="NSE")["status"] == "success"
        assert api.client.get(peer.url).status_code == 200
    assert peer.connections == 2  # the last one is the SDK's own client's


def test_the_sdks_own_methods_tell_an_error_as_a_dictionary(open_api):
    with scripted(always(http(b'{"status":"error","message":"no","orderid":"7"}', 400))) as peer:
        assert open_api(peer.url).funds() == {"status": "error", "message": "no", "orderid": "7", "code": 400}
    nobody = open_api(f"http://127.0.0.1:{free_port()}").funds()
    assert (nobody["status"], nobody["error_type"]) == ("error", "connection_error")


def test_no_problem_tells_the_key(open_api):
    api = open_api(f"http://127.0.0.1:{free_port()}")
    assert KEY not in repr(api.fetch("instruments", {"exchange": "NSE"}))
    assert KEY not in repr(Connection("a", "openalgo", "", "", KEY))
