"""Alerts from the tick to the row: once, on prices that may be trusted, and through restarts."""

from datetime import timedelta
from decimal import Decimal

import pytest

from app.alerts.draft import Draft
from app.alerts.events import AlertFired, AlertsChanged
from app.core.errors import Denied, Invalid, NotFound
from tests.feed.hands import NIFTY, SBIN, quote

D = Decimal


def test_a_price_that_gets_there_fires_once_with_what_was_seen(tower):
    alert_id = tower.create(note="sell half")
    for last in (104, 105, 106, 103, 107):
        tower.tick(last)
    (firing,) = tower.firings()
    assert (firing.value, firing.alert_id) == (105, alert_id)
    assert firing.words == f"{NIFTY.name} is at or above 105: 105"
    assert firing.seen == [{"name": NIFTY.name, "price": "105", "age_ms": 0, "source": "stream"}]
    assert tower.handed == [firing.words]
    assert [event.firing_id for event in tower.events if isinstance(event, AlertFired)] == [firing.id]
    assert tower.service.get("u1", alert_id).state == "fired"


def test_a_restart_neither_fires_twice_nor_forgets_the_side(tower):
    tower.create(condition="crosses", level=100, repeat="every", pause_minutes=0)
    for last in (99, 101):
        tower.tick(last)
    tower.turn()
    tower.start()
    tower.tick(102)
    assert tower.told() == [101]
    tower.start()  # and while it was away the price went through
    tower.tick(98)
    assert tower.told() == [101, 98]


def test_a_firing_that_could_not_be_written_is_written_later(tower, monkeypatch):
    tower.create()
    monkeypatch.setattr(tower.keeper, "_record", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        tower.tick(106)
    monkeypatch.undo()
    assert tower.told() == []
    tower.turn()
    assert tower.told() == [106]


def test_two_engines_that_saw_the_same_tick_fire_once(tower):
    tower.create()
    first = (tower.hub, tower.keeper)
    tower.start()
    at = tower.clock.now()
    for hub in (first[0], tower.hub):
        hub.take(quote(NIFTY, 110, at))
    first[1].step()
    tower.keeper.step()
    assert len(tower.told()) == 1


def test_a_stale_price_and_one_from_outside_the_session_fire_nothing(tower):
    tower.hub.take(quote(NIFTY, 110, tower.clock.now()))
    tower.clock.forward(20)
    tower.create()
    tower.turn()
    assert tower.told() == []  # 110 stands there, but it is twenty seconds old
    tower.is_open = False
    tower.tick(111)
    tower.turn()
    assert tower.told() == []
    tower.is_open = True
    tower.turn()
    assert tower.told() == [111]  # still young when the market opened


def test_a_price_that_the_hub_distrusts_fires_nothing(tower):
    tower.create()
    tower.tick(100)
    for last in (0, 1000):
        tower.tick(last)
    assert tower.told() == []


def test_a_spread_needs_both_prices_to_be_young(tower):
    tower.create(
        subject="spread", other_exchange=SBIN.exchange, other_symbol=SBIN.name, ratio=2, condition="below", level=10
    )
    tower.tick(100)
    tower.tick(46, SBIN)
    tower.tick(45, SBIN, seconds=10)  # the first is old by then
    assert tower.told() == [8]
    (firing,) = tower.firings()
    assert firing.words == f"{NIFTY.name} − 2 × SBIN is at or below 10: 8"
    assert [one["price"] for one in firing.seen] == ["100", "46"]


def test_the_profit_of_an_account_is_judged_by_the_age_of_its_oldest_price(tower):
    tower.desk.account("a1")
    tower.create(subject="pnl", account_id="a1", condition="below", level=-5000, exchange="", symbol="")
    now = tower.clock.now()
    tower.board.take_profit("a1", D(-6000), now - timedelta(seconds=30))
    tower.turn()
    assert tower.told() == []
    tower.board.take_profit("a1", D(-5500), tower.clock.now())
    tower.turn()
    assert tower.told() == [-5500]


@pytest.mark.parametrize(
    ("condition", "values", "at", "words"),
    [
        ("moves down", (-9000, 12000, -10500, -9000, -11000), [-10500, -11000], "is down by 2% of 500000: -10500"),
        ("moves up", (9000, -12000, 10000, 9000, 11000), [10000, 11000], "is up by 2% of 500000: 10000"),
    ],
)
def test_a_profit_is_so_many_per_cent_of_the_capital_as_often_as_it_gets_there(tower, condition, values, at, words):
    tower.desk.account("a1")
    tower.create(
        subject="pnl", account_id="a1", condition=condition, level=2, reference=500_000, repeat="every",
        pause_minutes=0, exchange="", symbol="",
    )  # fmt: skip
    for value in values:
        tower.board.take_profit("a1", D(value), tower.clock.now())
        tower.turn()
        tower.start()  # an engine that begins knows the capital too
    assert tower.told() == at
    assert tower.firings()[-1].words.endswith(words)


def test_pausing_editing_and_removing_count_at_once(tower):
    alert_id = tower.create(repeat="every", pause_minutes=0)
    tower.service.pause("u1", alert_id)
    tower.turn()
    tower.tick(106)
    assert tower.told() == []
    tower.service.resume("u1", alert_id)
    tower.turn()
    assert tower.told() == [106]
    edited = {"subject": "price", "exchange": NIFTY.exchange, "symbol": NIFTY.name, "condition": "above", "level": 110}
    tower.service.change("u1", alert_id, Draft.model_validate(edited))
    tower.turn()
    tower.tick(109)
    tower.tick(111)
    assert tower.told() == [106, 111]
    tower.service.remove("u1", alert_id)
    with pytest.raises(NotFound):
        tower.service.get("u1", alert_id)
    assert len(tower.firings()) == 2  # what it told stays


def test_an_alert_that_fired_meanwhile_is_not_changed(tower):
    alert_id = tower.create()
    known = tower.service.get("u1", alert_id).version
    tower.tick(106)
    same = {"subject": "price", "exchange": NIFTY.exchange, "symbol": NIFTY.name, "condition": "above", "level": 107}
    with pytest.raises(Denied, match="meanwhile"):
        tower.service.change("u1", alert_id, Draft.model_validate(same), known)


def test_what_is_over_ends_and_the_owners_pages_hear_of_it(tower):
    alert_id = tower.create(expires_at=tower.clock.now() + timedelta(minutes=1))
    tower.turn(61)
    tower.turn()
    tower.tick(200)
    tower.tick(200)
    tower.tick(200)
    assert tower.service.get("u1", alert_id).state == "expired"
    assert AlertsChanged("u1") in tower.events
    assert tower.told() == []


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"symbol": "NOSUCH"}, "symbol"),
        ({"symbol": ""}, "symbol"),
        ({"level": 0}, "level"),
        ({"condition": "moves", "level": -1}, "level"),
        ({"condition": "moves", "level": 1, "reference": 0}, "reference"),
        ({"subject": "spread"}, "other_symbol"),
        ({"subject": "pnl"}, "account_id"),
        ({"subject": "pnl", "account_id": "a9"}, "account_id"),
        ({"subject": "pnl", "account_id": "a9", "condition": "moves", "reference": 500_000}, "condition"),
        ({"subject": "pnl", "account_id": "a9", "condition": "moves down", "level": 2}, "reference"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
    ],
)
def test_what_is_wrong_is_told_by_field_and_nothing_is_written(tower, wrong, field):
    with pytest.raises(Invalid) as refused:
        tower.create(**wrong)
    assert field in refused.value.fields
    assert tower.service.list("u1") == []


def test_somebody_elses_alert_is_not_found(tower):
    alert_id = tower.create()
    for act in (tower.service.get, tower.service.pause, tower.service.remove):
        with pytest.raises(NotFound):
            act("u2", alert_id)
