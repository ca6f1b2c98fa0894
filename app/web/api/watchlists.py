"""Watchlists over the API, and the newest that is known of a symbol."""

from decimal import Decimal
from typing import Annotated, Literal

from flask import Blueprint, url_for
from pydantic import Field, StringConstraints

from app.broadcast.market import LEVELS
from app.core.errors import NotFound
from app.venues.types import Symbol
from app.watchlists.service import LONGEST_NAME
from app.web.api.by_hand import Exchange, SymbolAsked
from app.web.api.operation import Reply, operation
from app.web.api.shapes import Amount, Answer, Asked, Id, Instant, OfContract
from app.web.current import owner_id, services
from app.web.quote import DAY, DEPTH, find_instrument
from app.web.watch_view import KINDS, Row, rows_of

bp = Blueprint("watchlists", __name__, url_prefix="/api/v1")

TAG = "Watchlists"
NOT_ON_IT = "{} is not on this list."
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_NAME), Field(examples=["Banks"])
]
Known = Annotated[Amount | None, Field(description="Null where it was not heard of yet.", examples=["171.05"])]
FIELDS = {
    "last_price": "ltp", "change": "chg", "change_percent": "pct", "bid": "bid", "ask": "ask", "open": "open",
    "high": "high", "low": "low", "previous_close": "close", "volume": "vol", "open_interest": "oi",
}  # fmt: skip


class ListNameAsked(Asked):
    name: Name


class SymbolOn(Asked):
    exchange: Exchange
    symbol: SymbolAsked


class SymbolMoveAsked(SymbolOn):
    direction: Literal["up", "down"]


class PasteAsked(Asked):
    text: Annotated[str, StringConstraints(max_length=20_000), Field(examples=["NSE:SBIN, NFO:NIFTY24NOV2626050CE"])]


class ListShown(Answer):
    id: Id
    name: Annotated[str, Field(examples=["Banks"])]
    symbols: Annotated[int, Field(description="How many are on it.", examples=[12])]


class Lists(Answer):
    items: list[ListShown]


class PriceShown(OfContract):
    """The newest this process heard: it is kept fresh while anybody looks, and says itself how old it is."""

    exchange: Exchange
    last_price: Known
    last_price_at: Instant | None
    change: Known
    change_percent: Known
    bid: Known
    ask: Known
    open: Known
    high: Known
    low: Known
    previous_close: Known
    volume: Known
    open_interest: Known


class ListWithPrices(ListShown):
    items: list[PriceShown]


class LevelShown(Answer):
    price: Amount
    quantity: Amount


class QuoteShown(PriceShown):
    source: Annotated[str | None, Field(description="stream, or request where it was asked for.", examples=["stream"])]
    bids: list[LevelShown]
    asks: list[LevelShown]
    depth_at: Instant | None
    total_bid_quantity: Known
    total_ask_quantity: Known


class PasteShown(Answer):
    added: Annotated[int, Field(examples=[2])]
    on_it_already: Annotated[int, Field(examples=[0])]
    unknown: Annotated[list[str], Field(description="On no exchange on record.", examples=[[]])]
    unclear: Annotated[list[str], Field(description="On several: name the exchange.", examples=[["SBIN"]])]
    left_out: Annotated[int, Field(description="More than a list holds.", examples=[0])]


@bp.get("/watchlists")
@operation(TAG, "List your watchlists", gives=Lists)
def index() -> Lists:
    found = services().watchlists.lists(owner_id())
    return Lists(items=[ListShown(id=row.id, name=row.name, symbols=symbols) for row, symbols in found])


@bp.post("/watchlists")
@operation(TAG, "Make a watchlist", takes=ListNameAsked, gives=ListWithPrices, status=201)
def create(body: ListNameAsked) -> Reply:
    watchlist_id = services().watchlists.create(owner_id(), body.name)
    return Reply(_list(watchlist_id), location=url_for("api.watchlists.get", watchlist_id=watchlist_id))


@bp.get("/watchlists/<watchlist_id>")
@operation(TAG, "Look at a watchlist with its prices", gives=ListWithPrices)
def get(watchlist_id: str) -> ListWithPrices:
    return _list(watchlist_id)


@bp.put("/watchlists/<watchlist_id>")
@operation(TAG, "Rename a watchlist", takes=ListNameAsked, gives=ListWithPrices)
def rename(watchlist_id: str, body: ListNameAsked) -> ListWithPrices:
    services().watchlists.rename(owner_id(), watchlist_id, body.name)
    return _list(watchlist_id)


@bp.delete("/watchlists/<watchlist_id>")
@operation(TAG, "Delete a watchlist", status=204)
def delete(watchlist_id: str) -> None:
    services().watchlists.delete(owner_id(), watchlist_id)


@bp.post("/watchlists/<watchlist_id>/symbols")
@operation(TAG, "Add a symbol", "At its end; once.", takes=SymbolOn, gives=ListWithPrices)
def add(watchlist_id: str, body: SymbolOn) -> ListWithPrices:
    services().watchlists.add(owner_id(), watchlist_id, body.exchange, body.symbol)
    return _list(watchlist_id)


@bp.post("/watchlists/<watchlist_id>/remove")
@operation(TAG, "Remove a symbol", "One that is not on it is not found.", takes=SymbolOn, gives=ListWithPrices)
def remove(watchlist_id: str, body: SymbolOn) -> ListWithPrices:
    if not services().watchlists.remove(owner_id(), watchlist_id, body.exchange, body.symbol):
        raise NotFound(NOT_ON_IT.format(body.symbol))
    return _list(watchlist_id)


@bp.post("/watchlists/<watchlist_id>/move")
@operation(
    TAG,
    "Move a symbol by one place",
    "One that is not on it is not found.",
    takes=SymbolMoveAsked,
    gives=ListWithPrices,
)
def move(watchlist_id: str, body: SymbolMoveAsked) -> ListWithPrices:
    by = -1 if body.direction == "up" else 1
    if not services().watchlists.move(owner_id(), watchlist_id, body.exchange, body.symbol, by):
        raise NotFound(NOT_ON_IT.format(body.symbol))
    return _list(watchlist_id)


@bp.post("/watchlists/<watchlist_id>/paste")
@operation(TAG, "Add symbols from text", "What is not on record is told.", takes=PasteAsked, gives=PasteShown)
def paste(watchlist_id: str, body: PasteAsked) -> PasteShown:
    done = services().watchlists.paste(owner_id(), watchlist_id, body.text)
    return PasteShown(
        added=done.added, on_it_already=done.known, unknown=list(done.unknown), unclear=list(done.unclear),
        left_out=done.left,
    )  # fmt: skip


@bp.get("/quotes/<exchange>/<symbol>")
@operation(
    TAG, "Look at a symbol's price and depth", "As last heard of: open its stream with `mode=depth` to have it fed.",
    gives=QuoteShown,
)  # fmt: skip
def quote(exchange: str, symbol: str) -> QuoteShown:
    found = find_instrument(exchange.upper(), symbol.upper())
    (row,) = rows_of([Symbol(found.exchange, found.symbol)], (*KINDS, *DAY, *DEPTH))
    return QuoteShown.model_validate(
        _price(row)
        | {
            "source": row.figures["src"].raw["v"] if "src" in row.figures else None,
            "bids": _levels(row, "b"),
            "asks": _levels(row, "a"),
            "depth_at": row.at("book"),
            "total_bid_quantity": row.value("bt"),
            "total_ask_quantity": row.value("at"),
        }
    )


def _list(watchlist_id: str) -> ListWithPrices:
    room = services().watchlists
    found = room.get(owner_id(), watchlist_id)
    rows = rows_of(room.symbols(owner_id(), watchlist_id), (*KINDS, *DAY))
    items = [PriceShown.model_validate(_price(row)) for row in rows]
    return ListWithPrices(id=found.id, name=found.name, symbols=len(items), items=items)


def _price(row: Row) -> dict[str, object]:
    figures = {name: row.value(kind) for name, kind in FIELDS.items()}
    return {"exchange": row.exchange, "symbol": row.symbol, "last_price_at": row.at("ltp"), **figures}


def _levels(row: Row, side: str) -> list[dict[str, Decimal | None]]:
    pairs = [(row.value(f"{side}p{n}"), row.value(f"{side}q{n}")) for n in range(1, LEVELS + 1)]
    return [{"price": price, "quantity": quantity} for price, quantity in pairs if price is not None]
