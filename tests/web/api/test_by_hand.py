"""Orders by hand over the API: once per key, changed, cancelled together, closed for what is held."""

from decimal import Decimal

from sqlalchemy import select

from app.core.clock import epoch_ms
from app.execution.models import Order, OrderChange, OrderTicket
from app.risk.day_rules import DayRules
from app.risk.states import Extent, Kind
from app.web.api import priced
from tests.web.api.snapshot import snapshot
from tests.web.trading import NIFTY


def body(world, **more):
    accounts = [{"account_id": world.account}, {"account_id": world.other, "multiplier": "0.5"}]
    return {"side": "BUY", "product": "NRML", "quantity": "28", "accounts": accounts, **NIFTY} | more


def manual(services):
    with services.db.read() as session:
        return session.scalars(select(Order).where(Order.purpose.in_(("manual", "exit"))).order_by(Order.id)).all()


def test_a_key_places_once_whatever_is_sent_again(bot, world, services):
    key = {"Idempotency-Key": "one"}
    first = bot.post("/api/v1/orders", body(world), 202, headers=key)
    again = bot.post("/api/v1/orders", body(world), 202, headers=key)
    assert first == again == bot.get(f"/api/v1/orders/{first['id']}")
    assert [[order["quantity"] for order in each["orders"]] for each in first["accounts"]] == [["1755", "65"], ["910"]]
    assert len(manual(services)) == 3
    bot.post("/api/v1/orders", body(world), 422)


def test_a_limit_that_asks_what_an_order_is_worth_waits_for_its_price_and_else_says_so(
    app, bot, world, services, monkeypatch
):
    monkeypatch.setattr(priced, "PATIENCE", 0.1)
    for account_id in (world.account, world.other):
        extent = Extent(Kind.ACCOUNT, account_id)
        services.day_limits.save(world.desk.owner_id, extent, DayRules(order_value=Decimal(100_000)))
    refused = bot.post("/api/v1/orders", body(world, side="SELL"), 409, headers={"Idempotency-Key": "one"})
    assert "No account can take this order now" in refused["error"]["message"]
    price = {"v": "100", "k": "price", "c": "INR", "at": epoch_ms(services.clock.now()) + 60_000}
    told = {"owner": "*", "cells": {f"ltp:{NIFTY['exchange']}:{NIFTY['symbol']}": price}}
    app.extensions["live"].hub.take("tick", told)
    first, other = bot.post("/api/v1/orders", body(world, side="SELL"), 202, headers={"Idempotency-Key": "two"})[
        "accounts"
    ]
    assert "max order value is 100000 and this order of" in first["refusal"] and "comes to 182000" in first["refusal"]
    assert (first["orders"], [order["quantity"] for order in other["orders"]]) == ([], ["910"])


def test_a_wrong_price_is_said_at_its_field_and_nothing_is_kept(bot, world, services):
    asked = body(world, price_type="LIMIT", price="100.01")
    refused = bot.post("/api/v1/orders", asked, 422, headers={"Idempotency-Key": "one"})
    assert "not a multiple of the tick" in refused["error"]["fields"]["price"][0]
    assert world.desk.count(OrderTicket) == 1  # the one the world began with


def test_a_change_is_asked_for_and_the_order_waits_for_the_venue(bot, world):
    order = world.desk.order(
        world.desk.account("Three"), 130, state="open", purpose="manual", price_type="LIMIT", price=100
    )
    address = f"/api/v1/journal/orders/{order.id}"
    change = bot.post(f"{address}/change", {"price": "101.5"}, 202)
    assert (change["state"], change["price"], change["old_price"]) == ("asked", "101.5", "100")
    assert bot.get(f"{address}/changes")["items"] == [change]
    assert bot.get(address)["order"]["price"] == "100"
    bot.post(f"{address}/change", {"quantity": "100"}, 422)
    assert world.desk.count(OrderChange) == 1


def test_what_is_cancelled_together_is_told_together(bot, world):
    done = bot.post("/api/v1/journal/orders/cancel", {"account_id": world.account}, 202)
    assert (done["pending"], [order["id"] for order in done["orders"]]) == (1, [world.order])
    assert bot.get(f"/api/v1/journal/cancels/{done['id']}") == done
    bot.post("/api/v1/journal/orders/cancel", {"symbol": "NOTHING"}, 409)


def test_nobody_cancels_everything_by_leaving_everything_out(bot, world, services):
    address = "/api/v1/journal/orders/cancel"
    before = snapshot(services.db)
    for said in ({}, {"order_ids": []}, {"order_ids": [], "account_id": None, "all": False}):
        refused = bot.post(address, said, 422)
        assert refused["error"]["fields"] == {"all": ["Say which orders, or all: true."]}
    assert "not both" in bot.post(address, {"all": True, "account_id": world.account}, 422)["error"]["fields"]["all"][0]
    assert snapshot(services.db) == before
    elsewhere = world.desk.order(world.desk.account("Three"), 130, state="open")
    done = bot.post(address, {"all": True}, 202)
    assert {world.order, elsewhere.id} <= {order["id"] for order in done["orders"]}


def test_a_close_is_sized_by_what_is_held_and_its_key_closes_once(bot, world, services):
    world.desk.order(world.desk.account("Three"), 130, purpose="manual", side="BUY")
    account = manual(services)[0].account_id
    asked = {"account_id": account, "product": "NRML", **NIFTY}
    for _ in range(2):
        done = bot.post("/api/v1/positions/close", asked, 202, headers={"Idempotency-Key": "one"})
        assert [(order["side"], order["quantity"], order["purpose"]) for order in done["orders"]] == [
            ("SELL", "130", "exit")
        ]
    bot.post("/api/v1/positions/close", asked, 409, headers={"Idempotency-Key": "two"})
    assert len(manual(services)) == 2
