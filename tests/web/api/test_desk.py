"""Who is calling, how the desk is, instruments, tokens, errands, positions, and the guide's own addresses."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.exc import OperationalError

from app.accounts.health import Sighting
from app.accounts.models import HealthState
from app.web import create_app
from config import VERSION
from tests.web.conftest import PASSWORD
from tests.web.trading import NIFTY


def hold_the_clock(services, monkeypatch):
    """So that a beat is as young as it was, however long the answer takes."""
    now = services.clock.now()
    monkeypatch.setattr(services.clock, "now", lambda: now)


def test_me_says_who_calls_and_what_they_may(person, program):
    me = person.get("/api/v1/me")
    assert (me["name"], me["signed_in_by"]) == ("Asha", "session")
    bot = program("read").get("/api/v1/me")
    assert (bot["id"], bot["scopes"], bot["signed_in_by"], bot["csrf_token"]) == (me["id"], ["read"], "token", None)


def test_the_public_health_tells_the_state_of_the_desk_and_of_nobodys_accounts(stranger, services, monkeypatch):
    silent = stranger.client.get("/health")
    assert (silent.status_code, silent.json["status"]) == (503, "down")
    assert silent.json["reason"] == "The engine can't be reached."
    hold_the_clock(services, monkeypatch)
    services.pulse.beat("engine")
    well = stranger.client.get("/health")
    assert (well.status_code, well.json) == (200, {
        "status": "ok", "reason": "", "version": VERSION, "database": "ok", "redis": "not used", "engine": "live",
        "feed": "unknown", "venues": {},
    })  # fmt: skip

    def away():
        raise OperationalError("SELECT 1", {}, Exception("gone"))

    monkeypatch.setattr(services, "pulse", type("Away", (), {"read": staticmethod(away)}))
    gone = stranger.client.get("/health")
    assert (gone.status_code, gone.json["database"]) == (503, "down")
    assert gone.json["reason"] == "The database can't be reached."


def test_health_is_503_while_redis_is_away_and_names_the_kind_of_venue_that_is_not_well(services, world, settings):
    services.pulse.beat("engine")
    services.settings = replace(settings, redis_url="redis://127.0.0.1:1/0")
    away = create_app(services).test_client().get("/health")
    assert (away.status_code, away.json["redis"], away.json["reason"]) == (503, "down", "Redis can't be reached.")
    services.settings = settings
    services.health.record(world.account, Sighting(HealthState.NOT_LOGGED_IN, error="Log in first."))
    unwell = create_app(services).test_client().get("/health")
    assert (unwell.status_code, unwell.json["status"]) == (200, "degraded")
    assert unwell.json["venues"] == {"openalgo": "degraded"}
    assert unwell.json["reason"] == "Accounts at openalgo are not well."


def test_health_tells_the_engine_the_feed_and_each_account_with_ages(bot, services, world, monkeypatch):
    hold_the_clock(services, monkeypatch)
    services.pulse.beat("engine")
    health = bot.get("/api/v1/health")
    assert (health["status"], health["engine"]["state"], health["engine"]["age_seconds"]) == ("ok", "live", 0)
    assert health["feed"]["seen_at"] is None
    assert {(one["name"], one["health"]) for one in health["accounts"]} == {("Demo 1", "ok"), ("Demo 2", "ok")}


def test_instruments_are_found_looked_at_and_their_expiries_listed(bot, world):
    (found,) = bot.get("/api/v1/instruments?q=nifty+24400+ce")["items"]
    assert (found["lot_size"], found["tick"], found["strike"]) == ("65", "0.05", "24400")
    shown = bot.get(f"/api/v1/instruments/nfo/{NIFTY['symbol']}")
    assert {name: shown[name] for name in found} == found
    assert ("lot_size", "venue") in {(value["kind"], value["origin"]) for value in shown["values"]}
    days = bot.get("/api/v1/instruments/expiries?exchange=NFO&underlying=nifty&kind=options")
    assert days["expiries"] == ["2026-12-24"]
    bot.get("/api/v1/instruments/NFO/NOTHING", 404)
    bot.get("/api/v1/instruments/NFO/%00", 404)


def test_an_errand_is_looked_at_by_its_owner(bot, world):
    shown = bot.get(f"/api/v1/errands/{world.errand}")
    assert shown["answer"]["accounts"][0]["orders"] == 2
    assert shown["done_at"].endswith("Z")


def test_a_tokens_secret_is_shown_once_and_opens_the_desk_until_revoked(app, person, services):
    wish = {"name": "bot", "scopes": ["read"], "allowed_ips": ["127.0.0.1"], "password": PASSWORD}
    made = person.post("/api/v1/tokens", wish, 201)
    headers = {"Authorization": f"Bearer {made['secret']}"}
    assert app.test_client().get("/api/v1/me", headers=headers).status_code == 200
    listed = person.get("/api/v1/tokens")["items"]
    assert [one["id"] for one in listed] == [made["token"]["id"]]
    assert made["secret"] not in str(listed)
    person.delete(f"/api/v1/tokens/{made['token']['id']}")
    assert app.test_client().get("/api/v1/me", headers=headers).status_code == 403
    person.delete(f"/api/v1/tokens/{made['token']['id']}", 404)


def test_a_token_needs_the_password_and_a_future(person, services):
    wish = {"name": "bot", "scopes": ["read"], "password": "not it"}
    assert set(person.post("/api/v1/tokens", wish, 422)["error"]["fields"]) == {"password"}
    past = (services.clock.now() - timedelta(days=1)).isoformat()
    late = person.post("/api/v1/tokens", wish | {"password": PASSWORD, "expires_at": past}, 422)
    assert set(late["error"]["fields"]) == {"expires_at"}
    assert person.get("/api/v1/tokens")["items"] == []


@pytest.mark.parametrize("query", ["", "?account_id={account}"])
def test_positions_stand_beside_the_venues_with_their_ages(bot, world, query):
    (one,) = bot.get("/api/v1/positions" + query.format(account=world.account))["items"]
    assert (one["quantity"], one["venue_quantity"]) == ("-1820", "-1820")
    assert one["average_price"] == "171.05"
    assert 0 <= one["venue_age_seconds"] < 60
    assert one["agreement"] in ("equal", "not compared")
    assert one["unrealised"] == one["pnl_today"] == "4823"


def test_net_positions_add_up_the_accounts(bot, world):
    (net,) = bot.get("/api/v1/positions/net")["items"]
    assert (net["quantity"], net["accounts"], net["disagreements"]) == ("-1820", 1, 0)
    assert bot.get(f"/api/v1/positions?account_id={world.other}")["items"] == []


def test_the_guides_accounts_are_a_bare_list_of_five_keys(bot, world):
    listed = bot.get("/api/accounts")
    assert [list(one) for one in listed] == [["id", "name", "broker", "is_primary", "is_active"]] * 2
    assert listed[0] == {
        "id": world.account, "name": "Demo 1", "broker": "demo", "is_primary": True, "is_active": True
    }  # fmt: skip


def test_the_guides_positions_carry_their_age(bot, world):
    told = bot.get(f"/api/positions/{world.account}")
    assert (told["account_id"], len(told["positions"])) == (world.account, 1)
    assert 0 <= told["age_seconds"] < 60
    assert bot.get(f"/api/positions/{world.other}")["read_at"] is None


def test_the_guides_stream_is_there(app):
    assert "/api/stream/<account_id>" in {rule.rule for rule in app.url_map.iter_rules()}
