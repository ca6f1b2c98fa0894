"""Which contracts of a chain a leg may come to trade: those around the money, and the strike that it names. Pure."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Protocol, TypeVar

from app.core.money import plain

EACH_SIDE = 12  # strikes


class Striking(Protocol):
    @property
    def strike(self) -> Decimal | None: ...


Row = TypeVar("Row", bound=Striking)


def around(listed: Sequence[Row], money: Decimal | None, named: str) -> Iterator[Row]:
    """Of one expiry, both kinds; what has no strike is always in it. Without a price of the underlying only the strike
    that is named."""
    strikes = sorted({row.strike for row in listed if row.strike is not None})
    near: set[Decimal] = set()
    if money is not None:
        near = set(sorted(strikes, key=lambda strike: abs(strike - money))[: 2 * EACH_SIDE + 1])
    for row in listed:
        if row.strike is None or row.strike in near or plain(row.strike) == named:
            yield row
