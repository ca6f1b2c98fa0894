"""How OpenAlgo writes orders, trades, positions and money: poor rows live, rich rows in analyze mode.

A live row shows what nearly every broker plugin shows and not a key more; the filled quantity, the average
and the reason of a rejection are left to trades and order updates. `Dialect` holds the spellings in which
brokers differ.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.paper.ledger import Holding, Ledger, Position
from app.paper.orders import Fill, Order, Status

Row = dict[str, Any]
CLOCK = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True, slots=True)
class Dialect:
    """Spelling of one broker plugin: numbers as text, and its clock's format."""

    text_numbers: bool = False
    clock: str = CLOCK

    def quantity(self, units: int) -> int | str:
        return str(units) if self.text_numbers else units

    def price(self, amount: Decimal) -> float | str:
        return f"{amount:.2f}" if self.text_numbers else money(amount)

    def time(self, at: datetime) -> str:
        return at.strftime(self.clock)


def money(amount: Decimal) -> float:
    return float(round(amount, 2))


# -- orders


def live_order(order: Order, dialect: Dialect, clock: float) -> Row:
    """`clock` is the monotonic one."""
    t = order.ticket
    return {
        "symbol": t.symbol,
        "exchange": t.exchange,
        "action": t.action.upper(),
        "quantity": dialect.quantity(t.quantity),
        "price": 0.0 if t.pricetype == "MARKET" else float(t.price),
        "trigger_price": float(t.trigger_price),
        "pricetype": t.pricetype,
        "product": t.product,
        "orderid": order.orderid,
        "order_status": order.shown_status(clock),
        "timestamp": dialect.time(order.updated_at),
    }


def live_status(order: Order, dialect: Dialect, clock: float) -> Row:
    """The average is that of the first trade alone, and only once the order is complete."""
    average = float(order.fills[0].price) if order.status is Status.COMPLETE else 0.0
    return {**live_order(order, dialect, clock), "average_price": average}


def analyze_order(order: Order) -> Row:
    return {**_analyze(order), "pricetype": order.ticket.pricetype, "rejection_reason": order.reason}


def analyze_status(order: Order) -> Row:
    """Spells the price type `price_type`, unlike the order book, and gives no reason."""
    return {**_analyze(order), "price_type": order.ticket.pricetype}


def _analyze(order: Order) -> Row:
    t = order.ticket
    return {
        "action": t.action.upper(),
        "average_price": money(order.average),
        "exchange": t.exchange,
        "filled_quantity": order.filled,
        "order_status": str(order.status),
        "orderid": order.orderid,
        "pending_quantity": 0 if order.status is Status.REJECTED else order.pending,
        "price": _analyze_price(order),
        "product": t.product,
        "quantity": t.quantity,
        "strategy": t.strategy,
        "symbol": t.symbol,
        "timestamp": order.placed_at.strftime(CLOCK),
        "trigger_price": float(t.trigger_price),
    }


def _analyze_price(order: Order) -> float:
    return float(order.reference if order.ticket.pricetype == "MARKET" else order.ticket.price)


def statistics(orders: Iterable[Order], live: bool) -> Row:
    orders = list(orders)
    buys = sum(order.ticket.side > 0 for order in orders)
    by_status = {status: sum(order.status is status for order in orders) for status in Status}
    counts = {
        "total_buy_orders": buys,
        "total_sell_orders": len(orders) - buys,
        "total_completed_orders": by_status[Status.COMPLETE],
        "total_open_orders": by_status[Status.OPEN],
        "total_rejected_orders": by_status[Status.REJECTED],
    }
    return counts if live else {**counts, "total_trigger_pending_orders": by_status[Status.TRIGGER_PENDING]}


def update(order: Order, first: bool, *, live: bool, broker: str, user_id: str) -> Row:
    """An order_update frame: the one place where a live client sees fills and reasons."""
    t = order.ticket
    price = _analyze_price(order)
    if order.status is Status.COMPLETE and t.pricetype == "MARKET":
        price = money(order.average)
    pending = 0 if order.status is Status.REJECTED or (first and not live) else order.pending
    return {
        "type": "order_update",
        "user_id": user_id,
        "mode": "live" if live else "analyze",
        "broker": broker if live else "sandbox",
        "orderid": order.orderid,
        "symbol": t.symbol,
        "exchange": t.exchange,
        "action": t.action.upper(),
        "quantity": t.quantity,
        "price": 0.0 if live and t.pricetype == "MARKET" else price,
        "trigger_price": float(t.trigger_price),
        "pricetype": t.pricetype,
        "product": t.product,
        "order_status": str(order.status),
        "filled_quantity": order.filled,
        "pending_quantity": pending,
        "average_price": money(order.average),
        "rejection_reason": order.reason,
    }


# -- trades


def live_trade(order: Order, fill: Fill, dialect: Dialect) -> Row:
    t = order.ticket
    return {
        "symbol": t.symbol,
        "exchange": t.exchange,
        "product": t.product,
        "action": t.action.upper(),
        "quantity": dialect.quantity(fill.quantity),
        "average_price": float(fill.price),
        "trade_value": money(fill.price * fill.quantity),
        "orderid": order.orderid,
        "timestamp": dialect.time(fill.at),
    }


def analyze_trade(order: Order, fill: Fill) -> Row:
    row = live_trade(order, fill, Dialect())
    return {**row, "price": float(fill.price), "strategy": order.ticket.strategy, "tradeid": fill.tradeid}


# -- positions and holdings


def live_position(position: Position, ltp: Decimal, dialect: Dialect) -> Row:
    return {
        "symbol": position.contract.symbol,
        "exchange": position.contract.exchange,
        "product": position.product,
        "quantity": dialect.quantity(position.quantity),
        "average_price": dialect.price(position.average),
        "ltp": float(ltp),
        "pnl": money(position.realised + position.unrealised(ltp)),
    }


def analyze_position(position: Position, ltp: Decimal) -> Row:
    """A closed position repeats its realised profit as unrealised, as OpenAlgo's simulator does."""
    unrealised, total = position.unrealised(ltp), position.realised + position.unrealised(ltp)
    return {
        "average_price": money(position.average),
        "exchange": position.contract.exchange,
        "lot_size": 1.0,
        "ltp": float(ltp),
        "pnl": money(total),
        "pnlpercent": float(unrealised / abs(position.cost) * 100) if position.cost else 0.0,
        "product": position.product,
        "quantity": position.quantity,
        "symbol": position.contract.symbol,
        "today_realized_pnl": money(position.realised),
        "total_pnl_today": money(total),
        "unrealized_pnl": money(unrealised if position.quantity else total),
    }


def holding(held: Holding, ltp: Decimal, dialect: Dialect) -> Row:
    profit = held.quantity * ltp - held.cost
    return {
        "symbol": held.contract.symbol,
        "exchange": held.contract.exchange,
        "product": "CNC",
        "quantity": dialect.quantity(held.quantity),
        "pnl": money(profit),
        "pnlpercent": money(profit / held.cost * 100) if held.cost else 0.0,
    }


def holding_statistics(value: Decimal, invested: Decimal) -> Row:
    profit = value - invested
    return {
        "totalholdingvalue": money(value),
        "totalinvvalue": money(invested),
        "totalprofitandloss": money(profit),
        "totalpnlpercentage": money(profit / invested * 100) if invested else 0.0,
    }


# -- funds


def live_funds(ledger: Ledger, unrealised: Decimal) -> Row:
    return {
        "availablecash": f"{ledger.available:.2f}",
        "collateral": "0.00",
        "m2mrealized": f"{ledger.realised:.2f}",
        "m2munrealized": f"{unrealised:.2f}",
        "utiliseddebits": f"{ledger.utilised:.2f}",
    }


def analyze_funds(ledger: Ledger, unrealised: Decimal, exposure: Decimal, resets: int, reset_at: str) -> Row:
    realised = money(ledger.realised)
    return {
        "availablecash": money(ledger.available),
        "collateral": 0.0,
        "grossexposure": money(exposure),
        "last_reset": reset_at,
        "m2mrealized": realised,
        "m2munrealized": money(unrealised),
        "reset_count": resets,
        "today_realized_pnl": realised,
        "total_realized_pnl": realised,
        "totalpnl": money(ledger.realised + unrealised),
        "utiliseddebits": money(ledger.utilised),
    }
