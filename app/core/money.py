"""Numbers from outside become exact decimals here, once; an absent number is never zero."""

from decimal import Decimal, InvalidOperation

ZERO = Decimal(0)


def number(value: object) -> Decimal | None:
    """An int, float, numeric text, "" or None as a finite Decimal; None when there is no number.

    Venues send `320.5`, `"320.50"`, `""` and null for the same field. NaN and infinity are no numbers.
    """
    if value is None or isinstance(value, bool):
        return None
    try:
        parsed = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return parsed if parsed.is_finite() else None


def on_tick(price: Decimal, tick: Decimal) -> bool:
    """Whether a price is a whole multiple of the instrument's tick."""
    return tick <= 0 or price % tick == 0


def plain(value: Decimal) -> str:
    """A decimal as text without exponent or trailing zeros: 1E+2 -> "100", 2.50 -> "2.5"."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
