"""A watchlist with what this process last heard of each of its symbols; the stream takes over from there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from app.venues.types import Symbol
from app.watchlists.models import WatchedSymbol, Watchlist
from app.web.current import services
from app.web.figures import Figure, figure_of
from app.web.stream import live

COLUMNS = (
    ("ltp", "LTP"), ("chg", "Change"), ("pct", "Change %"), ("bid", "Bid"), ("ask", "Ask"), ("vol", "Volume"),
    ("oi", "OI"), ("high", "High"), ("low", "Low"),
)  # fmt: skip
KINDS = tuple(kind for kind, _ in COLUMNS)
NOTHING = figure_of({"v": None, "k": "qty"}, None)


@dataclass(frozen=True, slots=True)
class Row:
    """`figures` by kind; what was never heard of is a dash."""

    exchange: str
    symbol: str
    figures: Mapping[str, Figure]

    @property
    def name(self) -> str:
        return f"{self.exchange}:{self.symbol}"

    def shown(self, kind: str) -> dict[str, Any]:
        return self.figures.get(kind, NOTHING).shown

    def at(self, kind: str) -> datetime | None:
        """When it was true."""
        at = self.figures.get(kind, NOTHING).raw.get("at")
        return None if at is None else datetime.fromtimestamp(at / 1000, UTC)

    def value(self, kind: str) -> Decimal | None:
        return self.figures.get(kind, NOTHING).value


@dataclass(frozen=True, slots=True)
class ListView:
    """One list, and the tabs to the others with how many symbols each has."""

    lists: Sequence[tuple[Watchlist, int]]
    chosen: Watchlist | None
    rows: Sequence[Row]
    sort: str

    @property
    def in_own_order(self) -> bool:
        return not self.sort


def rows_of(symbols: Sequence[WatchedSymbol | Symbol], kinds: Sequence[str] = KINDS) -> list[Row]:
    pairs = [(one.exchange, one.name if isinstance(one, Symbol) else one.symbol) for one in symbols]
    known = live().hub.prices(kinds, [f"{exchange}:{name}" for exchange, name in pairs])
    return [_row(exchange, name, kinds, known) for exchange, name in pairs]


def read_list(owner_id: str, watchlist_id: str | None, sort: str) -> ListView:
    """The first list where none is named. Raises NotFound for one that is not the owner's."""
    room = services().watchlists
    lists = room.lists(owner_id)
    wanted = watchlist_id or (lists[0][0].id if lists else "")
    if not wanted:
        return ListView(lists, None, (), "")
    rows = rows_of(room.symbols(owner_id, wanted))
    chosen = next((row for row, _ in lists if row.id == wanted), None)
    sort = sort if sort.removeprefix("-") in (*KINDS, "name") else ""
    return ListView(lists, chosen, sorted_by(rows, sort), sort)


def sorted_by(rows: Sequence[Row], sort: str) -> Sequence[Row]:
    """Descending with a minus before the column; what is not known comes last either way."""
    if not sort:
        return rows
    column, down = sort.removeprefix("-"), sort.startswith("-")
    if column == "name":
        return sorted(rows, key=lambda row: row.symbol, reverse=down)
    known = [row for row in rows if row.value(column) is not None]
    unknown = [row for row in rows if row.value(column) is None]
    return [*sorted(known, key=_by(column), reverse=down), *unknown]


def _by(column: str) -> Callable[[Row], Decimal]:
    return lambda row: row.value(column) or Decimal(0)


def _row(exchange: str, name: str, kinds: Sequence[str], known: Mapping[str, Figure]) -> Row:
    keys = {kind: f"{kind}:{exchange}:{name}" for kind in kinds}
    return Row(exchange, name, {kind: known[key] for kind, key in keys.items() if key in known})
