"""A live cell of the engine as a browser shows it: {"t": text, "s": up, down or flat, "at": ms of its oldest price}.

What depends on no price has no `at`: it does not age.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.core.money import number
from app.web import format as say


@dataclass(frozen=True, slots=True)
class Figure:
    """`raw` is for programs, `shown` for pages."""

    raw: dict[str, Any]
    shown: dict[str, Any]
    value: Decimal | None


def figure_of(cell: dict[str, Any], before: Figure | None) -> Figure:
    value = number(cell.get("v"))
    shown = {"t": _text(cell, value), "s": _state(cell, value, before), "at": cell.get("at")}
    return Figure(cell, shown, value)


def _text(cell: dict[str, Any], value: Decimal | None) -> str:
    currency = cell.get("c") or "INR"
    if cell["k"] == "price":
        return say.price(value, number(cell.get("tick")), currency)
    if cell["k"] == "money":
        return say.signed(value, currency)
    return say.quantity(value)


def _state(cell: dict[str, Any], value: Decimal | None, before: Figure | None) -> str:
    """Money by its sign; a price by where it came from, and as it was while it stands."""
    if cell["k"] == "money":
        return say.tone(value)
    if cell["k"] != "price" or value is None or before is None or before.value is None:
        return "flat"
    if value == before.value:
        return str(before.shown["s"])
    return "up" if value > before.value else "down"
