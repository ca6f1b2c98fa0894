"""Start-up and crash recovery are one path: rows that a dead engine left half-way are put in doubt, and the same
reconciliation as ever finds out about them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.core.db import Database
from app.execution import journal
from app.execution.models import Order
from app.execution.states import OrderState
from app.execution.writer import Writer, Written

STRANDED = timedelta(minutes=3)  # no call takes so long: its answer could not be written down


def adopt_orphans(db: Database, writer: Writer, engine_id: str, now: datetime) -> int:
    """Orders claimed by an engine that is no longer: what it sent before it died, only the books can tell."""
    is_left = or_(Order.claimed_by != engine_id, Order.claimed_at < now - STRANDED)
    with db.read() as session:
        orphans = session.scalars(select(Order.id).where(Order.state == OrderState.SENDING, is_left)).all()
    if orphans:
        writer.write(lambda session: _doubt_all(session, orphans, now), durable=True)
    return len(orphans)


def _doubt_all(session: Session, orphans: Sequence[str], now: datetime) -> Written:
    events: list[object] = []
    for order_id in orphans:
        written = journal.doubt(session, order_id, "the engine stopped between sending and hearing the answer", now)
        events += written.events
    return Written(None, events)
