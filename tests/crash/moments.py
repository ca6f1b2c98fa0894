"""Where in an order's life a kill struck, told from what it left behind: the journal's rows and the broker's."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from app.execution.models import Order
from app.execution.states import FINAL, OrderState
from tests.crash.engines import World
from tests.crash.proof import tag_of
from tests.engine.proving import orders_of

MOMENTS = (
    "before the claim",  # written down, or not even that
    "claimed",  # written down as sent; not at the broker
    "sent",  # at the broker, the answer still on its way
    "answered",  # the answer had come, the journal does not know
    "recorded",  # known, and working
    "cancelling",
    "in doubt",
    "filled",  # everything is known
)


def struck(world: World, run_id: str, at: datetime) -> str:
    """The most delicate moment any order of the run was in."""
    ours = orders_of(world.desk, run_id)
    found = {moment for order in ours if (moment := _moment(world, order, at))}
    for moment in ("answered", "sent", "claimed", "cancelling", "in doubt", "recorded", "before the claim"):
        if moment in found:
            return moment
    return "filled" if ours else "before the claim"


def _moment(world: World, order: Order, at: datetime) -> str:
    state = OrderState(order.state)
    if state in FINAL:
        return ""
    if state is OrderState.SENDING:
        return _on_its_way(world, order, at)
    plain = {
        OrderState.NEW: "before the claim",
        OrderState.UNKNOWN: "in doubt",
        OrderState.CANCEL_PENDING: "cancelling",
    }
    return plain.get(state, "recorded")


def _on_its_way(world: World, order: Order, at: datetime) -> str:
    broker = next(name for name, account_id in world.desk.accounts.items() if account_id == order.account_id)
    row = _row(world.paper.books(broker)["orders"], order)
    if row is None:
        return "claimed"
    back = timedelta(milliseconds=world.rtt_ms[broker] / 2)
    return "answered" if datetime.fromisoformat(row["placed_at"]) + back < at else "sent"


def _row(rows: Sequence[dict[str, Any]], order: Order) -> dict[str, Any] | None:
    return next((row for row in reversed(rows) if row["strategy"] == tag_of(order)), None)
