"""The Engine page and its twin: what the signs of life say, for whoever looks, and what happened to the prices."""

import pytest

from app.core.actors import DESK
from app.feed.sentences import SOURCE, SWITCHED
from tests.web.trading import Desk

INDEX = "NSE_INDEX:NIFTY"
FOREIGN = "NFO:NIFTY24NOV2626050CE"


def connection(account_id, **more):
    usual = {
        "account_id": account_id, "number": 0, "role": "carrier", "state": "live", "symbols": 3,
        "last_at": "2026-11-20T04:30:00+00:00", "words": "", "refused": 0, "garbage": 0,
    }  # fmt: skip
    return usual | more


@pytest.fixture
def desk(admin, services):
    """One account of the person who looks, and one of somebody else's beside it."""
    desk = Desk(services, "Asha")
    account = desk.account("Alpha")
    detail = {
        "state": "slow", "last_at": "2026-11-20T04:30:00+00:00", "account_id": account.id, "reason": "silent",
        "source": "request", "wanted": 14, "left_out": 2, "stale": [INDEX, FOREIGN], "stale_count": 2,
        "received": 12345, "dropped": {"zero": 7}, "requests": {"failed": 1, "without_price": 4},
        "connections": [
            connection(account.id),
            connection("somebodys", role="overflow", number=1, state="refused", words="their secret words"),
        ],
    }  # fmt: skip
    services.pulse.beat("feed", detail)
    steps = [
        {"name": "feed", "loop": "house", "period": 2.0, "failures": 0, "took_ms": 3, "age": 0.5},
        {"name": "masters", "loop": "house", "period": 1.0, "failures": 2, "took_ms": 90, "age": 60.0},
    ]
    lanes = {account.id: {"waiting": 5, "held": True}, "somebodys": {"waiting": 77, "held": False}}
    services.pulse.beat("engine", {"steps": steps, "lanes": lanes})
    with services.db.write() as session:
        for kind, told in (
            (SWITCHED, {"from": None, "to": account.id, "reason": "start"}),
            (SWITCHED, {"from": account.id, "to": "somebodys", "reason": "frozen"}),
            (SOURCE, {"from": "stream", "to": "request", "account": account.id}),
        ):
            services.trail.record(session, DESK, kind, ("feed", "market"), told)
    return desk


def test_an_engine_that_was_never_seen_is_said_so(admin):
    page = admin.get("/engine").text
    assert "The engine was not seen yet" in page
    assert "No connection" in page


def test_it_shows_prices_connections_what_was_dropped_and_what_happened(admin, desk):
    page = admin.get("/engine").text
    for words in (
        "By request (REST)", "From Alpha", "2 on no connection, priced by request", "Zero", "12,345",
        "Prices come from Alpha.", "Alpha repeated the same prices: prices come from another account of the desk now.",
        "prices are asked for every few seconds (REST)", "Needs its broker login", "Fails",
    ):  # fmt: skip
        assert words in page, words


def test_what_is_somebody_elses_has_no_name_here(admin, desk):
    page = admin.get("/engine").text
    assert "their secret words" not in page
    assert ">77<" not in page
    assert "26,050" not in page, "a symbol that only somebody else holds"
    assert "NIFTY" in page


def test_the_refresh_shows_what_the_page_shows(admin, desk):
    live = admin.client.get("/engine/live").get_data(as_text=True)
    assert "By request (REST)" in live
    assert "<h1" not in live


def test_the_api_tells_the_same(admin, desk):
    told = admin.client.get("/api/v1/engine").json
    feed = told["feed"]
    assert (feed["account"], feed["source"], feed["state"]) == ("Alpha", "request", "slow")
    assert feed["dropped"] == {"zero": 7}
    assert feed["stale"] == [INDEX]
    assert feed["stale_count"] == 2
    assert [one["account"] for one in feed["connections"]] == ["Alpha", "another account of the desk"]
    assert feed["events"][0]["is_good"] is False
    assert [job["name"] for job in told["jobs"] if job["is_late"]] == ["masters"]
    assert told["lanes"] == [{"account": "Alpha", "waiting": 5, "is_held": True}]
