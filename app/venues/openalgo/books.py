"""An OpenAlgo server's account books as reports. Pure. A book that lacks what makes it whole raises."""

from typing import Any

from app.core.errors import Retry, Unknown
from app.core.money import number
from app.venues.openalgo.orders import Row, above_zero, mode_of, order_report, symbol_of, trade_report
from app.venues.types import (
    FundsReport,
    HoldingReport,
    MarginReport,
    OrderReport,
    PositionReport,
    TradeReport,
)

MARGIN_TOTALS = ("total_margin_required", "total_margin", "margin_required")


def orders(body: Row) -> list[OrderReport]:
    mode = mode_of(body)
    return [order_report(row, mode) for row in rows(body, "orders")]


def trades(body: Row) -> list[TradeReport]:
    """One report per row: two rows that look the same are two fills."""
    return [trade_report(row) for row in rows(body)]


def positions(body: Row) -> list[PositionReport]:
    """Closed positions stay listed with quantity zero."""
    return [_position(row) for row in rows(body)]


def holdings(body: Row) -> list[HoldingReport]:
    return [_holding(row) for row in rows(body, "holdings")]


def _position(row: Row) -> PositionReport:
    quantity = number(row.get("quantity"))
    if quantity is None:
        raise Unknown("The position book has a row without a quantity.")
    return PositionReport(
        symbol=symbol_of(row),
        product=str(row.get("product") or "").upper(),
        quantity=quantity,
        average_price=above_zero(row.get("average_price")),
        last_price=above_zero(row.get("ltp")),
        pnl=number(row.get("pnl")),
    )


def _holding(row: Row) -> HoldingReport:
    position = _position(row)
    return HoldingReport(
        position.symbol,
        position.product,
        position.quantity,
        position.average_price,
        position.last_price,
        position.pnl,
    )


def funds(body: Row) -> FundsReport:
    """In rupees. Some plugins answer a failed reading with an empty success: that is no zero balance."""
    data = body.get("data")
    available = number(data.get("availablecash")) if isinstance(data, dict) else None
    if not isinstance(data, dict) or available is None:
        raise Retry("The broker did not give the funds.")
    return FundsReport(
        available=available,
        used=number(data.get("utiliseddebits")),
        collateral=number(data.get("collateral")),
        realised_pnl=number(data.get("m2mrealized")),
        unrealised_pnl=number(data.get("m2munrealized")),
    )


def margin(body: Row) -> MarginReport:
    data = body.get("data")
    if not isinstance(data, dict):
        raise Unknown("The margin answer has no data.")
    total = next((found for name in MARGIN_TOTALS if (found := number(data.get(name))) is not None), None)
    if total is None:
        raise Unknown("The margin answer names no total.")
    return MarginReport(total, number(data.get("span_margin")), number(data.get("exposure_margin")))


def rows(body: Row, name: str | None = None) -> list[dict[str, Any]]:
    """The list under `data`, or under `data.<name>`; an answer without it is not an empty book."""
    found = body.get("data")
    if name is not None and isinstance(found, dict):
        found = found.get(name)
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise Unknown("The server's answer does not hold the list it should.")
    return found
