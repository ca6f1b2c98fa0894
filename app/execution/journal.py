"""Every write to an order goes through here: one function per thing that can happen to it.

Claiming is a compare-and-swap in the same statement that proves we hold the engine's lease and that no order which
could be mistaken for this one is in doubt. Each change leaves an event row. All functions run inside a unit of work;
answers and reports that arrive together are written together (`Answered`, `Reported`).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.core.bulk import insert_many
from app.core.prepared import execute
from app.execution import proven_terms, statements
from app.execution.edits import Edit, Edits, event, nothing_filled
from app.execution.models import Order, VenueOrder
from app.execution.refusals import is_refusal
from app.execution.states import AT_VENUE, OrderState, Progress, Step, advance, may_cancel
from app.execution.writer import Together, Written
from app.venues.types import Answer, OrderReport, Outcome

GONE = "The broker shows this pair no more, and nobody took it back: an order may have come of it."


@dataclass(frozen=True, slots=True)
class Claimant:
    """Who claims: this engine, under this lease, which runs out at `until` unless it is renewed."""

    engine_id: str
    epoch: int
    until: datetime = datetime.max.replace(tzinfo=UTC)


def claim(
    session: Session, order_ids: Sequence[str], claimant: Claimant, book_read_at: datetime | None, now: datetime
) -> Written:
    """NEW to SENDING for exactly one caller; the result is the set of those that are ours to send now."""
    values = {
        "ids": list(order_ids),
        "engine_id": claimant.engine_id,
        "epoch": claimant.epoch,
        "book_read_at": book_read_at,
        "now": now,
    }
    won = set(execute(session, statements.CLAIM, values).scalars())
    _note_unsent(session, sorted(won), OrderState.SENDING, "", now)
    return Written(won)


def claim_known(
    session: Session, orders: Iterable[tuple[str, datetime | None]], claimant: Claimant, now: datetime
) -> set[str]:
    """Of these (order, to when its account's book is known) those that are ours to send now. Books that are known to
    the same moment go together: mostly all, since updates are pushed."""
    alike: dict[datetime | None, list[str]] = defaultdict(list)
    for order_id, known in orders:
        alike[known].append(order_id)
    won: set[str] = set()
    for known, order_ids in alike.items():
        won |= claim(session, order_ids, claimant, known, now).result
    return won


@dataclass(frozen=True, slots=True)
class Claiming:
    """The claim of one order as a unit of work, which others of its kind share; the result is whether it was won."""

    order_id: str
    claimant: Callable[[], Claimant]
    known_at: Callable[[datetime], datetime | None]
    clock: Callable[[], datetime]

    @property
    def together(self) -> Together:
        return claim_together

    def __call__(self, session: Session) -> Written:
        return claim_together(session, [self])[0]


def claim_together(session: Session, units: "Sequence[Claiming]") -> list[Written]:
    now = units[0].clock()
    won = claim_known(session, [(unit.order_id, unit.known_at(now)) for unit in units], units[0].claimant(), now)
    return [Written(unit.order_id in won) for unit in units]


@dataclass(frozen=True, slots=True)
class Answered:
    """The venue's answer to a placing, as a unit of work. `parked` gives the updates that overtook it; `sent_at` is
    when the call began: until it is known, the row has the moment of its claim there."""

    order_id: str
    answer: Answer
    at: datetime
    parked: Callable[[], Sequence[OrderReport]] = tuple
    sent_at: datetime | None = None

    @property
    def together(self) -> Together:
        return together

    def __call__(self, session: Session) -> Written:
        return together(session, [self])[0]


@dataclass(frozen=True, slots=True)
class Reported:
    """What a venue reports of an order, as a unit of work; when it is none of ours, `otherwise` decides."""

    account_id: str
    report: OrderReport
    source: str
    at: datetime
    otherwise: Callable[[Session], Written] | None = None

    @property
    def together(self) -> Together:
        return together

    def __call__(self, session: Session) -> Written:
        return together(session, [self])[0]


def together(session: Session, units: "Sequence[Answered | Reported]") -> list[Written]:
    """Many answers and reports in the order they came, loaded once and written once."""
    edits = Edits(session)
    answers = [unit for unit in units if isinstance(unit, Answered)]
    reports = [unit for unit in units if isinstance(unit, Reported)]
    edits.fetch(
        [unit.order_id for unit in answers],
        [(unit.account_id, unit.report.venue_order_id) for unit in reports],
        units[0].at,
    )
    written = [
        _take_answer(edits, unit) if isinstance(unit, Answered) else _take_report(edits, session, unit)
        for unit in units
    ]
    edits.save()
    return written


def _take_answer(edits: Edits, unit: Answered) -> Written:
    order = edits.of(unit.order_id, unit.at)
    parked, answer = unit.parked(), unit.answer
    if order.state is not OrderState.SENDING:  # reconciliation was faster: its evidence stands
        _late_answer(edits, order, answer)
        return Written(None, [*order.news(), *_overtook(edits, order.account_id, parked, unit.at)])
    state, failure = _state_after(answer)
    order.set(answered_at=unit.at, reason=answer.reason, failure=failure)
    if unit.sent_at is not None:
        order.set(sent_at=unit.sent_at)
    order.move(state, "answer", answer.reason)
    if answer.venue_order_id:
        edits.name(order, answer.venue_order_id)
    if state is OrderState.UNKNOWN:
        order.set(unknown_at=unit.at)
        order.alarm(_unknown_sentence(answer))
    for report in parked:
        order.hear(report, "push")
    return Written(state, order.news())


def _take_report(edits: Edits, session: Session, unit: Reported) -> Written:
    order = edits.of_venue_id(unit.account_id, unit.report.venue_order_id, unit.at)
    if order is None:
        return unit.otherwise(session) if unit.otherwise else Written(False)
    if unit.report.quantity != order.progress.quantity:
        proven_terms.hear(session, order, unit.report, unit.source)
    order.hear(unit.report, unit.source)
    return Written(True, order.news())


def _overtook(edits: Edits, account_id: str, parked: Sequence[OrderReport], now: datetime) -> list[object]:
    events: list[object] = []
    for report in parked:
        order = edits.of_venue_id(account_id, report.venue_order_id, now)
        if order is not None:
            order.hear(report, "push")
            events += order.news()
    return events


def _state_after(answer: Answer) -> tuple[OrderState, str]:
    if answer.outcome is Outcome.DONE:
        return OrderState.OPEN, ""
    if answer.outcome is Outcome.UNKNOWN:
        return OrderState.UNKNOWN, ""
    if answer.outcome is Outcome.UNAVAILABLE:
        return OrderState.REJECTED, "unavailable"
    return OrderState.REJECTED, "login" if answer.login_needed else "refused"


def _unknown_sentence(answer: Answer) -> str:
    return f"An order was sent and its answer was lost ({answer.reason}). It is not sent again; the books will tell."


def _late_answer(edits: Edits, order: Edit, answer: Answer) -> None:
    """The answer to an order that was put in doubt meanwhile, by an engine that was thought dead."""
    if order.state is OrderState.UNKNOWN and answer.outcome in (Outcome.REFUSED, Outcome.UNAVAILABLE):
        state, failure = _state_after(answer)
        order.move(state, "answer", answer.reason, reason=answer.reason, failure=failure)
    if answer.outcome is not Outcome.DONE or answer.venue_order_id is None:
        return
    if order.venue_order_id == answer.venue_order_id:
        return
    if order.venue_order_id is not None:
        order.alarm(f"The venue names this order {answer.venue_order_id}, the books said {order.venue_order_id}.")
        return
    if edits.of_venue_id(order.account_id, answer.venue_order_id, order.now) is not None:
        return  # its twin of the same wish was given this id: the books will find the other one for it
    if order.state is OrderState.LOST:
        order.alarm("The venue took this order after all; it was thought lost.")
    order.move(OrderState.OPEN, "answer", "late")
    edits.name(order, answer.venue_order_id)


def owned(session: Session, account_id: str, names: Iterable[str | None]) -> set[str]:
    """Which of these ids at the venue are those of orders of the desk."""
    named = (Order.account_id == account_id, Order.venue_order_id.in_(list(names)))
    return {str(name) for name in session.scalars(select(Order.venue_order_id).where(*named))}


def adopt(session: Session, order_id: str, report: OrderReport, source: str, now: datetime) -> Written:
    """An unknown order was found in the venue's book: it gets its id and its true state."""
    edits = Edits(session)
    order = edits.of(order_id, now)
    if order.venue_order_id is not None or order.state not in (OrderState.UNKNOWN, OrderState.LOST):
        return Written(False)
    order.set(candidates=None)
    edits.name(order, report.venue_order_id)
    step, known = advance(order.progress, report), order.progress
    if step.progress.state is known.state:
        step = Step(Progress(OrderState.OPEN, known.quantity, known.filled, known.average), needs_trades=True)
    order.take(step, source, report.reason or "found in the book")
    return _kept(edits, order, True)


def lose(session: Session, order_id: str, reason: str, source: str, now: datetime) -> Written:
    """It was proven never to have arrived."""
    edits = Edits(session)
    order = edits.of(order_id, now)
    if order.state is not OrderState.UNKNOWN:
        return Written(False)
    order.move(OrderState.LOST, source, reason, failure="lost", candidates=None)
    return _kept(edits, order, True)


def doubt(session: Session, order_id: str, reason: str, now: datetime) -> Written:
    """An order whose engine died between claiming it and hearing the answer."""
    edits = Edits(session)
    order = edits.of(order_id, now)
    if order.state is not OrderState.SENDING:
        return Written(False)
    order.move(OrderState.UNKNOWN, "desk", reason, unknown_at=now, reason=reason)
    return _kept(edits, order, True)


def doubt_pair(session: Session, order_id: str, now: datetime) -> Written:
    """The broker shows a pair no more that nobody took back: an order may have come of it."""
    edits = Edits(session)
    order = edits.of(order_id, now)
    if order.state not in AT_VENUE:
        return Written(False)
    order.move(OrderState.UNKNOWN, "book", GONE, unknown_at=now, venue_order_id=None, lookups=0)
    return _kept(edits, order, True)


def withdraw(session: Session, order_id: str, reason: str, now: datetime) -> Written:
    """NEW to CANCELLED: it was never sent and now never will be."""
    values = {"order_id": order_id, "why": reason, "now": now}
    if execute(session, statements.WITHDRAW, values).rowcount != 1:
        return Written(False)
    _note_unsent(session, [order_id], OrderState.CANCELLED, reason, now)
    return Written(True, [Edits(session).of(order_id, now).changed()])


def cancel_wanted(session: Session, order_id: str, now: datetime) -> Written:
    """A working order becomes CANCEL_PENDING; the result is whether a cancel must be sent."""
    edits = Edits(session)
    order = edits.of(order_id, now)
    if not may_cancel(order.state, order.cancel_at, now):
        return Written(False)
    order.move(OrderState.CANCEL_PENDING, "desk", cancel_at=now)
    return _kept(edits, order, True)


def cancel_answered(
    session: Session, order_id: str, answer: Answer, now: datetime, alarm: str = "", is_pair: bool = False
) -> Written:
    """A refused cancel brings the order back to working; whether it was filled meanwhile, the books tell. `alarm` is
    told if it works still. The result is the order's state."""
    edits = Edits(session)
    order = edits.of(order_id, now)
    order.want_trades()
    if is_pair and order.state in (OrderState.CANCEL_PENDING, OrderState.UNKNOWN) and answer.outcome is Outcome.DONE:
        order.move(OrderState.CANCELLED, "answer", answer.reason)  # nothing can come of it any more
    elif order.state is OrderState.CANCEL_PENDING and answer.outcome in (Outcome.REFUSED, Outcome.UNAVAILABLE):
        back = OrderState.PARTIALLY_FILLED if order.progress.filled > 0 else OrderState.OPEN
        order.move(back, "answer" if is_refusal(answer) else "desk", answer.reason, reason=answer.reason)
        if alarm:
            order.alarm(alarm)
    return _kept(edits, order, order.state)


def correct_averages(session: Session, averages: Mapping[str, Decimal], now: datetime) -> Written:
    """The trade book knows the exact averages, by order, of what was booked from pushes; how many were wrong."""
    edits = Edits(session)
    edits.fetch(averages, (), now)
    events: list[object] = []
    for order_id, average in averages.items():
        order = edits.of(order_id, now)
        if order.progress.average != average and order.progress.filled != 0:
            order.correct_average(average, "trades")
            events += order.news()
    edits.save()
    return Written(len(events), events)


def _kept(edits: Edits, order: Edit, result: object) -> Written:
    news = order.news()
    edits.save()
    return Written(result, news)


def _note_unsent(session: Session, order_ids: Sequence[str], state: OrderState, detail: str, now: datetime) -> None:
    change = (OrderState.NEW.value, nothing_filled(state))
    if order_ids:
        rows = [{"order_id": order_id} for order_id in order_ids]
        insert_many(session, statements.EVENTS, rows, event(now, "desk", change, detail))


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
