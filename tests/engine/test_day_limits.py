"""Limits of the day, end to end: the market moves at the broker, the day's limit is touched, and everything it says
happens once; before an order the gate counts, and one account's refusal is no other's."""

from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from app.core.errors import Denied
from app.engine.day_guard import DayGuard
from app.engine.replaying.cast import TapeMarket
from app.execution.desk import open_gate
from app.execution.events import OrderChanged
from app.execution.states import FINAL, OrderState
from app.execution.writer import Writer
from app.risk.day_monitor import DayStanding
from app.risk.day_rules import DayRule, DayRules
from app.risk.models import AccountDay, DayPeak
from app.risk.states import Extent, Kind
from app.strategies.runner import Runner
from app.venues.types import Symbol
from app.wiring import build
from tests.databases import away, lay_tables
from tests.engine.daywork import allow, day_events_of, day_of, limit, mine, of_account, release_days
from tests.engine.desks import TestDesk, settings_for
from tests.engine.handwork import LOT, Hands
from tests.engine.proving import assert_flat, assert_proven, orders_of, proving_desk, until_settled
from tests.portfolio.rows import Desk as Rows
from tests.waiting import until

numbers = count(1)
LONG_CALL = [{"action": "BUY", "kind": "CE", "underlying": "NIFTY", "strike": "ATM", "lots": 2}]
SPOT, MOVE = 25_000, 120
NIFTY = Symbol("NSE_INDEX", "NIFTY")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestDesk]:
    with proving_desk(tmp_path_factory.mktemp("days"), ("alpha", "gamma")) as made:
        yield made


@pytest.fixture(autouse=True)
def as_before(desk: TestDesk) -> Iterator[None]:
    """Every test begins at the same price, without limits and blocks."""
    desk.paper.heal()
    move(desk, SPOT)
    until(lambda: (quote := desk.engine.market.hub.newest(NIFTY)) and quote.last == SPOT)
    yield
    release_days(desk)


def move(desk: TestDesk, spot: int) -> None:
    desk.paper.tell("market", name="NIFTY", pin=spot)


def known(desk: TestDesk) -> list[DayRules]:
    """What the gate goes by at this moment."""
    return [one.rules for one in desk.services.known_limits.of(desk.owner_id)]


def opened(desk: TestDesk, **more) -> str:
    number = next(numbers)
    run_id = desk.run(desk.strategy(LONG_CALL, f"day {number}", **more), f"day {number}")
    assert desk.until_state(run_id, "open", "closed", "failed") == "open"
    return run_id


def test_a_desks_loss_flattens_every_account_once_and_no_entry_goes_after_it_until_a_release(desk: TestDesk) -> None:
    hands = Hands(desk)
    hands.filled("alpha", lots=1)
    run_id = opened(desk)
    allow(desk, mine(desk), 4000, "flatten")
    move(desk, SPOT - MOVE)
    until_settled(desk, run_id, 30)
    (event,) = until(lambda: day_events_of(desk))
    assert event.value <= event.threshold < 0
    assert event.prices and all(price["age_ms"] < 5000 for price in event.prices)
    assert "exits decided: 3" in event.did
    parts = desk.parts(run_id).values()
    assert all(part.exit_reason.startswith("max loss of the day: ") for part in parts)
    for broker in desk.accounts:
        assert [order.purpose for order in orders_of(desk, run_id, broker)] == ["entry", "exit"]
    until(lambda: not any(p["quantity"] for p in desk.paper.books("alpha")["positions"]), 20)
    until(lambda: all(order.state in FINAL for order in desk.orders("alpha")))  # of what was bought by hand, too
    assert_proven(desk, run_id)
    with pytest.raises(Denied, match="Your desk takes no new entries: reducing, set by max loss of the day"):
        desk.run(desk.strategy(LONG_CALL, "too late"), "too late")
    told = until(lambda: [one for one in desk.services.notify.list(desk.owner_id) if "Max loss" in one.subject], 20)
    assert "What was done: no new entries" in told[0].text
    desk.services.day_limits.release(desk.owner_id, event.id, "a test")
    desk.exit(opened(desk))
    assert_flat_soon(desk)
    assert len(day_events_of(desk)) == 1


def assert_flat_soon(desk: TestDesk) -> None:
    until(lambda: not any(p["quantity"] for b in desk.accounts for p in desk.paper.books(b)["positions"]), 20)
    assert_flat(desk)


def test_an_accounts_loss_blocks_it_alone_and_a_restart_neither_repeats_nor_forgets_it(desk: TestDesk) -> None:
    before = len(day_events_of(desk))
    run_id = opened(desk)
    alpha = of_account(desk.accounts["alpha"])
    allow(desk, alpha, 2000, "block")
    move(desk, SPOT - MOVE)
    event = until(lambda: day_events_of(desk)[before:], 20)[0]
    assert event.did == "no new entries"
    assert all(part.state == "open" for part in desk.parts(run_id).values()), "what is held stays"
    desk.stop()
    desk.services = build(desk.settings, "engine")
    desk.start()
    until(lambda: day_of(desk, alpha), 20)
    second = desk.run(desk.strategy(LONG_CALL, "after the block"), "after the block")
    until(
        lambda: {name: part.state for name, part in desk.parts(second).items()} == {"alpha": "failed", "gamma": "open"}
    )
    assert "alpha takes no new entries: reducing, set by max loss" in desk.parts(second)["alpha"].trouble
    assert len(day_events_of(desk)) == before + 1
    for one in (run_id, second):
        desk.exit(one)
        until_settled(desk, one)
    assert_flat(desk)


def test_percent_count_from_the_equity_of_the_day_and_a_peak_is_kept(desk: TestDesk) -> None:
    alpha = of_account(desk.accounts["alpha"])
    limit(desk, alpha, drawdown={"value": "50", "unit": "percent"})
    run_id = opened(desk)
    move(desk, SPOT + MOVE)

    def in_percent() -> DayStanding | None:
        found = day_of(desk, alpha)
        return found if found and [bound.rule for bound in found.stake.bounds] == [DayRule.DRAWDOWN] else None

    standing = until(in_percent, 20)
    with desk.services.db.read() as session:
        equity = session.scalar(select(AccountDay.equity).where(AccountDay.account_id == alpha.id))
    assert standing.stake.bounds[0].distance == equity / 2
    desk.exit(run_id)
    until_settled(desk, run_id)
    (kept,) = until(lambda: peaks_of(desk, alpha))
    assert kept >= 0


def peaks_of(desk: TestDesk, extent: Extent) -> list[Decimal]:
    with desk.services.db.read() as session:
        return list(session.scalars(select(DayPeak.peak).where(DayPeak.slot == extent.slot)))


def test_what_does_not_fit_is_refused_in_its_account_alone_and_nothing_of_it_is_sent(desk: TestDesk) -> None:
    limit(desk, of_account(desk.accounts["alpha"]), order_quantity=str(LOT), symbol_exposure={"value": "10000000"})
    until(lambda: [rules.order_quantity for rules in known(desk)] == [LOT])
    legs = [LONG_CALL[0] | {"lots": 1}, LONG_CALL[0] | {"kind": "PE"}]
    run_id = desk.run(desk.strategy(legs, "too large"), "too large")
    until(
        lambda: {name: part.state for name, part in desk.parts(run_id).items()} == {"alpha": "failed", "gamma": "open"}
    )
    trouble = desk.parts(run_id)["alpha"].trouble
    assert trouble.startswith("alpha: max order quantity is 65 and this order of NIFTY") and "has 130" in trouble
    assert orders_of(desk, run_id, "alpha") == []
    desk.exit(run_id)
    until_settled(desk, run_id)
    limit(desk, of_account(desk.accounts["alpha"]), symbol_exposure={"value": "1"})
    until(lambda: [rules.symbol_exposure and rules.symbol_exposure.value for rules in known(desk)] == [1])
    second = desk.run(desk.strategy(LONG_CALL, "too much"), "too much")
    until(lambda: desk.parts(second).get("alpha") and desk.parts(second)["alpha"].state == "failed")
    assert "alpha: exposure per symbol (NIFTY" in desk.parts(second)["alpha"].trouble
    desk.until_state(second, "open")
    desk.exit(second)
    until_settled(desk, second)
    assert_flat(desk)


def test_what_changed_is_read_again_when_the_database_failed(tmp_path: Path) -> None:
    """A guard whose loop nobody runs, over a new database."""
    settings = settings_for(tmp_path)
    lay_tables(settings.database_url)
    services = build(settings)
    rows, now = Rows(services.db), services.clock.now()
    account = Extent(Kind.ACCOUNT, rows.account("a1"))
    services.day_limits.save("u1", account, DayRules.model_validate({"max_loss": {"value": "5000"}}))
    with closing(Writer(services.db, services.bus)) as writer:
        runner = Runner(services.db, writer, services.clock, open_gate)
        guard = DayGuard(services, writer, runner, TapeMarket(services), lambda: None)
        guard.read()
        assert guard.follow()
        order_id = rows.fill("a1", 75, 100, at=now, exchange="NSE", symbol="SBIN")
        guard.order_changed(OrderChanged(order_id, "u1", "a1", None, OrderState.FILLED, Decimal(75)))
        with away(services.db, "orders"):
            for _ in range(2):
                with pytest.raises(DBAPIError):
                    guard.follow()
        assert guard.follow()
        assert [list(one.stake.held.values()) for one in guard.monitor.standings()] == [[75]]
        assert not guard.follow()
    services.close()
