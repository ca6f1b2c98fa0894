"""An account's books as the API gives them: each part with its own age, and whether that is more than it should be."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import Field
from pydantic import WithJsonSchema as Schema

from app.broadcast.cached import PartView
from app.broadcast.parts import Part
from app.web.api.shapes import Answer, Id, Instant

Figure = Annotated[str, Schema({"type": "string", "format": "decimal", "examples": ["171.05"]})]
Text = Annotated[str, Field(examples=["NFO"])]
At = Annotated[str | None, Field(description="The venue's clock.", examples=["2026-11-23T09:45:02+05:30"])]


class FundsRow(Answer):
    id: Annotated[str, Field(description="Always funds.", examples=["funds"])]
    currency: Annotated[str, Field(examples=["INR"])]
    available: Figure
    used: Figure | None
    total: Annotated[Figure | None, Field(description="Free, and what margin takes, together.")]
    collateral: Figure | None
    realised_pnl: Figure | None
    unrealised_pnl: Figure | None


class HeldRow(Answer):
    """`quantity` is signed: sold is negative. What was closed today stays, with 0."""

    id: Annotated[str, Field(examples=["NFO:NIFTY24NOV2626050CE:NRML"])]
    exchange: Text
    symbol: Annotated[str, Field(examples=["NIFTY24NOV2626050CE"])]
    product: Annotated[str, Field(examples=["NRML"])]
    quantity: Figure
    average_price: Figure | None
    last_price: Figure | None
    pnl: Annotated[Figure | None, Field(description="As the venue reckons it.")]


class OrderRow(Answer):
    id: Annotated[str, Field(description="The venue's.", examples=["261121367988920"])]
    exchange: Text
    symbol: Annotated[str, Field(examples=["NIFTY24NOV2626050CE"])]
    side: Annotated[str, Field(examples=["BUY"])]
    quantity: Figure
    filled_quantity: Annotated[Figure | None, Field(description="Null where the venue does not say.")]
    average_price: Figure | None
    price_type: Annotated[str, Field(examples=["LIMIT"])]
    product: Annotated[str, Field(examples=["NRML"])]
    price: Figure | None
    trigger_price: Figure | None
    status: Annotated[str, Field(examples=["open"])]
    reason: Annotated[str, Field(examples=[""])]
    at: At


class TradeRow(Answer):
    id: Annotated[str, Field(description="The venue's, or its order's with a number.", examples=["261121367988920-1"])]
    order_id: Annotated[str, Field(examples=["261121367988920"])]
    exchange: Text
    symbol: Annotated[str, Field(examples=["NIFTY24NOV2626050CE"])]
    side: Annotated[str, Field(examples=["BUY"])]
    quantity: Figure
    price: Figure
    value: Figure
    fee: Figure | None
    at: At


class PartAge(Answer):
    """`stale`: it should have been read again by now. All null and stale when it was never read."""

    age_ms: Annotated[int | None, Field(examples=[840])]
    stale: bool
    source: Annotated[str | None, Field(description="push or poll", examples=["poll"])]
    read_at: Instant | None
    seq: Annotated[int | None, Field(description="Of the account's change that it changed with last.", examples=[41])]


class FundsPart(PartAge):
    data: FundsRow | None


class HeldPart(PartAge):
    data: list[HeldRow] | None


class OrdersPart(PartAge):
    data: list[OrderRow] | None


class TradesPart(PartAge):
    data: list[TradeRow] | None


class CachedAccountShown(Answer):
    """`seq` rises with every change of the account's, also over a restart."""

    account_id: Id
    name: Annotated[str, Field(examples=["Zerodha main"])]
    mode: Annotated[str, Field(description="live or paper", examples=["live"])]
    at: Instant
    seq: Annotated[int, Field(examples=[42])]
    balance: FundsPart
    positions: HeldPart
    trades: TradesPart
    orders: OrdersPart
    holdings: HeldPart


def age_of(view: PartView | None, now: datetime) -> dict[str, Any]:
    """The fields of PartAge."""
    if view is None:
        return {"age_ms": None, "stale": True, "source": None, "read_at": None, "seq": None}
    return {
        "age_ms": view.age(now) // timedelta(milliseconds=1),
        "stale": view.is_stale(now),
        "source": view.source,
        "read_at": view.read_at,
        "seq": view.seq,
    }


def data_of(view: PartView | None) -> Any:
    """Its rows; of the funds the one row."""
    if view is None:
        return None
    return view.rows[0] if view.part is Part.FUNDS else view.rows
