"""No decision on a price that is stale or in doubt, through the whole engine: no strike, no exit's limit, no alert."""

from collections.abc import Iterator

import pytest

from app.alerts.draft import Draft
from app.venues.types import Symbol
from tests.engine.desks import TestDesk
from tests.engine.desks import desk as desk_over
from tests.engine.handwork import Hands
from tests.engine.proving import orders_of
from tests.waiting import until

INDEX = Symbol("NSE_INDEX", "NIFTY")
LONG = [{"action": "BUY", "kind": "CE", "underlying": "NIFTY", "strike": "OTM2", "lots": 1}]
AT_LIMIT = {"price_type": "LIMIT", "offset": "900", "convert_after": 30}  # ticks above the last price: it rests
SOON = {"feed_silence_seconds": 4.0, "feed_freeze_seconds": 5.0, "stale_after_seconds": 4.0}


@pytest.fixture(scope="module")
def desk(tmp_path_factory) -> Iterator[TestDesk]:
    with desk_over(tmp_path_factory.mktemp("stale"), ("alpha",), **SOON) as made:
        yield made


@pytest.fixture(autouse=True)
def healed(desk: TestDesk) -> Iterator[None]:
    yield
    desk.paper.heal()


def usable(desk: TestDesk, symbol: Symbol) -> bool:
    market = desk.engine.market
    limit = market.feed._settings.stale
    return market.hub.fresh(symbol, desk.services.clock.now(), limit) is not None


def run_of(desk: TestDesk, key: str, **more: object) -> str:
    until(lambda: usable(desk, INDEX), timeout=30)
    run_id = desk.run(desk.strategy(LONG, key, **more), key)
    assert desk.until_state(run_id, "open", "closed", "failed") == "open"
    until(lambda: all(usable(desk, Symbol(o.exchange, o.symbol)) for o in orders_of(desk, run_id)))
    return run_id


def exit_types(desk: TestDesk, run_id: str) -> list[str]:
    desk.exit(run_id)
    until(lambda: any(order.purpose == "exit" for order in orders_of(desk, run_id)))
    desk.paper.heal()
    assert desk.until_state(run_id, "closed", timeout=40) == "closed"
    return [order.price_type for order in orders_of(desk, run_id) if order.purpose == "exit"]


def test_the_price_of_a_working_order_is_always_wanted(desk):
    hands = Hands(desk)
    order = hands.resting("alpha")
    symbol, wishes = Symbol(order.exchange, order.symbol), desk.engine.market.subscriptions
    until(lambda: symbol in wishes.always(), timeout=20)
    hands.cancel(order)
    hands.until_order(order.id, "cancelled")
    until(lambda: symbol not in wishes.always(), timeout=30)


def test_with_a_price_that_may_be_used_the_exit_has_its_limit(desk):
    run_id = run_of(desk, "well", exits=AT_LIMIT | {"offset": "-15", "offset_unit": "percent"})
    assert exit_types(desk, run_id) == ["LIMIT"]


@pytest.mark.parametrize(
    "faults",
    [
        [{"kind": "market_silent"}, {"kind": "error", "endpoint": "multiquotes"}],
        [{"kind": "price", "how": "freeze"}],
        [{"kind": "price", "how": "zero"}],
        [{"kind": "price", "how": "multiply", "value": 100}],
    ],
    ids=["silent", "frozen", "zero", "absurd"],
)
def test_an_exit_takes_no_limit_from_a_price_that_may_not_be_used(desk, faults):
    run_id = run_of(desk, f"exit {faults}", exits=AT_LIMIT)
    for fault in faults:
        desk.paper.fault(**fault)
    (order,) = orders_of(desk, run_id)
    until(lambda: not usable(desk, Symbol(order.exchange, order.symbol)), timeout=30)
    assert exit_types(desk, run_id) == ["MARKET"]


def test_no_strike_is_chosen_by_a_price_that_is_not_believed(desk):
    until(lambda: usable(desk, INDEX))
    desk.paper.fault("price", how="multiply", value=100, symbol="NIFTY")
    until(lambda: not usable(desk, INDEX), timeout=30)
    run_id = desk.run(desk.strategy(LONG, "absurd spot"), "absurd spot")
    assert desk.until_state(run_id, "failed", timeout=30) == "failed"
    assert "can be trusted" in desk.run_row(run_id).trouble
    assert orders_of(desk, run_id) == []


def alert(desk: TestDesk, **asked: object) -> str:
    return desk.services.alerts.create(desk.owner_id, Draft.model_validate({"condition": "above", "level": 1} | asked))


def test_alerts_on_a_price_a_spread_and_a_profit_fire_once_are_handed_on_and_wait_while_prices_stand_still(desk):
    services, run_id = desk.services, run_of(desk, "watched")
    (order,) = orders_of(desk, run_id)
    option = {"exchange": order.exchange, "symbol": order.symbol}
    index = {"exchange": INDEX.exchange, "symbol": INDEX.name}
    spread = index | {f"other_{name}": text for name, text in option.items()}
    profit = {"subject": "pnl", "account_id": desk.accounts["alpha"], "level": -100_000_000}

    def fired(*alerts: str) -> list[str]:
        firings = services.alerts.firings(desk.owner_id)
        return sorted(one.alert_id for one in firings if one.alert_id in alerts)

    made = [alert(desk, subject="price", **option), alert(desk, subject="spread", **spread), alert(desk, **profit)]
    until(lambda: fired(*made) == sorted(made), timeout=60)
    told = [one.text for one in services.notify.list(desk.owner_id, topic="alert")]
    assert len(told) == 3
    assert any(text.startswith("P&L today of alpha is at or above -100000000: ") for text in told)

    desk.paper.fault("price", how="freeze")
    until(lambda: desk.engine.market.hub.is_frozen, timeout=30)
    waiting = [alert(desk, subject="price", **option), alert(desk, **profit)]
    healed_at = services.clock.now()
    desk.paper.heal()
    until(lambda: fired(*waiting) == sorted(waiting), timeout=60)
    firings = [one for one in services.alerts.firings(desk.owner_id) if one.alert_id in waiting]
    assert all(one.at >= healed_at for one in firings)
    assert fired(*made) == sorted(made), "once"
    exit_types(desk, run_id)
