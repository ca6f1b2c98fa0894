"""What was asked of a venue symbol by symbol, and when: no symbol is asked for again before its pause is over."""

from collections.abc import Callable, Collection, Iterable

from app.venues.types import Symbol


class AskedAt:
    """Seconds are of the monotonic clock. For one thread."""

    def __init__(self) -> None:
        self._at: dict[Symbol, float] = {}

    def note(self, symbols: Iterable[Symbol], now: float) -> None:
        self._at.update(dict.fromkeys(symbols, now))

    def may_ask(self, symbol: Symbol, now: float, pause: float) -> bool:
        """Whether it was never asked for, or `pause` seconds ago."""
        at = self._at.get(symbol)
        return at is None or now - at >= pause

    def longest_ago(self, symbols: Iterable[Symbol], most: int) -> list[Symbol]:
        """So many of them, those never asked for first."""
        return sorted(symbols, key=lambda symbol: self._at.get(symbol, float("-inf")))[:most]

    def keep_only(self, symbols: Collection[Symbol]) -> None:
        """The others are let go."""
        self._at = {symbol: at for symbol, at in self._at.items() if symbol in symbols}


def open_markets(symbols: Iterable[Symbol], is_open: Callable[[str], bool]) -> dict[str, bool]:
    """Of each exchange of these symbols whether it trades, asked once for all of them."""
    return {exchange: is_open(exchange) for exchange in {symbol.exchange for symbol in symbols}}
