"""Cutting a quantity at the exchange's freeze quantity: every slice at most the freeze, every slice a lot multiple."""

from decimal import Decimal


class CannotSplit(ValueError):
    """The quantity cannot be cut into valid slices; the sentence says why."""


def slices(quantity: Decimal, lot: Decimal, freeze: Decimal | None) -> list[Decimal]:
    """The quantities to send, largest first; they add up to `quantity`. All in units.

    28 lots of 65 with a freeze of 1800 become 1755 + 65. A freeze that is not known (None) means one slice.
    """
    if quantity <= 0:
        raise CannotSplit(f"a quantity of {quantity} cannot be ordered")
    if lot <= 0 or quantity % lot:
        raise CannotSplit(f"{quantity} is not a multiple of the lot size {lot}")
    if freeze is None or quantity <= freeze:
        return [quantity]
    largest = freeze // lot * lot
    if largest <= 0:
        raise CannotSplit(f"the freeze quantity {freeze} is below one lot of {lot}")
    full, rest = divmod(quantity, largest)
    return [largest] * int(full) + ([rest] if rest else [])
