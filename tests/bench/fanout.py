"""One strategy, many accounts: from the click to the last acknowledgement, beside what the round trips alone take.

Real parts: paper brokers and the engine are processes of their own, the database is a SQLite file. The times come from
the journal. Bound: one round trip per wave (buys, then sells), plus the seconds that the rate limit forces.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from app.core.ids import new_id
from app.execution.models import Order
from app.strategies.models import Run
from tests.engine.desks import IRON_FLY, TestDesk
from tests.paper.running import ROOT, PaperServer
from tests.waiting import until

PER_SECOND = 10
IDLE = 2.0  # seconds over which the engine's idle is measured
READY_WITHIN = 300.0  # five hundred accounts read their books one after the other
PAUSE = 6.0  # the rate window of the entry before must have passed, and the books have been read after its exit


@dataclass
class Ground:
    """Paper brokers, a desk with an account at each, and its engine, all ready to trade."""

    desk: TestDesk
    paper: PaperServer
    engine: subprocess.Popen[str]

    def enter(self, legs: int = 4, lots: int = 2, exits: bool = True) -> "Entry":
        """One entry in all accounts, and its exit."""
        time.sleep(PAUSE - IDLE)
        desk, resting = self.desk, cpu_seconds(self.engine.pid)
        time.sleep(IDLE)
        chosen = [{**IRON_FLY[i % 4], "lots": lots} for i in range(legs)]
        strategy_id = desk.strategy(chosen, name=f"Bench {new_id()}")
        before, started = cpu_seconds(self.engine.pid), time.monotonic()
        idle = (before - resting) / IDLE
        run_id = desk.services.strategies.run(desk.owner_id, strategy_id, strategy_id)
        _wait_for(desk, run_id, "open", "failed")
        run = desk.run_row(run_id)
        orders = _orders_of(desk, run_id)
        if exits:
            desk.services.strategies.exit_run(desk.owner_id, run_id, "bench", "bench")
            _wait_for(desk, run_id, "closed")
        spent = cpu_seconds(self.engine.pid) - before - idle * (time.monotonic() - started)
        assert run.state == "open", run.trouble or [part.trouble for part in desk.parts(run_id).values()]
        return Entry(run, orders, spent / (len(orders) * (1 + exits)))


@dataclass(frozen=True)
class Entry:
    """What the journal says of one entry. Times are seconds from the click."""

    run: Run
    orders: Sequence[Order]
    cpu: float  # the engine's, per order, entry and exit, beyond what it takes when nothing is traded

    @property
    def waves(self) -> int:
        return len({order.wave for order in self.orders})

    @property
    def per_account(self) -> int:
        return max(Counter(order.account_id for order in self.orders).values())

    def bound(self, rtt: float) -> float:
        return self.waves * rtt + max(0, (self.per_account - 1) // PER_SECOND)

    def result(self, accounts: Container[str] | None = None) -> float:
        """Until the last acknowledgement, in these accounts or in all."""
        chosen = [order for order in self.orders if accounts is None or order.account_id in accounts]
        return (max(order.answered_at for order in chosen) - self.run.requested_at).total_seconds()

    @property
    def resolved(self) -> float:
        return (min(order.created_at for order in self.orders) - self.run.requested_at).total_seconds()

    @property
    def skew(self) -> float:
        """From the first account's first order on the wire to the last account's."""
        first: dict[str, datetime] = {}
        for order in self.orders:
            first[order.account_id] = min(order.sent_at, first.get(order.account_id, order.sent_at))
        return (max(first.values()) - min(first.values())).total_seconds()


@contextmanager
def ground(accounts: int, rtt: float, **settings: Any) -> Iterator[Ground]:
    brokers = [{"name": f"b{n:03}", "mode": "live", "cash": "1000000000", "limits": True} for n in range(accounts)]
    with tempfile.TemporaryDirectory() as folder, PaperServer(brokers, start="now") as paper:
        usual = {"order_book_poll_seconds": 1.0, "unknown_window_seconds": 130.0}
        desk = TestDesk(Path(folder), paper, role="web", **(usual | settings))
        try:
            with engine_of(desk, folder) as engine:
                paper.fault("latency", ms=rtt * 1000)
                yield Ground(desk, paper, engine)
        finally:
            desk.services.close()


def measure(accounts: int, legs: int, rtt: float, lots: int, repeat: int) -> dict[str, Any]:
    """Times in seconds, from the click unless the name says otherwise; the median of `repeat` entries."""
    with ground(accounts, rtt) as field:
        return summary([field.enter(legs, lots) for _ in range(repeat)], accounts, rtt)


def cpu_seconds(pid: int) -> float:
    """Processor time a process has used, to the nanosecond: what `/proc` says of it comes in hundredths of a second,
    and the orders of ten accounts take eight of them."""
    return time.clock_gettime((~pid << 3) | 2)  # as clock_getcpuclockid(3) of Linux makes it


class engine_of:
    """The engine as the launcher runs it, until the block ends."""

    def __init__(self, desk: TestDesk, folder: str) -> None:
        self._desk = desk
        self._env = os.environ | {"MIRRORDESK_INSTANCE": folder}

    def __enter__(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "app.cli", "engine"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=self._env, stdout=subprocess.PIPE, text=True)
        until(self._is_ready, READY_WITHIN)
        return self.process

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(20)

    def _is_ready(self) -> bool:
        services = self._desk.services
        health = services.health.of(self._desk.accounts.values())
        read = {master.exchange for master in services.instruments.masters()}
        feed = services.pulse.read().get("feed")
        ticking = feed is not None and feed.detail.get("last_at") is not None
        connected = [h for h in health.values() if h.book_read_at and h.order_stream == "live"]
        return len(connected) == len(self._desk.accounts) and {"NFO", "NSE_INDEX"} <= read and ticking


def _wait_for(desk: TestDesk, run_id: str, *states: str) -> None:
    """Looks seldom: the times come from the journal, and looking takes time from what is measured."""
    for _ in range(600):
        time.sleep(0.2)
        if desk.run_row(run_id).state in states:
            return
    raise TimeoutError(f"the run is still {desk.run_row(run_id).state}")


def _orders_of(desk: TestDesk, run_id: str) -> Sequence[Order]:
    parts = [part.id for part in desk.services.strategies.parts(desk.owner_id, run_id)]
    return desk.services.orders.of_parts(desk.owner_id, parts)


def summary(entries: Sequence[Entry], accounts: int, rtt: float) -> dict[str, Any]:
    def middle(values: Iterable[float]) -> float:
        return round(statistics.median(values), 5)

    bound, result = entries[0].bound(rtt), middle(entry.result() for entry in entries)
    return {
        "accounts": accounts,
        "orders": len(entries[0].orders),
        "waves": entries[0].waves,
        "rtt_s": rtt,
        "bound_s": round(bound, 4),
        "result_s": result,
        "ratio": round(result / bound, 3),
        "resolved_s": middle(entry.resolved for entry in entries),
        "skew_s": middle(entry.skew for entry in entries),
        "cpu_per_order_s": middle(entry.cpu for entry in entries),
        "all_s": [round(entry.result(), 4) for entry in entries],
    }


def tell(found: dict[str, Any]) -> str:
    return (
        f"{found['orders']} orders in {found['accounts']} accounts, {found['waves']} waves, round trip "
        f"{found['rtt_s'] * 1000:.0f} ms\n"
        f"bound  {found['bound_s'] * 1000:8.1f} ms\n"
        f"result {found['result_s'] * 1000:8.1f} ms  (contracts resolved after {found['resolved_s'] * 1000:.1f} ms, "
        f"first to last account {found['skew_s'] * 1000:.1f} ms)\n"
        f"engine {found['cpu_per_order_s'] * 1000:8.2f} ms of processor time per order, entry and exit\n"
        f"ratio  {found['ratio']:8.2f}"
    )
