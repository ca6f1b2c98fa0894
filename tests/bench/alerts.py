"""`python -m tests.bench.alerts`: what a thousand alerts cost a tick, in microseconds of its thread.

Three desks: the alerts spread over fifty symbols, all of them on one symbol around its price, and a hundred of them
spreads. The goal is 50 µs a tick in the mean, a twentieth of the thread at 1,000 ticks a second.
"""

import statistics
import time
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from random import Random

from app.alerts.board import Board, Prices, Watch
from app.alerts.rules import Condition, Repeat, Rule, Subject
from app.core.clock import SystemClock
from app.feed.hub import Hub
from app.venues.types import Quote, Symbol

ALERTS, TICKS, GOAL = 1000, 20_000, 50.0
SYMBOLS = [Symbol("NSE", f"S{number}") for number in range(50)]
CLOCK = SystemClock()


def watch(number: int, symbols: tuple[Symbol, ...], level: Decimal) -> Watch:
    condition = list(Condition)[number % 5]
    subject = Subject.PRICE if len(symbols) == 1 else Subject.SPREAD
    rule = Rule(condition, level, Repeat.EVERY, timedelta(minutes=5))
    return Watch(f"a{number}", "u1", 1, subject, rule, symbols)


def desks(random: Random) -> dict[str, list[Watch]]:
    def level() -> Decimal:
        return Decimal(random.randrange(9000, 11000)) / 100

    spread = [watch(n, (SYMBOLS[n % 50],), level()) for n in range(ALERTS)]
    one = [watch(n, (SYMBOLS[0],), level()) for n in range(ALERTS)]
    pairs = [watch(n, (SYMBOLS[n % 50], SYMBOLS[(n + 1) % 50]), level() - 100) for n in range(100)]
    return {"over 50 symbols": spread, "on one symbol": one, "100 of them spreads": pairs + spread[100:]}


def measure(watches: list[Watch], random: Random) -> tuple[float, float]:
    """Mean and 99th percentile of a tick."""
    hub = Hub(CLOCK)
    prices = Prices(hub.newest, lambda *_: True, timedelta(seconds=5))
    board = Board(CLOCK, prices, lambda: None)
    board.put(watches)
    symbols = sorted(board.symbols)
    last = dict.fromkeys(symbols, Decimal(100))
    took = []
    for number in range(TICKS):
        symbol = symbols[number % len(symbols)]
        last[symbol] += Decimal(random.randrange(-2, 3)) * Decimal("0.05")
        quote = Quote(symbol, last[symbol], CLOCK.now())
        hub.take(replace(quote))
        began = time.thread_time_ns()
        board.take(quote)
        took.append((time.thread_time_ns() - began) / 1000)
        for fired in board.fired():
            board.settle(fired)
    return statistics.fmean(took), statistics.quantiles(took, n=100)[98]


def main() -> None:
    random = Random(7)
    print(f"{ALERTS} alerts, {TICKS} ticks; goal: {GOAL:.0f} µs a tick in the mean")
    for name, watches in desks(random).items():
        mean, late = measure(watches, random)
        print(f"{name:22} mean {mean:6.1f} µs  p99 {late:7.1f} µs  {mean / GOAL:5.2f} of the goal")


if __name__ == "__main__":
    main()
