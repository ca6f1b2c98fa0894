"""Venues' books over the API: one account's with the age of each part, trades and holdings over all accounts."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from flask import Blueprint
from pydantic import Field, StringConstraints

from app.broadcast.parts import Part
from app.core.money import plain
from app.web.api.book_shapes import CachedAccountShown, Figure, HeldRow, TradeRow, age_of, data_of
from app.web.api.cached import NAMES
from app.web.api.operation import operation
from app.web.api.shapes import Answer, Asked, Id, IdAsked, Instant
from app.web.book_view import Line, Reading, Total, holding_totals, trade_totals
from app.web.books import Wanted, wanted_holdings, wanted_trades
from app.web.current import owner_id, services

bp = Blueprint("books", __name__, url_prefix="/api/v1")

TAG = "Broadcast"
SymbolPart = Annotated[
    str, StringConstraints(max_length=64), Field(description="Part of a symbol.", examples=["NIFTY"])
]


class HoldingsAsked(Asked):
    account_id: IdAsked | None = None
    symbol: SymbolPart = ""


class TradesAsked(HoldingsAsked):
    side: Literal["", "BUY", "SELL"] = ""


class OfAccount(Answer):
    account_id: Id
    account_name: Annotated[str, Field(examples=["Zerodha main"])]
    mode: Annotated[str, Field(examples=["live"])]
    currency: Annotated[str, Field(examples=["INR"])]


class TradeShown(TradeRow, OfAccount):
    """A fill as the venue's trade book has it, whoever placed its order."""


class HoldingShown(HeldRow, OfAccount):
    invested: Figure | None
    worth: Figure | None


class BookAge(OfAccount):
    """When the venue was read, and whether that is longer ago than it should be."""

    read_at: Instant | None
    age_ms: Annotated[int | None, Field(examples=[840])]
    stale: bool
    source: Annotated[str, Field(examples=["poll"])]


class TradeTotal(Answer):
    """Of one currency in one mode; null where a venue does not tell a figure."""

    currency: Annotated[str, Field(examples=["INR"])]
    mode: Annotated[str, Field(description="live or paper", examples=["live"])]
    count: Annotated[int, Field(examples=[12])]
    bought: Figure | None
    sold: Figure | None
    net: Annotated[Figure | None, Field(description="Sold less bought.")]
    fees: Figure | None


class HoldingTotal(Answer):
    currency: Annotated[str, Field(examples=["INR"])]
    mode: Annotated[str, Field(description="live or paper", examples=["live"])]
    count: Annotated[int, Field(examples=[12])]
    invested: Figure | None
    worth: Figure | None
    pnl: Figure | None


class TradeBook(Answer):
    """The newest first."""

    items: list[TradeShown]
    totals: list[TradeTotal]
    readings: list[BookAge]


class HoldingBook(Answer):
    """The biggest first."""

    items: list[HoldingShown]
    totals: list[HoldingTotal]
    readings: list[BookAge]


@bp.get("/accounts/<account_id>/books")
@operation(TAG, "The books of an account", "As the venue said last. Asks no venue.", gives=CachedAccountShown)
def of_account(account_id: str) -> CachedAccountShown:
    account, now = services().accounts.get(owner_id(), account_id), services().clock.now()
    views = services().cached.of([account_id])[account_id]
    parts = {
        NAMES.get(part, part.value): {"data": data_of(views.get(part))} | age_of(views.get(part), now) for part in Part
    }
    head: dict[str, Any] = {
        "account_id": account.id,
        "name": account.name,
        "mode": account.mode,
        "at": now,
        "seq": max((view.seq for view in views.values()), default=0),
    }
    return CachedAccountShown.model_validate(head | parts)


@bp.get("/trades")
@operation(TAG, "Today's trades in all accounts", query=TradesAsked, gives=TradeBook)
def trades(query: TradesAsked) -> TradeBook:
    lines, readings, _ = wanted_trades(_wanted(query, query.side))
    return TradeBook(
        items=[TradeShown.model_validate(line.row | _of(line)) for line in lines],
        totals=[TradeTotal.model_validate(_total(one)) for one in trade_totals(lines)],
        readings=[_reading(one) for one in readings],
    )


@bp.get("/holdings")
@operation(TAG, "Holdings in all accounts", query=HoldingsAsked, gives=HoldingBook)
def holdings(query: HoldingsAsked) -> HoldingBook:
    lines, readings, _ = wanted_holdings(_wanted(query))
    return HoldingBook(
        items=[
            HoldingShown.model_validate(
                line.row | _of(line) | {"invested": _text(line.invested), "worth": _text(line.worth)}
            )
            for line in lines
        ],
        totals=[HoldingTotal.model_validate(_total(one)) for one in holding_totals(lines)],
        readings=[_reading(one) for one in readings],
    )


def _wanted(query: HoldingsAsked, side: str = "") -> Wanted:
    """Raises NotFound for somebody else's account."""
    if query.account_id:
        services().accounts.get(owner_id(), query.account_id)
    return Wanted(query.account_id or "", query.symbol.strip().upper(), side)


def _of(line: Line | Reading) -> dict[str, Any]:
    account = line.account
    return {
        "account_id": account.id,
        "account_name": account.name,
        "mode": account.mode,
        "currency": account.currency,
    }


def _reading(one: Reading) -> BookAge:
    age = None if one.seconds is None else int(one.seconds * 1000)
    known = {"read_at": one.read_at, "age_ms": age, "stale": one.is_stale, "source": one.source}
    return BookAge.model_validate(_of(one) | known)


def _total(one: Total) -> dict[str, Any]:
    figures = {name: _text(figure) for name, figure in one.figures.items()}
    return {"currency": one.currency, "mode": one.mode, "count": one.count} | figures


def _text(figure: Decimal | None) -> str | None:
    return None if figure is None else plain(figure)
