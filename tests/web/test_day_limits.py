"""Limits of the day in the browser and over the API: seen with their use, set, refused by field, released with why."""

import pytest

from tests.web.trading import Desk

TYPED = {
    "max_loss_value": "20000", "max_loss_unit": "amount", "max_loss_action": "flatten", "drawdown_value": "2.5",
    "drawdown_unit": "percent", "drawdown_action": "block", "exposure_value": "500000", "open_orders": "20",
    "order_value": "150000", "price_band": "5",
}  # fmt: skip


@pytest.fixture
def desk(admin, services) -> Desk:
    return Desk(services)


@pytest.fixture
def account(desk):
    return desk.account("Zerodha main")


def tell(app, desk, account, **cells):
    told = {f"limit:account:{account.id}:{name}": cell for name, cell in cells.items()}
    app.extensions["live"].hub.take("tick", {"owner": desk.owner_id, "cells": told})


def test_limits_are_set_and_seen_with_what_of_them_is_used(app, admin, desk, account):
    path = f"/risk/limits/accounts/{account.id}"
    admin.submit(path, **TYPED)
    page = admin.get("/risk/limits").text
    for text in (
        "Zerodha main",
        "−₹20,000.00",
        "all that is held is exited",
        "2.5 % of equity",
        "not known yet",
        "5 %",
    ):
        assert text in page, text
    tell(app, desk, account, max_loss={"v": "-12400", "k": "money", "c": "INR", "at": None})
    tell(app, desk, account, **{"max_loss:%": {"v": "62", "k": "number", "c": None, "at": None}})
    live = admin.get("/risk/limits/live", fragment=True).text
    assert "−₹12,400.00" in live
    assert f'data-cell="limit:account:{account.id}:max_loss:%">62<' in live
    assert 'value="2.5"' in admin.get(path).text
    admin.submit("/risk/limits/desk", entries="40")
    assert "Entries of the day" in admin.get("/risk/limits").text


@pytest.mark.parametrize(("field", "typed", "says"), [
    ("max_loss_value", "-1", "Type a number above zero"), ("max_loss_action", "panic", "Choose what happens."),
    ("max_loss_unit", "points", "Choose an amount or percent."), ("price_band", "150", "100 at most"),
    ("open_orders", "2.5", "Type a whole number"), ("order_value", "much", "Type a number above zero"),
])  # fmt: skip
def test_what_cannot_be_meant_is_said_beside_its_field_and_nothing_is_saved(
    admin, services, account, field, typed, says
):
    answer = admin.submit(f"/risk/limits/accounts/{account.id}", **(TYPED | {field: typed}), status=422)
    assert says in answer.text
    assert all(one.rules.is_empty for one in services.day_limits.all(account.owner_id))


def test_a_block_stands_on_every_page_and_is_released_with_a_reason(admin, services, desk, account):
    event_id = desk.touched(account)
    for path in ("/", "/risk", "/orders"):
        assert "Zerodha main takes no new entries: reducing, set by max loss of the day at" in admin.get(path).text
    page = admin.get("/risk/limits").text
    assert "Max loss of the day was reached at" in page
    path = f"/risk/limits/blocks/{event_id}/release"
    assert path in page
    assert "Say why" in admin.submit(path, why=" ", status=422).text
    admin.submit(path, why="one trade more")
    assert "takes no new entries" not in admin.get("/").text
    assert "one trade more" in admin.get("/risk/limits").text
    admin.submit(path, "/risk/limits", why="again", status=409)
    actions = [entry.action for entry in services.trail.find(limit=5)]
    assert actions[:3] == ["limit.released", "limit.touched", "limits.changed"]


def test_a_limit_that_flattens_shows_how_far_it_is_like_a_kill_switch(admin, desk, account):
    desk.run(account)
    desk.touched(account, "flatten")
    page = admin.get("/risk").text
    assert "Kill switch of Zerodha main" in page
    assert "Pressed by max loss of the day" in page


def test_a_program_does_the_same(admin, desk, account):
    token = admin.client.get("/api/v1/me").json["csrf_token"]

    def call(method, path, body=None, status=200):
        answer = admin.client.open(
            f"/api/v1/risk/limits{path}", method=method, json=body, headers={"X-CSRFToken": token}
        )
        assert answer.status_code == status, answer.text
        return answer.json

    rules = {"max_loss": {"value": "20000", "action": "reduce"}, "entries": 40}
    saved = call("PUT", f"/accounts/{account.id}", rules)
    assert [(line["limit"], line["most"], line["used"]) for line in saved["limits"]] == [
        ("max_loss", "-20000", None), ("entries", "40", None),
    ]  # fmt: skip
    assert call("PUT", "/desk", {"open_orders": 5})["kind"] == "user"
    event_id = desk.touched(account)
    (event,) = call("GET", "")["events"]
    assert (event["id"], event["is_blocking"], event["limit"]) == (event_id, True, "max loss of the day")
    assert call("POST", f"/blocks/{event_id}/release", {"why": "enough"})["released_why"] == "enough"
    call("POST", f"/blocks/{event_id}/release", {"why": "enough"}, 409)
    call("PUT", "/accounts/somebody", rules, 404)
