"""Symbols as people paste them: one a line or between commas, with the exchange before a colon or without. Pure."""

import re
from dataclasses import dataclass

MOST = 500  # of one paste
APART = re.compile(r"[\s,;]+")
NAMED = re.compile(r"^(?:([A-Z0-9_]{2,12}):)?([A-Z0-9&._-]{1,40})$")


@dataclass(frozen=True, slots=True)
class Pasted:
    """`exchange` is "" where none was written."""

    exchange: str
    symbol: str

    def __str__(self) -> str:
        return f"{self.exchange}:{self.symbol}" if self.exchange else self.symbol


def read(text: str) -> tuple[list[Pasted], list[str]]:
    """What can be a symbol, each once and in its order; and what cannot."""
    found: dict[Pasted, None] = {}
    strange: dict[str, None] = {}
    for word in APART.split(text.strip().upper()):
        named = NAMED.match(word)
        if named:
            found[Pasted(named[1] or "", named[2])] = None
        elif word:
            strange[word[:40]] = None
    return list(found)[:MOST], list(strange)
