"""Sending one order, once: claim the row, call the venue, record the answer.

Between the claim and the record anything may die. The row then says SENDING under an engine that is no more, and
recovery turns it into UNKNOWN, never into a second call.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

import structlog
from sqlalchemy.orm import Session

from app.core.bus import Bus
from app.core.clock import Clock
from app.core.crashpoint import reach
from app.execution import changes, journal
from app.execution.desk import Gate, open_gate
from app.execution.intake import Intake
from app.execution.journal import Claimant
from app.execution.lanes import Urgency, Work
from app.execution.models import Order
from app.execution.refusals import Refusals, sentence
from app.execution.statements import ENTRY_LIKE
from app.execution.states import FINAL
from app.execution.writer import Writer, Written
from app.venues.port import Venue
from app.venues.types import (
    Answer,
    CancelOrder,
    Mode,
    ModifyOrder,
    Outcome,
    PlaceOrder,
    PriceType,
    Product,
    Side,
    Symbol,
)

log = structlog.get_logger()
Command = TypeVar("Command", PlaceOrder, ModifyOrder, CancelOrder)
SIMULATED = "Its server was switched to paper: its simulator took it, and nothing reached the broker."
LATEST = timedelta(minutes=1)  # after its claim an order is not sent any more
_TOO_LATE = Answer(Outcome.UNAVAILABLE, reason="the engine's turn had run out before this was sent")


@dataclass(frozen=True, slots=True)
class ModeSurprise:
    """A venue acted in another mode than the account is meant for: paper where we meant live, or worse."""

    account_id: str
    mode: Mode


@dataclass(frozen=True, slots=True)
class ApprovalWanted:
    """The server queues orders for a person to approve; through it the desk can neither enter nor exit."""

    account_id: str


@dataclass(frozen=True, slots=True)
class LoginNeeded:
    """A command was refused because nobody is logged in at the broker, or the key is wrong."""

    account_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Desk:
    """What sending needs, the same for every account."""

    writer: Writer
    intake: Intake
    clock: Clock
    bus: Bus
    claimant: Callable[[], Claimant]
    gate: Gate = open_gate  # asked again before new terms are sent
    refusals: Refusals = field(default_factory=Refusals)


class Sender:
    """Sends the orders of one account."""

    def __init__(
        self,
        desk: Desk,
        account_id: str,
        venue: Venue,
        mode: Mode,
        known_at: Callable[[datetime], datetime | None],
    ) -> None:
        self._desk = desk
        self._account_id = account_id
        self._venue = venue
        self._mode = mode
        self._known_at = known_at  # to which moment the account's book is known

    def placing(self, order: Order) -> Work:
        """An entry is claimed together with those of other accounts; an exit by itself, since it waits for nobody."""
        command, urgent = command_for(order), urgency(order)
        begin = partial(self._begin_placing, command) if urgent is Urgency.ENTRY else None
        return Work(f"place:{order.id}", urgent, partial(self._place, command), begin=begin)

    def sending(self, order: Order) -> Work:
        """For an order that was claimed already, together with others."""
        what = (command_for(order), self._desk.clock.now())
        do, begin = partial(self._send_soon, *what), partial(self._begin, *what)
        return Work(f"send:{order.id}", urgency(order), do, drop=partial(never_sent, self._desk, order.id), begin=begin)

    def cancelling(self, order: Order) -> Work:
        about = (_symbol(order), _tag(order), PriceType(order.price_type))
        command = CancelOrder(order.venue_order_id or "", order.id, *about)
        return Work(f"cancel:{order.id}", Urgency.CANCEL, partial(self._cancel, command), is_placing=False)

    def changing(self, change: changes.Waiting) -> Work:
        """Counted with the placings: a change of a price never delays a cancel."""
        return Work(f"change:{change.change_id}", _urgency_of(change.purpose), partial(self._change, change.change_id))

    def _place(self, command: PlaceOrder) -> bool:
        if not self._desk.writer.write(self._claim(command.client_order_id), durable=True):
            return False
        return self._send(command)

    def _send_soon(self, command: PlaceOrder, claimed_at: datetime) -> bool:
        """Not after so long in the lane that whoever looks at the books may give it up, and wish it anew."""
        if self._desk.clock.now() - claimed_at >= LATEST:
            never_sent(self._desk, command.client_order_id)
            return False
        return self._send(command)

    def _send(self, command: PlaceOrder) -> bool:
        desk = self._desk
        desk.intake.parking.expect(self._account_id)
        reach("claimed")
        place = partial(self._in_turn, self._venue.place, command)
        self._look_at(self._answered(command.client_order_id, desk.clock.now(), place))
        return True

    def _begin(self, command: PlaceOrder, claimed_at: datetime, done: Callable[[bool], None]) -> bool:
        """As `_send_soon`, without waiting; False where that can't be, and nothing was sent."""
        desk, now = self._desk, self._desk.clock.now()
        if now - claimed_at >= LATEST or self._is_over():
            return False
        desk.intake.parking.expect(self._account_id)
        reach("claimed")
        told = partial(self._told, command.client_order_id, now, done)
        try:
            is_begun = self._venue.begin(replace(command, not_after=desk.claimant().until), told)
        except Exception as error:  # as where `place` raises: it may have left
            told(partial(_raise, error))
            return True
        if not is_begun:
            desk.intake.told(self._account_id, None)
        return is_begun

    def _begin_placing(self, command: PlaceOrder, done: Callable[[bool], None]) -> bool:
        """As `_place`, without waiting for the claim."""
        desk = self._desk
        claiming = journal.Claiming(command.client_order_id, desk.claimant, self._known_at, desk.clock.now)
        claimed = desk.writer.submit(claiming, durable=True)
        claimed.add_done_callback(partial(self._claimed, command, done))
        return True

    def _claimed(self, command: PlaceOrder, done: Callable[[bool], None], claimed: "Future[Any]") -> None:
        """In the journal's thread, which waits for no answer."""
        if claimed.exception() is not None or not claimed.result():
            done(False)
        elif not self._begin(command, self._desk.clock.now(), done):
            threading.Thread(target=self._send_by_thread, args=(command, done), name="send", daemon=True).start()

    def _send_by_thread(self, command: PlaceOrder, done: Callable[[bool], None]) -> None:
        try:
            self._send(command)
        finally:
            done(True)

    def _told(self, order_id: str, sent_at: datetime, done: Callable[[bool], None], say: Callable[[], Answer]) -> None:
        """The answer to what was begun, in the thread that hears all of them: what is rarely said may take a while."""
        try:
            answer = self._answered(order_id, sent_at, say)
            if self._news_of(answer):
                threading.Thread(target=self._look_at, args=(answer,), name="look-at-answer", daemon=True).start()
        finally:
            done(True)

    def _answered(self, order_id: str, sent_at: datetime, say: Callable[[], Answer]) -> Answer:
        """Free for the next call as soon as the answer is there: the journal is told, and not waited for."""
        answer = self._ask(say)
        reach("answered")
        recorded = self._desk.writer.submit(self._record(order_id, answer, sent_at), durable=True)
        recorded.add_done_callback(lambda _: self._recorded(answer))
        return answer

    def _in_turn(self, call: Callable[[Command], Answer], command: Command) -> Answer:
        """Not after standing still since the claim, for so long that another engine may have taken over."""
        if self._is_over():
            return _TOO_LATE
        return call(replace(command, not_after=self._desk.claimant().until))

    def _is_over(self) -> bool:
        """Whether another engine may act by now."""
        return self._desk.clock.now() >= self._desk.claimant().until

    def _recorded(self, answer: Answer) -> None:
        self._desk.intake.told(self._account_id, answer.venue_order_id)
        reach("recorded")

    def _claim(self, order_id: str) -> Callable[[Session], Written]:
        desk, known = self._desk, self._known_at(self._desk.clock.now())
        return lambda session: journal.claim(session, [order_id], desk.claimant(), known, desk.clock.now())

    def _record(self, order_id: str, answer: Answer, sent_at: datetime) -> journal.Answered:
        parked = partial(self._desk.intake.parking.take, self._account_id, answer.venue_order_id)
        return journal.Answered(order_id, answer, self._desk.clock.now(), parked, sent_at)

    def _cancel(self, command: CancelOrder) -> bool:
        desk, order_id, asked_at = self._desk, command.client_order_id, self._desk.clock.now()
        wanted = partial(journal.cancel_wanted, order_id=order_id, now=asked_at)
        if self._is_over() or not desk.writer.write(wanted):
            return False
        reach("cancelling")
        answer = self._ask(partial(self._in_turn, self._venue.cancel, command))
        alarm, now = self._refused_again(command, answer, asked_at), desk.clock.now()
        said = (order_id, answer, now, alarm, command.price_type is PriceType.OCO)
        state = desk.writer.write(lambda session: journal.cancel_answered(session, *said))
        if state in FINAL:
            desk.refusals.forget(order_id)
        return True

    def _refused_again(self, command: CancelOrder, answer: Answer, asked_at: datetime) -> str:
        """What a person must hear of it now."""
        if not self._desk.refusals.note(command.client_order_id, answer, asked_at):
            return ""
        return sentence(command.symbol.name, command.venue_order_id, answer.reason)

    def _change(self, change_id: str) -> bool:
        desk = self._desk
        command = desk.writer.write(partial(self._claim_change, change_id), durable=True)
        if command is None:
            return False
        reach("changing")
        answer = self._ask(partial(self._in_turn, self._venue.modify, command))
        reach("changed")
        at = desk.clock.now()
        desk.writer.write(lambda session: changes.answered(session, change_id, answer, at), durable=True)
        self._look_at(answer)
        return True

    def _claim_change(self, change_id: str, session: Session) -> Written:
        desk = self._desk
        return changes.claim(session, change_id, desk.claimant(), desk.clock.now(), desk.gate)

    def _ask(self, call: Callable[[], Answer]) -> Answer:
        try:
            return self._meant(call())
        except Exception as error:  # a venue that breaks its promise not to raise has told us nothing
            log.exception("venue_call_raised", account_id=self._account_id)
            return Answer(Outcome.UNKNOWN, reason=f"{type(error).__name__} while calling the venue")

    def _meant(self, answer: Answer) -> Answer:
        """What a simulator did in place of the broker was not done."""
        if self._mode is Mode.LIVE and answer.mode is Mode.PAPER and answer.outcome is Outcome.DONE:
            return replace(answer, outcome=Outcome.REFUSED, venue_order_id=None, reason=SIMULATED)
        return answer

    def _look_at(self, answer: Answer) -> None:
        for event in self._news_of(answer):
            self._desk.bus.publish(event)

    def _news_of(self, answer: Answer) -> list[object]:
        """What an answer says of its account."""
        news: list[object] = []
        if answer.mode is not None and answer.mode is not self._mode:
            news.append(ModeSurprise(self._account_id, answer.mode))
        if answer.awaiting_approval:
            news.append(ApprovalWanted(self._account_id))
        if answer.login_needed:
            news.append(LoginNeeded(self._account_id, answer.reason))
        return news


def _raise(error: Exception) -> Answer:
    raise error


def never_sent(desk: Desk, order_id: str) -> None:
    """Claimed, and no lane made the call, or not in time: it provably never left, so it may be wished anew."""
    why = "the account's connection was closed, paused or busy for too long before the order was sent"
    answer = Answer(Outcome.UNAVAILABLE, reason=why)
    at = desk.clock.now()
    desk.writer.submit(journal.Answered(order_id, answer, at), durable=True)


def urgency(order: Order) -> Urgency:
    """What goes to the broker to rest there takes nothing of what is kept for exits."""
    return Urgency.ENTRY if order.price_type == PriceType.OCO else _urgency_of(order.purpose)


def _urgency_of(purpose: str) -> Urgency:
    return Urgency.ENTRY if purpose in ENTRY_LIKE else Urgency.EXIT


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
        target_trigger=order.target_trigger,
        target_price=order.target_price,
        tag=_tag(order),
        reduce_only=order.purpose not in ENTRY_LIKE,
    )


def _symbol(order: Order) -> Symbol:
    return Symbol(order.exchange, order.symbol)


def _tag(order: Order) -> str:
    """A label for the venue's own screens; the end of an id differs most. Nothing depends on it."""
    return f"{order.id[-10:]}-mirrordesk"
