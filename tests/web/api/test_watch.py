"""Watchlists, quotes, alerts and messages over the API."""

import pytest

from app.alerts.models import AlertFiring
from app.core.ids import new_id
from tests.web.trading import NIFTY

NAME = f"{NIFTY['exchange']}:{NIFTY['symbol']}"


@pytest.fixture
def heard(app):
    """What the engine said of the world's instrument."""
    values = {"ltp": "171.05", "chg": "-2", "bp1": "171", "bq1": "65", "ap1": "171.1", "aq1": "130", "bt": "900"}
    cells = {
        f"{kind}:{NAME}": {"v": v, "k": "level", "c": "INR", "at": 1_700_000_000_000} for kind, v in values.items()
    }
    words = {f"src:{NAME}": {"v": "stream", "k": "word", "c": None, "at": 1_700_000_000_000}}
    app.extensions["live"].hub.take("tick", {"owner": "*", "cells": cells | words})


def test_a_list_is_made_filled_moved_and_deleted(bot, world, heard):
    made = bot.post("/api/v1/watchlists", {"name": "Options"}, 201)
    page = f"/api/v1/watchlists/{made['id']}"
    assert bot.post(f"{page}/symbols", NIFTY)["items"][0]["last_price"] == "171.05"
    assert bot.post(f"{page}/symbols", NIFTY)["symbols"] == 1
    assert bot.post(f"{page}/paste", {"text": "NOSUCH"})["unknown"] == ["NOSUCH"]
    assert bot.post(f"{page}/move", NIFTY | {"direction": "down"})["symbols"] == 1
    typed = {"exchange": NIFTY["exchange"].lower(), "symbol": NIFTY["symbol"].lower()}
    assert bot.post(f"{page}/remove", typed)["items"] == []
    for act in ("remove", "move"):
        bot.post(f"{page}/{act}", NIFTY | ({"direction": "up"} if act == "move" else {}), 404)
    assert bot.put(page, {"name": "Renamed"})["name"] == "Renamed"
    bot.delete(page)
    assert [item["name"] for item in bot.get("/api/v1/watchlists")["items"]] == ["Mine"]


def test_a_quote_has_its_depth_and_says_what_is_not_known(bot, world, heard):
    found = bot.get(f"/api/v1/quotes/{NIFTY['exchange']}/{NIFTY['symbol']}")
    assert (found["bids"], found["asks"]) == (
        [{"price": "171", "quantity": "65"}],
        [{"price": "171.1", "quantity": "130"}],
    )
    assert (found["change"], found["source"], found["open"]) == ("-2", "stream", None)
    assert found["last_price_at"] == "2023-11-14T22:13:20Z"
    bot.get("/api/v1/quotes/NFO/NOSUCH", 404)


def test_an_alert_is_made_changed_paused_and_deleted_and_its_firings_stay(bot, world):
    asked = {"subject": "price", "condition": "crosses up", "level": "180", "repeat": "every", **NIFTY}
    made = bot.post("/api/v1/alerts", asked, 201)
    page = f"/api/v1/alerts/{made['id']}"
    assert (made["state"], made["level"], made["pause_minutes"]) == ("active", "180", 5)
    assert bot.post(f"{page}/pause")["state"] == "paused"
    assert bot.post(f"{page}/resume")["state"] == "active"
    assert bot.put(page, asked | {"level": "190"})["version"] == 4
    seen = [{"name": "X", "price": "190", "age_ms": 3, "source": "stream"}]
    desk = world.desk
    desk.save(
        AlertFiring(
            id=new_id(), alert_id=made["id"], owner_id=desk.owner_id, at=desk.now, words="w", value=190, seen=seen
        )
    )
    bot.delete(page)
    bot.get(page, 404)
    (firing,) = bot.get(f"/api/v1/alerts/firings?alert_id={made['id']}")["items"]
    assert (firing["value"], firing["seen"]) == ("190", seen)
    assert "level" in bot.post("/api/v1/alerts", asked | {"level": 0}, 422)["error"]["fields"]


def test_an_alert_on_a_profit_takes_money_or_per_cent_of_a_capital(bot, world, admin):
    asked = {"subject": "pnl", "account_id": world.account, "condition": "moves down", "level": "2"}
    assert "reference" in bot.post("/api/v1/alerts", asked, 422)["error"]["fields"]
    made = bot.post("/api/v1/alerts", asked | {"reference": "500000"}, 201)
    assert (made["reference"], made["condition"]) == ("500000", "moves down")
    assert "is down by 2% of 500000" in admin.get(f"/alerts/{made['id']}").text
    typed = {"subject": "pnl", "account_id": world.account, "condition": "moves", "level": "2", "repeat": "once"}
    page = admin.submit("/alerts", "/alerts/new", status=422, **typed).text
    assert "choose rises or falls" in page
    assert "Type the capital" in page
    admin.submit("/alerts", "/alerts/new", **(typed | {"condition": "moves up", "reference": "500000"}))


def test_messages_are_listed_until_they_are_acknowledged(bot, world):
    assert bot.get("/api/v1/notifications")["unread"] == 1
    done = bot.post(f"/api/v1/notifications/{world.message}/acknowledge")
    assert done["acknowledged_at"]
    assert bot.get("/api/v1/notifications") == {"items": [], "unread": 0}
    assert len(bot.get("/api/v1/notifications?acknowledged=true")["items"]) == 1
    world.desk.message("again")
    assert bot.post("/api/v1/notifications/acknowledge") == {"acknowledged": 1}
