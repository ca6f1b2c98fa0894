"""Two engines by mistake on one database: one acts, the other waits, and one that stood still does no harm."""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from app.engine.assembly import STANDBY_EVERY
from app.execution.lease import TERM
from app.execution.models import EngineLease, Order
from tests.crash.engines import Engine, World, world
from tests.crash.proof import assert_over, assert_sound
from tests.crash.walk import HEDGED, ONE_BROKER
from tests.crash.watching import PATIENCE, Watched
from tests.engine.handwork import LOW, Hands
from tests.engine.proving import orders_of
from tests.servers import postgres_database
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
TEN, FIFTEEN = Decimal("0.10"), Decimal("0.15")
LEASE = 3.0  # seconds, where what happens after it has run out is the question
IN_FLIGHT = {"kind": "latency", "ms": 700, "where": "before", "endpoint": "placeorder"}


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with ExitStack() as stack:
        url = ""
        if request.param == "postgres":
            url = stack.enter_context(postgres_database(request.getfixturevalue("_postgres_port")))
        yield stack.enter_context(world(tmp_path_factory.mktemp("two"), url, ONE_BROKER, LEASE))


def holder(world: World) -> int:
    """The process that leads."""
    with world.desk.services.db.read() as session:
        name = session.scalar(select(EngineLease.holder)) or "0"
    return int(name.partition("-")[0])


def ask_for_run(world: World, key: str) -> Watched:
    desk = world.desk
    strategy_id = desk.strategy(HEDGED, key)
    return Watched(world, desk.services.strategies.run(desk.owner_id, strategy_id, key))


def begin_anew(world: World, point: str = "") -> Engine:
    """A single engine that leads."""
    world.kill_all()
    engine = world.start(point)
    until(lambda: holder(world) == engine.pid)
    return engine


def take_over(world: World) -> Engine:
    """A second engine, which has waited for its turn and got it."""
    world.engine = world.nursery.bear()
    until(lambda: holder(world) == world.engine.pid, 30)
    return world.engine


def stop_between_commits(world: World, engine: Engine) -> None:
    """Over SQLite nobody could write while it stands still in the middle of one."""
    engine.stop()
    while not is_free(world):
        engine.go_on()
        engine.stop()


def is_free(world: World) -> bool:
    url = world.desk.settings.database_url
    if not url.startswith("sqlite"):
        return True
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=0.1, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        connection.execute("ROLLBACK")
        return True


def resting(hands: Hands) -> Order:
    """By an engine that has only begun to lead, and connects first."""
    (order,) = hands.place("near", price_type="LIMIT", price=Decimal(LOW))
    return hands.until_order(order.id, "open", timeout=PATIENCE)


def leave(watched: Watched) -> None:
    watched.ask_for_exit()
    watched.until(watched.is_over)
    assert_over(watched.world, watched.run_id)


def wake(world: World, old: Engine) -> None:
    """What it does before it learns that its turn is over must not be seen by anybody; then it ends."""
    old.go_on()
    until(old.has_ended, 30)
    assert holder(world) == world.engine.pid


def test_the_second_waits_and_goes_on_where_the_first_one_died(shared: World) -> None:
    first = begin_anew(shared)
    second = shared.nursery.bear()
    watched = ask_for_run(shared, "standby")
    watched.until(watched.is_steady)
    claimed_by = {order.claimed_by.partition("-")[0] for order in orders_of(shared.desk, watched.run_id)}
    assert claimed_by == {str(first.pid)}
    watched.ask_for_exit()
    first.kill()
    shared.engine = second
    until(lambda: holder(shared) == second.pid, 20)
    watched.until(watched.is_over)
    assert_over(shared, watched.run_id)


def test_nobody_acts_for_less_than_ten_seconds_when_the_first_one_dies() -> None:
    assert TERM + timedelta(seconds=STANDBY_EVERY) < timedelta(seconds=9)


@pytest.mark.parametrize("point", ["claimed", "answered"])
def test_what_stood_still_while_entering_sends_nothing_when_it_wakes(shared: World, point: str) -> None:
    """It stops between claim and send, or before it writes the answer down."""
    old = begin_anew(shared, f"{point}:2 stop")
    watched = ask_for_run(shared, f"entry, {point}")
    until(old.has_stopped, PATIENCE)
    take_over(shared)
    watched.until(watched.is_steady)
    wake(shared, old)
    assert_sound(shared, watched.run_id)
    leave(watched)


@pytest.mark.parametrize("point", ["claimed", "answered"])
def test_what_stood_still_while_exiting_sends_nothing_when_it_wakes(shared: World, point: str) -> None:
    begin_anew(shared)
    watched = ask_for_run(shared, f"exit, {point}")
    watched.until(watched.is_steady)
    old = begin_anew(shared, f"{point}:2 stop")
    watched.ask_for_exit()
    until(old.has_stopped, PATIENCE)
    take_over(shared)
    watched.until(watched.is_over)
    wake(shared, old)
    assert_over(shared, watched.run_id)


@pytest.mark.parametrize(("point", "sent", "ends"), [("changing", 0, "refused"), ("changed", 1, "done")])
def test_what_stood_still_while_changing_an_order_sends_nothing_when_it_wakes(
    shared: World, point: str, sent: int, ends: str
) -> None:
    """It stops between claim and send, or before it writes the answer down; the book settles what became of it."""
    begin_anew(shared)
    hands = Hands(shared.desk)
    order = resting(hands)
    before = hands.calls("near", "modifyorder")
    old = begin_anew(shared, f"{point}:1 stop")
    change = hands.change(order, price=TEN)
    until(old.has_stopped, PATIENCE)
    take_over(shared)
    assert hands.until_change(change, ends, timeout=30)
    again = hands.change(order, price=FIFTEEN)
    hands.until_change(again, "done", timeout=30)
    wake(shared, old)
    assert hands.calls("near", "modifyorder") == before + sent + 1
    assert hands.order(order.id).price == FIFTEEN == Decimal(str(hands.broker_row("near", order)["price"]))
    hands.cancel(order)
    hands.until_order(order.id, "cancelled")


def test_what_stood_still_while_cancelling_sends_nothing_when_it_wakes(shared: World) -> None:
    begin_anew(shared)
    hands = Hands(shared.desk)
    order = resting(hands)
    old = begin_anew(shared, "cancelling:1 stop")
    hands.cancel(order)
    until(old.has_stopped, PATIENCE)
    take_over(shared)
    hands.until_order(order.id, "cancelled", timeout=30)
    calls = hands.calls("near", "cancelorder")
    wake(shared, old)
    assert hands.calls("near", "cancelorder") == calls
    assert hands.order(order.id).state == "cancelled"


def test_a_call_on_its_way_while_its_engine_stands_still_is_found_by_the_other(shared: World) -> None:
    old = begin_anew(shared)
    shared.paper.fault(**IN_FLIGHT)
    watched = ask_for_run(shared, "in flight")
    until(lambda: {order.state for order in orders_of(shared.desk, watched.run_id)} & {"sending"})
    stop_between_commits(shared, old)
    shared.paper.heal()
    take_over(shared)
    watched.until(watched.is_steady)
    wake(shared, old)
    assert_sound(shared, watched.run_id)
    leave(watched)
