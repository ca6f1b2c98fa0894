"""Prices that a payoff hangs on, as this process heard them, and the wishes that keep them coming while it is looked
at: its contracts with bid and ask, and the option chain of each of its expiries for the forward and the volatility at
the money. A wish lasts a quarter of a minute; each look renews it.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.broadcast.chain_keys import SUM, ChainKey
from app.core.money import number
from app.venues.types import FeedMode, Symbol
from app.web.chain_look import CHAIN
from app.web.live import Figures
from app.web.stream import live

WIDEST = Decimal("0.5")  # of their middle: bid and ask further apart than that have none worth the name
SPAN = 3  # strikes on each side of the money: enough for what is wanted of a chain


@dataclass(frozen=True, slots=True)
class Heard:
    """`at` in milliseconds; `is_middle`: between bid and ask, else the last price."""

    value: Decimal
    at: int | None
    is_middle: bool


@dataclass(frozen=True, slots=True)
class ChainSums:
    """`volatility` in per cent a year."""

    spot: Decimal | None
    forward: Decimal | None
    volatility: Decimal | None


def want(symbols: Iterable[Symbol], chains: Iterable[ChainKey]) -> None:
    names = sorted({str(symbol) for symbol in symbols})
    for start in range(0, len(names), 100):
        _wish(names[start : start + 100], FeedMode.BEST.value)
    for key in chains:
        live().link.send("watch", {"holder": f"payoff:{key}", "symbols": [key.wish(SPAN)], "mode": CHAIN})


def want_spot(symbol: Symbol) -> None:
    _wish([str(symbol)], FeedMode.LTP.value)


def heard(symbol: Symbol) -> Heard | None:
    """The middle of bid and ask where they are near each other, else the last price; None when none was heard."""
    figures = live().hub.of_symbols([str(symbol)]) | _indices(symbol)
    last, bid, ask = (_figure(figures, f"{kind}:{symbol}") for kind in ("ltp", "bid", "ask"))
    if bid and ask and bid.value <= ask.value and ask.value - bid.value <= WIDEST * (bid.value + ask.value) / 2:
        return Heard((bid.value + ask.value) / 2, bid.at, True)
    return last


def sums_of(key: ChainKey) -> ChainSums:
    shelf = key.shelf(SUM)
    figures = live().hub.of_symbols([shelf])
    spot, forward, volatility = (_figure(figures, f"{name}:{shelf}") for name in ("spot", "forward", "iv"))
    return ChainSums(*(one.value if one else None for one in (spot, forward, volatility)))


def _indices(symbol: Symbol) -> Figures:
    key = f"ltp:{symbol}"
    found = live().hub.indices().get(key)
    return {key: found} if found is not None else {}


def _figure(figures: Figures, key: str) -> Heard | None:
    figure = figures.get(key)
    value = number(figure.raw.get("v")) if figure is not None else None
    return Heard(value, figure.raw.get("at"), False) if figure is not None and value is not None else None


def _wish(names: Sequence[str], mode: str) -> None:
    """Whoever looks at the same contracts renews the same wish."""
    holder = hashlib.sha256(" ".join(names).encode()).hexdigest()[:16]
    live().link.send("watch", {"holder": f"payoff:{holder}", "symbols": list(names), "mode": mode})
