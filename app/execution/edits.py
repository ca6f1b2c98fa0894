"""All that one unit of work learns about one order, written together: one update, its events, its fills.

The row is locked when it is loaded, so between looking and writing nobody else changes it.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from app.core.ids import new_id
from app.core.money import ZERO, plain
from app.execution import statements
from app.execution.events import Alarm, OrderChanged, TradesWanted
from app.execution.states import FINAL, OrderState, Progress, Step, advance, check
from app.venues.types import OrderReport


class Edit:
    """An order under change: its columns as they stand now, what is to be written, and what to announce."""

    def __init__(self, session: Session, row: Any, now: datetime) -> None:
        self._session = session
        self._now = now
        self.id, self.owner_id, self.account_id, self.account_run_id, state, quantity, filled, average, *rest = row
        self.venue_order_id, self.cancel_at = rest
        self.progress = Progress(OrderState(state), quantity, filled, average)
        self._values: dict[str, Any] = {}
        self._events: list[dict[str, Any]] = []
        self._fills: list[dict[str, Any]] = []
        self._announced: list[object] = []

    @property
    def state(self) -> OrderState:
        return self.progress.state

    def set(self, **values: Any) -> None:
        self._values |= values

    def move(self, state: OrderState, source: str, detail: str = "", **values: Any) -> None:
        """To another state, by the table."""
        now = self.progress
        self._go(Progress(state, now.quantity, now.filled, now.average), source, detail, values)

    def hear(self, report: OrderReport, source: str, reason: str = "") -> None:
        """Forward by what a venue reports."""
        self.take(advance(self.progress, report), source, reason or report.reason)

    def take(self, step: Step, source: str, reason: str) -> None:
        if step.needs_trades:
            self._announced.append(TradesWanted(self.account_id))
        if step.progress == self.progress:
            return
        self._alarm_of(step)
        values: dict[str, Any] = {"reason": reason} if reason else {}
        if step.new_fill > 0:
            values["filled_at"] = self._now
            self._fills.append(self._fill(step, source))
        if step.progress.state is OrderState.REJECTED:
            values["failure"] = "refused"
        self._go(step.progress, source, reason, values)

    def correct_average(self, average: Decimal, source: str) -> None:
        now = self.progress
        self._go(Progress(now.state, now.quantity, now.filled, average), source, "average corrected", {})

    def alarm(self, text: str) -> None:
        self._announced.append(Alarm(self.owner_id, self.account_id, f"order:{self.id}", text))

    def want_trades(self) -> None:
        self._announced.append(TradesWanted(self.account_id))

    def save(self) -> list[object]:
        """Write it; what to announce after the commit."""
        if self._values:
            statements.change(self._session, self.id, self._now, self._values)
        if self._events:
            statements.run(self._session, statements.INSERT_EVENT, self._events)
            self._announced.insert(0, self.changed())
        if self._fills:
            statements.run(self._session, statements.INSERT_FILL, self._fills)
        return self._announced

    def _go(self, new: Progress, source: str, detail: str, values: dict[str, Any]) -> None:
        before = self.progress
        check(before.state, new.state)
        if new.state in FINAL and new.state is not before.state:
            values["ended_at"] = self._now
        known = {"state": new.state.value, "filled_quantity": new.filled, "average_price": new.average}
        self._values |= known | values
        self._events.append(event_row(self.id, self._now, source, (before.state.value, new), detail))
        self.progress = new

    def _fill(self, step: Step, source: str) -> dict[str, Any]:
        return {
            "id": new_id(),
            "order_id": self.id,
            "key": f"total:{plain(step.progress.filled)}",
            "quantity": step.new_fill,
            "price": step.fill_price,
            "at": self._now,
            "source": source,
        }

    def _alarm_of(self, step: Step) -> None:
        if step.is_late:
            self.alarm(f"A fill of {plain(step.new_fill)} arrived after the order was thought {self.state}.")
        if step.is_overfill:
            filled, ordered = plain(step.progress.filled), plain(self.progress.quantity)
            self.alarm(f"The venue filled {filled} of an order for {ordered}.")

    def changed(self) -> OrderChanged:
        now = self.progress
        return OrderChanged(self.id, self.owner_id, self.account_id, self.account_run_id, now.state, now.filled)


def edit(session: Session, order_id: str, now: datetime) -> Edit:
    return Edit(session, statements.run(session, statements.LOAD, {"order_id": order_id}).one(), now)


def edit_by_venue_id(session: Session, account_id: str, venue_order_id: str | None, now: datetime) -> Edit | None:
    values = {"account_id": account_id, "venue_order_id": venue_order_id}
    row = statements.run(session, statements.LOAD_BY_VENUE_ID, values).one_or_none()
    return Edit(session, row, now) if row else None


def event_row(
    order_id: str, now: datetime, source: str, change: tuple[str, Progress], detail: str = ""
) -> dict[str, Any]:
    """`change`: the state before, and the progress after."""
    before, after = change
    return {
        "order_id": order_id,
        "at": now,
        "source": source,
        "from_state": before,
        "to_state": after.state.value,
        "filled_quantity": after.filled,
        "average_price": after.average,
        "detail": detail,
    }


def nothing_filled(state: OrderState) -> Progress:
    """What an order that was never sent has come to, for its event."""
    return Progress(state, ZERO)
