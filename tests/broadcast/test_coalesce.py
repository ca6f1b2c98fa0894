"""What the engine tells the browsers, and how often."""

import pytest
from sqlalchemy import event

from app.execution.events import OrderChanged
from app.execution.states import OrderState
from app.strategies.models import AccountRun, LegRun, Run, Strategy
from app.venues.types import Symbol
from tests.broadcast.conftest import SYMBOL
from tests.portfolio.rows import NIFTY, NOW, Desk

LTP = f"ltp:{SYMBOL}"


def filled(order_id="o1", owner="u1"):
    return OrderChanged(order_id, owner, "a1", None, OrderState.FILLED, None)


def test_a_thousand_ticks_between_two_beats_are_one_message_with_the_newest_price(station):
    station.turn()
    station.link.take("tick")
    for step in range(1000):
        station.tick(100 + step % 3)
    station.turn()
    (message,) = station.link.take("tick")
    assert message["owner"] == "*"
    assert message["cells"][LTP]["v"] == "100"


def test_figures_follow_the_price_four_times_a_second(station):
    station.desk.account("a1")
    station.desk.fill("a1", 75, 100)
    station.tick(100)
    station.turn()
    assert station.cells()["pnl:day:live"]["v"] == "0"
    for last, profit in ((101, "75"), (99, "-75"), (110, "750")):
        station.tick(last)
        station.turn()
        found = station.cells()
        assert (found["pnl:day:live"]["v"], found[LTP]["v"]) == (profit, str(last))


def test_faster_turns_send_prices_at_once_and_an_owners_figures_no_more_than_four_times_a_second(station):
    station.desk.account("a1")
    station.desk.fill("a1", 75, 100)
    station.turn()
    station.link.take("tick")
    for step in range(40):
        station.tick(100 + step)
        station.turn(0.025)
    sent = [payload["owner"] for payload in station.link.take("tick")]
    assert sent.count("*") == 40
    assert 3 <= sent.count("u1") <= 5


def test_figures_that_take_long_are_reckoned_less_often_and_least_while_orders_are_on_their_way(station):
    station.desk.account("a1")
    station.desk.fill("a1", 75, 100)
    station.turn()
    station.broadcaster.hear(lambda _cells: station.clock.forward(0.05))
    often = []
    for is_trading in (False, True):
        station.broadcaster.is_trading = lambda is_trading=is_trading: is_trading
        station.turn(5)
        station.link.take("tick")
        for step in range(160):
            station.tick(100 + step)
            station.turn(0.025)
        often.append(sum(payload["owner"] == "u1" for payload in station.link.take("tick")))
    assert often == [pytest.approx(8, abs=2), pytest.approx(2, abs=1)]


def test_many_owners_are_spread_over_the_quarter_of_a_second(station):
    for number in range(5):
        desk = Desk(station.db, f"p{number}")
        desk.account(f"a{number}")
        desk.fill(f"a{number}", 75, 100)
    station.turn()
    turns = []
    for step in range(10):
        station.tick(100 + step)
        station.turn(0.025)
        turns.append({payload["owner"] for payload in station.link.take("tick")} - {"*"})
    assert max(len(owners) for owners in turns[1:]) <= 2
    assert set.union(*turns) == {f"p{number}" for number in range(5)}


def test_a_fill_is_shown_after_one_reading_and_ticks_read_nothing(station):
    station.desk.account("a1")
    station.turn()
    asked = []
    event.listen(station.db.reader, "before_cursor_execute", lambda *what: asked.append(what[2]))
    station.tick(100)
    station.turn()
    asked.clear()
    for last in range(101, 140):
        station.tick(last)
        station.turn()
    assert asked == []
    station.desk.fill("a1", 75, 139, at=NOW)
    for _ in range(20):
        station.broadcaster.order_changed(filled())
    station.link.take("tick")
    station.turn(0.5)
    assert station.cells()[f"pos:a1:NFO:{NIFTY}:NRML"]["v"] == "75"
    assert len([statement for statement in asked if statement.startswith("SELECT")]) <= 6


def test_the_symbols_of_what_is_held_are_asked_for(station):
    station.desk.account("a1")
    station.desk.fill("a1", 75, 100)
    station.turn()
    assert station.wanted == [{Symbol("NFO", NIFTY)}]


def test_legs_and_runs_are_shown_while_the_run_lives(station):
    station.desk.account("a1")
    with station.db.write() as session:
        strategy = Strategy(
            id="s1", owner_id="u1", name="Condor", legs=[], on_failure="hold", created_at=NOW, updated_at=NOW
        )
        session.add(strategy)
        session.flush()
        session.add(
            Run(
                id="r1", owner_id="u1", strategy_id="s1", key="k", name="Condor", version=1, legs=[], on_failure="hold",
                venue_kind="openalgo", accounts=[], state="open", requested_at=NOW,
            )
        )  # fmt: skip
        session.flush()
        session.add(
            AccountRun(
                id="p1", run_id="r1", owner_id="u1", account_id="a1", multiplier=1, on_failure="hold", state="open",
                started_at=NOW,
            )
        )  # fmt: skip
        session.flush()
        session.add(
            LegRun(
                id="l1", account_run_id="p1", number=1, exchange="NFO", symbol=NIFTY, side="BUY", lots=1, lot_size=75,
                tick=1, quantity=75, product="NRML", price_type="MARKET",
            )
        )  # fmt: skip
    station.desk.fill("a1", 75, 100, account_run_id="p1", leg_run_id="l1")
    station.tick(104)
    station.turn()
    found = station.cells()
    assert {found[key]["v"] for key in ("pnl:leg:l1", "pnl:account_run:p1", "pnl:run:r1")} == {"300"}


def test_one_owners_figures_are_addressed_to_that_owner_only(station):
    station.desk.account("a1")
    station.desk.fill("a1", 75, 100)
    other = Desk(station.db, "u2")
    other.account("b1")
    other.fill("b1", 10, 50, symbol="OTHER")
    station.tick(110)
    station.turn()
    sent = {payload["owner"]: payload["cells"] for payload in station.link.take("tick")}
    assert not [key for key in sent["u2"] if NIFTY in key or "a1" in key]
    assert "pnl:account:a1" in sent["u1"]
    assert all(key.startswith("ltp:") for key in sent["*"])


def test_changed_rooms_are_told_once_per_burst(station):
    station.turn()
    for _ in range(50):
        station.broadcaster.changed("u1", ["orders", "positions"])
    station.broadcaster.changed("u2", ["accounts"])
    station.turn(0.1)
    assert station.link.take("changed") == [
        {"owner": "u1", "rooms": ["orders", "positions"]},
        {"owner": "u2", "rooms": ["accounts"]},
    ]
    station.turn(0.1)
    assert station.link.take("changed") == []


def test_too_many_rooms_become_everything(station):
    station.broadcaster.changed("u1", [f"order:{number}" for number in range(500)])
    station.broadcaster.changed("u1", ["orders"])
    station.turn()
    assert station.link.take("changed") == [{"owner": "u1", "rooms": None}]


def test_a_notice_goes_out_at_once(station):
    station.broadcaster.notice("u1", "alarm", "An order is unknown.", "/orders/1")
    assert station.link.take("notice") == [
        {"owner": "u1", "level": "alarm", "text": "An order is unknown.", "link": "/orders/1"}
    ]


def test_the_beat_comes_every_five_seconds_with_the_feeds_state(station):
    for _ in range(100):
        station.turn(0.1)
    beats = station.link.take("beat")
    assert 2 <= len(beats) <= 3
    assert beats[0]["feed"]["state"] == "live"


def test_a_late_web_process_is_sent_everything(station):
    station.desk.account("a1")
    station.desk.fill("a1", 75, 100)
    station.tick(100)
    station.turn()
    station.link.take("tick")
    station.broadcaster.send_everything()
    station.turn()
    messages = {payload["owner"]: payload for payload in station.link.take("tick")}
    assert messages["u1"]["whole"]
    assert LTP in messages["*"]["cells"]


def test_what_is_closed_and_gone_disappears_with_a_whole_message(station):
    station.desk.account("a1")
    station.desk.fill("a1", 75, 100)
    station.desk.fill("a1", -75, 100)
    station.turn()
    assert f"pos:a1:NFO:{NIFTY}:NRML" in station.cells()
    station.clock.forward(86_400)
    station.turn()
    (message,) = [payload for payload in station.link.take("tick") if payload["owner"] == "u1"]
    assert message == {"owner": "u1", "cells": {}, "whole": True}


def test_the_thread_starts_and_stops(station):
    station.broadcaster.start()
    station.broadcaster.stop()
