"""The live figures of one symbol, for pages that look closer than at its last price. Values in, values out.

Keys, each followed by `:<exchange>:<symbol>`: `chg` and `pct` against the close before · `bid` `ask` `open` `high`
`low` `close` `vol` `oi` `src` (whether the stream or a request brought the price) · of the depth, level 1 the best:
`bp1…5` and `ap1…5` prices, `bq` and `aq` quantities, `bs` and `as` per cent of the largest of them (for a meter) ·
`bt` and `at` the totals of each side, `spread`.
"""

from collections.abc import Sequence
from decimal import Decimal
from itertools import zip_longest
from typing import Any

from app.broadcast.cells import QUANTITY, Cells, PriceForm
from app.core.clock import epoch_ms
from app.core.money import plain
from app.venues.types import FeedMode, Ladder, Level, Quote

LEVEL, CHANGE, PERCENT, SHARE, WORD = "level", "change", "percent", "share", "word"
LEVELS = 5
HUNDRED, PLACES = Decimal(100), Decimal("0.0001")


def close_cells(quote: Quote, form: PriceForm, mode: FeedMode) -> Cells:
    """Beyond the last price; nothing in the plainest mode."""
    if mode is FeedMode.LTP:
        return {}
    cells = _day(quote, form)
    if mode is FeedMode.DEPTH and quote.ladder is not None:
        cells |= _depth(quote, quote.ladder, form)
    return cells


def change(quote: Quote) -> Decimal | None:
    """Since the close before."""
    return None if quote.previous_close is None else quote.last - quote.previous_close


def percent(quote: Quote) -> Decimal | None:
    moved = change(quote)
    if moved is None or not quote.previous_close:
        return None
    return (moved / quote.previous_close * HUNDRED).quantize(PLACES)


def _day(quote: Quote, form: PriceForm) -> Cells:
    at = epoch_ms(quote.received_at)
    prices = {
        "bid": quote.bid, "ask": quote.ask, "open": quote.open, "high": quote.high, "low": quote.low,
        "close": quote.previous_close,
    }  # fmt: skip
    cells = {name: _cell(value, LEVEL, at, form) for name, value in prices.items()}
    cells["chg"] = _cell(change(quote), CHANGE, at, form)
    cells["pct"] = _cell(percent(quote), PERCENT, at)
    cells["vol"] = _cell(quote.volume, QUANTITY, at)
    cells["oi"] = _cell(quote.open_interest, QUANTITY, at)
    cells["src"] = {"v": quote.source.value, "k": WORD, "c": None, "at": at}
    return {f"{name}:{quote.symbol}": cell for name, cell in cells.items()}


def _depth(quote: Quote, ladder: Ladder, form: PriceForm) -> Cells:
    at = epoch_ms(ladder.received_at)
    most = max((level.quantity for level in (*ladder.bids[:LEVELS], *ladder.asks[:LEVELS])), default=Decimal(0))
    cells: Cells = {}
    for side, levels in (("b", ladder.bids), ("a", ladder.asks)):
        for number, level in _numbered(levels):
            cells[f"{side}p{number}"] = _cell(level.price if level else None, LEVEL, at, form)
            cells[f"{side}q{number}"] = _cell(level.quantity if level else None, QUANTITY, at)
            cells[f"{side}s{number}"] = _cell(_share(level, most), SHARE, None)
    cells["bt"] = _cell(ladder.total_bid, QUANTITY, at)
    cells["at"] = _cell(ladder.total_ask, QUANTITY, at)
    cells["spread"] = _cell(_spread(ladder), LEVEL, at, form)
    cells["book"] = {"v": ladder.source.value, "k": WORD, "c": None, "at": at}
    return {f"{name}:{quote.symbol}": cell for name, cell in cells.items()}


def _numbered(levels: Sequence[Level]) -> list[tuple[int, Level | None]]:
    """Always five: a level that is gone must be seen to be gone."""
    return list(zip_longest(range(1, LEVELS + 1), levels[:LEVELS]))


def _share(level: Level | None, most: Decimal) -> Decimal:
    return (level.quantity / most * HUNDRED).quantize(Decimal(1)) if level and most else Decimal(0)


def _spread(ladder: Ladder) -> Decimal | None:
    return ladder.asks[0].price - ladder.bids[0].price if ladder.bids and ladder.asks else None


def _cell(value: Decimal | None, kind: str, at: int | None, form: PriceForm | None = None) -> dict[str, Any]:
    cell: dict[str, Any] = {"v": None if value is None else plain(value), "k": kind, "c": None, "at": at}
    if form is not None:
        cell["c"] = form.currency
        if form.tick is not None:
            cell["tick"] = plain(form.tick)
    return cell
