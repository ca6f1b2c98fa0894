"""Legs that wait and legs that come again, end to end: a price moves at the broker, the leg is entered, once."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from app.accounts.states import TradingState
from app.core import crashpoint
from app.engine import late_sights, range_reader
from app.execution.events import Alarm
from app.feed.baskets import SeriesKey
from app.feed.candles import Reading
from app.risk.service import Asker
from app.risk.states import Extent, Kind
from app.strategies import waits
from app.strategies.models import LegRun, LegWait
from app.venues.types import Candle, Symbol
from app.wiring import build
from tests.engine.desks import TestDesk
from tests.engine.proving import assert_flat, assert_proven, orders_of, proving_desk, told, until_settled
from tests.waiting import until

numbers = count(1)
CALL = {"action": "BUY", "kind": "CE", "underlying": "NIFTY", "strike": "ATM", "lots": 1}
PUT = {"action": "BUY", "kind": "PE", "underlying": "NIFTY", "strike": "ATM", "lots": 1}
WAITS = CALL | {"wait": {"value": "20", "unit": "points", "way": "up"}}
STOPPED = CALL | {"stop": {"value": "20", "unit": "points"}}
SPOT, MOVE = 25_000, 120
NIFTY = Symbol("NSE_INDEX", "NIFTY")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestDesk]:
    with proving_desk(tmp_path_factory.mktemp("late"), ("alpha", "gamma")) as made:
        yield made


@pytest.fixture(autouse=True)
def at_rest(desk: TestDesk) -> Iterator[None]:
    desk.paper.heal()
    move(desk, SPOT)
    yield
    crashpoint.arm("")


@pytest.fixture
def alarms(desk: TestDesk) -> list[str]:
    heard: list[str] = []
    desk.services.bus.subscribe(Alarm, lambda alarm: heard.append(alarm.message))
    return heard


def move(desk: TestDesk, spot: int) -> None:
    desk.paper.tell("market", name="NIFTY", pin=spot)
    until(lambda: (quote := desk.engine.market.hub.newest(NIFTY)) and quote.last == spot)


def begun(desk: TestDesk, *legs: dict[str, Any], **more: Any) -> str:
    number = next(numbers)
    run_id = desk.run(desk.strategy(legs, f"late {number}", **more), f"late {number}")
    assert desk.until_state(run_id, "open", "closed", "failed") == "open", desk.run_row(run_id).trouble
    return run_id


def legs_of(desk: TestDesk, run_id: str, number: int = 1) -> list[LegRun]:
    return [leg for leg in desk.services.strategies.leg_runs(desk.owner_id, run_id) if leg.number == number]


def waits_of(desk: TestDesk, run_id: str) -> list[LegWait]:
    with desk.services.db.read() as session:
        return list(session.scalars(select(LegWait).where(LegWait.run_id == run_id)))


def until_referred(desk: TestDesk, run_id: str) -> list[LegWait]:
    def found() -> list[LegWait]:
        rows = waits_of(desk, run_id)
        return rows if rows and all(row.level is not None for row in rows) else []

    return until(found, 20)


def purposes(desk: TestDesk, run_id: str, number: int = 1) -> dict[str, list[str]]:
    """By broker what was sent for a leg, in order."""
    ids = {leg.id for leg in legs_of(desk, run_id, number)}
    return {
        broker: [order.purpose for order in orders_of(desk, run_id, broker) if order.leg_run_id in ids]
        for broker in desk.accounts
    }


def until_sent(desk: TestDesk, run_id: str, wanted: list[str], number: int = 1) -> None:
    whole = dict.fromkeys(desk.accounts, wanted)
    try:
        until(lambda: purposes(desk, run_id, number) == whole, 30)
    except AssertionError as error:
        raise AssertionError("\n".join(told(desk, run_id, broker) for broker in desk.accounts)) from error


def leave(desk: TestDesk, run_id: str) -> None:
    desk.exit(run_id)
    left(desk, run_id)


def left(desk: TestDesk, run_id: str) -> None:
    until_settled(desk, run_id, 30)
    assert_proven(desk, run_id)
    assert_flat(desk)


def test_a_leg_waits_for_the_move_of_its_contract_also_over_a_restart_and_is_entered_once(desk: TestDesk) -> None:
    run_id = begun(desk, WAITS, PUT)
    rows = until_referred(desk, run_id)
    assert len({(row.reference, row.reference_at, row.level) for row in rows}) == 1
    assert rows[0].level >= rows[0].reference + 20
    until_sent(desk, run_id, ["entry"], number=2)
    assert purposes(desk, run_id) == {"alpha": [], "gamma": []}
    desk.stop()
    desk.services = build(desk.settings, "engine")
    desk.start()
    assert [row.reference for row in waits_of(desk, run_id)] == [row.reference for row in rows]
    move(desk, SPOT + MOVE)
    until_sent(desk, run_id, ["entry"])
    entered = waits_of(desk, run_id)
    assert all(row.price >= row.level and row.decided_at for row in entered)
    move(desk, SPOT)
    move(desk, SPOT + MOVE)
    leave(desk, run_id)
    assert purposes(desk, run_id) == dict.fromkeys(desk.accounts, ["entry", "exit"])


def test_a_run_that_is_ended_while_its_leg_waits_never_enters_it(desk: TestDesk) -> None:
    run_id = begun(desk, WAITS)
    until_referred(desk, run_id)
    leave(desk, run_id)
    assert {part.state for part in desk.parts(run_id).values()} == {"closed"}
    move(desk, SPOT + MOVE)
    until(lambda: {leg.waits for leg in legs_of(desk, run_id)} == {"never"}, 20)
    assert not orders_of(desk, run_id)


def test_a_stopped_desk_ends_the_waiting_and_says_so(desk: TestDesk, alarms: list[str]) -> None:
    run_id = begun(desk, WAITS, PUT)
    until_referred(desk, run_id)
    extent, owner = Extent(Kind.STRATEGY, desk.run_row(run_id).strategy_id), Asker(desk.owner_id)
    desk.services.risk.press(owner, extent, False)
    until(lambda: {leg.waits for leg in legs_of(desk, run_id)} == {"never"}, 20)
    until(lambda: any("is not entered any more" in sentence and "kill switch" in sentence for sentence in alarms))
    leave(desk, run_id)
    assert purposes(desk, run_id) == {"alpha": [], "gamma": []}


def test_a_leg_waits_no_longer_than_its_schedule_lets_it_enter(desk: TestDesk, alarms: list[str]) -> None:
    ends = (desk.services.clock.now() + timedelta(seconds=8)).astimezone(ZoneInfo(desk.zone))
    run_id = begun(desk, WAITS, schedule={"zone": desk.zone, "last_entry": f"{ends:%H:%M:%S}"})
    desk.until_state(run_id, "closed")
    until(lambda: any("no entry after" in sentence for sentence in alarms))
    assert not orders_of(desk, run_id)


def test_a_leg_that_waits_without_a_fresh_price_stays_out_and_its_owner_is_told(
    desk: TestDesk, alarms: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late_sights, "BLIND", timedelta(0))
    run_id = begun(desk, WAITS)
    until_referred(desk, run_id)
    desk.paper.fault("market_silent")
    desk.paper.fault("error", status=500, endpoint="multiquotes")
    until(lambda: any("waits and sees nothing" in sentence for sentence in alarms), 30)
    desk.paper.tell("market", name="NIFTY", pin=SPOT + MOVE)
    assert not orders_of(desk, run_id)
    desk.paper.heal()
    until_sent(desk, run_id, ["entry"])
    leave(desk, run_id)


def test_a_leg_that_was_stopped_comes_again_at_once_so_often_and_from_a_new_entry(desk: TestDesk) -> None:
    run_id = begun(desk, STOPPED | {"again": {"times": 1}}, PUT)
    until_priced(desk, run_id)
    move(desk, SPOT - MOVE)
    until_sent(desk, run_id, ["entry", "exit", "entry"])
    first, second = legs_of(desk, run_id)[:2]
    assert (first.symbol, first.exit_rule, second.entry, second.again) == (second.symbol, "stop", 2, None)
    until_priced(desk, run_id)
    move(desk, SPOT - 2 * MOVE)
    until_sent(desk, run_id, ["entry", "exit", "entry", "exit"])
    assert desk.run_row(run_id).state == "open"
    leave(desk, run_id)
    assert purposes(desk, run_id)["alpha"] == ["entry", "exit", "entry", "exit"]


def test_the_only_leg_comes_again_with_a_strike_chosen_anew_and_a_stop_by_its_underlying_from_there(
    desk: TestDesk,
) -> None:
    leg = CALL | {"stop": {"value": "60", "unit": "underlying_points"}, "again": {"times": 3, "strike": "new"}}
    run_id = begun(desk, leg)
    until_priced(desk, run_id)
    move(desk, SPOT - MOVE)
    until_sent(desk, run_id, ["entry", "exit", "entry"])
    first, second = legs_of(desk, run_id)[:2]
    assert first.symbol != second.symbol and second.again["times"] == 2
    assert abs(Decimal(second.underlying["price"]) - (SPOT - MOVE)) < 60
    leave(desk, run_id)


def test_a_leg_comes_again_when_its_price_is_back_at_its_first_entry(desk: TestDesk) -> None:
    run_id = begun(desk, STOPPED | {"again": {"times": 2, "how": "at_cost"}})
    until_priced(desk, run_id)
    move(desk, SPOT - MOVE)
    until_sent(desk, run_id, ["entry", "exit"])
    until(lambda: len(until_referred(desk, run_id)) == len(desk.accounts))
    assert desk.run_row(run_id).state == "open"
    move(desk, SPOT + 10)
    until_sent(desk, run_id, ["entry", "exit", "entry"])
    for row in waits_of(desk, run_id):
        assert row.is_above and row.price >= row.reference == row.level
    leave(desk, run_id)


def test_a_leg_does_not_come_again_into_an_account_that_only_reduces(desk: TestDesk, alarms: list[str]) -> None:
    run_id = begun(desk, STOPPED | {"again": {"times": 1, "how": "at_cost"}})
    until_priced(desk, run_id)
    move(desk, SPOT - MOVE)
    until_sent(desk, run_id, ["entry", "exit"])
    until(lambda: len(until_referred(desk, run_id)) == len(desk.accounts))
    extent, owner = Extent(Kind.USER, desk.owner_id), Asker(desk.owner_id)
    desk.services.risk.set_state(owner, extent, TradingState.REDUCING, "lunch")
    until_settled(desk, run_id, 30)
    desk.services.risk.set_state(owner, extent, TradingState.ACTIVE)
    assert {part.state for part in desk.parts(run_id).values()} == {"closed"}
    until(lambda: any("is not entered again" in sentence for sentence in alarms))
    assert purposes(desk, run_id)["alpha"] == ["entry", "exit"]


def test_an_exit_has_one_entry_behind_it_however_often_it_is_tried(desk: TestDesk) -> None:
    run_id = begun(desk, STOPPED | {"again": {"times": 3}})
    until_priced(desk, run_id)
    lost = count()

    def die() -> None:
        if next(lost) < 3:
            crashpoint.arm("late entry", die)
            raise RuntimeError("the engine died before the commit")

    crashpoint.arm("late entry", die)
    move(desk, SPOT - MOVE)
    until_sent(desk, run_id, ["entry", "exit", "entry"])
    assert next(lost) >= 3
    before = legs_of(desk, run_id)[0]
    with desk.services.db.write() as session:
        ready = [waits.Ready(before.id)] * 2
        waits.come_again(session, ready, desk.engine.runs.rules, desk.services.clock.now())
        waits.enter(session, ready, desk.engine.runs.rules, desk.services.clock.now())
        assert session.scalar(select(func.count()).where(LegWait.after_id == before.id)) == 1
    leave(desk, run_id)
    assert purposes(desk, run_id)["alpha"].count("entry") == 2


@pytest.mark.parametrize(("candles", "entered"), [(False, []), (True, ["entry"])])
def test_a_spread_is_entered_hedge_first_when_its_underlying_leaves_the_range_of_the_morning(
    desk: TestDesk, alarms: list[str], candles: bool, entered: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(range_reader, "PATIENCE", timedelta(0) if not candles else timedelta(hours=1))
    minute = desk.services.clock.now().replace(second=0, microsecond=0)
    local = [(minute - timedelta(minutes=back)).astimezone(ZoneInfo(desk.zone)) for back in (10, 4)]
    rule = {"start": f"{local[0]:%H:%M}", "end": f"{local[1]:%H:%M}", "side": "above"}
    desk.paper.fault("error", status=500, endpoint="history")
    spread = [CALL | {"action": "SELL", "breakout": rule | {"strike": "breakout"}}]
    spread += [CALL | {"strike": "OTM4", "breakout": rule | {"strike": "breakout"}}]
    run_id = begun(desk, *spread, schedule={"zone": desk.zone})
    atm = legs_of(desk, run_id)[0].symbol
    if candles:
        until(lambda: candles_come(desk, minute) and waits_of(desk, run_id)[0].level is not None, 20, every=0.3)
        assert {(row.low, row.high, row.level) for row in waits_of(desk, run_id)} == {(24_950, 25_050, 25_050)}
        assert not orders_of(desk, run_id)
        move(desk, SPOT + MOVE)
    else:
        until(lambda: any("The range of NIFTY is not known" in sentence for sentence in alarms), 30)
    until_sent(desk, run_id, entered)
    until_sent(desk, run_id, entered, number=2)
    assert (legs_of(desk, run_id)[0].symbol != atm) is candles
    if candles:
        desk.exit(run_id)
    left(desk, run_id)


def candles_come(desk: TestDesk, newest: Any) -> bool:
    """The venue's word on the minutes until now: the range, and after it what does not count."""
    bars = [
        Candle(newest - timedelta(minutes=back), *map(Decimal, (SPOT, SPOT + far, SPOT - far, SPOT, 0)))
        for back in range(12, 1, -1)
        for far in [50 if 4 < back <= 10 else 90]
    ]
    desk.services.candles.keep(SeriesKey(NIFTY, "1m"), bars, Reading(newest + timedelta(seconds=30)))
    return True


def until_priced(desk: TestDesk, run_id: str) -> None:
    """The feed shows the first leg at about the price it was bought at, not at one from before the market moved."""

    def is_priced() -> bool:
        orders = [order for order in orders_of(desk, run_id) if order.purpose == "entry"]
        if not orders or any(order.state != "filled" for order in orders):
            return False
        newest = [order for order in orders if order.leg_run_id in last]
        quotes = [desk.engine.market.hub.newest(Symbol(order.exchange, order.symbol)) for order in newest]
        return all(
            quote is not None and order.average_price is not None and abs(quote.last - order.average_price) < 5
            for quote, order in zip(quotes, newest, strict=True)
        )

    last = {leg.id for leg in legs_of(desk, run_id) if leg.exit_reason is None}
    until(is_priced, 30)
