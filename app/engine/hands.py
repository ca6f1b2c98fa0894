"""What people ask for by hand: orders of no run, and changes of working orders, offered to their account's lane.

The rows are the queue: whatever the lane dropped, or a lost nudge left lying, is offered again at the next turn. An
entry that could not go within a minute is withdrawn: nobody expects it later. An exit waits for its account.
"""

from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.orm import Session

from app.core.clock import Clock
from app.core.db import Database
from app.engine.crew import Crew
from app.execution import changes, journal
from app.execution.closing import EXIT, new_by_hand
from app.execution.lease import Lease
from app.execution.models import Order
from app.execution.writer import Writer, Written

TOO_LATE = timedelta(seconds=60)
NOT_SENT = "Not sent: its account could not take it within a minute. Place it anew if it is still wanted."


class Hands:
    def __init__(self, db: Database, writer: Writer, clock: Clock, crew: Crew, lease: Lease) -> None:
        self._db = db
        self._writer = writer
        self._clock = clock
        self._crew = crew
        self._lease = lease

    def step(self) -> bool:
        """True when there was something to do."""
        if not self._crew.is_complete:
            return False
        self._doubt_orphans()
        orders, waiting = self._new_orders(), changes.waiting(self._db)
        for order in orders:
            self._offer_order(order)
        for change in waiting:
            self._offer_change(change)
        return bool(orders or waiting)

    def _new_orders(self) -> list[Order]:
        with self._db.read() as session:
            return [order for order in new_by_hand(session) if order.cancel_asked_at is None]

    def _offer_order(self, order: Order) -> None:
        now = self._clock.now()
        if order.purpose != EXIT and now - order.created_at > TOO_LATE:
            self._writer.write(partial(_withdraw, order.id, now), durable=True)
            return
        member = self._crew.get(order.account_id)
        if member is not None:
            member.lane.offer([member.sender.placing(order)])

    def _offer_change(self, change: changes.Waiting) -> None:
        member = self._crew.get(change.account_id)
        if member is not None:
            member.lane.offer([member.sender.changing(change)])

    def _doubt_orphans(self) -> None:
        engine_id, now = self._lease.engine_id, self._clock.now()
        if changes.has_orphans(self._db, engine_id, now):
            self._writer.write(lambda session: changes.doubt_orphans(session, engine_id, now), durable=True)


def _withdraw(order_id: str, now: datetime, session: Session) -> Written:
    return journal.withdraw(session, order_id, NOT_SENT, now)
