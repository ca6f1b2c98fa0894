"""How soon a price becomes an exit on the wire, while many runs are watched and a thousand prices come in a second.

Real parts: a paper broker, the engine in this process, a SQLite file. Beside the runs that are left, 500 more with four
legs each are watched over the same thousand prices a second; none of those touches its limits.
"""

import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from itertools import cycle
from pathlib import Path
from typing import Any

from app.commands.engine import settle
from app.risk.limits import Bounds
from app.risk.models import RiskEvent
from app.risk.monitor import Monitor, Reach, Stake
from app.risk.trailing import Terms
from app.venues.types import Quote, Symbol
from tests.engine.desks import TestDesk
from tests.paper.running import PaperServer
from tests.waiting import until

LEG = {"action": "BUY", "kind": "CE", "underlying": "NIFTY", "strike": "ATM", "lots": 2}
SPOT, MOVE = 25_000, 120
NIFTY = Symbol("NSE_INDEX", "NIFTY")
UNWATCHED = 0.5  # seconds: whoever looks into the journal from this process takes the interpreter from what is measured
SYMBOLS = [Symbol("NFO", f"WATCHED{number}") for number in range(80)]


def measure(runs: int = 500, ticks: int = 1000, repeat: int = 40) -> dict[str, Any]:
    """Milliseconds from the price's arrival to the exit's start on the wire; microseconds per tick in the monitor."""
    brokers = [{"name": "alpha", "mode": "live", "cash": 10_000_000_000}]
    with tempfile.TemporaryDirectory() as folder, PaperServer(brokers, start="now") as paper:
        desk = TestDesk(Path(folder), paper)
        try:
            desk.start()
            settle(desk.engine)  # as the engine's own process does, too
            monitor_of(desk).put(["watched"], [_stake(number) for number in range(runs)], desk.services.clock.now())
            with arriving(desk, ticks) as costs:
                took = [_left(desk, number) for number in range(repeat)]
        finally:
            desk.stop()
    took.sort()
    return {
        "runs": runs,
        "ticks_per_second": ticks,
        "exits": repeat,
        "p50_ms": round(statistics.median(took), 2),
        "p99_ms": round(took[min(len(took) - 1, int(len(took) * 0.99))], 2),
        "worst_ms": round(took[-1], 2),
        "tick_us": round(statistics.median(costs) * 1e6, 1),
        "share_of_core": round(statistics.mean(costs) * ticks, 3),
    }


def monitor_of(desk: TestDesk) -> Monitor:
    listeners = [getattr(each, "__self__", None) for each in desk.engine.market.hub._listeners]
    return next(each for each in listeners if isinstance(each, Monitor))


@contextmanager
def arriving(desk: TestDesk, per_second: int) -> Iterator[list[float]]:
    """Prices of the watched symbols, up and down; gives what each cost in the thread that received it."""
    costs: list[float] = []
    over = threading.Event()
    hub, clock = desk.engine.market.hub, desk.services.clock

    def feed() -> None:
        due = time.monotonic()
        for number, symbol in enumerate(cycle(SYMBOLS)):
            if over.is_set():
                return
            price = Decimal(100) + Decimal(number // len(SYMBOLS) % 20) / 20
            started = time.thread_time()
            hub.take(Quote(symbol, price, clock.now()))
            costs.append(time.thread_time() - started)
            due += 1 / per_second
            over.wait(max(0.0, due - time.monotonic()))

    thread = threading.Thread(target=feed, daemon=True)
    thread.start()
    yield costs
    over.set()
    thread.join(5)


def _stake(number: int) -> Stake:
    """A run of four legs that wins and loses a little, with a stop, a target and a stop that follows."""
    held = {SYMBOLS[(number * 4 + leg) % len(SYMBOLS)]: Decimal(65 if leg % 2 else -65) for leg in range(4)}
    around = Bounds(Decimal(-50_000), Decimal(50_000), Terms(Decimal(-40_000)))
    return Stake(Reach.RUN, f"watched-{number}", "watched", "nobody", "watched", Decimal(0), held, around)


def _left(desk: TestDesk, number: int) -> float:
    desk.paper.tell("market", name="NIFTY", pin=SPOT)
    until(lambda: (quote := desk.engine.market.hub.newest(NIFTY)) and abs(quote.last - SPOT) < 5, 30)
    run_id = desk.run(desk.strategy([LEG], f"risk {number}", limits={"stop": {"value": "3000"}}), f"risk {number}")
    desk.until_state(run_id, "open")
    first = _orders(desk, run_id)[0]
    symbol = Symbol(first.exchange, first.symbol)
    until(lambda: (quote := desk.engine.market.hub.newest(symbol)) and abs(quote.last - _paid(desk, run_id)) < 5, 30)
    desk.paper.tell("market", name="NIFTY", pin=SPOT - MOVE)
    time.sleep(UNWATCHED)
    desk.until_state(run_id, "closed")
    touched, sent = _touched(desk, run_id), _sent(desk, run_id)
    return (sent - touched).total_seconds() * 1000


def _orders(desk: TestDesk, run_id: str) -> Any:
    return desk.services.orders.of_parts(desk.owner_id, [part.id for part in desk.parts(run_id).values()])


def _paid(desk: TestDesk, run_id: str) -> Decimal:
    return next((order.average_price for order in _orders(desk, run_id) if order.average_price), Decimal("Infinity"))


def _sent(desk: TestDesk, run_id: str) -> datetime:
    return min(order.sent_at for order in _orders(desk, run_id) if order.purpose == "exit")


def _touched(desk: TestDesk, run_id: str) -> datetime:
    with desk.services.db.read() as session:
        (event,) = session.query(RiskEvent).filter(RiskEvent.run_id == run_id)
        return event.at


def tell(found: dict[str, Any]) -> str:
    return (
        f"{found['runs']} runs watched, {found['ticks_per_second']} prices a second, {found['exits']} exits\n"
        f"price in to exit out  p50 {found['p50_ms']} ms, p99 {found['p99_ms']} ms, worst {found['worst_ms']} ms "
        "(goal: p99 10 ms)\n"
        f"monitor               {found['tick_us']} µs a price, {found['share_of_core'] * 100:.0f} % of a core"
    )
