"""Asking for new terms of a working order. The web writes the change and nudges; the engine sends it.

The order keeps its terms until the venue is known to have taken the new ones. A second wish takes the place of one that
nobody has sent yet; while one is on its way or its answer is lost, no other is taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.audit.trail import Trail
from app.core import actors
from app.core.clock import Clock, day_in_india
from app.core.db import Database, after_commit
from app.core.errors import Denied, Invalid
from app.core.link import Link
from app.core.owning import owned
from app.execution.changes import ENTRY, as_wish, new_change
from app.execution.desk import Gate
from app.execution.models import Order, OrderChange
from app.execution.proven_terms import end, in_words
from app.execution.states import AT_VENUE, OrderState
from app.execution.terms import ChangeState, Contract, Terms, change_problems
from app.execution.tickets import VENUE_KIND
from app.instruments.service import InstrumentService
from app.venues.types import PriceType


@dataclass(frozen=True, slots=True)
class Changeable:
    """A working order with what may be asked of it."""

    order: Order
    contract: Contract
    has_own_quantity: bool  # False: a run, or what is held, decides it


class ChangeService:
    """Every method takes the owner first: somebody else's order is not found."""

    def __init__(
        self, db: Database, clock: Clock, link: Link, trail: Trail, instruments: InstrumentService, gate: Gate
    ) -> None:
        self._db = db
        self._clock = clock
        self._link = link
        self._trail = trail
        self._instruments = instruments
        self._gate = gate

    def of(self, owner_id: str, order_ids: Sequence[str]) -> dict[str, list[OrderChange]]:
        """The changes of these orders, newest first."""
        found: dict[str, list[OrderChange]] = {order_id: [] for order_id in order_ids}
        with self._db.read() as session:
            for change in session.scalars(
                select(OrderChange)
                .where(OrderChange.owner_id == owner_id, OrderChange.order_id.in_(order_ids))
                .order_by(OrderChange.id.desc())
            ):
                found[change.order_id].append(change)
        return found

    def look(self, owner_id: str, order_id: str) -> Changeable:
        """Raises Denied when the order can't be changed, with what to do instead."""
        with self._db.read() as session:
            order = owned(session, Order, owner_id, order_id, "order")
        _refuse(order)
        return Changeable(order, self._contract(order), order.purpose == ENTRY and order.account_run_id is None)

    def ask(self, owner_id: str, order_id: str, wanted: Terms, key: str) -> str:
        """Write down a change; its id. The same key is the same change. Raises Invalid by field, or Denied."""
        contract = self.look_again(owner_id, order_id, key)
        if isinstance(contract, str):
            return contract
        try:
            return self._ask(owner_id, order_id, wanted, key, contract)
        except IntegrityError as error:  # two at once: one of them is written
            known = self._known(owner_id, order_id, key)
            if known is None:
                raise Denied("Another change of this order came at the same moment: look at it again.") from error
            return known

    def look_again(self, owner_id: str, order_id: str, key: str) -> "str | Contract":
        """The change that this key asked for before, or else what the exchange asks of the order."""
        known = self._known(owner_id, order_id, key)
        return known if known is not None else self.look(owner_id, order_id).contract

    def _known(self, owner_id: str, order_id: str, key: str) -> str | None:
        with self._db.read() as session:
            known = session.scalar(select(OrderChange).where(OrderChange.owner_id == owner_id, OrderChange.key == key))
        if known is not None and known.order_id != order_id:
            raise Denied("This key changed another order: choose a new one.")
        return known.id if known else None

    def _ask(self, owner_id: str, order_id: str, wanted: Terms, key: str, contract: Contract) -> str:
        now = self._clock.now()
        with self._db.write(durable=True) as session:
            order = owned(session, Order, owner_id, order_id, "order", is_changed=True)
            _refuse(order)
            self._check(session, order, wanted, contract)
            _make_way(session, order, now)
            change = new_change(order, wanted.clean, key, actors.current().name)
            change.asked_at = now
            session.add(change)
            session.flush()
            about = {"symbol": order.symbol, "from": str(terms_of(order)), "to": str(wanted.clean)}
            self._trail.record(session, actors.current(), "order.change", ("order", order.id), about)
            after_commit(session, lambda: self._link.send("runs", {}))
            return change.id

    def _check(self, session: Session, order: Order, wanted: Terms, contract: Contract) -> None:
        terms = terms_of(order)
        problems = change_problems(wanted, terms, order.filled_quantity, contract)
        if wanted.quantity != terms.quantity and not (order.purpose == ENTRY and order.account_run_id is None):
            problems["quantity"] = "What is held decides this quantity: change the price here, or cancel the order."
            if order.account_run_id is not None:
                problems["quantity"] = "Its run decides this quantity: change the price here, or cancel the order."
        if problems:
            raise Invalid({name: [text] for name, text in problems.items()})
        refusal = self._gate(session, as_wish(order, wanted))
        if refusal:
            raise Denied(refusal)

    def _contract(self, order: Order) -> Contract:
        row = self._instruments.find(VENUE_KIND, order.exchange, order.symbol)
        if row is None:
            raise Denied(f"{order.symbol} is no longer listed: the order can only be cancelled.")
        freeze = self._instruments.freeze_quantity(row, day_in_india(self._clock.now()))
        return Contract(row.lot_size, row.tick, freeze)


def terms_of(order: Order) -> Terms:
    return Terms(order.quantity, PriceType(order.price_type), order.price, order.trigger_price).clean


def _refuse(order: Order) -> None:
    if order.state == OrderState.NEW:
        raise Denied("This order is not at the venue yet: cancel it and place another.")
    if order.price_type == PriceType.OCO:
        raise Denied(
            "A stop and a target that rest at the broker are not changed: cancel them, and the desk holds them."
        )
    if order.state == OrderState.CANCEL_PENDING or order.cancel_asked_at is not None:
        raise Denied("This order is being cancelled: it cannot be changed.")
    if order.state not in AT_VENUE or order.venue_order_id is None:
        raise Denied(f"This order is {in_words(order.state)}: it cannot be changed.")


def _make_way(session: Session, order: Order, now: datetime) -> None:
    """A wish nobody has sent yet is taken back."""
    before = session.scalar(
        select(OrderChange).where(OrderChange.order_id == order.id, OrderChange.ended_at.is_(None)).with_for_update()
    )
    if before is None:
        return
    if before.state == ChangeState.UNKNOWN:
        raise Denied("The answer to the last change was lost: the order book will tell first. Cancelling is possible.")
    if before.state != ChangeState.ASKED:
        raise Denied("A change of this order is on its way: wait for its answer.")
    end(before, ChangeState.WITHDRAWN, "Not sent: another change was asked for.", now, is_settled=True)
    session.flush()
