"""Trades made outside the desk, over the API."""

from decimal import Decimal

import pytest

from tests.web.trading import Desk


@pytest.fixture
def desk(bot, services) -> Desk:
    return Desk(services)


def test_differences_are_listed_and_decided_once(bot, services, desk):
    account = desk.account("One")
    run = desk.run(account)
    desk.difference(account, -1820, 0)
    (row,) = bot.get("/api/v1/differences")["items"]
    assert (row["missing"], row["surplus"]) == ("-1820", "0")
    leg_id = services.strategies.leg_runs(desk.owner_id, run.id)[0].id
    bot.post(f"/api/v1/leg-runs/{leg_id}/accept", {"quantity": "1"}, 409)
    assert bot.post(f"/api/v1/leg-runs/{leg_id}/accept", {"quantity": "1820"})["order_id"]
    bot.post(f"/api/v1/leg-runs/{leg_id}/accept", {"quantity": "1820"}, 409)
    assert bot.get("/api/v1/differences")["items"] == []


def test_an_external_position_becomes_a_run(bot, services, desk):
    account = desk.account("One")
    row = desk.difference(account, 0, 195)
    made = bot.post(f"/api/v1/differences/{row.id}/adopt", {"quantity": "195"})
    assert bot.get(f"/api/v1/runs/{made['run_id']}")["state"] == "open"
    bot.post(f"/api/v1/differences/{row.id}/adopt", {"quantity": "195"}, 404)


def test_a_position_of_no_run_is_accepted_as_closed(bot, services, desk):
    account = desk.account("One")
    desk.order(account, 65, side="BUY", purpose="manual")
    row = desk.difference(account, 65, 0)
    assert bot.post(f"/api/v1/differences/{row.id}/accept", {"quantity": "65"})["order_id"]


def test_an_external_order_becomes_the_desks(bot, services, desk):
    account = desk.account("One")
    desk.foreign(account, venue_order_id="v9", status="open", filled_quantity=Decimal(0))
    (row,) = bot.get("/api/v1/external-orders")["items"]
    made = bot.post(f"/api/v1/external-orders/{row['id']}/adopt")
    assert bot.get(f"/api/v1/journal/orders/{made['order_id']}")["order"]["venue_order_id"] == "v9"
    assert bot.get("/api/v1/external-orders")["items"] == []
    bot.post(f"/api/v1/external-orders/{row['id']}/adopt", status=409)
