"""The literal addresses of the account proxy, and the books over the API: ages, staleness, owners, who may call."""

from dataclasses import replace

import pytest

from app.core import errands
from app.web import create_app
from app.web.sockets import Sockets
from tests.web.api.conftest import session_of
from tests.web.books import Books
from tests.web.trading import Desk

LITERAL = ("cached-account", "account/info", "positions", "balance", "trades", "broadcaster/stats")


@pytest.fixture
def desk(services, admin):
    return Desk(services)


@pytest.fixture
def books(services):
    return Books(services)


@pytest.fixture
def account(desk, books):
    account = desk.account("Demo 1", is_primary=True)
    for keep in (books.funds, books.positions, books.orders, books.holdings):
        keep(account)
    books.trades(account, "SELL", ago=120)
    return account


def test_the_cached_account_has_every_part_with_its_age_and_whether_it_is_stale(bot, account):
    told = bot.get("/api/cached-account")
    assert (told["account_id"], told["name"], told["mode"], told["seq"]) == (account.id, "Demo 1", "paper", 5)
    assert {"balance", "positions", "trades", "orders", "holdings"} <= set(told)
    assert (told["balance"]["data"]["available"], told["balance"]["data"]["total"]) == ("95000", "100000")
    assert told["positions"]["data"][0]["quantity"] == "-150"
    assert 0 <= told["positions"]["age_ms"] < 30_000
    assert (told["positions"]["stale"], told["positions"]["source"]) == (False, "poll")
    assert told["trades"]["age_ms"] >= 120_000
    assert told["trades"]["stale"] is True


def test_a_part_that_was_never_read_is_null_and_stale(bot, desk):
    other = desk.account("Demo 2")
    told = bot.get(f"/api/cached-account?account={other.id}")
    nothing = {"age_ms": None, "stale": True, "source": None, "read_at": None, "seq": None, "data": None}
    assert told["balance"] == told["positions"] == told["trades"] == nothing
    assert told["seq"] == 0


def test_without_a_name_it_is_the_primary_else_the_first_and_without_any_account_not_found(bot, desk):
    assert "no account" in bot.get("/api/cached-account", 404)["error"]["message"]
    first = desk.account("Demo 1")
    assert bot.get("/api/cached-account")["account_id"] == first.id
    primary = desk.account("Demo 2", is_primary=True)
    assert bot.get("/api/cached-account")["account_id"] == primary.id
    assert bot.get(f"/api/cached-account?account={first.id}")["account_id"] == first.id


def test_the_parts_alone_have_the_same_data(bot, account):
    whole = bot.get("/api/cached-account")
    for path, part in (("balance", "balance"), ("positions", "positions"), ("trades", "trades")):
        told = bot.get(f"/api/{path}")
        assert (told["status"], told["account_id"], told["data"]) == ("OK", account.id, whole[part]["data"])
        assert told["stale"] is whole[part]["stale"]
    info = bot.get("/api/account/info")
    assert (info["data"]["name"], info["data"]["health"], info["data"]["is_primary"]) == ("Demo 1", "ok", True)


def test_fresh_without_an_engine_is_refused_at_once_and_says_what_is_told_instead(bot, account):
    refused = bot.get("/api/positions?fresh=1", 503)
    assert refused["error"]["message"].startswith("The engine is not running")


def test_fresh_beyond_the_accounts_budget_says_when_to_come_back(bot, services, account, monkeypatch):
    services.pulse.beat("engine")

    def answered(session, owner, kind, question, now):
        assert (kind, question) == ("read_part", {"account_id": account.id, "part": "positions"})
        errand = real(session, owner, kind, question, now)
        errand.done_at, errand.answer = now, {"retry_after": 17}
        return errand

    real = errands.ask
    monkeypatch.setattr(errands, "ask", answered)
    late = bot.call("GET", "/api/positions?fresh=1", 429)
    assert (late.headers["Retry-After"], late.json["error"]["code"]) == ("17", "RATE_LIMIT")


def test_the_broadcasters_numbers_add_up_and_its_clients_are_the_open_streams_of_all_processes(
    app, bot, books, account
):
    told = bot.get("/api/broadcaster/stats")
    assert (told["polls"], told["pushes"], told["errors"], told["clients"]) == (5, 0, 0, 0)
    (one,) = told["accounts"]
    assert (one["account_id"], one["seq"], one["polls"]["positions"]) == (account.id, 5, 1)
    books.keeper.failed(account.id, "The server did not answer.")
    books.positions(account, -75)
    told = bot.get("/api/broadcaster/stats")
    assert (told["polls"], told["errors"], told["accounts"][0]["last_error"]) == (6, 1, "The server did not answer.")
    with app.test_client().get("/api/stream/" + account.id, headers=bot.headers) as stream:
        next(iter(stream.response))
        assert bot.get("/api/broadcaster/stats")["clients"] == 1
        mine = app.extensions["sockets"]
        other = Sockets(mine._hub, books.services.pulse, books.services.clock)
        other.take("beat", {"engine_at": 0, "feed": {}})
        assert bot.get("/api/broadcaster/stats")["clients"] == 2
    assert bot.get("/api/broadcaster/stats")["clients"] == 1  # the other process told of one, a moment ago


def test_somebody_elses_account_is_not_found_and_their_numbers_are_not_told(account, invited):
    other = session_of(invited("trader", "Birla"))
    for path in ("cached-account", "account/info", "positions", "balance", "trades"):
        other.get(f"/api/{path}?account={account.id}", 404)
    assert other.get("/api/broadcaster/stats")["accounts"] == []
    assert other.get("/api/v1/trades")["items"] == other.get("/api/v1/holdings")["items"] == []
    other.get(f"/api/v1/trades?account_id={account.id}", 404)
    other.get(f"/api/v1/accounts/{account.id}/books", 404)


def test_books_of_all_accounts_come_with_totals_and_the_age_of_each(bot, desk, books, account):
    books.trades(desk.account("Demo 2"), "BUY", "BUY")
    told = bot.get("/api/v1/trades")
    assert [one["account_name"] for one in told["items"]].count("Demo 2") == 2
    (total,) = told["totals"]
    assert (total["count"], total["bought"], total["sold"], total["net"]) == (3, "25657.5", "12828.75", "-12828.75")
    assert {one["account_name"]: one["stale"] for one in told["readings"]} == {"Demo 1": True, "Demo 2": False}
    assert len(bot.get("/api/v1/trades?side=SELL")["items"]) == 1
    (held,) = bot.get("/api/v1/holdings")["items"]
    assert (held["symbol"], held["worth"], held["invested"], held["pnl"]) == ("SBIN", "81200", "80000", "1200")
    whole = bot.get(f"/api/v1/accounts/{account.id}/books")
    assert whole["balance"]["data"] == bot.get("/api/cached-account")["balance"]["data"]


def open_desk(services):
    services.settings = replace(services.settings, open_on_loopback=True)
    return create_app(services).test_client()


def test_strangers_are_refused_everywhere_unless_the_setting_opens_it(app, services, account):
    for path in LITERAL:
        assert app.test_client().get(f"/api/{path}").status_code == 401, path
    local = open_desk(services)
    for path in LITERAL:
        assert local.get(f"/api/{path}").status_code == 200, path
    for path in ("accounts", f"positions/{account.id}", "v1/accounts", "v1/trades"):
        assert local.get(f"/api/{path}").status_code == 401, path


@pytest.mark.parametrize(
    ("near", "headers"),
    [
        ("192.168.1.7", {}),
        ("127.0.0.1", {"X-Forwarded-For": "203.0.113.9"}),
        ("127.0.0.1", {"Forwarded": "for=203.0.113.9"}),
        ("127.0.0.1", {"Host": "rebound.example:8000"}),
    ],
)
def test_the_setting_opens_it_to_this_machine_alone(services, account, near, headers):
    local = open_desk(services)
    answer = local.get("/api/cached-account", headers=headers, environ_overrides={"REMOTE_ADDR": near})
    assert answer.status_code == 401


def test_it_has_no_limit_but_the_common_one(services, account, program):
    """Which is 1000 a minute; what is under /api usually stops at 100."""
    services.settings = replace(services.settings, rate_limits=True)
    client, headers = create_app(services).test_client(), program("read").headers
    answers = [client.get("/api/cached-account", headers=headers).status_code for _ in range(120)]
    assert set(answers) == {200}
