"""The legs that a person collects in an option chain, kept in the page's own address: `leg=B:NFO:NIFTY…CE:2`.

Nothing is stored until a strategy is saved or a ticket is placed. Picking an option again adds a lot; picking its other
side takes one away.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.instruments.symbols import parse, spell_strike
from app.strategies.legs import MOST_LEGS
from app.web.leg_form import LEG_FIELDS, ON_A_DATE, LegRow

MOST_LOTS = 10_000
LONGEST = 64
SIDES = {"B": "BUY", "S": "SELL"}


@dataclass(frozen=True, slots=True)
class Pick:
    """`side` is B or S."""

    side: str
    exchange: str
    symbol: str
    lots: int = 1

    def __str__(self) -> str:
        return f"{self.side}:{self.exchange}:{self.symbol}:{self.lots}"

    @property
    def action(self) -> str:
        return SIDES[self.side]

    def picks(self, side: str) -> str:
        """What a button sends to have one lot more of a side."""
        return f"{side}:{self.exchange}:{self.symbol}"

    @property
    def ticket(self) -> dict[str, Any]:
        """What the order ticket is asked for."""
        return {
            "exchange": self.exchange,
            "symbol": self.symbol,
            "side": self.action,
            "quantity": self.lots,
            "unit": "lots",
        }


def parse_pick(text: str) -> Pick | None:
    """None for what no button of ours sends."""
    side, _, rest = text.partition(":")
    exchange, _, rest = rest.partition(":")
    symbol, _, lots = rest.partition(":")
    count = int(lots) if lots.isascii() and lots.isdecimal() and len(lots) <= 5 else 1
    spelled = all(part.isascii() and part.isprintable() and 0 < len(part) <= LONGEST for part in (exchange, symbol))
    if side not in SIDES or not spelled or not 0 < count <= MOST_LOTS:
        return None
    return Pick(side, exchange, symbol, count)


def collected(legs: Iterable[str], added: str = "", dropped: str = "") -> list[Pick]:
    """The basket after one more act; what cannot be read, or is too much, is left out."""
    picks = [pick for text in legs if (pick := parse_pick(text)) is not None][:MOST_LEGS]
    if dropped.isascii() and dropped.isdecimal() and len(dropped) < 3:
        picks = [pick for place, pick in enumerate(picks) if place != int(dropped)]
    one_more = parse_pick(added)
    return _with(picks, one_more)[:MOST_LEGS] if one_more else picks


def _with(picks: Sequence[Pick], new: Pick) -> list[Pick]:
    same = next((pick for pick in picks if (pick.exchange, pick.symbol) == (new.exchange, new.symbol)), None)
    if same is None:
        return [*picks, new]
    sign = 1 if same.side == new.side else -1
    lots = min(same.lots + sign * new.lots, MOST_LOTS)
    changed = replace(same, side=same.side if lots > 0 else new.side, lots=abs(lots))
    return [changed if pick is same else pick for pick in picks if pick is not same or lots]


def leg_rows(legs: Iterable[str]) -> list[LegRow]:
    """The legs as the strategy builder writes them: with their own strike and day."""
    return [LegRow(_leg_values(pick)) for pick in collected(legs)]


def _leg_values(pick: Pick) -> dict[str, str]:
    values = LEG_FIELDS | {"action": pick.action, "exchange": pick.exchange, "lots": str(pick.lots)}
    contract = parse(pick.symbol)
    if contract is None or contract.strike is None:
        return values | {"kind": "SYMBOL", "symbol": pick.symbol}
    return values | {
        "kind": contract.kind,
        "underlying": contract.name,
        "expiry": ON_A_DATE,
        "expiry_date": contract.expiry.isoformat(),
        "strike": spell_strike(contract.strike),
    }
