"""What must be true after every kill, told from the brokers' own books and from the journal, independently."""

import time
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select

from app.execution.models import Fill, Order, OrderChange
from app.execution.states import FINAL, OrderState
from tests.crash.engines import World
from tests.engine.proving import assert_flat, assert_proven

Json = dict[str, Any]
HEARD_WITHIN = 3.0  # seconds in which a fill is told, over a book if need be


def assert_sound(world: World, run_id: str) -> None:
    """Books, trades and positions agree; nothing came twice; nothing was oversold or uncovered at any fill.

    The desk's books and the broker's are read one after the other: a resting order that fills in between is judged
    again. What is wrong stays wrong.
    """
    try:
        _judge(world, run_id)
    except AssertionError:
        time.sleep(HEARD_WITHIN)
        _judge(world, run_id)


def _judge(world: World, run_id: str) -> None:
    desk = world.desk
    assert_proven(desk, run_id)
    fills = _journaled_fills(world)
    for broker in desk.accounts:
        books, ours = desk.paper.books(broker), desk.orders(broker)
        assert_came_once(books["orders"], ours, broker)
        assert_same_trades(books["orders"], ours, fills, broker)
        assert_same_positions(books["positions"], ours, broker)
        assert_same_terms(books["orders"], ours, broker)
        assert_changes_were_sent_once(world, broker)


def assert_over(world: World, run_id: str) -> None:
    """Nothing is held, on its way, or waiting for anybody."""
    assert_sound(world, run_id)
    assert_flat(world.desk)
    left = [f"{order.id} {order.state}" for order in world.desk.orders() if order.state not in FINAL]
    assert not left, f"orders are left: {left}"
    live = world.desk.services.strategies.runs(world.desk.owner_id, live_only=True)
    assert not live, f"runs are left: {[(run.id, run.state) for run in live]}"


def tag_of(order: Order) -> str:
    """What the desk writes on an order for the broker's own screens: it names the order though the answer is lost."""
    return f"{order.id[-10:]}-mirrordesk"


def assert_came_once(rows: Sequence[Json], ours: Sequence[Order], broker: str) -> None:
    """By the label on each order, so without trusting who owns which id in the journal."""
    tags = [row["strategy"] for row in rows]
    twice = {tag for tag in tags if tags.count(tag) > 1} if len(set(tags)) < len(tags) else set()
    assert not twice, f"{broker}: orders came twice: {twice}"
    strangers = set(tags) - {tag_of(order) for order in ours}
    assert not strangers, f"{broker}: no order of the journal is called {strangers}"


def assert_same_trades(rows: Sequence[Json], ours: Sequence[Order], fills: dict[str, Decimal], broker: str) -> None:
    by_id = {order.venue_order_id: order for order in ours}
    for row in rows:
        order, traded = by_id[row["orderid"]], sum(fill["quantity"] for fill in row["fills"])
        told = (traded, order.filled_quantity, fills[order.id])
        assert len(set(told)) == 1, f"{broker} {row['orderid']}: traded, booked and filled are {told}"
    for order in ours:
        if order.venue_order_id is None:
            assert not order.filled_quantity, f"{broker} {order.id}: filled without ever having arrived"


def assert_same_terms(rows: Sequence[Json], ours: Sequence[Order], broker: str) -> None:
    """Of what rests: the price in the journal is the price at the broker."""
    by_id = {order.venue_order_id: order for order in ours if order.state == OrderState.OPEN and order.price}
    for row in rows:
        order = by_id.get(row["orderid"])
        told = (Decimal(str(row["price"])), order.price) if order else (0, 0)
        assert told[0] == told[1], f"{broker} {row['orderid']}: the prices there and here are {told}"


def assert_changes_were_sent_once(world: World, broker: str) -> None:
    with world.desk.services.db.read() as session:
        claimed = session.scalar(
            select(func.count(OrderChange.sent_at)).where(OrderChange.account_id == world.desk.accounts[broker])
        )
    asked = world.paper.state(broker)["counters"].get("modifyorder", 0)
    assert asked <= claimed, f"{broker}: {claimed} changes were claimed and {asked} sent"


def assert_same_positions(rows: Sequence[Json], ours: Sequence[Order], broker: str) -> None:
    net: dict[str, Decimal] = defaultdict(Decimal)
    for order in ours:
        net[order.symbol] += order.filled_quantity * (1 if order.side == "BUY" else -1)
    theirs = {row["symbol"]: Decimal(row["quantity"]) for row in rows}
    assert {s: q for s, q in theirs.items() if q} == {s: q for s, q in net.items() if q}, f"{broker}: positions differ"


def _journaled_fills(world: World) -> dict[str, Decimal]:
    found: dict[str, Decimal] = defaultdict(Decimal)
    with world.desk.services.db.read() as session:
        for order_id, quantity in session.execute(select(Fill.order_id, Fill.quantity)):
            found[order_id] += quantity
    return found
