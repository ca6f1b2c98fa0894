"""Small builders for what venues report."""

from decimal import Decimal

from app.venues.types import OrderReport, OrderStatus, PriceType, Side, Symbol

OPTION = Symbol("NFO", "NIFTY24NOV2626050CE")


def report(status: OrderStatus, filled: int | None = None, average: str | None = None, **more: object) -> OrderReport:
    values: dict[str, object] = {
        "venue_order_id": "v1",
        "symbol": OPTION,
        "side": Side.BUY,
        "quantity": Decimal(100),
        "price_type": PriceType.MARKET,
        "product": "NRML",
        "status": status,
        "raw_status": status.value,
        "filled_quantity": None if filled is None else Decimal(filled),
        "average_price": None if average is None else Decimal(average),
    }
    return OrderReport(**(values | more))  # type: ignore[arg-type]  # a test's shorthand
