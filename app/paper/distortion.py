"""Wrong prices on demand: frozen, zero, fixed or absurd. Pure; the exchange itself goes on matching at the
true ones.
"""

from dataclasses import replace

from app.paper.faults import BadFaultError, Fault
from app.paper.market import Depth, Level, Quote

HOWS = ("freeze", "zero", "fixed", "multiply")
EMPTY = Depth((), (), 0, 0, 0)


def check(fault: Fault) -> None:
    if fault.kind == "price" and fault.params["how"] not in HOWS:
        raise BadFaultError(f"how must be one of: {', '.join(HOWS)}")


def distort(fault: Fault, key: int, quote: Quote, depth: Depth) -> tuple[Quote, Depth]:
    """What a client sees of this quote; `key` names the contract in the memory of a freeze."""
    how, value = fault.params["how"], float(fault.params["value"])
    if how == "freeze":
        seen: tuple[Quote, Depth] = fault.memory.setdefault(key, (quote, depth))
        return seen
    if how == "zero":
        return replace(quote, ltp=0.0, bid=0.0, ask=0.0), EMPTY
    factor = value if how == "multiply" else value / quote.ltp if quote.ltp else 0.0
    return _scaled(quote, factor), replace(
        depth, bids=_scaled_levels(depth.bids, factor), asks=_scaled_levels(depth.asks, factor)
    )


def _scaled(quote: Quote, factor: float) -> Quote:
    def scale(price: float) -> float:
        return round(price * factor, 2)

    return replace(quote, ltp=scale(quote.ltp), bid=scale(quote.bid), ask=scale(quote.ask))


def _scaled_levels(levels: tuple[Level, ...], factor: float) -> tuple[Level, ...]:
    return tuple(replace(level, price=round(level.price * factor, 2)) for level in levels)
