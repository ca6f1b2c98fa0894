"""What the engine does with signals: each that was received is acted on once, in the order in which they came.

A run that a signal begins has the signal's id in its key, so an engine that died between the beginning and the note of
it begins nothing twice. An entry that waited too long is not made, since the market is another one by then, nor one of
somebody who may not trade any more; an exit always is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from app.core import actors
from app.core.clock import Clock, day_in_india
from app.core.db import Database, swap
from app.core.each import each
from app.core.errors import Denied, DeskError
from app.execution.events import Alarm
from app.portfolio.trades import day_start
from app.signals.message import Action, SignalState
from app.signals.models import Signal, Webhook
from app.strategies.models import Run
from app.strategies.scheduling import MAY_NOT, may_trade
from app.strategies.service import LIVE_RUNS, StrategyService

KEY = "signal:"  # of the runs that signals begin
CALLED_OFF = "A signal to leave came before it could be carried out."
GRACE = timedelta(seconds=30)  # of an entry
BATCH = 50


@dataclass(frozen=True, slots=True)
class SignalDecided:
    """For whoever looks at signals."""

    owner_id: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """`is_expected`: a refusal that the webhook's own rules are for; nobody is called for it."""

    state: SignalState
    reason: str
    run_ids: Sequence[str] = ()
    is_expected: bool = False


class Acting:
    def __init__(
        self, db: Database, clock: Clock, strategies: StrategyService, announce: Callable[[object], None]
    ) -> None:
        self._db = db
        self._clock = clock
        self._strategies = strategies
        self._announce = announce

    def step(self) -> None:
        """One that fails is tried again at the next step and holds up no other, or an exit would wait for it."""
        query = (
            select(Signal, Webhook)
            .join(Webhook, Webhook.id == Signal.webhook_id)
            .where(Signal.state == SignalState.RECEIVED)
            .order_by(Signal.id)
            .limit(BATCH)
        )
        with self._db.read() as session:
            waiting = session.execute(query).all()
        each(waiting, lambda one: self._decide(*one), "signals could not be decided")

    def _decide(self, signal: Signal, webhook: Webhook) -> None:
        with actors.acting(actors.Actor(None, f"webhook {webhook.name}")):
            act = self._enter if signal.action == Action.ENTER else self._leave
            verdict = act(signal, webhook)
        change = {
            "state": verdict.state, "reason": verdict.reason, "run_ids": list(verdict.run_ids),
            "decided_at": self._clock.now(),
        }  # fmt: skip
        with self._db.write() as session:
            swap(session, Signal, signal.id, {"state": SignalState.RECEIVED}, change)
        self._announce(SignalDecided(signal.owner_id))
        if verdict.state is not SignalState.EXECUTED and not verdict.is_expected:
            told = f"{webhook.name}: the signal to {signal.action} was not carried out. {verdict.reason}"
            self._announce(Alarm(signal.owner_id, None, f"signal:{signal.id}", told))

    def _enter(self, signal: Signal, webhook: Webhook) -> Verdict:
        key, late = f"{KEY}{signal.id}", self._clock.now() - signal.received_at - GRACE
        with self._db.read() as session:
            begun = session.scalar(select(Run.id).where(Run.owner_id == signal.owner_id, Run.key == key))
            is_allowed = may_trade(session, signal.owner_id)
            why = "" if begun else _why_not(session, signal, webhook)
        if begun:
            return Verdict(SignalState.EXECUTED, "A run began.", [begun])
        if not is_allowed:
            return Verdict(SignalState.REFUSED, MAY_NOT)
        if late > timedelta(0):
            return Verdict(SignalState.EXPIRED, f"No engine acted within {GRACE.seconds} s: the entry was not made.")
        if why:
            return Verdict(SignalState.REFUSED, why, is_expected=True)
        try:
            run_id = self._strategies.run(signal.owner_id, webhook.strategy_id, key)
        except DeskError as refused:
            return Verdict(SignalState.REFUSED, refused.message)
        return Verdict(SignalState.EXECUTED, "A run began.", [run_id])

    def _leave(self, signal: Signal, webhook: Webhook) -> Verdict:
        self._call_off(signal, webhook)
        with self._db.read() as session:
            live = session.scalars(_live_runs(signal.owner_id, webhook.strategy_id)).all()
        left = [run_id for run_id in live if self._exit(signal.owner_id, run_id, webhook.name)]
        if not live:
            return Verdict(SignalState.REFUSED, "No run of its strategy was under way.", is_expected=True)
        return Verdict(SignalState.EXECUTED, _told_of(len(live), len(left)), live)

    def _call_off(self, signal: Signal, webhook: Webhook) -> None:
        """Entries that came before and could not be decided yet: after this exit they are not made any more. Of one
        that has begun its run only the note is missing."""
        of_strategy = select(Webhook.id).where(Webhook.strategy_id == webhook.strategy_id)
        begun = select(Run.id).where(Run.owner_id == Signal.owner_id, Run.key == KEY + Signal.id)
        before = update(Signal).where(
            Signal.webhook_id.in_(of_strategy),
            Signal.id < signal.id,
            Signal.action == Action.ENTER,
            Signal.state == SignalState.RECEIVED,
            ~begun.exists(),
        )
        change = {"state": SignalState.REFUSED, "reason": CALLED_OFF, "decided_at": self._clock.now()}
        with self._db.write() as session:
            session.execute(before.values(**change), execution_options={"synchronize_session": False})

    def _exit(self, owner_id: str, run_id: str, name: str) -> bool:
        """False when it was decided before."""
        try:
            return self._strategies.exit_run(owner_id, run_id, f"webhook: {name}", f"webhook {name}")
        except Denied:  # it ended in this moment
            return False


def _why_not(session: Session, signal: Signal, webhook: Webhook) -> str:
    if webhook.one_at_a_time and session.scalar(_live_runs(signal.owner_id, webhook.strategy_id).limit(1)):
        return "A run of its strategy is under way, and this webhook begins one at a time."
    entries = select(func.count()).where(
        Signal.webhook_id == webhook.id,
        Signal.action == Action.ENTER,
        Signal.state == SignalState.EXECUTED,
        Signal.received_at >= day_start(signal.received_at),
    )
    if (session.scalar(entries) or 0) >= webhook.most_entries:
        today = day_in_india(signal.received_at)
        return f"It made its {webhook.most_entries} entries of {today:%d %b} already."
    return ""


def _live_runs(owner_id: str, strategy_id: str) -> Select[str]:
    mine = (Run.owner_id == owner_id, Run.strategy_id == strategy_id, Run.state.in_(LIVE_RUNS))
    return select(Run.id).where(*mine).order_by(Run.id)


def _told_of(live: int, left: int) -> str:
    runs = f"{live} run" if live == 1 else f"{live} runs"
    return f"{runs} told to leave." if left == live else f"{runs} told to leave; {live - left} had been told before."
