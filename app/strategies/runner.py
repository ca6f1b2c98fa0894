"""Moving runs on: load what is known, let `waves` decide, write the consequences, announce what may be sent.

Each step is one unit of work in the journal's own thread, so nothing changes between looking and writing. Steps are
safe to repeat; they are taken whenever an order of the account changed, and for unfinished parts from time to time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Protocol

from sqlalchemy import BindParameter, Table, bindparam, func, or_, select, update
from sqlalchemy.orm import Session

from app.core.clock import Clock, day_in_india
from app.core.crashpoint import reach
from app.core.db import Database, Moment, swap
from app.core.errors import Denied
from app.core.money import ZERO
from app.core.prepared import execute
from app.execution import changes, journal, statements
from app.execution.changes import Waiting
from app.execution.desk import Gate, Wish, submit_all
from app.execution.events import Alarm
from app.execution.lanes import Room, Urgency
from app.execution.models import Order
from app.execution.sender import urgency
from app.execution.states import LIVE
from app.execution.terms import Terms
from app.execution.writer import Writer, Written
from app.strategies import closed_outside
from app.strategies.exit_prices import AnyMarket, ExitTerms, Means, limit_terms, market_terms
from app.strategies.exit_wishes import exit_wish, pair_wish
from app.strategies.following import follow
from app.strategies.models import AccountRun, LegRun, Run
from app.strategies.part_views import ENDED, AccountRunState
from app.strategies.resting import left
from app.strategies.starting import entry_wish
from app.strategies.views import Loaded, load, orders_to_send
from app.strategies.waves import Decision, Resend, decide
from app.venues.types import Side, Symbol

AGAIN = 0.5  # seconds after a step in which nothing but news is a reason for another
AT_ONCE = 16  # parts per unit of work: the journal's thread is not kept for longer
FIRST_ROUND = 2  # orders of each account that leave before the rest of any
LIVE_PARTS = (AccountRunState.ENTERING, AccountRunState.OPEN, AccountRunState.EXITING)


_LEAVING_LEGS = select(LegRun.account_run_id).where(LegRun.exit_reason.is_not(None))
_LIVE = select(AccountRun.id).join(Run, Run.id == AccountRun.run_id).where(AccountRun.state.in_(LIVE_PARTS))
_IS_ASKED = or_(AccountRun.exit_reason.is_not(None), Run.exit_reason.is_not(None), AccountRun.id.in_(_LEAVING_LEGS))
_UNFINISHED = _LIVE.where(or_(AccountRun.state != AccountRunState.OPEN, _IS_ASKED))
_ASKED_TO_LEAVE = _LIVE.where(AccountRun.state != AccountRunState.EXITING, _IS_ASKED)


_parts: Table = AccountRun.__table__  # type: ignore[assignment]  # a declarative class has a Table
_runs: Table = Run.__table__  # type: ignore[assignment]  # as above
_row_id: BindParameter[str] = bindparam("row_id")
_STATES = select(AccountRun.state).where(AccountRun.run_id == _row_id)
_MOVE_RUN = update(_runs).where(_runs.c.id == _row_id).values(state=bindparam("new_state"), closed_at=None)
_END_RUN = _MOVE_RUN.values(closed_at=func.coalesce(_runs.c.closed_at, bindparam("now", type_=Moment)))


@dataclass(frozen=True, slots=True)
class ReadyToSend:
    """Orders of one account that may go to the venue now; claiming them is still a compare-and-swap."""

    account_id: str
    place: tuple[Order, ...]
    cancel: tuple[Order, ...]
    claimed: tuple[Order, ...] = ()  # claimed in the step itself: they only need sending
    change: tuple[Waiting, ...] = ()  # new terms of orders that rest


@dataclass(frozen=True, slots=True)
class RunChanged:
    run_id: str
    account_run_id: str
    owner_id: str
    state: AccountRunState


class Claims(Protocol):
    """Claiming in the step itself what can go at once: a wave costs one statement, not one per order."""

    def room(self, account_id: str) -> Room:
        """How many orders of an account could go this moment: entries leave some of it to exits."""
        ...

    def claim(self, session: Session, orders: Sequence[tuple[str, str]], now: datetime) -> set[str]:
        """Of these (account, order) those that are ours to send now."""
        ...


@dataclass(slots=True)
class _Sends:
    """What the step of one part may send, most urgent first."""

    account_id: str
    place: list[Order]
    cancel: tuple[Order, ...]
    change: tuple[Waiting, ...] = ()


class Runner:
    def __init__(
        self, db: Database, writer: Writer, clock: Clock, gate: Gate, claims: Claims | None = None,
        means: Means | None = None,
    ) -> None:  # fmt: skip
        """Without `claims` every order is claimed by its lane; without `means` every exit goes at market."""
        self._claims = claims
        self._means: Means = means or AnyMarket()
        self._db = db
        self._writer = writer
        self._clock = clock
        self._gate = gate
        self._stepped: dict[str, float] = {}  # when each part was stepped last

    def unfinished(self) -> list[str]:
        """Parts that have something to do by themselves: entering, exiting, or asked to exit."""
        now = self._clock.monotonic()
        with self._db.read() as session:
            parts = set(session.scalars(_UNFINISHED))
        self._stepped = {part: at for part, at in dict(self._stepped).items() if part in parts}
        return [part for part in parts if now - self._stepped.get(part, 0.0) >= AGAIN]

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

    def runs_of(self, account_ids: Iterable[str]) -> list[str]:
        """The runs with a live part in one of these accounts."""
        where = (AccountRun.account_id.in_(list(account_ids)), AccountRun.state.in_(LIVE_PARTS))
        with self._db.read() as session:
            return list(session.scalars(select(AccountRun.run_id).where(*where).distinct()))

    def runs_holding(self, account_id: str, exchange: str, symbol: str, product: str) -> list[str]:
        """The live runs with a leg in this instrument."""
        leg = (LegRun.exchange == exchange, LegRun.symbol == symbol, LegRun.product == product)
        where = (AccountRun.account_id == account_id, AccountRun.state.in_(LIVE_PARTS), *leg)
        query = select(AccountRun.run_id).join(LegRun, LegRun.account_run_id == AccountRun.id).where(*where).distinct()
        with self._db.read() as session:
            return list(session.scalars(query))

    def reopened(self, since: datetime) -> list[str]:
        """Parts, ended or open, to which something came since then that nobody may have looked at."""
        came = select(Order.account_run_id).where(or_(Order.filled_at >= since, Order.state.in_(LIVE)))
        where = (AccountRun.id.in_(came), AccountRun.state.in_((*ENDED, AccountRunState.OPEN)))
        with self._db.read() as session:
            return list(session.scalars(select(AccountRun.id).where(*where)))

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
        """A step of these parts as a unit of work. What may be sent is announced first."""
        now = self._clock.now()
        self._stepped |= dict.fromkeys(account_run_ids, self._clock.monotonic())
        steps = [(loaded, decide(loaded.view, now)) for loaded in load(session, account_run_ids)]
        new, denied = self._submit(session, steps, now)
        events: list[object] = []
        sends: list[_Sends] = []
        moves: list[_Move] = []
        for loaded, decision in steps:
            events += self._carry_out(session, loaded, decision, now)
            place = [loaded.orders[order_id] for order_id in decision.release] + new[loaded.part.id]
            change, instead = self._convert(session, loaded, decision, now)
            change += follow(session, loaded, decision, self._means, now)
            cancel = tuple(loaded.orders[order_id] for order_id in (*decision.cancel, *instead))
            if place or cancel or change:
                sends.append(_Sends(loaded.part.account_id, place, cancel, change))
            move = _move(loaded, decision, denied.get(loaded.part.id), now)
            moves.append(move)
            events += move.events
        session.flush()
        statements.change(session, _parts, [(move.part_id, move.changes) for move in moves if move.changes])
        for run_id in sorted({move.run_id for move in moves if move.is_news}):
            self._move_run(session, run_id, now)
        ready = self._ready(session, sends, now)
        reach("stepped")
        return Written(None, [*ready, *events])

    def _carry_out(self, session: Session, loaded: Loaded, decision: Decision, now: datetime) -> list[object]:
        events: list[object] = []
        for order_id in decision.withdraw:
            events += journal.withdraw(session, order_id, "no longer wanted", now).events
        for leg_id, fired in decision.fired:
            events += left(session, loaded, leg_id, fired, now)
        if decision.unwind:
            self._decide_exit(session, loaded.part, decision.unwind, now)
        return events

    def _convert(
        self, session: Session, loaded: Loaded, decision: Decision, now: datetime
    ) -> tuple[tuple[Waiting, ...], tuple[str, ...]]:
        """Changes that bring resting exits to market, and those to be cancelled where the venue changes nothing."""
        account_id = loaded.part.account_id
        if not decision.convert or not self._means.can_change(account_id):
            return (), decision.convert
        asked = []
        for order_id in decision.convert:
            order = loaded.orders[order_id]
            terms = self._at_market(loaded, loaded.legs[str(order.leg_run_id)])
            wanted = Terms(order.quantity, terms.price_type, terms.price)
            asked.append(changes.ask_by_desk(session, order_id, wanted, now))
        return tuple(one for one in asked if one is not None), ()

    def _at_market(self, loaded: Loaded, leg: LegRun) -> ExitTerms:
        side, quote = Side(leg.side).opposite, self._means.quote(Symbol(leg.exchange, leg.symbol))
        return market_terms(side, quote, self._means.protection(loaded.part.account_id), leg.tick)

    def _exit_terms(self, loaded: Loaded, again: Resend) -> ExitTerms:
        """At the strategy's limit at first, where there is a price to reckon it from; else at market."""
        leg, rule = loaded.legs[again.leg_id], loaded.view.exits
        first = None
        if again.may_rest and rule.is_limit:
            quote = self._means.quote(Symbol(leg.exchange, leg.symbol))
            first = limit_terms(rule, Side(leg.side).opposite, quote, leg.tick)
        return first or self._at_market(loaded, leg)

    def _freeze(self, loaded: Loaded, again: Resend) -> Decimal | None:
        """Of today: what was entered on another day was cut by another rule."""
        leg, today = loaded.legs[again.leg_id], day_in_india(self._clock.now())
        view = next(one for one in loaded.view.legs if one.id == again.leg_id)
        if any(order.sent_at and day_in_india(order.sent_at) == today for order in view.entries):
            return leg.freeze_quantity
        now = self._means.freeze(loaded.part.account_id, Symbol(leg.exchange, leg.symbol))
        return min((known for known in (leg.freeze_quantity, now) if known is not None), default=None)

    def _wishes(self, loaded: Loaded, decision: Decision) -> list[Wish]:
        part, legs = loaded.part, loaded.legs
        entries = [
            entry_wish(part.owner_id, part.account_id, legs[again.leg_id], again.quantity, again.attempt)
            for again in decision.enter
        ]
        pairs = [pair_wish(loaded, again, self._freeze(loaded, again)) for again in decision.rest]
        exits = [
            exit_wish(loaded, again, self._exit_terms(loaded, again), self._freeze(loaded, again))
            for again in decision.leave
        ]
        return [*entries, *(wish for wish in pairs if wish is not None), *exits]

    def _submit(
        self, session: Session, steps: Sequence[tuple[Loaded, Decision]], now: datetime
    ) -> tuple[dict[str, list[Order]], dict[str, str]]:
        """What the parts wish anew, journaled for all of them at once: the new orders of each part, and why a part was
        denied one."""
        wished = [(loaded.part, wish) for loaded, decision in steps for wish in self._wishes(loaded, decision)]
        new: dict[str, list[Order]] = {loaded.part.id: [] for loaded, _ in steps}
        denied: dict[str, str] = {}
        ids: list[str] = []
        for (part, _), given in zip(wished, submit_all(session, [w for _, w in wished], now, self._gate), strict=True):
            if isinstance(given, Denied):
                denied[part.id] = given.message
            else:
                ids += given
        for order in orders_to_send(session, ids) if ids else ():
            new[str(order.account_run_id)].append(order)
        return new, denied

    def _ready(self, session: Session, sends: Sequence[_Sends], now: datetime) -> list[object]:
        """Claim from the front what can go now, for all parts at once; the lanes claim the rest themselves."""
        room: dict[str, Room] = {}
        first = [self._first(each, room) for each in sends]
        wanted = [(each.account_id, order.id) for each, orders in zip(sends, first, strict=True) for order in orders]
        won = self._claims.claim(session, wanted, now) if self._claims is not None and wanted else set()
        return _in_rounds([_ready_to_send(each, won) for each in sends])

    def _first(self, sends: _Sends, room: dict[str, Room]) -> list[Order]:
        if self._claims is None or not sends.place:
            return []
        if sends.account_id not in room:
            room[sends.account_id] = self._claims.room(sends.account_id)
        exits = [order for order in sends.place if urgency(order) is Urgency.EXIT]
        entries = [order for order in sends.place if urgency(order) is Urgency.ENTRY]
        some_exits, some_entries = room[sends.account_id].take(len(exits), len(entries))
        return exits[:some_exits] + entries[:some_entries]

    def _decide_exit(self, session: Session, part: AccountRun, reason: str, now: datetime) -> None:
        change = {"exit_reason": reason, "exit_by": "desk", "exit_at": now}
        swap(session, AccountRun, part.id, {"exit_reason": None}, change)

    def _move_run(self, session: Session, run_id: str, now: datetime) -> None:
        """Past the ORM: an exit waits for it."""
        state = run_state(set(execute(session, _STATES, {"row_id": run_id}).scalars()))
        if state in ENDED:
            execute(session, _END_RUN, {"row_id": run_id, "new_state": state, "now": now})
        else:
            execute(session, _MOVE_RUN, {"row_id": run_id, "new_state": state})


def _ready_to_send(sends: _Sends, won: set[str]) -> ReadyToSend:
    return ReadyToSend(
        sends.account_id,
        tuple(order for order in sends.place if order.id not in won),
        sends.cancel,
        tuple(order for order in sends.place if order.id in won),
        sends.change,
    )


def _in_rounds(ready: Sequence[ReadyToSend]) -> list[object]:
    """Each account sends its first orders before any of them sends the rest: none has to wait for the slices of the
    others, and a second later the venue's rate allows the next ones in all of them."""
    if len(ready) == 1:
        return list(ready)
    first = [replace(each, place=(), claimed=each.claimed[:FIRST_ROUND], change=()) for each in ready]
    rest = [replace(each, cancel=(), claimed=each.claimed[FIRST_ROUND:]) for each in ready]
    return [each for each in (*first, *rest) if each.cancel or each.claimed or each.place or each.change]


@dataclass(frozen=True, slots=True)
class _Move:
    """What a step makes of a part: the columns that change, and what to announce."""

    part_id: str
    run_id: str
    changes: dict[str, object]
    is_news: bool
    events: tuple[object, ...]


def _move(loaded: Loaded, decision: Decision, denied: str | None, now: datetime) -> _Move:
    """`denied`: why it was not given an order that it wished for."""
    part = loaded.part
    events: list[object] = []
    trouble = said = part.trouble if denied is None else denied
    if decision.trouble is not None and decision.trouble != said:
        trouble = decision.trouble
        events.append(Alarm(part.owner_id, part.account_id, f"run:{part.run_id}", trouble))
    lacking = sum((leg.gone for leg in loaded.view.legs), ZERO)
    is_settled = decision.trouble is None and closed_outside.is_over(trouble, lacking)
    if is_settled:
        trouble = ""
    closed_at = (part.closed_at or now) if decision.state in ENDED else None  # a late fill opens it again
    is_news = part.state != decision.state or part.state in ENDED  # a part may have ended at its very start
    if is_news or events or decision.leave or is_settled:
        events.append(RunChanged(part.run_id, part.id, part.owner_id, decision.state))
    wanted: dict[str, object] = {"state": decision.state.value, "trouble": trouble, "closed_at": closed_at}
    changes = {name: value for name, value in wanted.items() if getattr(part, name) != value}
    return _Move(part.id, part.run_id, changes, is_news, tuple(events))


def run_state(parts: set[str]) -> str:
    """The state of a run from the states of its parts: the busiest one names it."""
    for state in (AccountRunState.EXITING, AccountRunState.ENTERING, AccountRunState.OPEN, AccountRunState.CLOSED):
        if state in parts:
            return state
    return AccountRunState.FAILED
