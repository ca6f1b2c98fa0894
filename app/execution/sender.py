"""Sending one order, once: claim the row, call the venue, record the answer.

Between the claim and the record anything may die. The row then says SENDING under an engine that is no more, and
recovery turns it into UNKNOWN, never into a second call.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial

import structlog
from sqlalchemy.orm import Session

from app.core.bus import Bus
from app.core.clock import Clock
from app.core.crashpoint import reach
from app.execution import journal
from app.execution.intake import Intake
from app.execution.journal import Claimant
from app.execution.lanes import Urgency, Work
from app.execution.models import Order
from app.execution.writer import Writer, Written
from app.venues.port import Venue
from app.venues.types import Answer, CancelOrder, Mode, Outcome, PlaceOrder, PriceType, Product, Side, Symbol

log = structlog.get_logger()
ENTRY_PURPOSES = frozenset({"entry", "manual", "quote", "adjust"})


@dataclass(frozen=True, slots=True)
class ModeSurprise:
    """A venue acted in another mode than the account expects: paper where we meant live, or worse."""

    account_id: str
    mode: Mode


@dataclass(frozen=True, slots=True)
class ApprovalWanted:
    """The server queues orders for a person to approve; through it the desk can neither enter nor exit."""

    account_id: str


@dataclass(frozen=True, slots=True)
class Desk:
    """What sending needs, the same for every account."""

    writer: Writer
    intake: Intake
    clock: Clock
    bus: Bus
    claimant: Callable[[], Claimant]


class Sender:
    """Sends the orders of one account."""

    def __init__(
        self,
        desk: Desk,
        account_id: str,
        venue: Venue,
        mode: Mode,
        book_read_at: Callable[[], datetime | None],
    ) -> None:
        self._desk = desk
        self._account_id = account_id
        self._venue = venue
        self._mode = mode
        self._book_read_at = book_read_at

    def placing(self, order: Order) -> Work:
        urgency = Urgency.ENTRY if order.purpose in ENTRY_PURPOSES else Urgency.EXIT
        return Work(f"place:{order.id}", urgency, partial(self._place, command_for(order)))

    def sending(self, order: Order) -> Work:
        """For an order that was claimed already, together with others."""
        work = self.placing(order)
        drop = partial(never_sent, self._desk, order.id)
        return Work(f"send:{order.id}", work.urgency, partial(self._send, command_for(order)), drop=drop)

    def cancelling(self, order: Order) -> Work:
        command = CancelOrder(order.venue_order_id or "", order.id, _symbol(order), _tag(order))
        return Work(f"cancel:{order.id}", Urgency.CANCEL, partial(self._cancel, command), is_placing=False)

    def _place(self, command: PlaceOrder) -> bool:
        if not self._desk.writer.write(self._claim(command.client_order_id), durable=True):
            return False
        return self._send(command)

    def _send(self, command: PlaceOrder) -> bool:
        desk = self._desk
        with desk.intake.expecting(self._account_id):
            reach("claimed")
            answer = self._ask(lambda: self._venue.place(command))
            reach("answered")
            answered_at = desk.clock.now()
            desk.writer.write(self._record(command.client_order_id, answer, answered_at))
            reach("recorded")
        self._look_at(answer)
        return True

    def _claim(self, order_id: str) -> Callable[[Session], Written]:
        desk, known = self._desk, self._book_read_at()
        return lambda session: journal.claim(session, order_id, desk.claimant(), known, desk.clock.now())

    def _record(self, order_id: str, answer: Answer, at: datetime) -> Callable[[Session], Written]:
        def record(session: Session) -> Written:
            parked = self._desk.intake.collect(self._account_id, answer.venue_order_id)
            return journal.answered(session, order_id, answer, at, parked)

        return record

    def _cancel(self, command: CancelOrder) -> bool:
        desk, order_id = self._desk, command.client_order_id
        if not desk.writer.write(lambda session: journal.cancel_wanted(session, order_id, desk.clock.now())):
            return False
        reach("cancelling")
        answer = self._ask(lambda: self._venue.cancel(command))
        now = desk.clock.now()
        desk.writer.write(lambda session: journal.cancel_answered(session, order_id, answer, now))
        return True

    def _ask(self, call: Callable[[], Answer]) -> Answer:
        try:
            return call()
        except Exception as error:  # a venue that breaks its promise not to raise has told us nothing
            log.exception("venue_call_raised", account_id=self._account_id)
            return Answer(Outcome.UNKNOWN, reason=f"{type(error).__name__} while calling the venue")

    def _look_at(self, answer: Answer) -> None:
        if answer.mode is not None and answer.mode is not self._mode:
            self._desk.bus.publish(ModeSurprise(self._account_id, answer.mode))
        if answer.awaiting_approval:
            self._desk.bus.publish(ApprovalWanted(self._account_id))


def never_sent(desk: Desk, order_id: str) -> None:
    """Claimed, and there was no lane any more to make the call: it provably never left, so it may be wished anew."""
    answer = Answer(Outcome.UNAVAILABLE, reason="the account's connection was closed before the order was sent")
    at = desk.clock.now()
    desk.writer.submit(lambda session: journal.answered(session, order_id, answer, at, ()))


def command_for(order: Order) -> PlaceOrder:
    return PlaceOrder(
        client_order_id=order.id,
        symbol=_symbol(order),
        side=Side(order.side),
        quantity=Decimal(order.quantity),
        price_type=PriceType(order.price_type),
        product=Product(order.product),
        price=order.price,
        trigger_price=order.trigger_price,
        tag=_tag(order),
        reduce_only=order.purpose not in ENTRY_PURPOSES,
    )


def _symbol(order: Order) -> Symbol:
    return Symbol(order.exchange, order.symbol)


def _tag(order: Order) -> str:
    """A label for the venue's own screens; the end of an id differs most. Nothing depends on it."""
    return f"{order.id[-10:]}-mirrordesk"
