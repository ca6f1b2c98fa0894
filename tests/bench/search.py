"""How long a search over a long master takes: 150,000 instruments, generated, in an SQLite file or on PostgreSQL.

Each text is asked many times in one process; what is told is that process's own CPU time, in which SQLite works, or the
clock on the wall with `--wall`, which PostgreSQL needs. The goal is 20 ms at the 95th percentile.
"""

import gc
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from app.core.clock import SystemClock
from app.core.db import Database
from app.instruments.service import InstrumentService
from app.instruments.symbols import CALL, FUTURE, PUT, Contract, build
from app.tables import declared
from app.venues.types import ContractReport, Symbol

GOAL_MS = 20.0
TEXTS = (
    "nifty 24 nov 24500 ce", "bank 52000 pe", "reliance", "n", "nifty", "nifty 245", "banknifty fut",
    "nifty24nov2624500ce", "sensex dec 81000 pe", "24500 ce", "zzz",
)  # fmt: skip
INDICES = (("NIFTY", "NFO", 24500, 50), ("BANKNIFTY", "NFO", 52000, 100), ("SENSEX", "BFO", 81000, 100))
FIRST = date(2026, 11, 24)


def measure(instruments: int, repeat: int, wall: bool = False, url: str = "") -> dict[str, dict[str, float]]:
    """Milliseconds by text: median and 95th percentile; `all` is every search together."""
    clock = time.perf_counter if wall or url else time.process_time
    with tempfile.TemporaryDirectory(prefix="mirrordesk-search-") as folder:
        db = Database(url or f"sqlite:///{Path(folder) / 'd.db'}")
        declared().create_all(db.writer)
        service = InstrumentService(db)
        lists = Lists(instruments)
        service.sync(lists, lists.rows, SystemClock().now(), "openalgo", "bench")
        del lists
        gc.collect()
        gc.freeze()  # as the web's workers do
        for text in TEXTS:
            service.search(text, limit=12)
        taken = {text: [_one(service, text, clock) for _ in range(repeat)] for text in TEXTS}
        db.close()
    found = {text: _percentiles(times) for text, times in taken.items()}
    return found | {"all": _percentiles([each for times in taken.values() for each in times])}


def tell(result: dict[str, dict[str, float]]) -> str:
    lines = [f"{text:24} p50 {one['p50']:6.1f} ms   p95 {one['p95']:6.1f} ms" for text, one in result.items()]
    return "\n".join([*lines, f"goal: {GOAL_MS:.0f} ms at the 95th percentile"])


def _one(service: InstrumentService, text: str, clock: Callable[[], float]) -> float:
    begun = clock()
    service.search(text, limit=12)
    return (clock() - begun) * 1000


def _percentiles(times: list[float]) -> dict[str, float]:
    return {"p50": statistics.median(times), "p95": statistics.quantiles(times, n=20)[-1]}


class Lists:
    """A venue whose lists are as long as all of India's: shares, their derivatives, and long index chains."""

    def __init__(self, total: int) -> None:
        self.rows: dict[str, list[ContractReport]] = {"NSE_INDEX": [], "NSE": [], "NFO": [], "BFO": []}
        for row in _all():
            if sum(map(len, self.rows.values())) >= total:
                break
            self.rows[row.symbol.exchange].append(row)

    def contracts(self, exchange: str) -> list[ContractReport]:
        return self.rows[exchange]


def _all() -> Iterator[ContractReport]:
    for name, exchange, centre, step in INDICES:
        yield ContractReport(Symbol("NSE_INDEX", name), name, "INDEX", Decimal(1), Decimal("0.05"))
        for week in range(18):
            yield from _series(name, exchange, FIRST + timedelta(weeks=week), centre, step, 150)
    shares = ["RELIANCE", "BANKBARODA", "NATIONALUM", *(f"{chr(65 + n % 26)}SHARE{n}" for n in range(8_000))]
    for name in shares:
        yield ContractReport(Symbol("NSE", name), name, "EQ", Decimal(1), Decimal("0.05"))
    for name in shares:
        for month in range(3):
            yield from _series(name, "NFO", FIRST + timedelta(weeks=4 * month), 1000, 20, 50)


def _series(name: str, exchange: str, expiry: date, centre: int, step: int, each_side: int) -> Iterator[ContractReport]:
    lot, tick = Decimal(65), Decimal("0.05")
    future = Symbol(exchange, build(Contract(name, FUTURE, expiry)))
    yield ContractReport(future, name, FUTURE, lot, tick, expiry)
    for number in range(-each_side, each_side + 1):
        strike = Decimal(centre + number * step)
        if strike > 0:
            for kind in (CALL, PUT):
                symbol = Symbol(exchange, build(Contract(name, kind, expiry, strike)))
                yield ContractReport(symbol, name, kind, lot, tick, expiry, strike)
