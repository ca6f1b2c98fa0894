"""Every figure about orders that the desk promises, each beside its bound and beside the usual way of doing it.

The usual way: five workers, an account at a time each, its legs one after the other, a new HTTP client per call.
"""

import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx

from tests.bench.fanout import Ground, ground, summary
from tests.paper.running import OPTION, PaperBroker

RTT = 0.05
WORKERS = 5
SLICES_OF_THREE = 81  # lots of NIFTY: three times the 27 lots that one order may carry
GROWTH = (10, 50, 100, 200, 500)


@dataclass(frozen=True)
class Row:
    work: str
    bound: float
    result: float
    goal: str
    usual: float | None = None
    note: str = ""

    def __str__(self) -> str:
        usual = f"{self.usual * 1000:9.0f}" if self.usual is not None else "        -"
        ratio = f"{self.result / self.bound:6.2f}" if self.bound else "     -"
        times = f"{self.bound * 1000:9.0f}{self.result * 1000:9.1f}{ratio}"
        return f"{self.work:<58}{times}  {self.goal:<12}{usual}  {self.note}"


HEAD = f"{'work (milliseconds)':<58}{'bound':>9}{'desk':>9}{'ratio':>6}  {'goal':<12}{'usual':>9}"


def rows(quick: bool = False) -> Iterator[Row]:
    """As they are measured; a minute for each of them, or a little more."""
    repeat = 3 if quick else 5
    with ground(10, RTT) as field:
        yield from _ten(field, repeat)
    with ground(20, RTT) as field:
        yield from _twenty(field, repeat)
    with ground(100, RTT) as field:
        yield _hundred(field, 1 if quick else 3)


def _ten(field: Ground, repeat: int) -> Iterator[Row]:
    found = summary([field.enter() for _ in range(repeat)], 10, RTT)
    usual = the_usual_way(list(field.paper.brokers.values()), 4)
    work = "entry, 10 accounts × 4 legs"
    yield Row(work, found["bound_s"], found["result_s"], "≤ 1.5 ×", usual)
    cpu = found["cpu_per_order_s"]
    yield Row("  engine's processor time per order, journal included", 0, cpu, "≤ 1.0 ms")


def _twenty(field: Ground, repeat: int) -> Iterator[Row]:
    """Ten of them slow later on: the others must not notice."""
    entries = [field.enter() for _ in range(repeat)]
    found = summary(entries, 20, RTT)
    usual = the_usual_way(list(field.paper.brokers.values()), 4)
    yield Row("entry, 20 accounts × 4 legs", found["bound_s"], found["result_s"], "", usual)
    yield Row("  first to last account's first order", 0, found["skew_s"], "≤ 50 ms")
    names = sorted(field.paper.brokers)
    fast = {field.desk.accounts[name] for name in names[:10]}
    before = statistics.median(entry.result(fast) for entry in entries)
    for name in names[10:]:
        field.paper.fault("latency", broker=name, ms=5000, endpoint="placeorder")
    after = statistics.median(field.enter().result(fast) for _ in range(repeat))
    field.paper.heal()
    change = f"{(after / before - 1) * 100:+.0f} %"
    yield Row("  ten of them while the other ten take 5 s", before, after, "≤ +10 %", note=change)


def _hundred(field: Ground, repeat: int) -> Row:
    found = summary([field.enter(lots=SLICES_OF_THREE) for _ in range(repeat)], 100, RTT)
    usual = the_usual_way(list(field.paper.brokers.values()), 12)
    work = f"entry, 100 accounts × 4 legs × 3 splits, 10 a second ({found['orders']})"
    return Row(work, found["bound_s"], found["result_s"], "≤ 1.25 ×", usual)


def growth(quick: bool = False) -> Iterator[Row]:
    """How the time of one entry grows with the accounts."""
    for accounts in GROWTH[: 3 if quick else None]:
        with ground(accounts, RTT) as field:
            found = summary([field.enter() for _ in range(2 if accounts > 100 else 3)], accounts, RTT)
            note = f"first to last {found['skew_s'] * 1000:.0f} ms, {found['cpu_per_order_s'] * 1000:.2f} ms per order"
            usual = the_usual_way(list(field.paper.brokers.values()), 4)
            work = f"entry, {accounts} accounts × 4 legs ({found['orders']} orders)"
            yield Row(work, found["bound_s"], found["result_s"], "", usual, note)


def the_usual_way(brokers: list[PaperBroker], orders: int) -> float:
    """Seconds for so many orders in each account, after the venue's rate limit has had time to forget."""
    time.sleep(2)
    started = time.perf_counter()
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda broker: _one_after_the_other(broker, orders), brokers))
    return time.perf_counter() - started


def _one_after_the_other(broker: PaperBroker, orders: int) -> None:
    body = {
        "apikey": broker.api_key, "strategy": "usual", "symbol": OPTION, "exchange": "NFO", "quantity": 65,
        "pricetype": "MARKET", "product": "NRML", "price": 0, "trigger_price": 0, "disclosed_quantity": 0,
    }  # fmt: skip
    for number in range(orders):
        action = "BUY" if number < orders // 2 else "SELL"
        while httpx.post(f"{broker.rest_url}/api/v1/placeorder", json=body | {"action": action}).status_code == 429:
            time.sleep(0.1)
