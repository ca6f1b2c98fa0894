"""A run whose accounts are entered one after the other: what is held already has its stop."""

from collections.abc import Iterator

import pytest

from tests.engine.desks import TestDesk
from tests.engine.proving import assert_flat, assert_proven, orders_of, part_state, proving_desk, until_settled
from tests.waiting import until

LONG_CALL = [{"action": "BUY", "kind": "CE", "underlying": "NIFTY", "strike": "ATM", "lots": 2}]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestDesk]:
    with proving_desk(tmp_path_factory.mktemp("half"), ("alpha", "gamma")) as made:
        yield made


def test_an_account_that_is_still_entering_leaves_no_other_without_its_stop(desk: TestDesk) -> None:
    desk.paper.fault("slow_fills", broker="gamma", ms=120_000)
    limits = {"stop": {"value": "20", "unit": "percent"}}
    run_id = desk.run(desk.strategy(LONG_CALL, "half", limits=limits), "half")
    until(lambda: part_state(desk, run_id, "alpha") == "open")
    assert part_state(desk, run_id, "gamma") == "entering"
    desk.paper.tell("market", name="NIFTY", pin=24_880)
    until(lambda: desk.run_row(run_id).exit_reason)
    assert desk.run_row(run_id).exit_reason.startswith("stop: profit -")
    desk.paper.heal()
    until_settled(desk, run_id)
    assert [order.purpose for order in orders_of(desk, run_id, "alpha")] == ["entry", "exit"]
    assert_proven(desk, run_id)
    assert_flat(desk)
