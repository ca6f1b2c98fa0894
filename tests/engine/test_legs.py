"""Legs that the market chooses and prices, over the paper broker: from the rule to the order at the venue."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from app.core import errands
from app.execution.models import Order, OrderChange
from tests.engine.desks import TestDesk
from tests.engine.proving import orders_of, proving_desk
from tests.waiting import until

NIFTY = {"action": "SELL", "kind": "CE", "underlying": "NIFTY", "lots": 1}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestDesk]:
    with proving_desk(tmp_path_factory.mktemp("legs"), ("alpha",)) as made:
        yield made


def preview(desk: TestDesk, strategy_id: str) -> dict[str, Any]:
    with desk.services.db.write() as session:
        errand = errands.ask(
            session, desk.owner_id, "preview_run", {"strategy_id": strategy_id}, desk.services.clock.now()
        )
    desk.engine.loops["house"].nudge()
    until(lambda: found(desk, errand.id).done_at, 20)
    return found(desk, errand.id).answer


def found(desk: TestDesk, errand_id: str) -> Any:
    with desk.services.db.read() as session:
        return errands.find(session, desk.owner_id, errand_id)


def entries(desk: TestDesk, run_id: str) -> list[Order]:
    return [order for order in orders_of(desk, run_id) if order.purpose == "entry"]


def test_what_the_market_chooses_is_previewed_with_ages_and_run(desk: TestDesk) -> None:
    legs = [
        NIFTY | {"pick": {"by": "premium", "value": 60}},
        NIFTY | {"kind": "PE", "pick": {"by": "delta", "value": "0.3"}},
        NIFTY
        | {"action": "BUY", "kind": "PE", "pick": {"by": "premium_range", "low": 5, "high": 40}, "expiry": "days_3"},
        {"action": "BUY", "kind": "FUT", "underlying": "NIFTY", "expiry": "month_1", "units": 130},
        {"action": "BUY", "kind": "SYMBOL", "exchange": "NSE", "symbol": "SBIN", "lots": 7, "product": "CNC"},
    ]
    strategy_id = desk.strategy([leg | {"lots": None} if "units" in leg else leg for leg in legs], name="Chosen")
    answer = preview(desk, strategy_id)
    assert answer["trouble"] == ""
    premium, delta, middle, future, share = answer["legs"]
    assert abs(Decimal(premium["seen"][0]["what"].removeprefix("premium ")) - 60) < 30
    assert premium["seen"][0]["age_ms"] < 30_000
    assert abs(abs(Decimal(delta["seen"][0]["what"].removeprefix("delta ").partition(",")[0])) - Decimal("0.3")) < 0.1
    assert 5 <= Decimal(middle["seen"][0]["what"].removeprefix("premium ")) <= 40
    assert future["symbol"].endswith("FUT")
    sizes = [leg["quantity"] for leg in answer["accounts"][0]["legs"]]
    assert sizes[3:] == ["130", "7"]
    assert answer["accounts"][0]["orders"] == len(legs)
    run_id = desk.run(strategy_id, "chosen")
    assert desk.until_state(run_id, "open", "failed") == "open"
    rows = desk.services.strategies.leg_runs(desk.owner_id, run_id)
    assert ["s old" in row.chosen for row in rows] == [True, True, True, False, False]
    desk.exit(run_id)
    assert desk.until_state(run_id, "closed") == "closed"


def test_a_premium_that_nothing_has_starts_nothing_and_says_what_is_nearest(desk: TestDesk) -> None:
    pick = {"by": "premium_range", "low": 900_000, "high": 900_001}
    run_id = desk.run(desk.strategy([NIFTY | {"pick": pick}], name="Nowhere"), "nowhere")
    assert desk.until_state(run_id, "failed") == "failed"
    assert "Leg 1: no strike has a premium from 900000 to 900001; the nearest is NIFTY" in desk.run_row(run_id).trouble
    assert entries(desk, run_id) == []


def test_without_fresh_prices_the_run_does_not_start_and_says_which_are_lacking(desk: TestDesk) -> None:
    leg = NIFTY | {"underlying": "BANKNIFTY", "expiry": "current_month", "pick": {"by": "premium", "value": 60}}
    strategy_id = desk.strategy([leg], name="Blind")  # of options that nobody asked for yet
    desk.paper.fault("error", endpoint="multiquotes", status=500)
    try:
        run_id = desk.run(strategy_id, "blind")
        assert desk.until_state(run_id, "failed") == "failed"
    finally:
        desk.paper.heal()
    assert "Leg 1" in desk.run_row(run_id).trouble
    assert entries(desk, run_id) == []


def test_a_limit_follows_the_market_by_changes_of_one_order_and_ends_at_market(desk: TestDesk) -> None:
    rule = {"of": "ltp", "offset": "85", "unit": "percent"}
    chase = {"times": 1, "every": 1, "then": "market"}
    leg = NIFTY | {"action": "BUY", "price_type": "LIMIT", "price_from": rule, "chase": chase}
    run_id = desk.run(desk.strategy([leg], name="Follows"), "follows")
    assert desk.until_state(run_id, "open", "failed", timeout=40) == "open"
    (order,) = entries(desk, run_id)
    assert order.filled_quantity == order.quantity
    with desk.services.db.read() as session:
        asked = session.scalars(select(OrderChange).where(OrderChange.order_id == order.id)).all()
    assert asked
    assert all(change.by_desk for change in asked)
    assert asked[-1].price > 2 * asked[0].old_price  # from far below the market to across it
    desk.exit(run_id)
    assert desk.until_state(run_id, "closed") == "closed"
    desk.assert_books_agree()


def test_a_stop_entry_waits_for_its_trigger_and_is_cancelled_by_the_exit(desk: TestDesk) -> None:
    leg = NIFTY | {
        "action": "BUY", "price_type": "SL", "trigger_from": {"offset": 50, "unit": "percent"},
        "price_from": {"of": "trigger", "offset": "5"},
    }  # fmt: skip
    run_id = desk.run(desk.strategy([leg], name="Waits"), "waits")
    until(lambda: [order.state for order in entries(desk, run_id)] == ["trigger_pending"], 20)
    (order,) = entries(desk, run_id)
    assert order.price == order.trigger_price + 5
    desk.exit(run_id)
    assert desk.until_state(run_id, "failed", "closed") == "failed"
    desk.assert_books_agree()
