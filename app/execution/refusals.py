"""Cancels that a venue refuses: how many in a row, when to ask again, and at which of them a person must hear of it.

Kept in memory: an engine that is born anew begins to count anew, and what was said is in the order's story. A cancel
that an exit or the kill switch waits for is asked again as soon as if it had not been refused; the others ever more
rarely, since a venue that says no each time has a reason that asking does not change.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.db import Database
from app.execution.events import OrderChanged
from app.execution.models import Order, OrderEvent
from app.execution.states import AT_VENUE, CANCEL_AGAIN, FINAL, OrderState
from app.venues.types import Answer, Outcome

TOLD_AT = 3  # refusals in a row
LONGEST = timedelta(minutes=1)
MOST_DOUBLINGS = 5
P = OrderState.CANCEL_PENDING


@dataclass(slots=True)
class _Row:
    """Refusals in a row; the last of them was asked for at `asked_at`."""

    count: int = 0
    asked_at: datetime | None = None
    is_told: bool = False


@dataclass(frozen=True, slots=True)
class RefusedCancel:
    """What a venue said to the last of so many cancels that it refused in a row."""

    count: int
    words: str
    at: datetime


class Refusals:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[str, _Row] = {}

    def note(self, order_id: str, answer: Answer, asked_at: datetime) -> bool:
        """Whether a person must hear of it now: once per order. A lost answer says nothing, one that was taken ends
        the row."""
        with self._lock:
            if answer.outcome is Outcome.DONE and order_id in self._rows:
                self._rows[order_id] = _Row(is_told=self._rows[order_id].is_told)
            if not is_refusal(answer):
                return False
            row = self._rows.setdefault(order_id, _Row())
            row.count, row.asked_at = row.count + 1, asked_at
            is_news = row.count >= TOLD_AT and not row.is_told
            row.is_told = row.is_told or is_news
            return is_news

    def is_due(self, order_id: str, now: datetime, *, is_awaited: bool) -> bool:
        with self._lock:
            row = self._rows.get(order_id)
            if row is None or row.asked_at is None:
                return True
            return now - row.asked_at >= pause_after(row.count, is_awaited=is_awaited)

    def changed(self, event: OrderChanged) -> None:
        if event.state in FINAL:
            self.forget(event.order_id)

    def forget(self, order_id: str) -> None:
        with self._lock:
            self._rows.pop(order_id, None)


def is_refusal(answer: Answer) -> bool:
    """Somebody there said no. What never reached anybody is no refusal: it is asked again at once."""
    return answer.outcome is Outcome.REFUSED or (answer.outcome is Outcome.UNAVAILABLE and answer.code is not None)


def pause_after(count: int, *, is_awaited: bool) -> timedelta:
    """From one asking to the next, after so many refusals in a row. An exit waits for nothing longer than it must."""
    return CANCEL_AGAIN if is_awaited else min(LONGEST, CANCEL_AGAIN * 2 ** min(count - 1, MOST_DOUBLINGS))


def sentence(symbol: str, venue_order_id: str, words: str) -> str:
    """For the one who must act."""
    said = f" The venue said: {words.rstrip('.')}." if words else ""
    return (
        f"The broker refuses to cancel order {venue_order_id} of {symbol}, {TOLD_AT} times in a row.{said} It still "
        "works there and may fill: cancel it at the broker. The desk goes on asking."
    )


def refused_cancels(db: Database, orders: Iterable[Order]) -> dict[str, RefusedCancel]:
    """By order, of those that work although their cancel was asked for: what their story tells of it."""
    asked = [order.id for order in orders if order.cancel_at and order.state in AT_VENUE and order.state != P]
    if not asked:
        return {}
    with db.read() as session:
        return _in_a_row(session, asked)


def _in_a_row(session: Session, order_ids: list[str]) -> dict[str, RefusedCancel]:
    steps = select(OrderEvent).where(OrderEvent.order_id.in_(order_ids), OrderEvent.from_state == P)
    found: dict[str, RefusedCancel] = {}
    for step in session.scalars(steps.order_by(OrderEvent.seq)):
        before = found.get(step.order_id)
        if step.source == "answer" and step.to_state != P:
            found[step.order_id] = RefusedCancel(before.count + 1 if before else 1, step.detail, step.at)
        elif step.source == "desk" and step.to_state == P:  # asked again although nobody had refused
            found.pop(step.order_id, None)
    return found
