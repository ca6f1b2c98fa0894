"""Moving runs on: load what is known, let `waves` decide, write the consequences, announce what may be sent.

Each step is one unit of work in the journal's own thread, so nothing changes between looking and writing. Steps are
safe to repeat; they are taken whenever an order of the account changed, and for unfinished parts from time to time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Protocol

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.core.clock import Clock
from app.core.crashpoint import reach
from app.core.db import Database, swap
from app.core.errors import Denied
from app.execution import journal
from app.execution.desk import Gate, Wish, submit
from app.execution.events import Alarm
from app.execution.models import Order
from app.execution.writer import Writer, Written
from app.strategies.models import AccountRun, LegRun, Run
from app.strategies.starting import entry_wish
from app.strategies.views import Loaded, load, orders_to_send
from app.strategies.waves import ENDED, AccountRunState, Decision, Resend, decide
from app.venues.types import PriceType, Side, Symbol

AT_ONCE = 16  # parts per unit of work: the journal's thread is not kept for longer
LIVE_PARTS = (AccountRunState.ENTERING, AccountRunState.OPEN, AccountRunState.EXITING)


_LEAVING_LEGS = select(LegRun.account_run_id).where(LegRun.exit_reason.is_not(None))
_LIVE = select(AccountRun.id).join(Run, Run.id == AccountRun.run_id).where(AccountRun.state.in_(LIVE_PARTS))
_IS_ASKED = or_(AccountRun.exit_reason.is_not(None), Run.exit_reason.is_not(None), AccountRun.id.in_(_LEAVING_LEGS))
_UNFINISHED = _LIVE.where(or_(AccountRun.state != AccountRunState.OPEN, _IS_ASKED))
_ASKED_TO_LEAVE = _LIVE.where(AccountRun.state != AccountRunState.EXITING, _IS_ASKED)


@dataclass(frozen=True, slots=True)
class ReadyToSend:
    """Orders of one account that may go to the venue now; claiming them is still a compare-and-swap."""

    account_id: str
    place: tuple[Order, ...]
    cancel: tuple[Order, ...]
    claimed: tuple[Order, ...] = ()  # claimed in the step itself: they only need sending


@dataclass(frozen=True, slots=True)
class RunChanged:
    run_id: str
    account_run_id: str
    owner_id: str
    state: AccountRunState


class Claims(Protocol):
    """Claiming in the step itself what can go at once: a wave costs one commit, not one per order."""

    def room(self, account_id: str) -> int:
        """How many orders of an account could go this moment."""
        ...

    def claim(self, session: Session, account_id: str, order_id: str, now: datetime) -> bool: ...


class Runner:
    def __init__(self, db: Database, writer: Writer, clock: Clock, gate: Gate, claims: Claims | None = None) -> None:
        """Without `claims` every order is claimed by its lane."""
        self._claims = claims
        self._db = db
        self._writer = writer
        self._clock = clock
        self._gate = gate

    def unfinished(self) -> list[str]:
        """Parts that have something to do by themselves: entering, exiting, or asked to exit."""
        with self._db.read() as session:
            return list(session.scalars(_UNFINISHED))

    def asked_to_leave(self) -> list[str]:
        """Parts that a person or a rule wants out and that have not begun to leave."""
        with self._db.read() as session:
            return list(session.scalars(_ASKED_TO_LEAVE))

    def parts_of(self, account_ids: Iterable[str]) -> list[str]:
        with self._db.read() as session:
            return list(
                session.scalars(
                    select(AccountRun.id).where(
                        AccountRun.account_id.in_(list(account_ids)), AccountRun.state.in_(LIVE_PARTS)
                    )
                )
            )

    def step(self, account_run_ids: Sequence[str]) -> None:
        """One step for each of these parts; returns when all is committed."""
        batches = [account_run_ids[i : i + AT_ONCE] for i in range(0, len(account_run_ids), AT_ONCE)]
        under_way = [(batch, self._writer.submit(partial(self.unit, batch), durable=True)) for batch in batches]
        for batch, future in under_way:
            try:
                future.result(60)
            except Exception:  # one part is at fault: it alone shall stand still. The journal has logged the error
                if len(batch) > 1:
                    for part in batch:
                        self.step([part])

    def unit(self, account_run_ids: Sequence[str], session: Session) -> Written:
        """A step of these parts as a unit of work."""
        events: list[object] = []
        room: dict[str, int] = {}
        for loaded in load(session, account_run_ids):
            events += self._carry_out(session, loaded, decide(loaded.view, self._clock.now()), room)
            reach("stepped")
        return Written(None, events)

    def _carry_out(self, session: Session, loaded: Loaded, decision: Decision, room: dict[str, int]) -> list[object]:
        now = self._clock.now()
        events: list[object] = []
        for order_id in decision.withdraw:
            events += journal.withdraw(session, order_id, "no longer wanted", now).events
        new_ids = self._submit(session, loaded, decision, now)
        if decision.unwind:
            self._decide_exit(session, loaded.part, decision.unwind, now)
        events += self._announce_sends(session, loaded, decision, new_ids, room)
        return events + self._move(session, loaded, decision, now)

    def _submit(self, session: Session, loaded: Loaded, decision: Decision, now: datetime) -> list[str]:
        wishes = [
            entry_wish(
                loaded.part.owner_id, loaded.part.account_id, loaded.legs[again.leg_id], again.quantity, again.attempt
            )
            for again in decision.enter
        ]
        wishes += [_exit_wish(loaded, again) for again in decision.leave]
        ids: list[str] = []
        for wish in wishes:
            try:
                ids += submit(session, wish, now, self._gate)
            except Denied as error:
                loaded.part.trouble = error.message
        return ids

    def _announce_sends(
        self, session: Session, loaded: Loaded, decision: Decision, new_ids: Sequence[str], room: dict[str, int]
    ) -> list[object]:
        place = [loaded.orders[order_id] for order_id in decision.release]
        if new_ids:
            place += orders_to_send(session, new_ids)
        cancel = [loaded.orders[order_id] for order_id in decision.cancel]
        if not place and not cancel:
            return []
        account_id = loaded.part.account_id
        claimed = self._claim(session, account_id, place, room)
        rest = tuple(place[len(claimed) :])
        return [ReadyToSend(account_id, rest, tuple(cancel), tuple(claimed))]

    def _claim(self, session: Session, account_id: str, place: Sequence[Order], room: dict[str, int]) -> list[Order]:
        """As many from the front as can go now; the first that cannot be claimed ends it."""
        if self._claims is None:
            return []
        left = room.setdefault(account_id, self._claims.room(account_id))
        claimed: list[Order] = []
        for order in place[:left]:
            if not self._claims.claim(session, account_id, order.id, self._clock.now()):
                break
            claimed.append(order)
        room[account_id] = left - len(claimed)
        return claimed

    def _decide_exit(self, session: Session, part: AccountRun, reason: str, now: datetime) -> None:
        change = {"exit_reason": reason, "exit_by": "desk", "exit_at": now}
        swap(session, AccountRun, part.id, {"exit_reason": None}, change)

    def _move(self, session: Session, loaded: Loaded, decision: Decision, now: datetime) -> list[object]:
        part = loaded.part
        events: list[object] = []
        if decision.trouble is not None and decision.trouble != part.trouble:
            part.trouble = decision.trouble
            events.append(Alarm(part.owner_id, part.account_id, f"run:{part.run_id}", decision.trouble))
        before = part.state
        part.state = decision.state
        if decision.state in ENDED:
            part.closed_at = part.closed_at or now
        session.flush()
        is_news = before != decision.state or before in ENDED  # a part may have ended at its very start
        if is_news:
            self._move_run(session, part.run_id, now)
        if is_news or events or decision.leave:
            events.append(RunChanged(part.run_id, part.id, part.owner_id, decision.state))
        return events

    def _move_run(self, session: Session, run_id: str, now: datetime) -> None:
        states = set(session.scalars(select(AccountRun.state).where(AccountRun.run_id == run_id)))
        run = session.get_one(Run, run_id)
        run.state = run_state(states)
        if run.state in ENDED:
            run.closed_at = run.closed_at or now
        session.flush()


def run_state(parts: set[str]) -> str:
    """The state of a run from the states of its parts: the busiest one names it."""
    for state in (AccountRunState.EXITING, AccountRunState.ENTERING, AccountRunState.OPEN, AccountRunState.CLOSED):
        if state in parts:
            return state
    return AccountRunState.FAILED


def _exit_wish(loaded: Loaded, again: Resend) -> Wish:
    leg, part = loaded.legs[again.leg_id], loaded.part
    side = Side(leg.side).opposite
    whole = again.quantity % leg.lot_size == 0
    reason = leg.exit_reason or part.exit_reason or (loaded.run_exit[0] if loaded.run_exit else "") or "entry failed"
    return Wish(
        key=f"{leg.id}:exit:{again.attempt}",
        owner_id=part.owner_id,
        account_id=part.account_id,
        account_run_id=part.id,
        leg_run_id=leg.id,
        purpose="exit",
        symbol=Symbol(leg.exchange, leg.symbol),
        side=side,
        quantity=again.quantity,
        product=leg.product,
        lot=leg.lot_size if whole else Decimal(1),  # a partial fill of odd size must still get out
        freeze=leg.freeze_quantity,
        price_type=PriceType.MARKET,
        wave=1 if side is Side.BUY else 2,
        attempt=again.attempt,
        reason=reason,
    )
