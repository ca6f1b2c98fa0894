"""How long a whole option chain takes: implied volatility and greeks alone, and every figure as text with its cells.

The work is that of one look at 81 strikes, calls and puts, without a venue and without a database.
"""

import statistics
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
from fast_vollib import fast_black

from app.broadcast.chain_cells import chain_cells
from app.broadcast.chain_figures import Asked, Listing, figures
from app.broadcast.chain_keys import ChainKey
from app.instruments.contracts import Listed
from app.portfolio.black76 import Setting, solve, years_until
from app.venues.types import Quote, Symbol

NOW, EXPIRES = datetime(2026, 11, 20, 5, tzinfo=UTC), datetime(2026, 11, 24, 10, 10, tzinfo=UTC)
DAY, MIDDLE, STEP, SPOT = date(2026, 11, 24), 26000, 50, Symbol("NSE_INDEX", "NIFTY")
FORWARD, RATE, TICK = 26012.5, 0.065, 0.05
GOAL = 5.0  # milliseconds


def measure(strikes: int = 81, repeat: int = 400) -> dict[str, float]:
    """Milliseconds of processor time, so that whatever else this machine does counts for nothing."""
    listing = _listing(strikes)
    prices = _prices(listing)
    quotes = _quotes(listing, prices)
    setting = Setting(FORWARD, years_until(EXPIRES, NOW), RATE, TICK)
    asked = Asked(NOW, RATE, {symbol: Decimal(650) for symbol in quotes})
    key = ChainKey("NFO", "NIFTY", DAY)
    greeks = _times(lambda: solve(setting, listing.strike_values, listing.is_call, prices), repeat)
    whole = _times(lambda: chain_cells(key, figures(listing, quotes.get, asked)), repeat)
    named = {"greeks": greeks, "whole": whole}
    found = {
        f"{name}_{at}": value for name, one in named.items() for at, value in zip(("p50", "p95"), one, strict=True)
    }
    return {"options": len(prices), "goal": GOAL, **found}


def tell(result: dict[str, float]) -> str:
    return (
        f"{result['options']} options: volatility and greeks p50 {result['greeks_p50']:.2f} ms, "
        f"p95 {result['greeks_p95']:.2f} ms (the goal is {result['goal']:.0f} ms)\n"
        f"with prices, open interest, sums and cells p50 {result['whole_p50']:.2f} ms, p95 {result['whole_p95']:.2f} ms"
    )


def _listing(strikes: int) -> Listing:
    lowest = MIDDLE - strikes // 2 * STEP
    options = [
        Listed("NFO", f"NIFTY24NOV26{at}{kind}", "NIFTY", kind, Decimal(65), Decimal("0.05"), DAY, Decimal(at))
        for at in range(lowest, lowest + strikes * STEP, STEP)
        for kind in ("CE", "PE")
    ]
    return Listing("NFO", "NIFTY", DAY, EXPIRES, options, SPOT)


def _prices(listing: Listing) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """On the tick, with a smile."""
    smile = 0.13 + np.abs(listing.strike_values - FORWARD) * 3e-5
    flags = np.where(listing.is_call, "c", "p")
    found = fast_black(
        flags,
        FORWARD,
        listing.strike_values,
        years_until(EXPIRES, NOW),
        RATE,
        smile,
        return_as="numpy",
        backend="numpy",
    )
    return np.maximum(np.round(found / TICK), 1) * TICK


def _quotes(listing: Listing, prices: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> dict[Symbol, Quote]:
    day = {"previous_close": Decimal(100), "volume": Decimal(65_000), "open_interest": Decimal(650_000)}
    found = {SPOT: Quote(SPOT, Decimal("26003.4"), NOW)}
    for symbol, price in zip(listing.sides.values(), prices, strict=True):
        last = Decimal(f"{price:.2f}")
        found[symbol] = Quote(symbol, last, NOW, bid=last, ask=last + Decimal("0.05"), **day)
    return found


def _times(act: Callable[[], object], repeat: int) -> tuple[float, float]:
    for _ in range(20):
        act()
    taken = []
    for _ in range(repeat):
        began = time.thread_time()
        act()
        taken.append((time.thread_time() - began) * 1000)
    cuts = statistics.quantiles(taken, n=20)
    return cuts[9], cuts[18]
