"""Changes of working orders in the journal: claimed once, sent once, ended by the venue's answer or by its order book.

The order's own row takes new terms only when the venue said that it took them or its book shows them. A fill always
wins: what is filled stays filled, and a change that came too late says so. All functions run inside a unit of work.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from app.core.db import Database
from app.core.money import plain
from app.execution import journal
from app.execution.desk import Gate, Wish, open_gate
from app.execution.edits import Edit, Edits
from app.execution.journal import Claimant
from app.execution.models import EngineLease, Order, OrderChange, VenueOrder
from app.execution.proven_terms import asked_terms, end, in_words, take
from app.execution.recovery import STRANDED
from app.execution.states import AT_VENUE, FINAL, OrderState
from app.execution.terms import LESSEN, ChangeState, Terms
from app.execution.writer import Written
from app.venues.types import Answer, ModifyOrder, Outcome, Product, Side, Symbol

BY_DESK = "the run's rule"
ENTRY = "manual"  # only the quantity of these is a person's to choose
NEVER_HEARD = "The engine stopped between sending the change and hearing the answer."


@dataclass(frozen=True, slots=True)
class Waiting:
    """A change that nobody has sent yet, and what its order is for."""

    change_id: str
    account_id: str
    purpose: str


def waiting(db: Database) -> list[Waiting]:
    """For the engine: changes that were asked for, oldest first."""
    with db.read() as session:
        rows = session.execute(
            select(OrderChange.id, OrderChange.account_id, Order.purpose)
            .join(Order, Order.id == OrderChange.order_id)
            .where(OrderChange.settled_at.is_(None), OrderChange.state == ChangeState.ASKED)
            .order_by(OrderChange.id)
        ).all()
    return [Waiting(*row) for row in rows]


def new_change(order: Order, wanted: Terms, key: str, by: str) -> OrderChange:
    """A wish for these terms, not yet written down: the caller says when it was asked for."""
    return OrderChange(
        owner_id=order.owner_id,
        order_id=order.id,
        account_id=order.account_id,
        key=key,
        by=by,
        quantity=wanted.quantity,
        price_type=wanted.price_type.value,
        price=wanted.price,
        trigger_price=wanted.trigger_price,
        old_quantity=order.quantity,
        old_price_type=order.price_type,
        old_price=order.price,
        old_trigger_price=order.trigger_price,
        state=ChangeState.ASKED.value,
    )


def ask_by_desk(session: Session, order_id: str, wanted: Terms, now: datetime) -> Waiting | None:
    """An order of a run that rests goes at other terms, its quantity as it is. None when it is finished or being
    cancelled, when a change of it is under way, or when it has these terms. Whoever asks for a change holds the row."""
    order = session.get_one(Order, order_id, populate_existing=True, with_for_update=True)
    if order.state not in AT_VENUE or order.venue_order_id is None or order.cancel_asked_at or order.cancel_at:
        return None
    changes = session.scalars(select(OrderChange).where(OrderChange.order_id == order_id)).all()
    terms = Terms(order.quantity, wanted.price_type, wanted.price).clean
    is_same = (order.price_type, order.price) == (terms.price_type, terms.price)
    if is_same or any(change.ended_at is None for change in changes):
        return None
    change = new_change(order, terms, f"{order.id}:convert:{len(changes) + 1}", BY_DESK)
    change.by_desk, change.asked_at = True, now
    session.add(change)
    session.flush()
    return Waiting(change.id, order.account_id, order.purpose)


def claim(session: Session, change_id: str, claimant: Claimant, now: datetime, gate: Gate = open_gate) -> Written:
    """Asked to sending for exactly one caller that holds the lease; the result is the command to send, or None. The
    gate is asked once more: whatever stopped trading since the change was asked for stops it."""
    change = locked(session, change_id)
    if change is None or change.state != ChangeState.ASKED or not _leads(session, claimant):
        return Written(None)
    edits = Edits(session)
    order = edits.of(change.order_id, now)
    row = session.get_one(Order, order.id, populate_existing=True)
    _remember(change, row)
    why_not = _too_late(order, change) or gate(session, as_wish(row, asked_terms(change)))
    if why_not:
        end(change, ChangeState.WITHDRAWN, why_not, now, is_settled=True)
        session.flush()
        return Written(None, [order.changed()])
    change.state, change.claimed_by, change.sent_at = ChangeState.SENDING, claimant.engine_id, now
    change.seen_mark = session.scalar(select(func.coalesce(func.max(VenueOrder.seq), 0))) or 0
    session.flush()
    return Written(_command(change, row), [order.changed()])


def _too_late(order: Edit, change: OrderChange) -> str:
    if order.state in FINAL:
        return f"Too late: it was {in_words(order.state)}."
    if order.cancel_at is not None or order.state is OrderState.CANCEL_PENDING:
        return "Not sent: the order is being cancelled."
    if order.venue_order_id is None or order.state not in AT_VENUE:
        return "Not sent: the order is not at the venue."
    if change.quantity <= order.progress.filled:
        return f"Too late: {plain(order.progress.filled)} are filled. To end it there, cancel the rest."
    return ""


def _remember(change: OrderChange, order: Order) -> None:
    """The terms as they stand now. A change of the price alone keeps whatever quantity the order has."""
    if change.quantity == change.old_quantity:
        change.quantity = order.quantity
    change.old_quantity, change.old_price_type = order.quantity, order.price_type
    change.old_price, change.old_trigger_price = order.price, order.trigger_price


def as_wish(order: Order, wanted: Terms) -> Wish:
    """The order with its new terms, for the gate: less of an entry passes where more of it does not."""
    wish = Wish(
        key="",
        owner_id=order.owner_id,
        account_id=order.account_id,
        account_run_id=order.account_run_id,
        purpose=order.purpose,
        symbol=Symbol(order.exchange, order.symbol),
        side=Side(order.side),
        quantity=wanted.quantity,
        product=order.product,
        lot=wanted.quantity,
        freeze=None,
        price_type=wanted.price_type,
        price=wanted.price,
        trigger_price=wanted.trigger_price,
    )
    is_less = order.purpose == ENTRY and wanted.quantity < order.quantity
    return replace(wish, purpose=LESSEN) if is_less else wish


def _command(change: OrderChange, order: Order) -> ModifyOrder:
    wanted = asked_terms(change).clean
    return ModifyOrder(
        venue_order_id=order.venue_order_id or "",
        client_order_id=order.id,
        symbol=Symbol(order.exchange, order.symbol),
        side=Side(order.side),
        quantity=wanted.quantity,
        price_type=wanted.price_type,
        product=Product(order.product),
        price=wanted.price,
        trigger_price=wanted.trigger_price,
        tag=f"{order.id[-10:]}-mirrordesk",
    )


def answered(session: Session, change_id: str, answer: Answer, now: datetime) -> Written:
    """Record the venue's answer. What a report has shown meanwhile stands."""
    change = locked(session, change_id)
    if change is None:
        return Written(None)
    edits = Edits(session)
    order = edits.of(change.order_id, now)
    if answer.outcome is Outcome.DONE:
        _take_name(session, edits, order, answer.venue_order_id)
    if change.state in (ChangeState.SENDING, ChangeState.UNKNOWN):
        change.answered_at = now
        _take_answer(order, change, answer, now)
    order.want_trades()  # the book confirms it, and tells whether a fill was faster
    events = [*order.news(), order.changed()]
    edits.save()
    session.flush()
    return Written(change.state, events)


def _take_answer(order: Edit, change: OrderChange, answer: Answer, now: datetime) -> None:
    if answer.outcome is Outcome.DONE:
        take(order, asked_terms(change), "answer", f"changed to {asked_terms(change)}")
        end(change, ChangeState.DONE, "", now)
    elif answer.outcome is Outcome.UNKNOWN:
        change.state, change.reason = ChangeState.UNKNOWN, answer.reason
        order.alarm(f"A change was sent and its answer was lost ({answer.reason}). It is not sent again.")
    else:
        late = f"Too late: it was {in_words(order.state)}. " if order.state in FINAL else ""
        end(change, ChangeState.REFUSED, late + answer.reason, now)


def _take_name(session: Session, edits: Edits, order: Edit, name: str | None) -> None:
    """Some venues give a changed order a new id."""
    if name is None or name == order.venue_order_id:
        return
    if journal.owned(session, order.account_id, [name]):
        order.alarm(f"The venue names this order {name} now, which is another order of the desk.")
        return
    edits.name(order, name)


def doubt_orphans(session: Session, engine_id: str, now: datetime) -> Written:
    """Changes that an engine had claimed which is no more: what became of them, only the book can tell."""
    is_left = or_(OrderChange.claimed_by != engine_id, OrderChange.sent_at < now - STRANDED)
    rows = session.scalars(
        select(OrderChange)
        .where(OrderChange.settled_at.is_(None), OrderChange.state == ChangeState.SENDING, is_left)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    edits, events = Edits(session), []
    for change in rows:
        order = edits.of(change.order_id, now)
        change.state, change.reason = ChangeState.UNKNOWN, NEVER_HEARD
        order.alarm(f"{NEVER_HEARD} It is not sent again; the order book will tell.")
        order.want_trades()
        events += [*order.news(), order.changed()]
    session.flush()
    return Written(len(rows), events)


def has_orphans(db: Database, engine_id: str, now: datetime) -> bool:
    is_left = or_(OrderChange.claimed_by != engine_id, OrderChange.sent_at < now - STRANDED)
    with db.read() as session:
        found = session.scalar(
            select(OrderChange.id)
            .where(OrderChange.settled_at.is_(None), OrderChange.state == ChangeState.SENDING, is_left)
            .limit(1)
        )
    return found is not None


def locked(session: Session, change_id: str) -> OrderChange | None:
    """The row as it is now, kept from others until the end of the unit of work."""
    return session.get(OrderChange, change_id, populate_existing=True, with_for_update=True)


def _leads(session: Session, claimant: Claimant) -> bool:
    mine = (EngineLease.holder == claimant.engine_id, EngineLease.epoch == claimant.epoch)
    return bool(session.scalar(select(exists().where(*mine))))
