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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.execution.models import Order
from tests.engine.desks import IRON_FLY, TestDesk
from tests.paper.running import ROOT, PaperServer
from tests.waiting import until

PER_SECOND = 10
PAUSE = 3.0  # the rate window of the entry before must have passed, and the books been read


def measure(accounts: int, legs: int, rtt: float, lots: int, repeat: int) -> dict[str, Any]:
    """Times in seconds, from the click unless the name says otherwise; the median of `repeat` entries."""
    brokers = [
        {"name": f"b{number:03}", "mode": "live", "cash": "1000000000", "limits": True} for number in range(accounts)
    ]
    with tempfile.TemporaryDirectory() as folder, PaperServer(brokers, start="now") as paper:
        desk = TestDesk(Path(folder), paper, role="web", order_book_poll_seconds=1.0, unknown_window_seconds=130.0)
        try:
            with engine_of(desk, folder):
                paper.fault("latency", ms=rtt * 1000)
                entries = [_enter(desk, legs, lots, number) for number in range(repeat)]
        finally:
            desk.services.close()
    return _summary(entries, accounts, rtt)


class engine_of:
    """The engine as the launcher runs it, until the block ends."""

    def __init__(self, desk: TestDesk, folder: str) -> None:
        self._desk = desk
        self._env = os.environ | {"MIRRORDESK_INSTANCE": folder}

    def __enter__(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "app.cli", "engine"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=self._env, stdout=subprocess.PIPE, text=True)
        until(self._is_ready, 60)
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


def _enter(desk: TestDesk, legs: int, lots: int, number: int) -> dict[str, Any]:
    time.sleep(PAUSE)
    chosen = [{**IRON_FLY[i % 4], "lots": lots} for i in range(legs)]
    strategy_id = desk.strategy(chosen, name=f"Bench {number}")
    run_id = desk.services.strategies.run(desk.owner_id, strategy_id, f"bench-{number}")
    _wait_for(desk, run_id, "open", "failed")
    run = desk.run_row(run_id)
    orders = _orders_of(desk, run_id)
    desk.services.strategies.exit_run(desk.owner_id, run_id, "bench", "bench")
    _wait_for(desk, run_id, "closed")
    assert run.state == "open", run.trouble or [part.trouble for part in desk.parts(run_id).values()]
    return _times(run, orders)


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


def _times(run: Any, orders: Sequence[Order]) -> dict[str, Any]:
    answers = [order.answered_at for order in orders if order.answered_at]
    first = {o.account_id: min(p.sent_at for p in orders if p.account_id == o.account_id) for o in orders}
    per_account = max(sum(1 for o in orders if o.account_id == a) for a in first)
    return {
        "orders": len(orders),
        "waves": len({order.wave for order in orders}),
        "per_account": per_account,
        "result": (max(answers) - run.requested_at).total_seconds(),
        "resolved": (min(order.created_at for order in orders) - run.requested_at).total_seconds(),
        "skew": (max(first.values()) - min(first.values())).total_seconds(),
    }


def _summary(entries: list[dict[str, Any]], accounts: int, rtt: float) -> dict[str, Any]:
    waves, per_account = entries[0]["waves"], entries[0]["per_account"]
    bound = waves * rtt + max(0, (per_account - 1) // PER_SECOND)
    result = statistics.median(entry["result"] for entry in entries)
    return {
        "accounts": accounts,
        "orders": entries[0]["orders"],
        "waves": waves,
        "rtt_s": rtt,
        "bound_s": round(bound, 4),
        "result_s": round(result, 4),
        "ratio": round(result / bound, 3),
        "resolved_s": round(statistics.median(entry["resolved"] for entry in entries), 4),
        "skew_s": round(statistics.median(entry["skew"] for entry in entries), 4),
        "all_s": [round(entry["result"], 4) for entry in entries],
    }


def tell(found: dict[str, Any]) -> str:
    return (
        f"{found['orders']} orders in {found['accounts']} accounts, {found['waves']} waves, round trip "
        f"{found['rtt_s'] * 1000:.0f} ms\n"
        f"bound  {found['bound_s'] * 1000:8.1f} ms\n"
        f"result {found['result_s'] * 1000:8.1f} ms  (contracts resolved after {found['resolved_s'] * 1000:.1f} ms, "
        f"first to last account {found['skew_s'] * 1000:.1f} ms)\n"
        f"ratio  {found['ratio']:8.2f}"
    )
