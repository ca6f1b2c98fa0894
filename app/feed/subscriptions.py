"""Who wants which prices, counted: a symbol is asked for once however many want it, in the richest mode anyone wants.

A holder is a name ("positions", "run:<id>", "page:<id>"). Wanting again replaces what it wanted before; a page's wish
ends by itself when the page stops renewing it. What is wanted without an end (positions, orders) comes first, wherever
not everything fits.
"""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from app.venues.types import FeedMode, Symbol

_RANK = {FeedMode.LTP: 0, FeedMode.QUOTE: 1, FeedMode.BEST: 2, FeedMode.DEPTH: 3}

Modes = dict[Symbol, FeedMode]


@dataclass(frozen=True, slots=True)
class Difference:
    """What to tell a stream: drop these first, then ask for those."""

    unsubscribe: tuple[Symbol, ...] = ()
    subscribe: dict[FeedMode, tuple[Symbol, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.unsubscribe or self.subscribe)


def difference(have: Mapping[Symbol, FeedMode], want: Mapping[Symbol, FeedMode]) -> Difference:
    """A symbol whose mode changes is dropped and asked for anew: a venue keeps one mode per symbol."""
    drop = tuple(symbol for symbol, mode in have.items() if want.get(symbol) is not mode)
    ask: dict[FeedMode, list[Symbol]] = {}
    for symbol, mode in want.items():
        if have.get(symbol) is not mode:
            ask.setdefault(mode, []).append(symbol)
    return Difference(drop, {mode: tuple(symbols) for mode, symbols in ask.items()})


@dataclass(frozen=True, slots=True)
class _Wish:
    symbols: frozenset[Symbol]
    mode: FeedMode
    until: float | None  # monotonic seconds


class Subscriptions:
    def __init__(self) -> None:
        self._wishes: dict[str, _Wish] = {}
        self._modes: Modes = {}
        self._always: frozenset[Symbol] = frozenset()
        self._lock = threading.Lock()

    def want(
        self, holder: str, symbols: Iterable[Symbol], mode: FeedMode = FeedMode.LTP, until: float | None = None
    ) -> Difference:
        with self._lock:
            self._wishes[holder] = _Wish(frozenset(symbols), mode, until)
            return self._settle()

    def drop(self, holder: str) -> Difference:
        with self._lock:
            self._wishes.pop(holder, None)
            return self._settle()

    def expire(self, now: float) -> Difference:
        """Drop the wishes that were not renewed in time."""
        with self._lock:
            over = [name for name, wish in self._wishes.items() if wish.until is not None and wish.until <= now]
            for name in over:
                del self._wishes[name]
            return self._settle() if over else Difference()

    def modes(self) -> Modes:
        """Every wanted symbol with the mode to ask for, those that are always wanted first."""
        return self._modes

    def always(self) -> frozenset[Symbol]:
        """Those that are wanted without an end."""
        return self._always

    def _settle(self) -> Difference:
        modes: Modes = {}
        for wish in sorted(self._wishes.values(), key=lambda wish: wish.until is not None):
            for symbol in sorted(wish.symbols):
                known = modes.get(symbol)
                if known is None or _RANK[wish.mode] > _RANK[known]:
                    modes[symbol] = wish.mode
        change = difference(self._modes, modes)
        self._modes = modes  # replaced, never changed: readers need no lock
        self._always = frozenset().union(*(wish.symbols for wish in self._wishes.values() if wish.until is None))
        return change
