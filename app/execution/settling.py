"""What an order book proves about changes that were sent: it ends those in doubt and confirms the others.

Only the newest change of an order is asked about. One whose answer was lost ends here and nowhere else; one that the
venue took and whose book goes on showing the terms of before did not hold, and the row says so again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.db import Database
from app.execution import journal
from app.execution.edits import Edit, Edits
from app.execution.models import Order, OrderChange, VenueOrder
from app.execution.proven_terms import asked_terms, end, in_words, old_terms, take
from app.execution.states import FINAL, IN_DOUBT, OrderState
from app.execution.terms import PRICED, ChangeState, Finding, SentChange, Terms, judge, shows
from app.execution.writer import Written
from app.venues.types import OrderReport

NEVER_ARRIVED = "The order book went on showing the terms of before: the change never arrived."
DID_NOT_HOLD = "The venue took the change, and its order book went on showing the terms of before."


@dataclass(frozen=True, slots=True)
class Reading:
    """A whole order book of one account, and how much of not being shown proves something."""

    account_id: str
    orders: Sequence[OrderReport]
    started_at: datetime
    lookups: int
    window: timedelta


def has_unsettled(db: Database, account_id: str) -> bool:
    with db.read() as session:
        found = session.scalar(
            select(OrderChange.id)
            .where(OrderChange.account_id == account_id, OrderChange.settled_at.is_(None))
            .limit(1)
        )
    return found is not None


def settle(session: Session, reading: Reading, now: datetime) -> Written:
    """Judge every change of the account that was sent before the book was read."""
    rows = session.scalars(
        select(OrderChange)
        .where(
            OrderChange.account_id == reading.account_id,
            OrderChange.settled_at.is_(None),
            OrderChange.sent_at < reading.started_at,
        )
        .order_by(OrderChange.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    newest = {change.order_id: change for change in rows}
    edits, events = Edits(session), []
    book = {report.venue_order_id: report for report in reading.orders}
    for change in rows:
        if change is not newest[change.order_id]:
            change.settled_at = change.settled_at or (now if change.ended_at else None)
        elif change.state != ChangeState.SENDING:
            order = edits.of(change.order_id, now)
            report = book.get(order.venue_order_id or "") or _renamed(session, edits, order, change, reading)
            _settle(order, change, report, reading, now)
            events += order.news()
            if change.settled_at is not None:
                events.append(order.changed())
    edits.save()
    session.flush()
    return Written(len(rows), events)


def _settle(order: Edit, change: OrderChange, report: OrderReport | None, reading: Reading, now: datetime) -> None:
    if change.state == ChangeState.REFUSED:
        if change.answered_at is None or change.answered_at < reading.started_at:
            _say_if_late(order, change, report, now)
        return
    if change.state == ChangeState.DONE and change.answered_at and change.answered_at >= reading.started_at:
        return  # read before the answer: not being shown says nothing
    if report is None:
        if order.state in FINAL:
            _end_late(order, change, order.state, now)
        return
    change.lookups += 1
    sent = SentChange(asked_terms(change), change.state == ChangeState.DONE, change.sent_at or now, change.lookups)
    _carry_out(order, change, report, judge(sent, report, now, reading.lookups, reading.window), now)


def _carry_out(order: Edit, change: OrderChange, report: OrderReport, finding: Finding, now: datetime) -> None:
    is_done = change.state == ChangeState.DONE
    if finding is Finding.APPLIED:
        if not is_done:
            take(order, asked_terms(change), "book", f"changed to {asked_terms(change)}")
            end(change, ChangeState.DONE, "The order book shows it.", now)
        change.settled_at = now
        _look_at_end(order, report)
    elif finding is Finding.TOO_LATE:
        if is_done:
            _put_back(order, change, report)
        _end_late(order, change, report.status.value, now)
    elif finding is Finding.NOT_APPLIED:
        _put_back(order, change, report)
        if is_done:
            order.alarm(DID_NOT_HOLD)
        end(change, ChangeState.REFUSED, DID_NOT_HOLD if is_done else NEVER_ARRIVED, now, is_settled=True)


def _end_late(order: Edit, change: OrderChange, how: str, now: datetime) -> None:
    if change.state == ChangeState.DONE and (order.progress.quantity == change.quantity or order.state in FINAL):
        change.settled_at = now
        return
    end(change, ChangeState.REFUSED, f"Too late: it was {in_words(how)}.", now, is_settled=True)


def _say_if_late(order: Edit, change: OrderChange, report: OrderReport | None, now: datetime) -> None:
    """The first book after a refusal: where the order has ended, that is why."""
    ended = report.status.value if report is not None and report.status.is_final else ""
    ended = ended or (order.state.value if order.state in FINAL else "")
    if ended and not change.reason.startswith("Too late"):
        change.reason = f"Too late: it was {in_words(ended)}. {change.reason}".strip()
    if report is not None or ended:
        change.settled_at = now


def _put_back(order: Edit, change: OrderChange, report: OrderReport) -> None:
    """The row says what the book shows."""
    terms = old_terms(change)
    if change.state == ChangeState.UNKNOWN and shows(report, terms):
        return  # and the row never said otherwise
    if not shows(report, terms) and (report.price is not None or report.price_type not in PRICED):
        terms = Terms(report.quantity, report.price_type, report.price, report.trigger_price)
    take(order, terms, "book", f"the order book shows {terms}")


def _look_at_end(order: Edit, report: OrderReport) -> None:
    """A fill that was booked as the last one before the new total was known, and the venue works on."""
    if order.state is OrderState.FILLED and not report.status.is_final and report.quantity > order.progress.filled:
        order.alarm("It counted as filled, and after the change the venue works more of it: look at the broker.")


def _renamed(session: Session, edits: Edits, order: Edit, change: OrderChange, reading: Reading) -> OrderReport | None:
    """A venue that gives a changed order a new id, and the answer with that id was lost: the one new order of nobody
    that has exactly the new terms, unless an order in doubt could be it as well."""
    if change.state != ChangeState.UNKNOWN or order.state in FINAL:
        return None
    row = session.get_one(Order, order.id)
    alike = [report for report in reading.orders if _is_alike(report, row) and shows(report, asked_terms(change))]
    names = [report.venue_order_id for report in alike]
    taken = _not_new(session, reading.account_id, names, change.seen_mark)
    found = [report for report in alike if report.venue_order_id not in taken]
    if len(found) != 1 or _has_doubtful_twin(session, row):
        return None
    edits.name(order, found[0].venue_order_id)
    return found[0]


def _is_alike(report: OrderReport, row: Order) -> bool:
    place = (report.symbol.exchange, report.symbol.name, str(report.side), report.product)
    return place == (row.exchange, row.symbol, row.side, row.product)


def _not_new(session: Session, account_id: str, names: Sequence[str], mark: int) -> set[str]:
    before = select(VenueOrder.venue_order_id).where(
        VenueOrder.account_id == account_id, VenueOrder.venue_order_id.in_(names), VenueOrder.seq <= mark
    )
    return journal.owned(session, account_id, names) | set(session.scalars(before))


def _has_doubtful_twin(session: Session, row: Order) -> bool:
    query = select(Order.id).where(
        Order.account_id == row.account_id,
        Order.state.in_(IN_DOUBT),
        Order.venue_order_id.is_(None),
        Order.exchange == row.exchange,
        Order.symbol == row.symbol,
        Order.side == row.side,
    )
    return session.scalar(query.limit(1)) is not None
