"""How an option chain and its live figures are named, for those who work them out and those who show them.

A figure's key is `26050CE:iv@NFO:NIFTY24NOV26`, of the chain as a whole `pcr:sum@NFO:NIFTY24NOV26`. What stands behind
the first colon is its shelf: a page watches those of the columns it shows, and hears nothing of the others.
"""

from dataclasses import dataclass
from datetime import date

from app.core.money import ZERO, plain
from app.instruments.contracts import Listed
from app.instruments.symbols import parse_date, spell_date

DAY = len("24NOV26")
WIDEST = 100  # strikes on each side of the money at most
PRICE, STEP, PERCENT, AMOUNT, GROWN, NUMBER, SHARE, WORD = (
    "price", "step", "percent", "amount", "grown", "number", "share", "word",
)  # fmt: skip
FIELDS = {
    "ltp": PRICE, "change": STEP, "percent": PERCENT, "bid": PRICE, "ask": PRICE, "volume": AMOUNT,
    "oi": AMOUNT, "oi_bar": SHARE, "oic": GROWN, "oic_bar": SHARE,
    "iv": NUMBER, "delta": NUMBER, "gamma": NUMBER, "theta": NUMBER, "vega": NUMBER,
}  # fmt: skip
SUMS = {
    "spot": PRICE, "future": PRICE, "forward": PRICE, "source": WORD, "atm": NUMBER, "iv": NUMBER, "straddle": PRICE,
    "pcr": NUMBER, "pcr_volume": NUMBER, "max_pain": NUMBER, "call_oi": AMOUNT, "put_oi": AMOUNT, "minutes": NUMBER,
}  # fmt: skip
SUM = "sum"


@dataclass(frozen=True, slots=True)
class ChainKey:
    """One expiry of one underlying; spelled `NFO:NIFTY24NOV26`."""

    exchange: str
    name: str
    expiry: date

    def __str__(self) -> str:
        return f"{self.exchange}:{self.name}{spell_date(self.expiry)}"

    @classmethod
    def parse(cls, text: str) -> "ChainKey | None":
        exchange, _, rest = text.partition(":")
        name, expiry = rest[:-DAY], parse_date(rest[-DAY:])
        return cls(exchange, name, expiry) if exchange and name and expiry else None

    def wish(self, span: int) -> str:
        return f"{self}#{span}"

    def shelf(self, field: str) -> str:
        return f"{field}@{self}"


def parse_wish(text: object) -> tuple[ChainKey, int] | None:
    """`NFO:NIFTY24NOV26#20`: a chain, and how many strikes on each side of the money."""
    chain, _, span = str(text).partition("#")
    key = ChainKey.parse(chain)
    if key is None or not (span.isascii() and span.isdecimal()):
        return None
    return key, min(max(int(span[:4]), 1), WIDEST)


def side_key(row: Listed) -> str:
    """`26050CE`"""
    return f"{plain(row.strike or ZERO)}{row.kind}"
