"""Start-up and crash recovery are one path: rows that a dead engine left half-way are put in doubt, and the same
reconciliation as ever finds out about them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.db import Database
from app.execution import journal
from app.execution.models import Order
from app.execution.states import OrderState
from app.execution.writer import Writer, Written


def adopt_orphans(db: Database, writer: Writer, engine_id: str, now: datetime) -> int:
    """Orders claimed by an engine that is no longer: what it sent before it died, only the books can tell."""
    with db.read() as session:
        orphans = session.scalars(
            select(Order.id).where(Order.state == OrderState.SENDING, Order.claimed_by != engine_id)
        ).all()
    if orphans:
        writer.write(lambda session: _doubt_all(session, orphans, now), durable=True)
    return len(orphans)


def _doubt_all(session: Session, orphans: Sequence[str], now: datetime) -> Written:
    events: list[object] = []
    for order_id in orphans:
        written = journal.doubt(session, order_id, "the engine stopped between sending and hearing the answer", now)
        events += written.events
    return Written(None, events)
