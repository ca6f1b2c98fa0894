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

from app.core.ids import new_id
from app.core.money import ZERO, plain
from app.execution import statements
from app.execution.events import Alarm, OrderChanged, TradesWanted
from app.execution.models import VenueOrder
from app.execution.states import FINAL, OrderState, Progress, Step, advance, check, may_cancel
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
        _event(session, order_id, now, "desk", OrderState.NEW, OrderState.SENDING)
    return Written(won)


def answered(session: Session, order_id: str, answer: Answer, now: datetime, parked: Sequence[OrderReport]) -> Written:
    """Record the venue's answer to a placing, then the updates that overtook it."""
    order = _load(session, order_id)
    if order.state is not OrderState.SENDING:  # reconciliation was faster: its evidence stands
        late = _late_answer(session, order, answer, now)
        return Written(None, [*late, *_overtook(session, order.account_id, parked, now)])
    state, failure = _state_after(answer)
    values: dict[str, Any] = {"answered_at": now, "reason": answer.reason, "failure": failure}
    if answer.venue_order_id:
        values["venue_order_id"] = answer.venue_order_id
    if state is OrderState.UNKNOWN:
        values["unknown_at"] = now
    events: list[object] = [_move(session, order, state, now, "answer", answer.reason, **values)]
    events += _overtook(session, order.account_id, parked, now)
    if state is OrderState.UNKNOWN:
        events.append(Alarm(order.owner_id, order.account_id, f"order:{order_id}", _unknown_sentence(answer)))
    return Written(state, events)


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


def _late_answer(session: Session, order: "_Row", answer: Answer, now: datetime) -> list[object]:
    """The answer to an order that was put in doubt meanwhile, by an engine that was thought dead."""
    if order.state is OrderState.UNKNOWN and answer.outcome in (Outcome.REFUSED, Outcome.UNAVAILABLE):
        state, failure = _state_after(answer)
        return [_move(session, order, state, now, "answer", answer.reason, reason=answer.reason, failure=failure)]
    if answer.outcome is not Outcome.DONE or order.venue_order_id == answer.venue_order_id:
        return []
    if order.venue_order_id is not None:
        text = f"The venue names this order {answer.venue_order_id}, the books said {order.venue_order_id}."
        return [Alarm(order.owner_id, order.account_id, f"order:{order.id}", text)]
    if _is_owned(session, order.account_id, answer.venue_order_id):
        return []  # its twin of the same wish was given this id: the books will find the other one for it
    moved = _move(session, order, OrderState.OPEN, now, "answer", "late", venue_order_id=answer.venue_order_id)
    if order.state is not OrderState.LOST:
        return [moved]
    text = "The venue took this order after all; it was thought lost."
    return [moved, Alarm(order.owner_id, order.account_id, f"order:{order.id}", text)]


def _is_owned(session: Session, account_id: str, venue_order_id: str | None) -> bool:
    values = {"account_id": account_id, "venue_order_id": venue_order_id}
    return statements.run(session, statements.LOAD_BY_VENUE_ID, values).one_or_none() is not None


def apply(session: Session, account_id: str, report: OrderReport, source: str, now: datetime) -> Written:
    """Bring an order of ours forward by what a venue reports; False when the id is not one of ours."""
    order = _by_venue_id(session, account_id, report)
    if order is None:
        return Written(False)
    step = advance(order.progress, report)
    return Written(True, _take_step(session, order, step, report.reason, source, now))


def adopt(session: Session, order_id: str, report: OrderReport, source: str, now: datetime) -> Written:
    """An unknown order was found in the venue's book: it gets its id and its true state."""
    order = _load(session, order_id)
    if order.venue_order_id is not None or order.state not in (OrderState.UNKNOWN, OrderState.LOST):
        return Written(False)
    statements.change(session, order_id, now, {"venue_order_id": report.venue_order_id, "candidates": None})
    step = advance(order.progress, report)
    if step.progress.state is order.state:
        step = Step(Progress(OrderState.OPEN, order.quantity, order.filled, order.average), needs_trades=True)
    return Written(True, _take_step(session, order, step, report.reason or "found in the book", source, now))


def lose(session: Session, order_id: str, reason: str, source: str, now: datetime) -> Written:
    """It was proven never to have arrived."""
    order = _load(session, order_id)
    if order.state is not OrderState.UNKNOWN:
        return Written(False)
    changed = _move(session, order, OrderState.LOST, now, source, reason, failure="lost", candidates=None)
    return Written(True, [changed])


def doubt(session: Session, order_id: str, reason: str, now: datetime) -> Written:
    """An order whose engine died between claiming it and hearing the answer."""
    order = _load(session, order_id)
    if order.state is not OrderState.SENDING:
        return Written(False)
    changed = _move(session, order, OrderState.UNKNOWN, now, "desk", reason, unknown_at=now, reason=reason)
    return Written(True, [changed])


def withdraw(session: Session, order_id: str, reason: str, now: datetime) -> Written:
    """NEW to CANCELLED: it was never sent and now never will be."""
    values = {"order_id": order_id, "why": reason, "now": now}
    if statements.run(session, statements.WITHDRAW, values).rowcount != 1:
        return Written(False)
    _event(session, order_id, now, "desk", OrderState.NEW, OrderState.CANCELLED, detail=reason)
    return Written(True, [_changed(_load(session, order_id), OrderState.CANCELLED, ZERO)])


def cancel_wanted(session: Session, order_id: str, now: datetime) -> Written:
    """A working order becomes CANCEL_PENDING; the result is whether a cancel must be sent."""
    order = _load(session, order_id)
    if not may_cancel(order.state, order.cancel_at, now):
        return Written(False)
    return Written(True, [_move(session, order, OrderState.CANCEL_PENDING, now, "desk", "", cancel_at=now)])


def cancel_answered(session: Session, order_id: str, answer: Answer, now: datetime) -> Written:
    """A refused cancel brings the order back to working; whether it was filled meanwhile, the books tell."""
    order = _load(session, order_id)
    events: list[object] = [TradesWanted(order.account_id)]
    if order.state is OrderState.CANCEL_PENDING and answer.outcome in (Outcome.REFUSED, Outcome.UNAVAILABLE):
        back = OrderState.PARTIALLY_FILLED if order.filled > 0 else OrderState.OPEN
        events.append(_move(session, order, back, now, "answer", answer.reason, reason=answer.reason))
    return Written(None, events)


def correct_average(session: Session, order_id: str, average: Decimal, now: datetime) -> Written:
    """The trade book knows the exact average of what was booked from a push."""
    order = _load(session, order_id)
    if order.average == average or order.filled == 0:
        return Written(False)
    statements.change(session, order_id, now, {"average_price": average})
    _event(session, order_id, now, "trades", order.state, order.state, order.filled, average, "average corrected")
    return Written(True, [_changed(order, order.state, order.filled)])


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


@dataclass(frozen=True, slots=True)
class _Row:
    id: str
    owner_id: str
    account_id: str
    account_run_id: str | None
    state: OrderState
    quantity: Decimal
    filled: Decimal
    average: Decimal | None
    venue_order_id: str | None
    cancel_at: datetime | None

    @property
    def progress(self) -> Progress:
        return Progress(self.state, self.quantity, self.filled, self.average)


def _load(session: Session, order_id: str) -> _Row:
    return _row(statements.run(session, statements.LOAD, {"order_id": order_id}).one())


def _by_venue_id(session: Session, account_id: str, report: OrderReport) -> _Row | None:
    values = {"account_id": account_id, "venue_order_id": report.venue_order_id}
    found = statements.run(session, statements.LOAD_BY_VENUE_ID, values).one_or_none()
    return _row(found) if found else None


def _row(found: Any) -> _Row:
    identity, owner, account, run, state, *rest = found
    return _Row(identity, owner, account, run, OrderState(state), *rest)


def _take_step(session: Session, order: _Row, step: Step, reason: str, source: str, now: datetime) -> list[object]:
    events: list[object] = [TradesWanted(order.account_id)] if step.needs_trades else []
    new = step.progress
    if new == order.progress:
        return events
    values: dict[str, Any] = {"filled_quantity": new.filled, "average_price": new.average}
    if step.new_fill > 0:
        values["filled_at"] = now
        _fill(session, order, step, source, now)
    if new.state is OrderState.REJECTED:
        values["failure"] = "refused"
    if reason:
        values["reason"] = reason
    events.append(_move(session, order, new.state, now, source, reason, filled=new.filled, **values))
    return events + _alarms(order, step)


def _alarms(order: _Row, step: Step) -> list[object]:
    texts = []
    if step.is_late:
        texts.append(f"A fill of {plain(step.new_fill)} arrived after the order was thought {order.state}.")
    if step.is_overfill:
        texts.append(f"The venue filled {plain(step.progress.filled)} of an order for {plain(order.quantity)}.")
    return [Alarm(order.owner_id, order.account_id, f"order:{order.id}", text) for text in texts]


def _fill(session: Session, order: _Row, step: Step, source: str, now: datetime) -> None:
    fill = {
        "id": new_id(),
        "order_id": order.id,
        "key": f"total:{plain(step.progress.filled)}",
        "quantity": step.new_fill,
        "price": step.fill_price,
        "at": now,
        "source": source,
    }
    statements.run(session, statements.INSERT_FILL, fill)


def _move(
    session: Session, order: _Row, state: OrderState, now: datetime, source: str, detail: str,
    filled: Decimal | None = None, **values: Any,
) -> OrderChanged:  # fmt: skip
    """Change the state by the table, leave an event, say what changed."""
    check(order.state, state)
    quantity = order.filled if filled is None else filled
    if state in FINAL:
        values["ended_at"] = now
    statements.change(session, order.id, now, values | {"state": state.value})
    average = values.get("average_price", order.average)
    _event(session, order.id, now, source, order.state, state, quantity, average, detail)
    return _changed(order, state, quantity)


def _event(
    session: Session, order_id: str, now: datetime, source: str, before: OrderState, after: OrderState,
    filled: Decimal = ZERO, average: Decimal | None = None, detail: str = "",
) -> None:  # fmt: skip
    event = {
        "order_id": order_id,
        "at": now,
        "source": source,
        "from_state": before.value,
        "to_state": after.value,
        "filled_quantity": filled,
        "average_price": average,
        "detail": detail,
    }
    statements.run(session, statements.INSERT_EVENT, event)


def _changed(order: _Row, state: OrderState, filled: Decimal) -> OrderChanged:
    return OrderChanged(order.id, order.owner_id, order.account_id, order.account_run_id, state, filled)
