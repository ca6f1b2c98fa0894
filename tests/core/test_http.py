"""The way out: addresses that a person types in, and the address that is then connected to."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from app.core.errors import Invalid
from app.core.http import PooledTransport, check_host, open_pool, open_socket

PUBLIC = "93.184.216.34"


def named(*addresses):
    return lambda host, port: list(addresses)


@pytest.mark.parametrize(
    "url",
    ["http://example.com", "https://example.com:8443/openalgo", "ws://example.com:8765", "wss://example.com/ws"],
)
def test_a_public_host_is_accepted_over_the_four_schemes(url):
    check_host(url, allow_private=False, resolver=named(PUBLIC, "2606:2800:220:1:248:1893:25c8:1946"))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://example.com", "must start with"),
        ("file:///etc/passwd", "must start with"),
        ("example.com", "must start with"),
        ("http://", "names no host"),
        ("http://user:secret@example.com", "user name and password"),
        ("http://example.com@evil.test", "user name and password"),
        ("http://example.com:99999", "port"),
        ("http://example.com:abc", "port"),
        ("http://example.com/?next=1", "?"),
        ("http://example.com/#x", "#"),
        ("http://exa mple.com", "spaces"),
        ("http://example.com\\@evil.test", "special characters"),
        ("http://example.com\r\nHost: evil.test", "special characters"),
    ],
)
def test_an_address_that_is_no_plain_address_is_refused_with_a_sentence(url, words):
    with pytest.raises(Invalid) as caught:
        check_host(url, allow_private=True, resolver=named(PUBLIC))
    assert words in caught.value.fields["host_url"][0]


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.1.1",
        "fe80::1",
        "fd00:ec2::254",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "224.0.0.1",
        "ff02::1",
        "0.0.0.0",  # noqa: S104  # nothing binds it
        "0.1.2.3",
        "::",
        "255.255.255.255",
        "240.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
    ],
)
def test_d16_metadata_link_local_and_impossible_addresses_are_refused_even_where_private_ones_are_allowed(address):
    with pytest.raises(Invalid):
        check_host("http://server.test", allow_private=True, resolver=named(address))


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "10.1.2.3", "192.168.0.9", "172.16.0.1", "100.64.0.1", "fd12::1", "::ffff:10.0.0.1"]
)
def test_a_private_address_is_accepted_only_where_it_is_allowed(address):
    check_host("http://server.test", allow_private=True, resolver=named(address))
    with pytest.raises(Invalid):
        check_host("http://server.test", allow_private=False, resolver=named(address))


def test_one_bad_address_among_good_ones_is_enough_to_refuse():
    with pytest.raises(Invalid):
        check_host("http://server.test", allow_private=True, resolver=named(PUBLIC, "169.254.169.254"))


def test_other_spellings_of_an_address_are_judged_by_what_they_resolve_to():
    for url in ("http://2130706433", "http://0x7f.1", "http://127.1"):
        with pytest.raises(Invalid):
            check_host(url, allow_private=False, resolver=named("127.0.0.1"))


def test_an_unknown_name_is_told_in_the_named_field():
    with pytest.raises(Invalid) as caught:
        check_host("ws://no-such-host.invalid", allow_private=True, field="stream_url")
    assert caught.value.fields == {"stream_url": ["This host name could not be found."]}


# -- Connections


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/elsewhere":
            self.send_response(302)
            self.send_header("Location", "/")
        else:
            self.send_response(200)
        host = self.headers["Host"].encode()
        self.send_header("Content-Length", str(len(host)))
        self.end_headers()
        self.wfile.write(host)

    def log_message(self, *_):
        """Quiet."""


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as running:
        running.daemon_threads = True
        thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield running.server_port
        running.shutdown()


def client_over(resolver, allow_private=True):
    return httpx.Client(transport=PooledTransport(open_pool(allow_private, resolver=resolver)), trust_env=False)


def test_the_connection_goes_to_the_checked_address_and_keeps_the_name(server):
    with client_over(named("127.0.0.1")) as client:
        answer = client.get(f"http://desk-peer.test:{server}/")
    assert answer.text == f"desk-peer.test:{server}"


def test_a_name_that_turns_private_after_the_check_is_not_connected_to(server):
    answers = iter([[PUBLIC], ["127.0.0.1"]])
    resolver = lambda host, port: next(answers)  # noqa: E731  # one line says it
    url = f"http://rebinding.test:{server}"
    check_host(url, allow_private=False, resolver=resolver)
    with client_over(resolver, allow_private=False) as client, pytest.raises(httpx.ConnectError, match="this machine"):
        client.get(url)


def test_the_second_address_is_tried_when_the_first_does_not_answer(server):
    with client_over(named("127.0.0.99", "127.0.0.1")) as client:
        assert client.get(f"http://two-addresses.test:{server}/").status_code == 200


def test_redirects_are_not_followed(server):
    with client_over(named("127.0.0.1")) as client:
        assert client.get(f"http://desk-peer.test:{server}/elsewhere").status_code == 302


def test_a_bare_socket_is_guarded_as_well(server):
    open_socket("127.0.0.1", server, allow_private=True, timeout=1).close()
    with pytest.raises(OSError, match="this machine"):
        open_socket("127.0.0.1", server, allow_private=False, timeout=1)


def test_a_proxy_must_be_an_http_address():
    with pytest.raises(Invalid) as caught:
        open_pool(allow_private=True, proxy="socks5://127.0.0.1:1080")
    assert "proxy" in caught.value.fields
