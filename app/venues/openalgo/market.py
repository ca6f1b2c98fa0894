"""An OpenAlgo server's prices, candles and contracts as reports. Pure.

The server says 0 for a price that there is none of, and 1 for a freeze quantity that it does not know.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from app.core.errors import Unknown
from app.core.money import number
from app.venues.openalgo.books import rows
from app.venues.openalgo.orders import Row, above_zero
from app.venues.openalgo.times import expiry, moment
from app.venues.types import Candle, ContractReport, Depth, FeedMode, Ladder, Level, PriceSource, Quote, Symbol

WIRE_MODES = {FeedMode.LTP: 1, FeedMode.QUOTE: 2, FeedMode.BEST: 3, FeedMode.DEPTH: 3}
UNDATED = ("EQ", "INDEX")
NO_NUMBER = Decimal("NaN")


def quote(
    symbol: Symbol,
    data: Row,
    received_at: datetime,
    source: PriceSource = PriceSource.REQUEST,
    ladder: Ladder | None = None,
) -> Quote | None:
    """From a quotes answer or a streamed frame; None where nothing has traded. Unknown keys are ignored."""
    last = above_zero(data.get("ltp"))
    if last is None:
        return None
    return Quote(
        symbol=symbol,
        last=last,
        received_at=received_at,
        bid=above_zero(data.get("bid")),
        ask=above_zero(data.get("ask")),
        open=above_zero(data.get("open")),
        high=above_zero(data.get("high")),
        low=above_zero(data.get("low")),
        previous_close=above_zero(_first(data, "prev_close", "close")),
        volume=number(data.get("volume")),
        open_interest=number(_first(data, "oi", "open_interest")),
        at=moment(data.get("timestamp")),
        source=source,
        ladder=ladder,
    )


def streamed(symbol: Symbol, data: Row, received_at: datetime) -> Quote | None:
    """A frame of the stream: LTP frames are most of them and have little in them."""
    depth, ladder = data.get("depth"), None
    if isinstance(depth, dict):
        totals = (number(data.get("total_buy_quantity")), number(data.get("total_sell_quantity")))
        ladder = Ladder(_levels(depth.get("buy")), _levels(depth.get("sell")), received_at, *totals)
        data = {**data, **_best(ladder.bids, ladder.asks)}
    elif "open" not in data:
        last = _said(data)
        return None if last is None else Quote(symbol, last, received_at, at=moment(data.get("timestamp")))
    priced = quote(symbol, data, received_at, PriceSource.STREAM, ladder)
    nonsense = _said(data) if priced is None else None
    return priced if nonsense is None else Quote(symbol, nonsense, received_at)


def _said(data: Row) -> Decimal | None:
    """A streamed price as it was said, zero and nonsense too: the feed drops those, and counts them."""
    said = data.get("ltp")
    found = number(said)
    return NO_NUMBER if found is None and said is not None else found


def _first(data: Row, *names: str) -> Any:
    return next((data[name] for name in names if name in data), None)


def _best(bids: Sequence[Level], asks: Sequence[Level]) -> dict[str, Decimal | None]:
    return {"bid": bids[0].price if bids else None, "ask": asks[0].price if asks else None}


def quotes(body: Row, asked: Mapping[tuple[str, str], Symbol], received_at: datetime) -> dict[Symbol, Quote]:
    """What a multiquotes answer priced: bad symbols come first, with an error in place of data."""
    results = body.get("results")
    if not isinstance(results, list):
        raise Unknown("The quotes answer holds no results.")
    priced: dict[Symbol, Quote] = {}
    for row in results:
        data = row.get("data") if isinstance(row, dict) else None
        symbol = asked.get((row.get("exchange"), row.get("symbol"))) if data else None
        found = quote(symbol, data, received_at) if symbol and isinstance(data, dict) else None
        if found:
            priced[found.symbol] = found
    return priced


def depth(symbol: Symbol, body: Row, received_at: datetime) -> Depth:
    data = body.get("data")
    if not isinstance(data, dict):
        raise Unknown("The depth answer has no data.")
    bids, asks = _levels(data.get("bids")), _levels(data.get("asks"))
    totals = (number(data.get("totalbuyqty")), number(data.get("totalsellqty")))
    ladder = Ladder(bids, asks, received_at, *totals, source=PriceSource.REQUEST)
    priced = quote(symbol, {**data, **_best(bids, asks)}, received_at, ladder=ladder)
    return Depth(symbol, bids, asks, received_at, priced)


def _levels(side: Any) -> tuple[Level, ...]:
    levels = [_level(row) for row in side if isinstance(row, dict)] if isinstance(side, list) else []
    return tuple(level for level in levels if level)


def _level(row: Row) -> Level | None:
    price, quantity = above_zero(row.get("price")), number(row.get("quantity"))
    return Level(price, quantity) if price and quantity is not None else None


def history(body: Row) -> list[Candle]:
    return sorted((_candle(row) for row in rows(body)), key=lambda candle: candle.start)


def _candle(row: Row) -> Candle:
    start = moment(row.get("timestamp"))
    prices = [number(row.get(name)) for name in ("open", "high", "low", "close")]
    if start is None or any(price is None for price in prices):
        raise Unknown("The history has a bar without its time or prices.")
    opened, high, low, close = (price for price in prices if price is not None)
    volume = number(row.get("volume")) or Decimal(0)
    return Candle(start.astimezone(UTC), opened, high, low, close, volume, number(row.get("oi")))


def contract(row: Row) -> ContractReport | None:
    """A row of `symbol`, `search` or `instruments`; None for a derivative whose lot size is missing."""
    name, exchange, kind = (
        row.get("symbol"),
        row.get("exchange"),
        str(row.get("instrumenttype") or "").upper(),
    )
    if not name or not exchange:
        return None
    lot = above_zero(row.get("lotsize")) or (Decimal(1) if kind in UNDATED else None)
    if lot is None:
        return None
    return ContractReport(
        symbol=Symbol(str(exchange), str(name)),
        name=str(row.get("name") or name),
        kind=kind,
        lot_size=lot,
        tick=number(row.get("tick_size")) or Decimal(0),
        expiry=expiry(str(row.get("expiry") or "")),
        strike=above_zero(row.get("strike")),
        freeze_quantity=_freeze(row),
    )


def _freeze(row: Row) -> Decimal | None:
    quantity = number(row.get("freeze_qty"))
    return quantity if quantity is not None and quantity > 1 else None


def contracts(body: Row) -> list[ContractReport]:
    found = (contract(row) for row in rows(body))
    return [each for each in found if each]


def expiries(body: Row) -> list[date]:
    """Ascending; a name without listed expiries has an empty list."""
    data = body.get("data")
    if not isinstance(data, list):
        raise Unknown("The expiry answer holds no list.")
    return sorted(found for text in data if (found := expiry(str(text))))
