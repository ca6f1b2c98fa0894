"""Accounts whose broker can't be reached until a person acts at the server: nobody is logged in there, or the server
was switched between live and paper. Their exits wait, their entries don't, and a person is told.

The health row is the truth; this only follows it. Meanwhile the account's lane is held (exits stay NEW and burn no
tries), its streams are closed (signing in again and again helps nobody), entries are withdrawn with the reason, and an
alarm repeats for as long as exits wait. Afterwards the positions are read first, since a person may have closed them at
the broker meanwhile; then everything goes on without a restart.
"""

import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial

import structlog
from sqlalchemy import select

from app.accounts.events import HealthChanged
from app.accounts.health import Sighting
from app.accounts.models import Account, HealthState
from app.core.money import ZERO, plain
from app.engine.attendant import FiguresRead
from app.engine.crew import Crew, Member
from app.execution import journal
from app.execution.events import Alarm
from app.execution.lanes import LOGIN
from app.execution.models import Order
from app.execution.sender import LoginNeeded, ModeSurprise
from app.execution.statements import ENTRY_LIKE
from app.execution.states import OrderState
from app.execution.writer import Writer
from app.strategies.runner import Runner
from app.wiring import Services

log = structlog.get_logger()

NEEDED = (HealthState.NOT_LOGGED_IN, HealthState.KEY_WRONG, HealthState.WRONG_MODE)
AGAIN = 60.0  # seconds between alarms while exits wait
READ_WITHIN = 10.0  # seconds after the login for the positions to be read: then exits go without
WHY_NOT = "nobody is logged in at this account's broker"
WHAT_TO_DO = "Log in to the broker at {host}: they go out by themselves then."
SWITCHED = "its server was switched, and this account is meant for {meant}"
SWITCH_BACK = "Switch the server at {host} back, or change what the account is meant for: they go out then."
MOST_NAMED = 4


@dataclass(slots=True)
class _Wait:
    since: datetime
    state: HealthState  # what a person is needed for
    alarmed_at: float | None = None
    back_at: float | None = None


class LoginWatch:
    """Safe for several threads."""

    def __init__(self, services: Services, crew: Crew, writer: Writer, runner: Runner, again: float = AGAIN) -> None:
        self._services = services
        self._crew = crew
        self._writer = writer
        self._runner = runner
        self._again = again
        self._waits: dict[str, _Wait] = {}
        self._lock = threading.RLock()

    # -- what happened

    def needed(self, event: LoginNeeded) -> None:
        """A command was refused for it: the health row says so at once, and the books are read to see."""
        self._record(event.account_id, Sighting(HealthState.NOT_LOGGED_IN, error=event.reason))

    def switched(self, event: ModeSurprise) -> None:
        """A command was answered in the other mode."""
        self._record(event.account_id, Sighting(HealthState.WRONG_MODE, mode=event.mode))

    def _record(self, account_id: str, seen: Sighting) -> None:
        self._services.health.record(account_id, seen)
        member = self._crew.get(account_id)
        if member is not None:
            member.attendant.look_now()

    def health_changed(self, event: HealthChanged) -> None:
        member = self._crew.get(event.account_id)
        if member is None:
            return
        if event.after in NEEDED:
            with self._lock:
                self._hold(member, HealthState(event.after))
        elif event.account_id in self._waits:
            member.attendant.sweep_now()  # a person tested the connection: no need to wait for the next look

    def figures_read(self, event: FiguresRead) -> None:
        if event.account_id in self._waits:
            self.step()

    # -- step by step

    def step(self) -> None:
        with self._lock:
            members = {member.account.id: member for member in self._crew}
            for account_id in self._waits.keys() - members.keys():
                del self._waits[account_id]
            found = self._services.health.of(members)
            for account_id, member in members.items():
                health = found.get(account_id)
                state = HealthState(health.state) if health else HealthState.UNKNOWN
                if state in NEEDED:
                    self._wait(member, state)
                elif account_id in self._waits and state.usable:
                    self._go_on(member)
                elif account_id in self._waits:  # whether a person has acted can't be seen now: its exits wait on
                    self._alarm(member, self._unsent(account_id))

    def _hold(self, member: Member, state: HealthState) -> None:
        wait = self._waits.get(member.account.id)
        if wait is None:
            wait = self._waits[member.account.id] = _Wait(self._services.clock.now(), state)
            log.warning("person_needed_at_server", account_id=member.account.id)
        if not member.needs_login:
            member.needs_login = True
            member.lane.hold(LOGIN)
        wait.state, wait.back_at = state, None

    def _wait(self, member: Member, state: HealthState) -> None:
        self._hold(member, state)
        self._crew.hush(member)
        orders = self._unsent(member.account.id)
        for order in orders:
            if order.purpose in ENTRY_LIKE:
                why = f"Not sent: {_words(member.account, state)[0]}."
                self._writer.write(partial(journal.withdraw, order_id=order.id, reason=why, now=self._now()))
        self._alarm(member, orders)

    def _alarm(self, member: Member, unsent: Sequence[Order]) -> None:
        """That exits wait, and for whom; repeated now and then."""
        wait = self._waits[member.account.id]
        reason, what_to_do = _words(member.account, wait.state)
        exits = [order for order in unsent if order.purpose not in ENTRY_LIKE]
        moment = self._services.clock.monotonic()
        if exits and (wait.alarmed_at is None or moment - wait.alarmed_at >= self._again):
            wait.alarmed_at = moment
            account, said = member.account, f"{reason}, and {waiting(exits)}. {what_to_do}"
            text = f"{said} Or close the positions at the broker: the desk will see it."
            self._services.bus.publish(Alarm(account.owner_id, account.id, f"account:{account.id}", text))

    def _go_on(self, member: Member) -> None:
        """The way is free again. What was asked meanwhile is decided anew by what is held now, and goes out."""
        account_id, wait = member.account.id, self._waits[member.account.id]
        moment = self._services.clock.monotonic()
        if wait.back_at is None:
            wait.back_at = moment
            member.attendant.sweep_now()
        read_at = member.attendant.positions_read_at
        if (read_at is None or read_at <= wait.since) and moment - wait.back_at < READ_WITHIN:
            return
        self._runner.step(self._runner.parts_of([account_id]))
        del self._waits[account_id]
        member.needs_login = False
        member.lane.release(LOGIN)
        self._crew.listen(member)
        log.info("server_is_back", account_id=account_id)

    def _unsent(self, account_id: str) -> Sequence[Order]:
        with self._services.db.read() as session:
            return session.scalars(
                select(Order).where(Order.account_id == account_id, Order.state == OrderState.NEW).order_by(Order.id)
            ).all()

    def _now(self) -> datetime:
        return self._services.clock.now()


def _words(account: Account, state: HealthState) -> tuple[str, str]:
    """What is in the way, and what a person can do."""
    if state is HealthState.WRONG_MODE:
        return SWITCHED.format(meant=account.expected_mode), SWITCH_BACK.format(host=account.host_url)
    return WHY_NOT, WHAT_TO_DO.format(host=account.host_url)


def waiting(exits: Sequence[Order]) -> str:
    quantities: dict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
    for order in exits:
        quantities[order.side, order.symbol] += order.quantity
    named = [f"{side} {plain(quantity)} {symbol}" for (side, symbol), quantity in list(quantities.items())[:MOST_NAMED]]
    more = f" and {len(quantities) - MOST_NAMED} more" if len(quantities) > MOST_NAMED else ""
    word = "exit waits" if len(exits) == 1 else "exits wait"
    return f"{len(exits)} {word}: {', '.join(named)}{more}"
