"""A broker's login ends once a day. Until somebody logs in again, exits wait and entries don't; then all goes on."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import count

import pytest

from app.accounts.models import HealthState
from app.accounts.states import TradingState
from app.engine import assembly
from app.engine.logins import LoginWatch
from app.execution.events import Alarm
from app.risk.service import Asker
from app.risk.states import Extent, Kind
from app.wiring import build
from tests.engine.desks import TestDesk
from tests.engine.proving import assert_flat, assert_proven, orders_of, proving_desk, until_part, until_settled
from tests.waiting import until

numbers = count(1)
SHORT = [{"action": "SELL", "kind": "CE", "underlying": "NIFTY", "strike": "OTM2", "lots": 2}]
HEDGED = [
    {"action": "BUY", "kind": "CE", "underlying": "NIFTY", "strike": "OTM4", "lots": 1},
    {"action": "SELL", "kind": "CE", "underlying": "NIFTY", "strike": "ATM", "lots": 1},
]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestDesk]:
    with proving_desk(tmp_path_factory.mktemp("logins"), ("alpha", "beta")) as made:
        yield made


@pytest.fixture
def alarms(desk: TestDesk) -> list[Alarm]:
    heard: list[Alarm] = []
    desk.services.bus.subscribe(Alarm, heard.append)
    return heard


@pytest.fixture(autouse=True)
def healed(desk: TestDesk) -> Iterator[None]:
    yield
    switch(desk, "beta", analyze=False)
    log_in(desk, "beta")
    desk.paper.heal()


def log_out(desk: TestDesk, broker: str) -> None:
    desk.paper.tell("login", broker=broker, logged_in=False)


def log_in(desk: TestDesk, broker: str) -> None:
    desk.paper.tell("login", broker=broker, logged_in=True)
    member(desk, broker).attendant.look_now()
    until(lambda: not member(desk, broker).needs_login and member(desk, broker).attendant.stream_state == "live", 20)
    until(lambda: health(desk, broker) == HealthState.OK, 20)  # and it is in its own mode


def member(desk: TestDesk, broker: str):
    return desk.engine.crew.get(desk.accounts[broker])


def health(desk: TestDesk, broker: str) -> str:
    account_id = desk.accounts[broker]
    return desk.services.health.of([account_id])[account_id].state


def asked(desk: TestDesk, legs: list[dict]) -> str:
    number = next(numbers)
    return desk.run(desk.strategy(legs, f"login {number}"), f"login {number}")


def opened(desk: TestDesk, legs: list[dict]) -> str:
    run_id = asked(desk, legs)
    assert desk.until_state(run_id, "open", "closed", "failed") == "open"
    return run_id


def exits(desk: TestDesk, run_id: str, broker: str) -> list:
    return [order for order in orders_of(desk, run_id, broker) if order.purpose == "exit"]


def test_an_exit_without_a_login_waits_with_an_alarm_and_goes_out_once_after_the_login(desk, alarms) -> None:
    run_id = opened(desk, SHORT)
    log_out(desk, "beta")
    desk.exit(run_id)
    until_part(desk, run_id, "alpha", "closed")
    until(lambda: [order.state for order in exits(desk, run_id, "beta") if order.state == "new"] == ["new"])
    until(lambda: any("exit waits" in alarm.message and "130" in alarm.message for alarm in alarms))
    assert health(desk, "beta") == HealthState.NOT_LOGGED_IN
    assert desk.parts(run_id)["beta"].state == "exiting"
    log_in(desk, "beta")
    until_settled(desk, run_id)
    sent = [order for order in exits(desk, run_id, "beta") if order.venue_order_id]
    assert [order.filled_quantity for order in sent] == [Decimal(130)]
    assert_flat(desk)
    assert_proven(desk, run_id)


def switch(desk: TestDesk, broker: str, analyze: bool) -> None:
    desk.paper.tell("mode", broker=broker, analyze=analyze)


def test_a_server_that_was_switched_to_paper_keeps_its_exit_until_it_is_switched_back(desk, alarms) -> None:
    """Its simulator's empty books are not the account's: nothing counts as closed, and no exit goes to a simulator."""
    run_id = opened(desk, SHORT)
    switch(desk, "beta", analyze=True)
    member(desk, "beta").attendant.sweep_now()
    until(lambda: health(desk, "beta") == HealthState.WRONG_MODE and member(desk, "beta").needs_login)
    desk.exit(run_id)
    until_part(desk, run_id, "alpha", "closed")
    until(lambda: any("was switched" in alarm.message and "130" in alarm.message for alarm in alarms))
    member(desk, "beta").attendant.sweep_now()
    assert desk.parts(run_id)["beta"].state == "exiting"
    assert [order.state for order in exits(desk, run_id, "beta")] == ["new"]
    switch(desk, "beta", analyze=False)
    until_settled(desk, run_id)
    assert sum(order.filled_quantity for order in exits(desk, run_id, "beta")) == 130
    assert_flat(desk)
    assert_proven(desk, run_id)
    go_on_trading(desk, "beta")


def test_an_exit_that_a_simulator_took_is_no_exit_and_is_sent_again_to_the_broker(desk) -> None:
    run_id = opened(desk, SHORT)
    switch(desk, "beta", analyze=True)
    desk.exit(run_id)
    until(lambda: health(desk, "beta") == HealthState.WRONG_MODE)
    until(lambda: any(order.state == "new" for order in exits(desk, run_id, "beta")))
    assert not any(order.filled_quantity for order in exits(desk, run_id, "beta"))
    switch(desk, "beta", analyze=False)
    until_settled(desk, run_id)
    taken = [order for order in exits(desk, run_id, "beta") if order.state == "rejected"]
    assert all("simulator" in order.reason for order in taken)
    assert_flat(desk)
    go_on_trading(desk, "beta")


def go_on_trading(desk: TestDesk, broker: str) -> None:
    """A switched account takes exits only until a person lets it trade again."""
    account_id = desk.accounts[broker]
    until(lambda: desk.services.accounts.get(desk.owner_id, account_id).trading_state == "REDUCING")
    desk.services.risk.set_state(Asker(desk.owner_id), Extent(Kind.ACCOUNT, account_id), TradingState.ACTIVE, "back")


def test_an_entry_without_a_login_is_refused_with_the_reason(desk) -> None:
    log_out(desk, "beta")
    member(desk, "beta").attendant.look_now()
    until(lambda: member(desk, "beta").needs_login)
    run_id = asked(desk, SHORT)
    assert until_part(desk, run_id, "beta", "failed") == "failed"
    assert "log in" in desk.parts(run_id)["beta"].trouble
    until_part(desk, run_id, "alpha", "open")
    desk.exit(run_id)
    until_settled(desk, run_id)
    assert orders_of(desk, run_id, "beta") == []


def test_an_entry_that_finds_out_about_the_login_fails_and_is_not_sent_later(desk) -> None:
    log_out(desk, "beta")
    run_id = asked(desk, HEDGED)
    until_part(desk, run_id, "beta", "failed")
    log_in(desk, "beta")
    until_part(desk, run_id, "alpha", "open")
    desk.exit(run_id)
    until_settled(desk, run_id)
    assert [order.venue_order_id for order in orders_of(desk, run_id, "beta") if order.venue_order_id] == []
    assert_flat(desk)


def test_without_a_login_the_streams_are_closed_and_come_back_after_it(desk) -> None:
    log_out(desk, "beta")
    member(desk, "beta").attendant.look_now()
    until(lambda: member(desk, "beta").stream is None)
    assert desk.accounts["beta"] not in desk.engine.market._accounts()
    log_in(desk, "beta")
    assert desk.accounts["beta"] in desk.engine.market._accounts()
    run_id = opened(desk, SHORT)
    desk.exit(run_id)
    until_settled(desk, run_id)
    assert_flat(desk)


def test_a_position_closed_at_the_broker_while_its_exit_waited_is_not_sold_again(desk, alarms) -> None:
    run_id = opened(desk, SHORT)
    (entry,) = [order for order in orders_of(desk, run_id, "beta") if order.purpose == "entry"]
    log_out(desk, "beta")
    desk.exit(run_id)
    until_part(desk, run_id, "alpha", "closed")
    until(lambda: any(order.state == "new" for order in exits(desk, run_id, "beta")))
    desk.paper.tell(
        "foreign-order", broker="beta", symbol=entry.symbol, exchange=entry.exchange, action="BUY", quantity=130,
        pricetype="MARKET", product=entry.product,
    )  # fmt: skip
    log_in(desk, "beta")
    until(lambda: "accept the broker's book" in desk.parts(run_id)["beta"].trouble)
    assert [order for order in exits(desk, run_id, "beta") if order.venue_order_id] == []
    assert_flat(desk)


def test_the_alarm_is_repeated_while_exits_wait_and_not_in_between(desk, alarms) -> None:
    run_id = opened(desk, SHORT)
    log_out(desk, "beta")
    desk.exit(run_id)
    until(lambda: any(order.state == "new" for order in exits(desk, run_id, "beta")))
    until(lambda: any("exit waits" in alarm.message for alarm in alarms))  # the engine's own, which is silent now
    time = Steps(desk.services.clock)
    engine = desk.engine
    services = replace(desk.services, clock=time)
    watch = LoginWatch(services, engine.crew, engine.writer, engine.runs._runner, again=60.0)
    heard = []
    for seconds in (0, 30, 29, 1, 59, 1):
        time.passed += seconds
        alarms.clear()
        watch.step()
        heard.append(sum("exit waits" in alarm.message for alarm in alarms))
    assert heard == [1, 0, 0, 1, 0, 1]
    log_in(desk, "beta")
    until_settled(desk, run_id)
    assert_flat(desk)


class Steps:
    """A clock whose monotonic time stands still until it is moved."""

    def __init__(self, clock) -> None:
        self.now = clock.now
        self.passed = 0.0

    def monotonic(self) -> float:
        return self.passed


def test_an_engine_that_starts_without_a_login_keeps_the_exit_and_sends_it_after_the_login(desk) -> None:
    run_id = opened(desk, SHORT)
    log_out(desk, "beta")
    desk.exit(run_id)
    until_part(desk, run_id, "alpha", "closed")
    until(lambda: member(desk, "beta").needs_login)  # the try that found out about it was refused by now
    until(lambda: any(order.state == "new" for order in exits(desk, run_id, "beta")))
    desk.stop()
    desk.services = build(desk.settings, "engine")
    alarms: list[Alarm] = []
    desk.services.bus.subscribe(Alarm, alarms.append)
    desk.engine = assembly.build(desk.services)
    desk.engine.start()
    assert desk.engine.wait_until_leading(20)
    until(lambda: member(desk, "beta") is not None and member(desk, "beta").needs_login, 20)
    until(lambda: any("exit waits" in alarm.message for alarm in alarms))
    assert [order for order in exits(desk, run_id, "beta") if order.venue_order_id] == []
    log_in(desk, "beta")
    until_settled(desk, run_id)
    assert [o.filled_quantity for o in exits(desk, run_id, "beta") if o.venue_order_id] == [Decimal(130)]
    assert_flat(desk)
