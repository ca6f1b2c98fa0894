"""All that is learned about orders, written together: their updates, their events, their fills.

A row is locked when it is loaded, so between looking and writing nobody else changes it. Twenty answers that arrive
together are loaded with one question and written with one statement of each kind.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from app.core.bulk import insert_many
from app.core.ids import new_id
from app.core.money import ZERO, plain
from app.core.prepared import execute
from app.execution import statements
from app.execution.events import Alarm, OrderChanged, TradesWanted
from app.execution.states import FINAL, OrderState, Progress, Step, advance, check
from app.venues.types import OrderReport


class Edit:
    """An order under change: its columns as they stand now, what is to be written, and what to announce."""

    def __init__(self, row: Any, now: datetime) -> None:
        self.now = now
        self.id, self.owner_id, self.account_id, self.account_run_id, state, quantity, filled, average, *rest = row
        self.venue_order_id, self.cancel_at = rest
        self.progress = Progress(OrderState(state), quantity, filled, average)
        self.values: dict[str, Any] = {}
        self.events: list[dict[str, Any]] = []
        self.fills: list[dict[str, Any]] = []
        self._announced: list[object] = []
        self._told = 0  # events that were announced already
        self._is_progress = False

    @property
    def state(self) -> OrderState:
        return self.progress.state

    def set(self, **values: Any) -> None:
        self.values |= values

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
            values["filled_at"] = self.now
            self.fills.append(self._fill(step, source))
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

    def news(self) -> list[object]:
        """What to announce of this after the commit, each thing once."""
        said, self._announced = self._announced, []
        if len(self.events) > self._told:
            self._told = len(self.events)
            said.insert(0, self.changed())
        return said

    def forget(self) -> None:
        """What was to be written is written."""
        self.values, self.events, self.fills, self._told = {}, [], [], 0

    def _go(self, new: Progress, source: str, detail: str, values: dict[str, Any]) -> None:
        before = self.progress
        check(before.state, new.state)
        if new.state in FINAL and new.state is not before.state:
            values["ended_at"] = self.now
        known = {"state": new.state.value, "filled_quantity": new.filled, "average_price": new.average}
        self.values |= known | values
        self.events.append({"order_id": self.id} | event(self.now, source, (before.state.value, new), detail))
        self.progress = new
        self._is_progress = self._is_progress or (new.state, new.filled) != (before.state, before.filled)

    def _fill(self, step: Step, source: str) -> dict[str, Any]:
        return {
            "id": new_id(),
            "order_id": self.id,
            "key": f"total:{plain(step.progress.filled)}",
            "quantity": step.new_fill,
            "price": step.fill_price,
            "at": self.now,
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
        about = (self.id, self.owner_id, self.account_id, self.account_run_id)
        return OrderChanged(*about, now.state, now.filled, self._is_progress or not self.events)


class Edits:
    """Orders under change in one transaction: each is loaded once, and all are written by `save`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._by_id: dict[str, Edit] = {}
        self._by_venue_id: dict[tuple[str, str], Edit | None] = {}

    def fetch(self, order_ids: Iterable[str], venue_ids: Iterable[tuple[str, str]], now: datetime) -> None:
        """Load what will be asked for, by our ids and by (account, venue's id), with one question each."""
        ours = [order_id for order_id in order_ids if order_id not in self._by_id]
        if ours:
            self._keep(execute(self._session, statements.LOAD_MANY, {"ids": ours}).all(), now)
        theirs = [key for key in venue_ids if key not in self._by_venue_id]
        if theirs:
            named = {"accounts": list({key[0] for key in theirs}), "names": list({key[1] for key in theirs})}
            self._keep(execute(self._session, statements.LOAD_MANY_BY_VENUE_ID, named).all(), now)
            for key in theirs:
                self._by_venue_id.setdefault(key, None)

    def of(self, order_id: str, now: datetime) -> Edit:
        """Our order with this id, at this time."""
        self.fetch([order_id], (), now)
        return self._at(self._by_id[order_id], now)

    def of_venue_id(self, account_id: str, venue_order_id: str | None, now: datetime) -> Edit | None:
        """Our order that the venue knows by this id."""
        if venue_order_id is None:
            return None
        self.fetch((), [(account_id, venue_order_id)], now)
        found = self._by_venue_id[account_id, venue_order_id]
        return self._at(found, now) if found else None

    def name(self, order: Edit, venue_order_id: str) -> None:
        """The venue's id of an order became known."""
        order.set(venue_order_id=venue_order_id)
        order.venue_order_id = venue_order_id
        self._by_venue_id[order.account_id, venue_order_id] = order

    def save(self) -> None:
        """Write all changes."""
        changes: list[tuple[str, dict[str, Any]]] = []
        events: list[dict[str, Any]] = []
        fills: list[dict[str, Any]] = []
        for order in self._by_id.values():
            if order.values:
                changes.append((order.id, {"updated_at": order.now} | order.values))
            events += order.events
            fills += order.fills
            order.forget()
        statements.change(self._session, statements.ORDERS, changes)
        insert_many(self._session, statements.EVENTS, events)
        insert_many(self._session, statements.FILLS, fills)

    def _keep(self, rows: Iterable[Any], now: datetime) -> None:
        for row in rows:
            order = self._by_id.get(row.id) or Edit(row, now)  # one that was changed here knows more than its row
            self._by_id[order.id] = order
            if order.venue_order_id is not None:
                self._by_venue_id[order.account_id, order.venue_order_id] = order

    def _at(self, order: Edit, now: datetime) -> Edit:
        order.now = now
        return order


def event(now: datetime, source: str, change: tuple[str, Progress], detail: str = "") -> dict[str, Any]:
    """What the events of orders that went the same way have in common; `change`: the state before, and the progress
    after."""
    before, after = change
    return {
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
