"""Limits of a run, end to end: a price moves at the broker, the bound is touched, the exit is out, once."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from app.core.clock import INDIA
from app.core.errors import Denied
from app.engine import guard, lookouts
from app.engine.guard import Guard
from app.engine.replaying.cast import TapeMarket
from app.execution.desk import open_gate
from app.execution.events import Alarm
from app.execution.models import Order
from app.feed.baskets import SeriesKey
from app.feed.candles import Reading
from app.risk.limits import Bounds
from app.risk.models import RiskEvent, RiskReading, RiskTrail
from app.risk.monitor import Found, Monitor, Reach, Stake, Trigger
from app.risk.rules import Rule
from app.risk.service import Asker
from app.risk.states import Extent, Kind
from app.signals.draft import Draft
from app.signals.receiving import Sent
from app.strategies.models import AccountRun, Run
from app.strategies.part_views import AccountRunState
from app.strategies.runner import RunChanged, Runner
from app.venues.types import Candle, OrderStatus, Quote, Symbol
from app.wiring import build
from tests.databases import away, lay_tables
from tests.engine.daywork import allow, day_events_of, release_days
from tests.engine.desks import TestDesk, settings_for
from tests.engine.proving import assert_flat, assert_proven, orders_of, proving_desk, told, until_settled
from tests.execution.journaling import Journaling, row
from tests.execution.reports import OPTION
from tests.strategies.test_runner import a_leg, a_run
from tests.waiting import until

numbers = count(1)
LONG_CALL = [{"action": "BUY", "kind": "CE", "underlying": "NIFTY", "strike": "ATM", "lots": 2}]
SPOT, MOVE = 25_000, 120  # a move that a feed may believe at once
NIFTY = Symbol("NSE_INDEX", "NIFTY")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestDesk]:
    with proving_desk(tmp_path_factory.mktemp("guard"), ("alpha", "gamma")) as made:
        yield made


@pytest.fixture(autouse=True)
def at_rest(desk: TestDesk) -> Iterator[None]:
    """Every test begins at the same price, with brokers that behave."""
    desk.paper.heal()
    move(desk, SPOT)
    until(lambda: seen(desk, NIFTY) == SPOT)
    yield


def opened(desk: TestDesk, legs: list[dict[str, Any]] = LONG_CALL, **more: Any) -> str:
    number = next(numbers)
    run_id = desk.run(desk.strategy(legs, f"guard {number}", **more), f"guard {number}")
    until_open_and_priced(desk, run_id)
    return run_id


def until_open_and_priced(desk: TestDesk, run_id: str) -> None:
    assert desk.until_state(run_id, "open", "closed", "failed") == "open"
    until(lambda: all(is_priced_now(desk, order) for order in orders_of(desk, run_id)), 20)


def is_priced_now(desk: TestDesk, order: Order) -> bool:
    """The feed shows it at about the price it was bought at, not at one from before the market moved."""
    price = seen(desk, Symbol(order.exchange, order.symbol))
    return bool(price and order.average_price) and abs(price - order.average_price) < 5


def events_of(desk: TestDesk, run_id: str) -> list[RiskEvent]:
    with desk.services.db.read() as session:
        return list(session.scalars(select(RiskEvent).where(RiskEvent.run_id == run_id).order_by(RiskEvent.id)))


def seen(desk: TestDesk, symbol: Symbol) -> Decimal | None:
    quote = desk.engine.market.hub.newest(symbol)
    return quote.last if quote else None


def move(desk: TestDesk, spot: int) -> None:
    desk.paper.tell("market", name="NIFTY", pin=spot)


def left(desk: TestDesk, run_id: str) -> None:
    until_settled(desk, run_id, 30)
    assert_proven(desk, run_id)
    assert_flat(desk)


def test_peer_4_2_01_a_loss_that_reaches_the_stop_leaves_the_run_in_every_account_once_with_no_page_open(
    desk: TestDesk,
) -> None:
    run_id = opened(desk, limits={"stop": {"value": "5000"}})
    move(desk, SPOT - MOVE)
    left(desk, run_id)
    run = desk.run_row(run_id)
    assert run.exit_by == "risk" and run.exit_reason.startswith("stop: profit -"), run.exit_reason
    (event,) = events_of(desk, run_id)
    assert (event.rule, event.reach, event.decided) == ("stop", "run", True)
    assert event.value <= event.threshold == -5000
    assert event.prices and all(price["age_ms"] < 5000 for price in event.prices)
    for broker in desk.accounts:
        assert [order.purpose for order in orders_of(desk, run_id, broker)] == ["entry", "exit"], told(
            desk, run_id, broker
        )


def test_a_profit_that_reaches_the_target_is_taken(desk: TestDesk) -> None:
    run_id = opened(desk, limits={"target": {"value": "30", "unit": "percent"}})
    move(desk, SPOT + MOVE)
    left(desk, run_id)
    assert desk.run_row(run_id).exit_reason.startswith("target: ")


def test_a_stop_that_followed_the_profit_is_kept_over_a_restart(desk: TestDesk) -> None:
    run_id = opened(desk, limits={"trail": {"stop": {"value": "4000"}}})
    move(desk, SPOT + MOVE)
    until(lambda: trail_of(desk, run_id) is not None and trail_of(desk, run_id).stop > 0)
    kept = trail_of(desk, run_id)
    assert kept.stop == kept.peak - 4000
    assert desk.run_row(run_id).exit_reason is None
    desk.stop()
    move(desk, SPOT + MOVE // 3)
    desk.services = build(desk.settings, "engine")
    desk.start()
    left(desk, run_id)
    assert desk.run_row(run_id).exit_reason.startswith("trailing stop: ")
    (event,) = events_of(desk, run_id)
    assert event.threshold >= kept.stop


def trail_of(desk: TestDesk, subject_id: str) -> RiskTrail | None:
    with desk.services.db.read() as session:
        return session.get(RiskTrail, subject_id)


def test_each_account_leaves_by_itself_where_the_limits_are_of_the_account(desk: TestDesk) -> None:
    shares = {"alpha": "1", "gamma": "10"}  # the tenfold account loses ten times as much, and may
    accounts = [{"account_id": desk.accounts[name], "multiplier": m} for name, m in shares.items()]
    run_id = opened(desk, limits={"of": "account", "stop": {"value": "5000"}}, accounts=accounts)
    move(desk, SPOT - MOVE)
    left(desk, run_id)
    found = {event.threshold for event in events_of(desk, run_id)}
    assert found == {-5000, -50000}
    assert all(part.exit_by == "risk" for part in desk.parts(run_id).values())


def test_a_leg_leaves_at_its_own_stop_and_the_other_stays(desk: TestDesk) -> None:
    legs = [
        LONG_CALL[0] | {"stop": {"value": "20", "unit": "percent"}},
        {"action": "BUY", "kind": "PE", "underlying": "NIFTY", "strike": "ATM", "lots": 1},
    ]
    run_id = opened(desk, legs)
    move(desk, SPOT - MOVE)
    until(lambda: len([o for o in orders_of(desk, run_id) if o.purpose == "exit" and o.state == "filled"]) == 2, 20)
    assert all(part.state == "open" for part in desk.parts(run_id).values())
    assert {event.reach for event in events_of(desk, run_id)} == {"leg"}
    desk.exit(run_id)
    left(desk, run_id)


def test_i18_a_price_that_grew_old_decides_nothing_and_the_owner_is_told(desk: TestDesk, monkeypatch) -> None:
    monkeypatch.setattr(guard, "BLIND", timedelta(0))
    told_of: list[Alarm] = []
    desk.services.bus.subscribe(Alarm, told_of.append)
    run_id = opened(desk, limits={"stop": {"value": "5000"}})
    desk.paper.fault("market_silent")
    desk.paper.fault("error", status=500, endpoint="multiquotes")
    until(lambda: any("stand still" in alarm.message for alarm in told_of), 30)
    move(desk, SPOT - MOVE)
    assert desk.run_row(run_id).exit_reason is None
    desk.paper.heal()
    left(desk, run_id)
    assert desk.run_row(run_id).exit_reason.startswith("stop: ")


@pytest.mark.parametrize(("limits", "move_by", "rule"), [
    ({"premium_stop": {"value": "20"}}, -MOVE, "premium stop"),
    ({"underlying": {"below": str(SPOT - MOVE // 2)}}, -MOVE, "underlying level"),
    ({"delta": {"beyond": "0.6", "on": "leg", "leg": 1}}, MOVE, "delta"),
])  # fmt: skip
def test_a_run_is_left_by_what_it_looks_at_beside_its_profit(desk: TestDesk, limits, move_by, rule) -> None:
    run_id = opened(desk, limits=limits)
    move(desk, SPOT + move_by)
    left(desk, run_id)
    assert desk.run_row(run_id).exit_reason.startswith(f"{rule}: ")
    (event,) = events_of(desk, run_id)
    assert (event.rule, event.reach, event.decided) == (rule, "run", True)
    assert event.threshold is not None and event.value is not None
    assert event.prices and all(price["age_ms"] < 5000 for price in event.prices)


def test_a_leg_leaves_by_its_underlying_and_the_stop_of_the_other_moves_to_its_cost(desk: TestDesk) -> None:
    legs = [
        LONG_CALL[0] | {"stop": {"value": "60", "unit": "underlying_points"}},
        {"action": "BUY", "kind": "PE", "underlying": "NIFTY", "strike": "ATM", "lots": 1},
    ]
    run_id = opened(desk, legs, limits={"others_to_cost": True})
    move(desk, SPOT - MOVE)
    until(lambda: len([o for o in orders_of(desk, run_id) if o.purpose == "exit" and o.state == "filled"]) == 2, 20)
    assert {event.rule for event in events_of(desk, run_id)} == {"underlying stop"}
    until(lambda: legs_at_cost(desk, run_id) == 2, 20)
    move(desk, SPOT)
    until(lambda: seen(desk, NIFTY) == SPOT)
    move(desk, SPOT + MOVE)
    left(desk, run_id)
    assert {event.rule for event in events_of(desk, run_id)} == {"underlying stop", "stop at cost"}


def legs_at_cost(desk: TestDesk, run_id: str) -> int:
    stood = [one for one in monitor_of(desk).standings() if one.stake.run_id == run_id]
    return sum(one.stop == 0 for one in stood if one.stake.reach is Reach.LEG)


def test_f002_27_a_supertrend_that_turns_at_a_close_leaves_once(desk: TestDesk) -> None:
    rule = {"when": "breakdown", "timeframe": "1m", "period": 3, "multiplier": "1"}
    run_id = opened(desk, limits={"supertrend": rule})
    assert desk.run_row(run_id).underlyings["1"]["symbol"] == "NIFTY"

    def has_turned() -> bool:
        candles_come(desk, [25_000 + 20 * step for step in range(9)] + [24_900])
        return desk.run_row(run_id).exit_reason is not None

    until(has_turned, 30)
    left(desk, run_id)
    assert "supertrend: NIFTY 1m closed at 24900" in desk.run_row(run_id).exit_reason
    (event,) = events_of(desk, run_id)
    assert (event.rule, event.value, event.prices[0]["symbol"]) == ("supertrend", 24_900, "NIFTY")
    assert event.threshold > event.value


def candles_come(desk: TestDesk, closes: list[int]) -> None:
    """The venue's word on the minutes up to the running one, as if it were over."""
    newest = desk.services.clock.now().replace(second=0, microsecond=0)
    starts = [newest - timedelta(minutes=back) for back in reversed(range(len(closes)))]
    bars = [
        Candle(start, *map(Decimal, (close, close + 5, close - 5, close, 0)))
        for start, close in zip(starts, closes, strict=True)
    ]
    desk.services.candles.keep(SeriesKey(NIFTY, "1m"), bars, Reading(newest + timedelta(seconds=70)))


def test_a_supertrend_without_candles_decides_nothing_and_names_what_lacks(desk: TestDesk, monkeypatch) -> None:
    monkeypatch.setattr(lookouts, "PATIENCE", timedelta(0))
    told_of: list[Alarm] = []
    desk.services.bus.subscribe(Alarm, told_of.append)
    desk.paper.fault("error", status=500, endpoint="history")
    rule = {"when": "breakout", "timeframe": "3m", "on": "premium"}
    run_id = opened(desk, limits={"supertrend": rule})
    contract = orders_of(desk, run_id)[0].symbol
    until(lambda: any(f"no 3m candles of {contract}" in alarm.message for alarm in told_of), 30)
    with desk.services.db.read() as session:
        (reading,) = session.scalars(select(RiskReading).where(RiskReading.run_id == run_id))
    assert contract in reading.trouble and reading.value is None
    assert desk.run_row(run_id).exit_reason is None
    desk.paper.heal()
    desk.exit(run_id)
    left(desk, run_id)


def test_every_trigger_a_click_a_program_and_the_clock_at_once_are_one_exit(desk: TestDesk) -> None:
    """Each rule of the run and of its leg, people, the time, the schedule's exit, a webhook whose message comes four
    times, the limits of the day of an account and of the desk, and the kill switch, all in the same moment, from many
    threads."""
    later = (desk.services.clock.now() + timedelta(hours=1)).astimezone(INDIA)
    legs = [
        LONG_CALL[0]
        | {"stop": {"value": "5", "unit": "percent"}, "trail": {"value": "5"}, "even": {"value": "1", "unit": "amount"}}
    ]
    limits = {
        "stop": {"value": "1000"}, "trail": {"stop": {"value": "1000"}}, "even": {"value": "1"},
        "premium_stop": {"value": "5"}, "underlying": {"below": str(SPOT - MOVE // 2)}, "until": f"{later:%H:%M}",
        "supertrend": {"when": "breakdown"}, "delta": {"beyond": "900"},
    }  # fmt: skip
    schedule = {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "exit_at": f"{later:%H:%M}"}
    run_id = opened(desk, legs, limits=limits, schedule=schedule)
    monitor, now = monitor_of(desk), desk.services.clock.now()
    scheduler = next(job.step.__self__ for job in desk.engine.loops["schedule"].jobs if job.name == "exits")
    planned = until(lambda: scheduler._watched.get(run_id), 20)
    days = [Extent(Kind.USER, desk.owner_id), Extent(Kind.ACCOUNT, desk.accounts["alpha"])]
    for day in days:
        allow(desk, day, 1000, "flatten")
    (stake,) = until(lambda: [one.stake for one in monitor.standings() if one.stake.id == run_id], 20)
    extent = Extent(Kind.STRATEGY, desk.run_row(run_id).strategy_id)
    owner, hook = Asker(desk.owner_id), knock_of(desk, extent.id)
    acts = (
        [lambda: desk.exit(run_id)] * 4
        + [hook] * 4
        + [
            lambda: desk.services.risk.press(owner, extent, True),
            lambda: monitor.sweep(now + timedelta(days=2)),
            lambda: scheduler._leave(planned, now),
            lambda: monitor.decide(stake, Found(Rule.SUPERTREND, Decimal(2), Decimal(1)), now),
            lambda: monitor.decide(stake, Found(Rule.DELTA, Decimal("0.5"), Decimal("0.6")), now),
        ]
    )
    start = threading.Barrier(len(acts) + 1)

    def at_once(act: Callable[[], object]) -> None:
        start.wait(60)
        with suppress(Denied):
            act()

    threads = [threading.Thread(target=at_once, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    move(desk, SPOT - MOVE)
    start.wait(60)
    for thread in threads:
        thread.join()
    left(desk, run_id)
    for broker in desk.accounts:
        exits = [order for order in orders_of(desk, run_id, broker) if order.purpose == "exit"]
        assert sum(order.filled_quantity for order in exits) == 2 * 65, told(desk, run_id, broker)
        assert len(exits) == 1, told(desk, run_id, broker)
    decided = [event.rule for event in events_of(desk, run_id) if event.decided and event.reach == "run"]
    assert len(decided) <= 1, decided
    touched = until(lambda: (found := day_events_of(desk)) and len(found) == len(days) and found, 20)
    assert {event.action for event in touched} == {"flatten"}
    release_days(desk)
    until(lambda: desk.services.signals.signals(desk.owner_id)[0].state != "received")
    (signal,) = desk.services.signals.signals(desk.owner_id)
    assert (signal.repeats, signal.action) == (3, "exit")


def knock_of(desk: TestDesk, strategy_id: str) -> Callable[[], object]:
    """A program elsewhere that tells the strategy to leave, always in the same words."""
    webhook_id, secret = desk.services.signals.create(desk.owner_id, Draft(name="A chart", strategy_id=strategy_id))
    body = orjson.dumps({"secret": secret, "action": "exit", "id": "1"})
    return lambda: desk.services.signal_door.receive(webhook_id, Sent(body, "", "127.0.0.1"))


def monitor_of(desk: TestDesk) -> Monitor:
    listeners = [getattr(each, "__self__", None) for each in desk.engine.market.hub._listeners]
    return next(each for each in listeners if isinstance(each, Monitor))


def test_peer_4_1_14_a_second_run_is_guarded_like_the_first_and_from_its_own_entry(desk: TestDesk) -> None:
    strategy_id = desk.strategy(LONG_CALL, "twice guarded", limits={"stop": {"value": "5000"}})
    for number in ("first", "second"):
        move(desk, SPOT)
        until(lambda: seen(desk, NIFTY) == SPOT)
        run_id = desk.run(strategy_id, number)
        until_open_and_priced(desk, run_id)
        assert desk.run_row(run_id).exit_reason is None
        move(desk, SPOT - MOVE)
        left(desk, run_id)
        assert [event.threshold for event in events_of(desk, run_id)] == [-5000]


def test_a_time_that_came_leaves_a_run_without_any_price() -> None:
    began = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)  # half past nine in India
    stake = a_stake(until=began + timedelta(hours=5))
    told_of: list[Trigger] = []
    monitor = Monitor(lambda symbol: None, told_of.append, lambda stake, trailed: None)
    monitor.put(None, [stake], began)
    monitor.sweep(began + timedelta(hours=4, minutes=59))
    assert told_of == []
    for _ in range(2):
        monitor.sweep(began + timedelta(hours=5))
    assert [trigger.rule for trigger in told_of] == [Rule.TIME]


def a_stake(**more: Any) -> Stake:
    return Stake(Reach.RUN, "r1", "r1", "u1", "a run", Decimal(-100), {NIFTY: Decimal(1)}, Bounds(), **more)


# -- a guard whose loop nobody runs, while the database fails


class Unrun:
    """Over a new database, with the journal of one run that has a stop and holds one lot bought at 100."""

    def __init__(self, folder: Path) -> None:
        settings = settings_for(folder)
        lay_tables(settings.database_url)
        self.services = build(settings)
        self.journal = Journaling(self.services.db)
        self.hub = (market := TapeMarket(self.services)).hub
        runner = Runner(self.services.db, self.journal.writer, self.journal.clock, open_gate)
        self.guard = Guard(self.services, self.journal.writer, runner, market, lambda: None)

    def close(self) -> None:
        self.journal.close()
        self.services.close()

    def hold(self) -> None:
        a_run(self.journal, a1="open")
        a_leg(self.journal, 65)
        with self.services.db.write() as session:
            session.get_one(Run, "r1").limits = {"trail": {"stop": {"value": "4000"}}}
            session.get_one(AccountRun, "part-a1").exit_reason = None
        self.journal.sent("entry", account_run_id="part-a1", leg_run_id="leg")
        self.journal.push(row(OrderStatus.FILLED, filled=65))
        self.guard.part_changed(RunChanged("r1", "part-a1", "u1", AccountRunState.OPEN))

    def fails(self, step: Callable[[], object], table: str) -> None:
        with away(self.services.db, table):
            for _ in range(2):
                with pytest.raises(DBAPIError):
                    step()


@pytest.fixture
def unrun(tmp_path: Path) -> Iterator[Unrun]:
    made = Unrun(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("table", ["runs", "leg_runs"])
def test_a_part_that_changed_is_read_again_when_the_database_failed(unrun: Unrun, table: str) -> None:
    unrun.guard.follow()
    unrun.hold()
    unrun.fails(unrun.guard.follow, table)
    assert unrun.guard.follow()
    assert [one.stake.held for one in unrun.guard.monitor.standings()] == [{OPTION: 65}]
    assert not unrun.guard.follow()


def test_how_far_a_stop_followed_is_kept_after_all_when_the_database_failed(unrun: Unrun) -> None:
    unrun.hold()
    unrun.guard.follow()
    unrun.hub.take(Quote(OPTION, Decimal(200), unrun.services.clock.now()))
    unrun.fails(unrun.guard.keep_trails, "risk_trails")
    assert unrun.guard.keep_trails()
    with unrun.services.db.read() as session:
        assert session.get_one(RiskTrail, "r1").peak == 6500
    assert not unrun.guard.keep_trails()
