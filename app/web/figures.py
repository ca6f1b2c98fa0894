"""A live cell of the engine as a browser shows it: {"t": text, "s": up, down or flat, "at": ms of its oldest price}.

What depends on no price has no `at`: it does not age.
"""

from decimal import Decimal
from typing import Any

import orjson

from app.core.money import number
from app.web import format as say

WORDS = {"stream": "streamed", "request": "asked for", "parity": "from calls and puts", "None": say.MISSING}
WRITERS = {"step": say.step, "number": say.exact, "amount": say.amount, "grown": say.grown}  # of option chains
Cell = dict[str, Any]


class Figure:
    """`raw` is for programs, `shown` for pages; what a page is told is written when the first page asks for it."""

    __slots__ = ("_shown", "raw", "seq", "state", "text", "value")

    def __init__(self, raw: Cell, value: Decimal | None, state: str, seq: int = 0) -> None:
        self.raw = raw
        self.value = value
        self.state = state
        self.seq = seq  # the message that brought it
        self._shown: Cell | None = None
        self.text = b""  # as written, once it was

    @property
    def shown(self) -> Cell:
        if self._shown is None:
            self._shown = {"t": _text(self.raw, self.value), "s": self.state, "at": self.raw.get("at")}
            if "src" in self.raw:
                self._shown["src"] = self.raw["src"]  # a price that was asked for, since the stream gave none
            if self.raw["k"] == "bars":
                self._shown |= {"bars": self.raw["bars"], "read": self.raw["read"]}
        return self._shown

    def written(self, key: str) -> bytes:
        """As a member of a JSON object; once for all pages, as a figure has one key."""
        if not self.text:
            self.text = orjson.dumps(key) + b":" + orjson.dumps(self.shown)
        return self.text


def figure_of(cell: Cell, before: Figure | None, seq: int = 0) -> Figure:
    value = number(cell.get("v"))
    return Figure(cell, value, _state(cell, value, before), seq)


def _text(cell: Cell, value: Decimal | None) -> str:
    currency = cell.get("c") or "INR"
    if cell["k"] in ("word", "share"):
        return WORDS.get(str(cell["v"]), str(cell["v"]))
    if cell["k"] in ("price", "level"):
        return say.price(value, number(cell.get("tick")), currency)
    if cell["k"] in ("money", "change"):
        return say.signed(value, currency if cell["k"] == "money" else None)
    if cell["k"] in WRITERS:
        return WRITERS[cell["k"]](value)
    return say.percent(value) if cell["k"] == "percent" else say.quantity(value)


def _state(cell: Cell, value: Decimal | None, before: Figure | None) -> str:
    """Money and changes by their sign; a price by where it came from, and as it was while it stands."""
    if cell["k"] in ("money", "change", "percent", "step", "grown"):
        return say.tone(value)
    if cell["k"] != "price" or value is None or before is None or before.value is None:
        return "flat"
    if value == before.value:
        return before.state
    return "up" if value > before.value else "down"
