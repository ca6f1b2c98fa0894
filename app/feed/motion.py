"""Whether prices that always move in session still do: a feed can repeat its last prices for ever and look alive."""

from collections.abc import Collection
from decimal import Decimal

from app.venues.types import Quote, Symbol


class Motion:
    """Of one source of prices. Times are monotonic seconds; taken in one thread, read in others."""

    def __init__(self, pulse: Collection[Symbol]) -> None:
        self._last: dict[Symbol, Decimal | None] = dict.fromkeys(pulse)
        self.first_at: float | None = None
        self.moved_at: float | None = None  # when a price changed, which its coming alone does not prove

    def note(self, quote: Quote, now: float) -> bool:
        """Whether this price has moved."""
        if quote.symbol not in self._last:
            return False
        before, self._last[quote.symbol] = self._last[quote.symbol], quote.last
        if self.first_at is None:
            self.first_at = now
        if before in (None, quote.last):
            return False
        self.moved_at = now
        return True

    @property
    def has_moved(self) -> bool:
        return self.moved_at is not None

    @property
    def lively_at(self) -> float | None:
        return self.first_at if self.moved_at is None else self.moved_at


def is_still(lively_at: float | None, due_since: float | None, now: float, limit: float) -> bool:
    """Whether prices that have been due since then stand still for longer than `limit`; none at all is silence and no
    standstill.
    """
    if due_since is None or lively_at is None:
        return False
    return now - max(lively_at, due_since) > limit
