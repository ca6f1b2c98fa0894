"""Orders in doubt as the pages show them: what is known, what could be it, and when the desk decides by itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.accounts.models import Account
from app.execution.models import Order, VenueOrder
from app.execution.states import OrderState
from app.web.current import services
from app.web.order_lines import OrderLine, order_line


@dataclass(frozen=True, slots=True)
class Doubt:
    """`looks_needed` whole books without it, and the moment `until`, must both have passed before it counts as lost."""

    line: OrderLine
    candidates: Sequence[VenueOrder]
    looks_needed: int
    until: datetime
    is_waiting: bool  # that moment is still to come

    @property
    def is_lost(self) -> bool:
        """It was given up; something at the venue may be it after all."""
        return self.line.order.state == OrderState.LOST

    @property
    def can_give_up(self) -> bool:
        return self.line.order.state == OrderState.UNKNOWN


def doubts_of(owner_id: str, orders: Sequence[Order], accounts: dict[str, Account]) -> list[Doubt]:
    """Those of these orders that are in doubt, or were lost and may have turned up."""
    desk = services()
    doubtful = [one for one in orders if one.state == OrderState.UNKNOWN or _may_be_back(one)]
    candidates = desk.orders.candidates(owner_id, doubtful)
    now, window = desk.clock.now(), timedelta(seconds=desk.settings.unknown_window_seconds)
    doubts = []
    for order in doubtful:
        until = (order.sent_at or order.created_at) + window
        line = order_line(order, accounts, now)
        doubts.append(Doubt(line, candidates.get(order.id, ()), desk.settings.unknown_lookups, until, now < until))
    return doubts


def _may_be_back(order: Order) -> bool:
    return order.state == OrderState.LOST and bool(order.candidates)
