"""How often one caller may call: each tier is used up and answers 429 with the time to wait."""

from dataclasses import replace

import pytest

from app.users.api_tokens import TokenWish
from app.web import create_app
from app.web.tiers import network_of, tier_of
from tests.web.client import Browser, lint
from tests.web.conftest import PASSWORD, probes


def limited_app(services, **changes):
    services.settings = replace(services.settings, rate_limits=True, **changes)
    app = create_app(services)
    app.testing = True
    app.register_blueprint(probes())
    return app


@pytest.fixture
def limited(services):
    return limited_app(services)


@pytest.fixture
def program(limited, services):
    """A client that calls with a token of the admin's."""
    Browser(limited.test_client()).submit("/first-run", name="Asha", password=PASSWORD)
    user = services.users.people.named("Asha")
    secret = services.users.keyring.create_token(user.id, TokenWish("t", ["read"], []))[1]
    client = limited.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {secret}"
    return client


def used_up(client, path, allowed):
    for _ in range(allowed):
        assert client.get(path).status_code == 200
    answer = client.get(path)
    assert answer.status_code == 429
    assert answer.json["error"]["code"] == "RATE_LIMIT"
    assert 0 < int(answer.headers["Retry-After"]) <= 60


@pytest.mark.parametrize(
    ("path", "allowed"), [("/api/probe", 100), ("/api/probe/heavy", 20), ("/api/probe/socket", 50)]
)
def test_a_tier_is_used_up_and_says_when_to_come_back(program, path, allowed):
    used_up(program, path, allowed)


def test_the_stream_of_a_page_counts_as_its_page_does(limited):
    """Whoever opens a page a second for a minute sees every one of them move."""
    assert tier_of(limited, "stream.stream") == tier_of(limited, "runs.detail") == "page"


def test_one_endpoint_used_up_leaves_the_others(program):
    used_up(program, "/api/probe/heavy", 20)
    assert program.get("/api/probe").status_code == 200


def test_all_calls_together_are_at_most_a_thousand_a_minute(limited):
    client = limited.test_client()
    for _ in range(1000):
        client.get("/sign-in")
    answer = client.get("/sign-in")
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    lint(answer)


def test_signing_in_is_tried_ten_times_a_minute_and_looked_at_as_often_as_wished(limited):
    browser = Browser(limited.test_client())
    browser.submit("/first-run", name="Asha", password=PASSWORD)
    stranger = Browser(limited.test_client())
    for _ in range(15):
        stranger.get("/sign-in")
    for n in range(10):
        assert stranger.client.post("/sign-in", data={"name": f"n{n}"}).status_code == 400
    answer = stranger.client.post("/sign-in", data={"name": "one more"})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0


def test_callers_are_counted_apart(limited, program):
    used_up(program, "/api/probe/heavy", 20)
    other = limited.test_client()
    assert other.get("/api/probe/heavy").status_code == 401


def test_the_files_of_the_desk_are_not_counted(limited):
    client = limited.test_client()
    for _ in range(1010):
        with client.get("/static/icons.svg") as answer:
            assert answer.status_code == 200


def test_limits_can_be_switched_off_for_benches(app):
    client = app.test_client()
    assert {client.get("/sign-in").status_code for _ in range(1010)} == {302}


def test_with_redis_two_processes_count_together(services, redis_server):
    one, two = (limited_app(services, redis_url=redis_server) for _ in range(2))
    for app in [one, two] * 5:
        assert app.test_client().post("/sign-in", data={}).status_code == 400
    assert two.test_client().post("/sign-in", data={}).status_code == 429


def test_with_redis_gone_the_desk_still_answers(services):
    app = limited_app(services, redis_url="redis://127.0.0.1:1/0")
    assert app.test_client().get("/sign-in").status_code == 302


@pytest.mark.parametrize(
    ("ip", "counted_as"),
    [("192.0.2.1", "192.0.2.1"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("", "unknown")],
)
def test_an_ipv6_subscriber_is_one_caller(ip, counted_as):
    assert network_of(ip) == counted_as


def test_a_forwarded_address_counts_only_behind_a_trusted_proxy(services):
    direct = limited_app(services)
    for n in range(10):
        direct.test_client().post("/sign-in", data={}, headers={"X-Forwarded-For": f"192.0.2.{n}"})
    assert direct.test_client().post("/sign-in", data={}).status_code == 429
    behind = limited_app(services, trusted_proxies=1)
    for n in range(12):
        answer = behind.test_client().post("/sign-in", data={}, headers={"X-Forwarded-For": f"192.0.2.{n}"})
        assert answer.status_code == 400
