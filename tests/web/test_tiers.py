"""How often one caller may call: each tier is used up and answers 429 with the time to wait."""

from dataclasses import replace

import pytest

from app.risk.service import Asker
from app.users.api_tokens import TokenWish
from app.web import create_app, tiers
from app.web.tiers import network_of, tier_of
from tests.web.client import Browser, lint
from tests.web.conftest import PASSWORD, probes
from tests.web.test_signals import knock
from tests.web.trading import Desk


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
    asha_of(limited)
    return bot(limited, services, "read")


@pytest.fixture
def narrow(services, monkeypatch):
    """With 20 calls a minute in all, for tests of what they do not count."""
    monkeypatch.setattr(tiers, "GLOBAL", "20 per minute")
    return limited_app(services)


def asha_of(app):
    browser = Browser(app.test_client())
    browser.submit("/first-run", name="Asha", password=PASSWORD)
    return browser


def bot(app, services, *scopes):
    """A client of `app` with a token of Asha's of its own."""
    user = services.users.people.named("Asha")
    secret = services.users.keyring.create_token(user.id, TokenWish("t", list(scopes), []))[1]
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {secret}"
    return client


def worn_out(client, path):
    """Called until the common limit is used up."""
    assert 429 in {client.get(path).status_code for _ in range(25)}


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


EXITS = {
    "risk.ask_kill", "risk.kill", "api.risk.kill",
    "runs.exit_run", "runs.exit_account", "runs.exit_leg",
    "api.runs.exit_run", "api.runs.exit_account", "api.runs.exit_leg",
    "closes.close", "api.by_hand.close",
    "cancels.many", "orders.cancel", "api.by_hand.cancel_many", "api.journal.cancel",
    "risk.set_state", "api.risk.set_state", "accounts.pause", "api.accounts.pause",
}  # fmt: skip


def test_what_makes_risk_smaller_is_a_tier_of_its_own(limited):
    assert {endpoint for endpoint in limited.view_functions if tier_of(limited, endpoint) == "exit"} == EXITS


def test_the_kill_switch_works_when_the_pages_have_used_up_all_calls(narrow, services):
    asha, desk = asha_of(narrow), Desk(services)
    run, order = desk.run(desk.account()), desk.order(desk.account("Demo 2"), state="open")
    data = {"csrf_token": asha.token("/settings"), "kind": "user", "id": desk.owner_id}
    worn_out(asha.client, "/notifications/count")
    assert asha.client.get("/risk/kill", query_string=data).status_code == 200
    assert asha.client.get(f"/runs/{run.id}/exit").status_code == 200
    for path in ("/risk/kill", f"/runs/{run.id}/exit", f"/orders/{order.id}/cancel"):
        assert asha.client.post(path, data=data).status_code == 303, path
    assert desk.services.risk.kills(Asker(desk.owner_id))
    assert asha.client.get("/notifications/count").status_code == 429


def test_two_hundred_legs_are_left_within_a_minute(limited, services):
    asha_of(limited)
    client = bot(limited, services, "read", "trade")
    assert {client.post(f"/api/v1/leg-runs/{number}/exit").status_code for number in range(200)} == {404}


def test_exits_have_a_limit_too(services, monkeypatch):
    monkeypatch.setitem(tiers.TIERS, "exit", "3 per minute")
    app = limited_app(services)
    asha_of(app)
    client = bot(app, services, "trade")
    assert [client.post("/api/v1/leg-runs/x/exit").status_code for _ in range(4)] == [404, 404, 404, 429]


def test_a_stranger_uses_up_the_common_limit_with_exits_too(narrow):
    client = narrow.test_client()
    answers = [client.post("/api/v1/risk/kill", json={}).status_code for _ in range(21)]
    assert (set(answers[:20]), answers[20]) == ({401}, 429)


def test_a_token_takes_nothing_from_its_owners_pages_nor_from_another_token(narrow, services):
    asha = asha_of(narrow)
    one, other = bot(narrow, services, "read"), bot(narrow, services, "read")
    worn_out(one, "/api/probe")
    assert asha.client.get("/notifications/count").status_code == 200
    worn_out(asha.client, "/notifications/count")
    assert one.get("/api/probe").status_code == 429
    assert other.get("/api/probe").status_code == 200


def test_with_redis_gone_exits_are_counted_apart_still(services, monkeypatch):
    monkeypatch.setattr(tiers, "GLOBAL", "20 per minute")
    app = limited_app(services, redis_url="redis://127.0.0.1:1/0")
    asha = asha_of(app)
    token = asha.token("/settings")
    worn_out(asha.client, "/notifications/count")
    assert asha.client.post("/runs/x/exit", data={"csrf_token": token}).status_code == 404


@pytest.fixture
def hooked(services, monkeypatch):
    """`hooked()` knocks at a webhook of two, from one address; a few times a minute, and twice with a wrong secret."""
    monkeypatch.setitem(tiers.TIERS, "hook", "3 per minute")
    monkeypatch.setattr(tiers, "UNPROVEN", "2 per minute")
    monkeypatch.setattr(tiers, "GLOBAL", "20 per minute")
    app = limited_app(services)
    asha_of(app)
    desk = Desk(services)
    hooks = [desk.webhook(desk.strategy(desk.account(name), name=name)) for name in ("One", "Two")]

    def at(number, secret="", **body):
        hook_id, its_own = hooks[number]
        return knock(app, hook_id, {"secret": secret or its_own, "action": "exit", **body}).status_code

    return at


def test_a_webhook_uses_up_nothing_of_another_of_the_same_sender(hooked):
    assert [hooked(0, id=str(number)) for number in range(4)] == [202, 202, 202, 429]
    assert hooked(1) == 202


def test_a_wrong_secret_uses_up_what_its_address_may_and_nothing_of_the_webhook(hooked, monkeypatch):
    assert [hooked(0, "wrong") for _ in range(2)] == [401, 401]
    assert hooked(0) == 429, "from there nothing more is looked at"
    monkeypatch.setattr(tiers, "network_of", lambda _ip: "another address")
    assert [hooked(0, id=str(number)) for number in range(4)] == [202, 202, 202, 429]


def test_what_else_an_address_calls_keeps_no_webhook_out(narrow, services):
    asha_of(narrow)
    desk = Desk(services)
    hook_id, secret = desk.webhook(desk.strategy(desk.account()))
    worn_out(narrow.test_client(), "/sign-in")
    assert knock(narrow, hook_id, {"secret": secret, "action": "exit"}).status_code == 202
