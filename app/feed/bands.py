"""How far a price may be from the previous close, where the exchange's band is on record: of a symbol, or of a whole
exchange.

Asked for with every price, so what is on record is looked at again every few seconds only.
"""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal

from app.core.clock import Clock, day_in_india
from app.core.money import number
from app.instruments.models import FactKind
from app.instruments.rulings import Rulings
from app.venues.types import Symbol

LOOK_EVERY = 5.0  # seconds


class Bands:
    def __init__(self, rulings: Callable[[datetime], Rulings], clock: Clock) -> None:
        self._rulings = rulings
        self._clock = clock
        self._look_at = float("-inf")
        self._said: tuple[Rulings, date] | None = None
        self._known: dict[Symbol, Decimal | None] = {}

    def __call__(self, symbol: Symbol) -> Decimal | None:
        """A fraction of the previous close; None where no band is on record."""
        if self._clock.monotonic() >= self._look_at or self._said is None:
            self._look()
        if symbol not in self._known:
            self._known[symbol] = self._read(symbol)
        return self._known[symbol]

    def _look(self) -> None:
        self._look_at, now = self._clock.monotonic() + LOOK_EVERY, self._clock.now()
        said = self._rulings(now), day_in_india(now)
        if said != self._said:
            self._said, self._known = said, {}

    def _read(self, symbol: Symbol) -> Decimal | None:
        if self._said is None:
            return None
        rulings, day = self._said
        found = rulings.holding(FactKind.PRICE_BAND, symbol.exchange, symbol.name, day)
        percent = number(found.value) if found else None
        return percent / 100 if percent is not None else None


def no_bands(_symbol: Symbol) -> Decimal | None:
    """Nothing is on record."""
    return None
