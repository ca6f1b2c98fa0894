"""What must be true of every account whatever went wrong, told from the brokers' own books: fills replayed in order."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from app.execution.models import Order
from app.execution.states import FINAL
from app.strategies.waves import ENDED
from tests.engine.desks import IRON_FLY, TestDesk
from tests.paper.running import PaperServer
from tests.waiting import until

BROKERS = ("alpha", "beta", "gamma")
HEALTHY = ("alpha", "gamma")
SPLIT_FLY = [leg | {"lots": 28} for leg in IRON_FLY]  # 28 lots of NIFTY are cut into 27 + 1
RESTING = [
    {"action": "BUY", "kind": "CE", "underlying": "NIFTY", "strike": "OTM4", "lots": 2,
     "price_type": "LIMIT", "price": "0.05"},
]  # fmt: skip
IMPATIENT = {
    "order_book_poll_seconds": 0.1,
    "unknown_window_seconds": 2.0,
    "unknown_lookups": 3,
    "place_timeout_seconds": 1.0,
    "read_timeout_seconds": 2.0,
}
Json = dict[str, Any]


class ProvingDesk(TestDesk):
    """Its brokers take many orders a second: a second of waiting for the pace proves nothing, eighty times."""

    def add_account(self, *values: str, **more: Any) -> str:
        return super().add_account(*values, **({"orders_per_second": "40"} | more))


@contextmanager
def proving_desk(folder: Path, brokers: tuple[str, ...] = BROKERS, **settings: Any) -> Iterator[TestDesk]:
    """A desk that gives up soon, over brokers with money enough for every case of a file."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = [{"name": name, "mode": "live", "cash": 10_000_000_000} for name in brokers]
    with PaperServer(listed, start="now") as paper:
        desk = ProvingDesk(folder, paper, **(IMPATIENT | settings))
        try:
            desk.start()
            yield desk
        finally:
            desk.stop()


def part_state(desk: TestDesk, run_id: str, broker: str) -> str:
    part = desk.parts(run_id).get(broker)
    return part.state if part else ""


def until_part(desk: TestDesk, run_id: str, broker: str, *states: str, timeout: float = 40) -> str:
    try:
        until(lambda: part_state(desk, run_id, broker) in states, timeout)
    except AssertionError as error:
        raise AssertionError(told(desk, run_id, broker)) from error
    return part_state(desk, run_id, broker)


def told(desk: TestDesk, run_id: str, broker: str) -> str:
    """The part and its orders, for whoever must find out what went wrong."""
    part = desk.parts(run_id)[broker]
    lines = [
        f"{o.purpose} {o.side} {o.quantity} {o.state} {o.filled_quantity} {o.venue_order_id} {o.lookups} {o.candidates}"
        f" {o.failure} {o.reason}"
        for o in orders_of(desk, run_id, broker)
    ]
    return "\n".join([f"{part.state}: {part.trouble}", *lines])


def until_settled(desk: TestDesk, run_id: str, timeout: float = 60) -> None:
    """Every part has ended and no order is on its way."""

    def is_settled() -> bool:
        parts = desk.parts(run_id)
        return len(parts) == len(desk.accounts) and all(part.state in ENDED for part in parts.values())

    try:
        until(is_settled, timeout)
    except AssertionError as error:
        raise AssertionError("\n".join(told(desk, run_id, broker) for broker in desk.accounts)) from error
    until(lambda: all(order.state in FINAL for order in orders_of(desk, run_id)), timeout)


def orders_of(desk: TestDesk, run_id: str, broker: str = "") -> list[Order]:
    parts = desk.parts(run_id)
    ids = [part.id for name, part in parts.items() if broker in ("", name)]
    return list(desk.services.orders.of_parts(desk.owner_id, ids))


def assert_flat(desk: TestDesk) -> None:
    for broker in desk.accounts:
        held = {p["symbol"]: p["quantity"] for p in desk.paper.books(broker)["positions"] if p["quantity"]}
        assert not held, f"{broker} still holds {held}"


def assert_proven(desk: TestDesk, run_id: str) -> None:
    """The books agree, nothing went the wrong way, hedges came first and left last."""
    desk.assert_books_agree()
    for broker in desk.accounts:
        ours = orders_of(desk, run_id, broker)
        names = {order.venue_order_id: order for order in ours if order.venue_order_id}
        rows = [row for row in desk.paper.books(broker)["orders"] if row["orderid"] in names]
        assert_never_reversed(rows, names, broker)
        if any(order.purpose == "entry" and order.side == "BUY" for order in ours):
            assert_hedged(rows, names, broker)


def assert_never_reversed(rows: list[Json], ours: dict[str, Order], broker: str) -> None:
    """Longs never go below zero, shorts never above, and no leg above its target."""
    net: dict[str, int] = defaultdict(int)
    peak: dict[str, int] = defaultdict(int)
    for _, row, quantity in _fills(rows):
        sign = 1 if row["action"] == "BUY" else -1
        net[row["symbol"]] += sign * quantity
        way = 1 if _opening_side(row, ours) == "BUY" else -1
        assert net[row["symbol"]] * way >= 0, f"{broker}: {row['symbol']} was reversed to {net[row['symbol']]}"
        peak[row["symbol"]] = max(peak[row["symbol"]], net[row["symbol"]] * way)
    targets: dict[str, int] = defaultdict(int)
    for order in ours.values():
        if order.purpose == "entry":
            targets[order.symbol] += int(order.quantity)
    for symbol, most in peak.items():
        assert most <= targets[symbol], f"{broker}: {symbol} reached {most} of {targets[symbol]}"


def assert_hedged(rows: list[Json], ours: dict[str, Order], broker: str) -> None:
    """No short is held beyond what the longs cover: not on the way in, not on the way out."""
    longs = shorts = 0
    for at, row, quantity in _fills(rows):
        opens = ours[row["orderid"]].purpose == "entry"
        if _opening_side(row, ours) == "BUY":
            longs += quantity if opens else -quantity
        else:
            shorts += quantity if opens else -quantity
        assert shorts <= longs, f"{broker}: {shorts} short and {longs} long at {at}"


def _fills(rows: list[Json]) -> list[tuple[datetime, Json, int]]:
    """In the order in which they happened; the sort is stable, so equal times keep the order of placing."""
    fills = [(datetime.fromisoformat(f["at"]), row, f["quantity"]) for row in rows for f in row["fills"]]
    return sorted(fills, key=lambda fill: fill[0])


def _opening_side(row: Json, ours: dict[str, Order]) -> str:
    is_entry = ours[row["orderid"]].purpose == "entry"
    other = "SELL" if row["action"] == "BUY" else "BUY"
    return row["action"] if is_entry else other
