"""One reading of an account feeds everybody: counted at the broker, over restarts of web and engine, told in order."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from app.broadcast.parts import Part
from app.core.link import open_link
from app.engine import assembly
from app.users.api_tokens import TokenWish
from app.web import create_app
from app.wiring import build
from tests.engine.desks import IRON_FLY, desk
from tests.waiting import until
from tests.web.api.conftest import Caller

BOOKS = {"funds": Part.FUNDS, "positionbook": Part.POSITIONS, "tradebook": Part.TRADES}
RATES = {"figures_poll_seconds": 0.5, "trades_poll_seconds": 1.0}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    with desk(tmp_path_factory.mktemp("desk"), ("alpha", "beta"), rate_limits=False, **RATES) as made:
        yield made


@pytest.fixture(scope="module")
def bot(whole):
    """Calls a web of its own, which knows the engine by the database and the link alone."""
    services = build(whole.settings, "web")
    _, secret = services.users.keyring.create_token(whole.owner_id, TokenWish("bot", ["read", "trade", "manage"], []))
    caller = Caller(create_app(services).test_client(), {"Authorization": f"Bearer {secret}"})
    caller.secret = secret
    yield caller
    services.close()


def calls(whole, broker="alpha"):
    """Of the books that readings for the screen take, by endpoint; all others are read when orders are looked at."""
    counters = whole.paper.state(broker)["counters"]
    return {endpoint: counters.get(endpoint, 0) for endpoint in BOOKS}


def polls(whole, broker="alpha"):
    counts = whole.services.cached.counts([whole.accounts[broker]])
    return counts[whole.accounts[broker]].polls


def tally(whole, broker="alpha"):
    """What the broker counted and what the desk noted, in a moment in which nothing was asked."""

    def still():
        asked = calls(whole, broker)
        whole.engine.crew._books.keeper.step(at_once=True)
        noted = polls(whole, broker)
        return (asked, noted) if calls(whole, broker) == asked else None

    return until(still)


def parts(whole, broker="alpha"):
    account_id = whole.accounts[broker]
    return whole.services.cached.of([account_id])[account_id]


def path(whole, name="cached-account"):
    return f"/api/{name}?account={whole.accounts['alpha']}"


def test_flat_accounts_are_read_once_and_then_slowly_whoever_asks(whole, bot):
    until(lambda: len(parts(whole)) == 5)
    whole.read_all()
    before, counted = tally(whole)
    for _ in range(500):
        assert bot.get(path(whole))["positions"]["stale"] is False
    for page in ("positions", "balance", "trades", "account/info", "broadcaster/stats"):
        bot.get(path(whole, page).removesuffix("?account=" + whole.accounts["alpha"]))
    after, now = tally(whole)
    for endpoint, part in BOOKS.items():
        asked = after[endpoint] - before[endpoint]
        assert asked <= now[part] - counted[part] + 1 <= 3, endpoint  # its own slow readings, and one not counted yet


def test_fresh_asks_the_venue_once_for_all_who_ask_at_the_same_time(whole, bot):
    whole.read_all()
    before = calls(whole)
    app, headers = bot.client.application, bot.headers
    ready = threading.Barrier(6)

    def ask(_number):
        client = app.test_client()
        ready.wait()
        return client.get(path(whole, "positions") + "&fresh=1", headers=headers).json

    whole.paper.fault("latency", broker="alpha", ms=3000, endpoint="positionbook", next=1)  # all ask while one reads
    asked_at = datetime.now(UTC)
    with ThreadPoolExecutor(6) as pool:
        told = list(pool.map(ask, range(6)))
    assert all(datetime.fromisoformat(one["read_at"]) >= asked_at for one in told)
    after = calls(whole)
    assert 1 <= after["positionbook"] - before["positionbook"] <= 2  # who asked while the first was under way share one
    assert (after["funds"], after["tradebook"]) == (before["funds"], before["tradebook"])
    assert bot.get(path(whole, "account/info") + "&fresh=1")["data"]["broker"]


def test_held_accounts_are_read_fast_and_only_changes_are_told_to_two_listeners_in_the_same_order(whole, bot):
    heard: tuple[list, list] = ([], [])
    links = [open_link("web", whole.settings.link_folder) for _ in heard]
    for link, messages in zip(links, heard, strict=True):
        link.listen(lambda kind, payload, to=messages: kind == "snapshot" and to.append(payload))
    run = whole.run(whole.strategy(IRON_FLY))
    whole.until_state(run, "open", timeout=60)
    until(lambda: len(bot.get(path(whole))["trades"]["data"]) == 4, 30)
    until(lambda: len(bot.get(path(whole))["positions"]["data"]) == 4, 30)
    counted = polls(whole)
    until(lambda: polls(whole)["positions"] >= counted["positions"] + 4, 30)
    until(lambda: all(any(one["account_id"] == whole.accounts["beta"] for one in told) for told in heard), 30)
    for link in links:
        link.close()
    of_alpha = [[one for one in told if one["account_id"] == whole.accounts["alpha"]] for told in heard]
    numbers = [[one["seq"] for one in told] for told in of_alpha]
    shared = set(numbers[0]) & set(numbers[1])
    assert len(shared) >= 3
    for told in numbers:
        assert told == sorted(set(told))
    by_seq = [{one["seq"]: one["parts"] for one in told} for told in of_alpha]
    assert all(by_seq[0][seq] == by_seq[1][seq] for seq in shared)


def test_a_readings_rate_is_kept_while_held_and_within_the_accounts_budget(whole):
    """Counted at the broker over readings that the desk itself counted: nobody else asked."""
    start, counted = tally(whole)
    until(lambda: polls(whole)["positions"] >= counted["positions"] + 4, 30)
    end, now = tally(whole)
    for endpoint, part in BOOKS.items():
        asked, noted = end[endpoint] - start[endpoint], now[part] - counted.get(part, 0)
        assert abs(asked - noted) <= 1, endpoint  # one may be on its way at either end
    assert end["tradebook"] - start["tradebook"] < end["positionbook"] - start["positionbook"]


def test_data_outlives_the_web_and_the_engine_with_its_true_age_and_its_numbers_go_on(whole, bot):
    seq = bot.get(path(whole))["seq"]
    whole.stop()
    services = build(whole.settings, "web")
    other = Caller(create_app(services).test_client(), bot.headers)
    told = other.get(path(whole))
    assert told["seq"] >= seq
    assert len(told["positions"]["data"]) == 4
    assert told["positions"]["age_ms"] >= 0
    stale = until(lambda: (one := other.get(path(whole)))["positions"]["stale"] and one, 30)
    assert stale["positions"]["age_ms"] > 10_000
    assert len(stale["positions"]["data"]) == 4
    other.get(path(whole, "balance") + "&fresh=1", 503)
    services.close()
    whole.services = build(whole.settings, "engine")
    whole.engine = assembly.build(whole.services)
    whole.engine.start()
    fresh = until(lambda: not (one := bot.get(path(whole)))["positions"]["stale"] and one, 30)
    assert fresh["seq"] >= stale["seq"]
    until(whole.is_ready, 30)


def test_a_close_at_the_broker_itself_is_noticed_by_a_glance(whole, bot):
    """It is seen within the fast rate, and a look at all the books follows, which compares."""
    broker = whole.paper["alpha"]
    row = next(one for one in bot.get(path(whole))["positions"]["data"] if int(one["quantity"]) > 0)
    order = {"symbol": row["symbol"], "exchange": row["exchange"], "action": "SELL", "quantity": int(row["quantity"])}
    broker.place(**order)

    def quantity():
        return next(one["quantity"] for one in bot.get(path(whole))["positions"]["data"] if one["id"] == row["id"])

    until(lambda: quantity() == "0", 30)
    account_id = whole.accounts["alpha"]
    until(lambda: any(one.account_id == account_id for one in whole.services.adopting.differences(whole.owner_id)), 30)
