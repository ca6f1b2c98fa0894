"""What happened in a run, and when: its own steps, those of each account's part, and those of the orders."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.accounts.models import Account
from app.execution.models import Order, OrderEvent
from app.strategies.models import AccountRun, Run
from app.web.contracts import contract_name
from app.web.current import services
from app.web.words import SOURCES, in_words

TIMELINE = 60  # the newest steps; all of an order's are on its own page


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of what happened, with where it happened."""

    at: datetime
    text: str
    account: str = ""
    detail: str = ""
    order_id: str = ""


def _events(orders: Sequence[Order]) -> list[tuple[OrderEvent, Order]]:
    by_id = {order.id: order for order in orders}
    newest = select(OrderEvent).where(OrderEvent.order_id.in_(by_id)).order_by(OrderEvent.seq.desc()).limit(TIMELINE)
    with services().db.read() as session:
        return [(event, by_id[event.order_id]) for event in session.scalars(newest)]


def read_happenings(
    run: Run, parts: Sequence[AccountRun], accounts: dict[str, Account], orders: Sequence[Order]
) -> list[Happening]:
    """Newest first."""
    events = _events(orders)
    found = [Happening(run.requested_at, "Run asked for")]
    if run.started_at:
        found.append(Happening(run.started_at, "Contracts found, orders journaled"))
    if run.exit_at and run.exit_reason:
        found.append(Happening(run.exit_at, f"Exit of all accounts: {run.exit_reason}", detail=f"by {run.exit_by}"))
    if run.closed_at:
        found.append(Happening(run.closed_at, run.state.capitalize(), detail=run.trouble))
    for part in parts:
        name = accounts[part.account_id].name
        if part.exit_at and part.exit_reason:
            found.append(Happening(part.exit_at, f"Exit: {part.exit_reason}", name, f"by {part.exit_by}"))
        if part.closed_at:
            found.append(Happening(part.closed_at, part.state.capitalize(), name))
    found += [_order_step(event, order, accounts[order.account_id].name) for event, order in events]
    return sorted(found, key=lambda happening: happening.at, reverse=True)


def _order_step(event: OrderEvent, order: Order, account: str) -> Happening:
    piece = f" ({order.slice} of {order.slices})" if order.slices > 1 else ""
    heard = SOURCES.get(event.source, event.source)
    text = f"{order.side} {contract_name(order.symbol)}{piece}: {in_words(event.to_state)}, by {heard}"
    return Happening(event.at, text, account, event.detail, order.id)
