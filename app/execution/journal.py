"""Every write to an order goes through here: one function per thing that can happen to it.

Claiming is a compare-and-swap in the same statement that proves we hold the engine's lease and that no order which
could be mistaken for this one is in doubt. Each change leaves an event row. All functions run inside a unit of work.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.execution import statements
from app.execution.edits import Edit, edit, edit_by_venue_id, event_row, nothing_filled
from app.execution.models import VenueOrder
from app.execution.states import OrderState, Progress, Step, advance, may_cancel
from app.execution.writer import Written
from app.venues.types import Answer, OrderReport, Outcome


@dataclass(frozen=True, slots=True)
class Claimant:
    """Who claims: this engine, under this lease."""

    engine_id: str
    epoch: int


def claim(session: Session, order_id: str, claimant: Claimant, book_read_at: datetime | None, now: datetime) -> Written:
    """NEW to SENDING for exactly one caller; the result says whether it was us."""
    values = {
        "order_id": order_id,
        "engine_id": claimant.engine_id,
        "epoch": claimant.epoch,
        "book_read_at": book_read_at,
        "now": now,
    }
    won = statements.run(session, statements.CLAIM, values).rowcount == 1
    if won:
        _note_unsent(session, order_id, OrderState.SENDING, "", now)
    return Written(won)


def answered(session: Session, order_id: str, answer: Answer, now: datetime, parked: Sequence[OrderReport]) -> Written:
    """Record the venue's answer to a placing, then the updates that overtook it."""
    order = edit(session, order_id, now)
    if order.state is not OrderState.SENDING:  # reconciliation was faster: its evidence stands
        _late_answer(session, order, answer)
        return Written(None, [*order.save(), *_overtook(session, order.account_id, parked, now)])
    state, failure = _state_after(answer)
    order.set(answered_at=now, reason=answer.reason, failure=failure)
    order.move(state, "answer", answer.reason)
    if answer.venue_order_id:
        order.set(venue_order_id=answer.venue_order_id)
    if state is OrderState.UNKNOWN:
        order.set(unknown_at=now)
        order.alarm(_unknown_sentence(answer))
    for report in parked:
        order.hear(report, "push")
    return Written(state, order.save())


def _overtook(session: Session, account_id: str, parked: Sequence[OrderReport], now: datetime) -> list[object]:
    return [event for report in parked for event in apply(session, account_id, report, "push", now).events]


def _state_after(answer: Answer) -> tuple[OrderState, str]:
    if answer.outcome is Outcome.DONE:
        return OrderState.OPEN, ""
    if answer.outcome is Outcome.UNKNOWN:
        return OrderState.UNKNOWN, ""
    return OrderState.REJECTED, "refused" if answer.outcome is Outcome.REFUSED else "unavailable"


def _unknown_sentence(answer: Answer) -> str:
    return f"An order was sent and its answer was lost ({answer.reason}). It is not sent again; the books will tell."


def _late_answer(session: Session, order: Edit, answer: Answer) -> None:
    """The answer to an order that was put in doubt meanwhile, by an engine that was thought dead."""
    if order.state is OrderState.UNKNOWN and answer.outcome in (Outcome.REFUSED, Outcome.UNAVAILABLE):
        state, failure = _state_after(answer)
        order.move(state, "answer", answer.reason, reason=answer.reason, failure=failure)
    if answer.outcome is not Outcome.DONE or order.venue_order_id == answer.venue_order_id:
        return
    if order.venue_order_id is not None:
        order.alarm(f"The venue names this order {answer.venue_order_id}, the books said {order.venue_order_id}.")
        return
    if is_owned(session, order.account_id, answer.venue_order_id):
        return  # its twin of the same wish was given this id: the books will find the other one for it
    if order.state is OrderState.LOST:
        order.alarm("The venue took this order after all; it was thought lost.")
    order.move(OrderState.OPEN, "answer", "late", venue_order_id=answer.venue_order_id)


def is_owned(session: Session, account_id: str, venue_order_id: str | None) -> bool:
    """Whether an order of the desk has this id at the venue."""
    values = {"account_id": account_id, "venue_order_id": venue_order_id}
    return statements.run(session, statements.LOAD_BY_VENUE_ID, values).one_or_none() is not None


def apply(session: Session, account_id: str, report: OrderReport, source: str, now: datetime) -> Written:
    """Bring an order of ours forward by what a venue reports; False when the id is not one of ours."""
    order = edit_by_venue_id(session, account_id, report.venue_order_id, now)
    if order is None:
        return Written(False)
    order.hear(report, source)
    return Written(True, order.save())


def adopt(session: Session, order_id: str, report: OrderReport, source: str, now: datetime) -> Written:
    """An unknown order was found in the venue's book: it gets its id and its true state."""
    order = edit(session, order_id, now)
    if order.venue_order_id is not None or order.state not in (OrderState.UNKNOWN, OrderState.LOST):
        return Written(False)
    order.set(venue_order_id=report.venue_order_id, candidates=None)
    step, known = advance(order.progress, report), order.progress
    if step.progress.state is known.state:
        step = Step(Progress(OrderState.OPEN, known.quantity, known.filled, known.average), needs_trades=True)
    order.take(step, source, report.reason or "found in the book")
    return Written(True, order.save())


def lose(session: Session, order_id: str, reason: str, source: str, now: datetime) -> Written:
    """It was proven never to have arrived."""
    order = edit(session, order_id, now)
    if order.state is not OrderState.UNKNOWN:
        return Written(False)
    order.move(OrderState.LOST, source, reason, failure="lost", candidates=None)
    return Written(True, order.save())


def doubt(session: Session, order_id: str, reason: str, now: datetime) -> Written:
    """An order whose engine died between claiming it and hearing the answer."""
    order = edit(session, order_id, now)
    if order.state is not OrderState.SENDING:
        return Written(False)
    order.move(OrderState.UNKNOWN, "desk", reason, unknown_at=now, reason=reason)
    return Written(True, order.save())


def withdraw(session: Session, order_id: str, reason: str, now: datetime) -> Written:
    """NEW to CANCELLED: it was never sent and now never will be."""
    values = {"order_id": order_id, "why": reason, "now": now}
    if statements.run(session, statements.WITHDRAW, values).rowcount != 1:
        return Written(False)
    _note_unsent(session, order_id, OrderState.CANCELLED, reason, now)
    return Written(True, [edit(session, order_id, now).changed()])


def cancel_wanted(session: Session, order_id: str, now: datetime) -> Written:
    """A working order becomes CANCEL_PENDING; the result is whether a cancel must be sent."""
    order = edit(session, order_id, now)
    if not may_cancel(order.state, order.cancel_at, now):
        return Written(False)
    order.move(OrderState.CANCEL_PENDING, "desk", cancel_at=now)
    return Written(True, order.save())


def cancel_answered(session: Session, order_id: str, answer: Answer, now: datetime) -> Written:
    """A refused cancel brings the order back to working; whether it was filled meanwhile, the books tell."""
    order = edit(session, order_id, now)
    order.want_trades()
    if order.state is OrderState.CANCEL_PENDING and answer.outcome in (Outcome.REFUSED, Outcome.UNAVAILABLE):
        back = OrderState.PARTIALLY_FILLED if order.progress.filled > 0 else OrderState.OPEN
        order.move(back, "answer", answer.reason, reason=answer.reason)
    return Written(None, order.save())


def correct_average(session: Session, order_id: str, average: Decimal, now: datetime) -> Written:
    """The trade book knows the exact average of what was booked from a push."""
    order = edit(session, order_id, now)
    if order.progress.average == average or order.progress.filled == 0:
        return Written(False)
    order.correct_average(average, "trades")
    return Written(True, order.save())


def _note_unsent(session: Session, order_id: str, state: OrderState, detail: str, now: datetime) -> None:
    event = event_row(order_id, now, "desk", (OrderState.NEW.value, nothing_filled(state)), detail)
    statements.run(session, statements.INSERT_EVENT, event)


def note_foreign(session: Session, account_id: str, reports: Sequence[OrderReport], now: datetime) -> Written:
    """Remember orders in the book that are not ours, with the moment we first saw each."""
    if reports:
        rows = [_foreign_row(account_id, report, now) for report in reports]
        upsert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        statement = upsert(VenueOrder).values(rows)
        fresh = {
            n: statement.excluded[n] for n in ("status", "filled_quantity", "average_price", "last_seen_at", "price")
        }
        session.execute(statement.on_conflict_do_update(index_elements=["account_id", "venue_order_id"], set_=fresh))
    return Written(len(reports))


def _foreign_row(account_id: str, report: OrderReport, now: datetime) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "venue_order_id": report.venue_order_id,
        "exchange": report.symbol.exchange,
        "symbol": report.symbol.name,
        "side": report.side,
        "quantity": report.quantity,
        "price_type": report.price_type,
        "product": report.product,
        "price": report.price,
        "trigger_price": report.trigger_price,
        "status": report.status,
        "filled_quantity": report.filled_quantity,
        "average_price": report.average_price,
        "at": report.at,
        "first_seen_at": now,
        "last_seen_at": now,
    }
