"""The moments of an order's row, as `timing` takes them."""

from datetime import datetime

from app.execution.models import Order
from app.execution.states import FINAL, IN_DOUBT
from app.execution.timing import Times

NEVER_LEFT = ("denied", "withdrawn", "unavailable")  # failures of orders that were not sent


def times_of(order: Order, asked: datetime) -> Times:
    """`asked`: the click or the rule behind it."""
    left = order.failure not in NEVER_LEFT
    return Times(
        order_id=order.id,
        account_id=order.account_id,
        wave=order.wave,
        asked=asked,
        written=order.created_at,
        claimed=order.claimed_at,
        sent=order.sent_at if left else None,
        answered=order.answered_at if left else None,
        lost=order.unknown_at,
        filled=order.filled_at,
        ended=(order.ended_at or order.updated_at) if order.state in FINAL else None,
        is_in_doubt=order.state in IN_DOUBT,
    )
