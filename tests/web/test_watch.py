"""Watchlists, quotes, alerts and messages in the pages."""

import re
from decimal import Decimal

import pytest

from app.alerts.models import AlertFiring, PriceAlert
from app.core.ids import new_id
from app.notify.messages import Message
from app.notify.models import Level
from tests.alerts.conftest import listed
from tests.feed.hands import NIFTY, SBIN
from tests.web.trading import Desk

PRICE = {"subject": "price", "symbol": f"{NIFTY}", "condition": "above", "level": "105", "repeat": "once"}


@pytest.fixture
def desk(admin, services) -> Desk:
    desk = Desk(services)
    desk.save(*(listed(symbol, desk.now) for symbol in (NIFTY, SBIN)))
    services.instruments.fill_families()
    return desk


def heard(app, symbol, **kinds):
    """What the engine says of a symbol."""
    cells = {f"{kind}:{symbol}": {"v": str(value), "k": "price", "c": "INR", "at": 1} for kind, value in kinds.items()}
    app.extensions["live"].hub.take("tick", {"owner": "*", "cells": cells})


def list_of(admin, services, desk, *symbols) -> str:
    watchlist_id = services.watchlists.create(desk.owner_id, "Mine")
    for symbol in symbols:
        services.watchlists.add(desk.owner_id, watchlist_id, symbol.exchange, symbol.name)
    return watchlist_id


def order_of(text):
    return re.findall(r'id="(N\w+:\w+)" href', text)


def test_a_list_is_made_filled_by_search_put_in_order_and_deleted_with_its_count(admin, desk):
    assert "No list yet" in admin.get("/watch").text
    page = admin.submit("/watch", "/watch", name="Mine").location
    for symbol in (SBIN, NIFTY):
        found = admin.get(f"{page}/find?q={symbol.name[:5]}", fragment=True)
        assert f'value="{symbol}"' in found.text
        admin.submit(f"{page}/add", page, symbol=str(symbol))
    assert order_of(admin.get(page).text) == [str(SBIN), str(NIFTY)]
    moved = admin.submit(f"{page}/move", page, up=str(NIFTY))
    assert moved.location.endswith(f"#{NIFTY}")
    assert order_of(admin.get(page).text) == [str(NIFTY), str(SBIN)]
    admin.submit(f"{page}/remove", page, symbol=str(SBIN))
    admin.submit(f"{page}/remove", page, symbol=str(SBIN))
    assert "is not on this list, so nothing changed." in admin.get(page).text
    assert "1 symbol on it" in admin.get(f"{page}/delete").text.lower()
    admin.submit(f"{page}/delete", f"{page}/delete")
    assert "Mine with 1 symbol is deleted." in admin.get("/watch").text


def test_what_was_found_anywhere_is_put_on_a_list_that_is_chosen(admin, services, desk):
    old = list_of(admin, services, desk, NIFTY)
    ask = f"/watch/keep?exchange={SBIN.exchange}&symbol={SBIN.name}"
    assert ask.replace("&", "&amp;") in admin.get(f"/instruments/find?q={SBIN.name}", fragment=True).text
    page = admin.submit("/watch", ask, name="New", symbol=str(SBIN)).location.partition("#")[0]
    assert order_of(admin.get(page).text) == [str(SBIN)]
    admin.submit(f"/watch/{old}/add", ask, symbol=str(SBIN))
    assert order_of(admin.get(f"/watch/{old}").text) == [str(NIFTY), str(SBIN)]
    assert admin.get(ask).text.count("On it already") == 2
    assert "You have a list new already." in admin.submit("/watch", ask, status=422, name="new", symbol=str(SBIN)).text
    admin.get("/watch/keep?exchange=NSE&symbol=NOSUCH", status=404)


def test_what_is_wrong_with_a_list_is_said_beside_the_field(admin, desk):
    page = admin.submit("/watch", "/watch", name="Mine").location
    again = admin.submit("/watch", "/watch", status=422, name="mine")
    assert "You have a list mine already." in again.text
    assert "Paste at least one symbol" in admin.submit(f"{page}/paste", page, status=422, text=" ").text
    assert "Give the list a name." in admin.submit(f"{page}/rename", page, status=422, name=" ").text
    admin.submit(f"{page}/paste", page, text=f"{NIFTY}\nNSE:NOSUCH")
    text = admin.get(page).text
    assert "1 symbol added." in text
    assert "Not on record: NSE:NOSUCH." in text


def test_a_list_starts_with_what_was_heard_last_and_sorts_by_it(app, admin, services, desk):
    page = f"/watch/{list_of(admin, services, desk, NIFTY, SBIN)}"
    heard(app, NIFTY, ltp="105.5", pct="1.5")
    heard(app, SBIN, ltp="800", pct="-2")
    text = admin.get(page).text
    assert ("105.50" in text, "800.00" in text) == (True, True)
    assert order_of(admin.get(f"{page}?sort=pct").text) == [str(SBIN), str(NIFTY)]
    assert order_of(admin.get(f"{page}?sort=-pct").text) == [str(NIFTY), str(SBIN)]
    assert order_of(admin.get(f"{page}?sort=nonsense").text) == [str(NIFTY), str(SBIN)]
    assert f"exchange=NFO&amp;symbol={NIFTY.name}" in text


def test_a_list_is_watched_by_its_name_and_nobody_elses_can_be(admin, services, desk, invited):
    mine = list_of(admin, services, desk, NIFTY)
    assert f"mode=best&amp;list={mine}" in admin.get(f"/watch/{mine}").text
    assert invited("trader", "Birla").client.get(f"/stream?list={mine}").status_code == 404


def test_a_quote_shows_the_contract_and_what_is_known_of_its_depth(app, admin, desk):
    heard(app, NIFTY, ltp="105.5", bp1="105.45", ap1="105.6")
    text = admin.get(f"/quote/NFO/{NIFTY.name}").text
    for figure in ("105.50", "105.45", "105.60", "mode=depth"):
        assert figure in text
    assert admin.get(f"/quote?exchange=nfo&symbol={NIFTY.name}", 302).location == f"/quote/NFO/{NIFTY.name}"
    admin.get("/quote/NFO/NOSUCH", 404)
    admin.get("/quote", 404)


def test_an_alert_is_made_paused_edited_and_deleted(admin, services, desk):
    assert f'value="{NIFTY}"' in admin.get(f"/alerts/new?exchange=NFO&symbol={NIFTY.name}").text
    admin.submit("/alerts", "/alerts/new", **PRICE, note="sell half")
    (alert,) = services.alerts.list(desk.owner_id)
    page = f"/alerts/{alert.id}"
    assert (alert.level, alert.note, alert.state) == (105, "sell half", "active")
    admin.submit(f"{page}/pause", "/alerts")
    assert services.alerts.get(desk.owner_id, alert.id).state == "paused"
    admin.submit(f"{page}/resume", "/alerts")
    edited = PRICE | {"condition": "moves", "level": "2", "expires_at": "2099-01-01T15:30", "version": "3"}
    admin.submit(f"{page}/edit", f"{page}/edit", **edited)
    kept = services.alerts.get(desk.owner_id, alert.id)
    assert (kept.condition, f"{kept.expires_at:%H:%M}") == ("moves", "10:00")
    assert "moves either way by 2%" in admin.get(page).text
    late = admin.submit(f"{page}/edit", f"{page}/edit", status=409, **edited)
    assert "changed meanwhile" in late.text
    admin.submit(f"{page}/delete", f"{page}/delete")
    admin.get(page, 404)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"symbol": "NIFTY"}, "Type a symbol"),
        ({"symbol": "NSE:NOSUCH"}, "There is no NOSUCH on NSE on record."),
        ({"level": "much"}, "Type a number."),
        ({"level": "-1"}, "A price is above zero."),
        ({"expires_at": "2020-01-01T00:00"}, "This moment has passed."),
        ({"subject": "spread", "other_symbol": f"{NIFTY}", "ratio": "1"}, "A spread needs two different symbols."),
        ({"subject": "pnl", "account_id": ""}, "Choose an account."),
    ],
)
def test_what_is_wrong_with_an_alert_is_said_beside_the_field(admin, services, desk, wrong, sentence):
    assert sentence in admin.submit("/alerts", "/alerts/new", status=422, **(PRICE | wrong)).text
    assert services.alerts.list(desk.owner_id) == []


def test_what_fired_is_told_with_the_price_it_was_judged_by(admin, desk):
    alert = desk.save(
        PriceAlert(
            id=new_id(), owner_id=desk.owner_id, state="fired", subject="price", exchange="NFO", symbol=NIFTY.name,
            condition="above", level=Decimal(105), repeat="once", created_at=desk.now, changed_at=desk.now, firings=1,
        )
    )  # fmt: skip
    seen = [{"name": NIFTY.name, "price": "105.5", "age_ms": 120, "source": "stream"}]
    desk.save(
        AlertFiring(
            id=new_id(), alert_id=alert.id, owner_id=desk.owner_id, at=desk.now, words="It is there.",
            value=Decimal("105.5"), seen=seen,
        )
    )  # fmt: skip
    text = admin.get(f"/alerts/{alert.id}").text
    assert "It is there." in text
    assert re.search(r"105\.50, 0\.1\ss old, streamed", text)


def test_a_message_is_counted_on_every_page_until_it_was_read_and_stays_until_acknowledged(admin, services, desk):
    text = "NIFTY is at or above 105: 105.5."
    services.notify.tell(desk.owner_id, Message(Level.WARN, "alert", "An alert fired", text, "firing:1", "/alerts"))
    assert re.search(r'id="unread" class="nav-count".*>1<', admin.get("/positions").text)
    assert text in admin.get("/").text
    admin.submit("/notifications/read", "/notifications")
    assert 'class="nav-count"' not in admin.get("/positions").text
    (row,) = services.notify.list(desk.owner_id)
    back = admin.submit(f"/notifications/{row.id}/acknowledge", "/", next="/")
    assert back.location == "/"
    assert text not in admin.get("/").text
    assert "Nothing needs you" in admin.get("/notifications").text
    assert text in admin.get("/notifications?all=1").text


def test_older_messages_are_a_page_further(admin, services, desk):
    for number in range(52):
        services.notify.tell(desk.owner_id, Message(Level.INFO, "feed", "S", f"message {number}.", f"k{number}"))
    older = re.search(r'href="(/notifications\?[^"]*before=[^"]*)"', admin.get("/notifications").text)[1]
    assert "message 1." in admin.get(older.replace("&amp;", "&")).text
    admin.get("/notifications?before=nonsense")
