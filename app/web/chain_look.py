"""Which option chain a page looks at, and how: the underlying, the expiry, how many strikes, which columns."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.broadcast.chain_keys import SUM, WIDEST, ChainKey

CHAIN = "chain"  # the mode of a wish that names chains
SPANS = (10, 20, 40)
USUAL_SPAN, USUAL_VIEW = 10, "oi"


@dataclass(frozen=True, slots=True)
class Column:
    """`bar`: the field of the bar under the figure."""

    field: str
    label: str
    title: str = ""
    bar: str = ""


COLUMNS = {
    column.field: column
    for column in (
        Column("ltp", "LTP", "Last price"),
        Column("change", "Change", "Against the previous close"),
        Column("percent", "Chg %", "Against the previous close"),
        Column("bid", "Bid"),
        Column("ask", "Ask"),
        Column("volume", "Volume", "Units today"),
        Column("oi", "OI", "Open interest in units", "oi_bar"),
        Column("oic", "OI chg", "Against the close of the trading day before", "oic_bar"),
        Column("iv", "IV %", "Implied volatility, Black-76 on the forward"),
        Column("delta", "Delta", "By one point of the forward"),
        Column("gamma", "Gamma", "By one point of the forward"),
        Column("theta", "Theta", "By a calendar day"),
        Column("vega", "Vega", "By one percentage point of volatility"),
    )
}
VIEWS = {  # from the outside to the strike
    "oi": ("Open interest", ("oic", "oi", "volume", "iv", "percent", "ltp")),
    "price": ("Prices", ("volume", "bid", "ask", "change", "percent", "ltp")),
    "greeks": ("Greeks", ("vega", "theta", "gamma", "delta", "iv", "ltp")),
    "all": ("All columns", ("vega", "theta", "gamma", "delta", "iv", "volume", "bid", "ask",
                            "oic", "oi", "change", "percent", "ltp")),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Look:
    key: ChainKey
    span: int = USUAL_SPAN
    view: str = USUAL_VIEW

    @property
    def columns(self) -> list[Column]:
        return [COLUMNS[name] for name in VIEWS[self.view][1]]

    @property
    def fields(self) -> list[str]:
        """Of the columns and their bars."""
        return [name for column in self.columns for name in (column.field, column.bar) if name]

    @property
    def shelves(self) -> frozenset[str]:
        return frozenset(self.key.shelf(name) for name in (*self.fields, SUM))

    @property
    def wish(self) -> str:
        return self.key.wish(self.span)

    @property
    def underlying(self) -> str:
        return f"{self.key.exchange}:{self.key.name}"

    @property
    def args(self) -> dict[str, Any]:
        """Of this page's address."""
        return {
            "underlying": self.underlying,
            "expiry": self.key.expiry.isoformat(),
            "span": self.span,
            "view": self.view,
        }

    @property
    def stream(self) -> str:
        """The query of the event stream."""
        return f"chain={self.key}&span={self.span}&view={self.view}"


def look_of(key: ChainKey, asked: Mapping[str, str]) -> Look:
    """What is not known falls back to what is usual."""
    span, view = asked.get("span", ""), asked.get("view", "")
    wide = int(span) if span.isascii() and span.isdecimal() and len(span) <= 3 else USUAL_SPAN
    return Look(key, min(max(wide, 1), WIDEST), view if view in VIEWS else USUAL_VIEW)


def streamed_look(asked: Mapping[str, str]) -> Look | None:
    """As an event stream asks for it; None when it asks for no chain."""
    key = ChainKey.parse(asked.get("chain", ""))
    return look_of(key, asked) if key else None
