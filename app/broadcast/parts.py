"""The parts of an account as readers get them: rows with an id of their own, exact numbers as text. Pure.

Two readings differ by rows: what came or changed, and the ids of what went. An order that was pushed is put over its
row unless the row knows more: updates come late, twice and out of order.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from app.core.money import number, plain
from app.venues.types import (
    FundsReport,
    HoldingReport,
    OrderReport,
    OrderStatus,
    PositionReport,
    TradeReport,
)

Row = dict[str, Any]
Rows = Mapping[str, Row]  # by id


class Part(StrEnum):
    FUNDS = "funds"
    POSITIONS = "positions"
    ORDERS = "orders"
    TRADES = "trades"
    HOLDINGS = "holdings"


class Source(StrEnum):
    PUSH = "push"
    POLL = "poll"


def funds_rows(funds: FundsReport, currency: str) -> Rows:
    """One row: an account has one purse. `total` is what is free and what margin takes together."""
    figures = {
        "available": funds.available,
        "used": funds.used,
        "total": None if funds.used is None else funds.available + funds.used,
        "collateral": funds.collateral,
        "realised_pnl": funds.realised_pnl,
        "unrealised_pnl": funds.unrealised_pnl,
    }
    return {"funds": {"id": "funds", "currency": currency} | {name: _text(one) for name, one in figures.items()}}


def held_rows(reports: Iterable[PositionReport | HoldingReport]) -> Rows:
    """Positions or holdings; what is closed today stays, with the quantity 0."""
    rows: list[Row] = [
        {
            "id": f"{one.symbol}:{one.product}",
            "exchange": one.symbol.exchange,
            "symbol": one.symbol.name,
            "product": str(one.product),
            "quantity": plain(one.quantity),
            "average_price": _text(one.average_price),
            "last_price": _text(one.last_price),
            "pnl": _text(one.pnl),
        }
        for one in reports
    ]
    return {row["id"]: row for row in rows}


def order_row(report: OrderReport) -> Row:
    return {
        "id": report.venue_order_id,
        "exchange": report.symbol.exchange,
        "symbol": report.symbol.name,
        "side": report.side.value,
        "quantity": plain(report.quantity),
        "filled_quantity": _text(report.filled_quantity),
        "average_price": _text(report.average_price),
        "price_type": report.price_type.value,
        "product": str(report.product),
        "price": _text(report.price),
        "trigger_price": _text(report.trigger_price),
        "status": report.status.value,
        "reason": report.reason,
        "at": _moment(report.at),
    }


def order_rows(reports: Iterable[OrderReport]) -> Rows:
    return {report.venue_order_id: order_row(report) for report in reports}


def trade_rows(reports: Iterable[TradeReport]) -> Rows:
    """Two rows that look the same are two fills: without the venue's id they are counted within their order."""
    seen: Counter[str] = Counter()
    rows: dict[str, Row] = {}
    for one in reports:
        seen[one.venue_order_id] += 1
        name = one.venue_trade_id or f"{one.venue_order_id}-{seen[one.venue_order_id]}"
        if name in rows:
            name = f"{name}-{seen[one.venue_order_id]}"
        rows[name] = {
            "id": name,
            "order_id": one.venue_order_id,
            "exchange": one.symbol.exchange,
            "symbol": one.symbol.name,
            "side": one.side.value,
            "quantity": plain(one.quantity),
            "price": plain(one.price),
            "value": plain(one.quantity * one.price),
            "fee": _text(one.fee),
            "at": _moment(one.at),
        }
    return rows


def with_order(rows: Rows, pushed: Row) -> Rows:
    """The same rows when the pushed one says nothing that is not known already."""
    known = rows.get(pushed["id"])
    if known is None:
        return {**rows, pushed["id"]: pushed}
    if _knows_more(known, pushed):
        return rows
    row = known | {name: value for name, value in pushed.items() if value not in (None, "")}
    return rows if row == known else {**rows, row["id"]: row}


def difference(before: Rows, after: Rows) -> tuple[list[Row], list[str]]:
    """The rows that came or changed, and the ids of those that went."""
    came = [row for name, row in after.items() if before.get(name) != row]
    return came, [name for name in before if name not in after]


def quantities(rows: Rows) -> dict[str, str]:
    """What is held, by id: prices and profit move all the time, this only when something is traded."""
    return {name: row["quantity"] for name, row in rows.items() if number(row["quantity"])}


def _knows_more(known: Row, pushed: Row) -> bool:
    if OrderStatus(known["status"]).is_final and not OrderStatus(pushed["status"]).is_final:
        return True
    return (number(pushed["filled_quantity"]) or Decimal(0)) < (number(known["filled_quantity"]) or Decimal(0))


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
