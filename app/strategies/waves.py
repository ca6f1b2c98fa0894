"""What an account's part of a run needs next, decided from what is known of its orders.

Pure and repeatable: the same rows give the same decision, so it does not matter who asks, how often, or after which
crash. Invariants: sells that open wait until every buy of the entry is filled, and buys that close go before sells that
close; an exit never asks for more than entries filled less what exits have filled or may still fill; what is in doubt
counts as whatever would be worse.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from app.core.money import ZERO, plain
from app.execution.states import FINAL, OrderState, may_cancel
from app.venues.types import Side

ENTRY_TRIES = 4  # only for sends that provably never reached the venue
EXIT_TRIES = 6
FIRST_PAUSE = timedelta(seconds=0.5)
LONGEST_PAUSE = timedelta(seconds=30)
MOST_DOUBLINGS = 10


class AccountRunState(StrEnum):
    ENTERING = "entering"
    OPEN = "open"
    EXITING = "exiting"
    CLOSED = "closed"
    FAILED = "failed"


ENDED = frozenset({AccountRunState.CLOSED, AccountRunState.FAILED})


class OnFailure(StrEnum):
    UNWIND = "unwind"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class OrderView:
    id: str
    is_exit: bool
    state: OrderState
    quantity: Decimal
    filled: Decimal
    failure: str = ""
    reason: str = ""
    attempt: int = 1
    ended_at: datetime | None = None
    cancel_at: datetime | None = None

    @property
    def is_live(self) -> bool:
        return self.state not in FINAL

    @property
    def open_quantity(self) -> Decimal:
        """What it may still fill."""
        return max(ZERO, self.quantity - self.filled) if self.is_live else ZERO


@dataclass(frozen=True, slots=True)
class LegView:
    id: str
    side: Side
    target: Decimal
    is_exit_wanted: bool
    orders: tuple[OrderView, ...] = ()
    name: str = ""
    tries_before: int = 0  # exit attempts made before a person last asked for the exit: they do not count

    @property
    def entries(self) -> list[OrderView]:
        return [order for order in self.orders if not order.is_exit]

    @property
    def exits(self) -> list[OrderView]:
        return [order for order in self.orders if order.is_exit]

    @property
    def entered(self) -> Decimal:
        return sum((order.filled for order in self.entries), ZERO)

    @property
    def exited(self) -> Decimal:
        return sum((order.filled for order in self.exits), ZERO)

    @property
    def is_complete(self) -> bool:
        return self.entered >= self.target

    @property
    def has_live_entry(self) -> bool:
        return any(order.is_live for order in self.entries)

    @property
    def unexited(self) -> Decimal:
        """Held, and not already being sold or covered: what an exit may ask for and not a unit more."""
        leaving = sum((order.open_quantity for order in self.exits), ZERO)
        return max(ZERO, self.entered - self.exited - leaving)

    @property
    def is_flat(self) -> bool:
        return self.entered == self.exited and not any(order.is_live for order in self.orders)


@dataclass(frozen=True, slots=True)
class AccountRunView:
    state: AccountRunState
    on_failure: OnFailure
    is_exit_wanted: bool
    legs: tuple[LegView, ...]


@dataclass(frozen=True, slots=True)
class Resend:
    leg_id: str
    quantity: Decimal
    attempt: int


@dataclass(frozen=True, slots=True)
class Decision:
    state: AccountRunState
    release: tuple[str, ...] = ()  # NEW orders that may go now
    withdraw: tuple[str, ...] = ()  # NEW orders that must not go any more
    cancel: tuple[str, ...] = ()  # orders at the venue
    enter: tuple[Resend, ...] = ()
    leave: tuple[Resend, ...] = ()
    unwind: str = ""  # the reason, when the entry's failure decides the exit
    trouble: str | None = None  # None leaves what was said before


@dataclass(slots=True)
class _Plan:
    release: list[str] = field(default_factory=list)  # exits
    open_up: list[str] = field(default_factory=list)  # entries
    withdraw: list[str] = field(default_factory=list)
    cancel: list[str] = field(default_factory=list)
    enter: list[Resend] = field(default_factory=list)
    leave: list[Resend] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def decide(self, state: AccountRunState, unwind: str = "") -> Decision:
        return Decision(
            state,
            (*self.release, *self.open_up),
            tuple(dict.fromkeys(self.withdraw)),
            tuple(self.cancel),
            tuple(self.enter),
            tuple(self.leave),
            unwind,
            " ".join(self.troubles) or None,
        )


def decide(view: AccountRunView, now: datetime) -> Decision:
    """What to do now. Doing it and asking again is always safe."""
    if view.state in ENDED:
        return Decision(view.state)
    plan = _Plan()
    leaving = [leg for leg in view.legs if view.is_exit_wanted or leg.is_exit_wanted]
    if leaving:
        _leave(leaving, plan, now)
    if view.is_exit_wanted or len(leaving) == len(view.legs):
        return plan.decide(_state_while_leaving(view))
    if view.state is AccountRunState.ENTERING:
        return _enter(view, plan, now)
    return plan.decide(AccountRunState.OPEN)


def _state_while_leaving(view: AccountRunView) -> AccountRunState:
    if not all(leg.is_flat for leg in view.legs):
        return AccountRunState.EXITING
    has_traded = any(leg.entered > 0 for leg in view.legs)
    return AccountRunState.CLOSED if has_traded else AccountRunState.FAILED


def _enter(view: AccountRunView, plan: _Plan, now: datetime) -> Decision:
    failed = ""
    for side in (Side.BUY, Side.SELL):
        wave = [leg for leg in view.legs if leg.side is side]
        failed = failed or _enter_wave(wave, plan, now)
        if failed or not all(leg.is_complete for leg in wave):
            break
    if failed:
        return _entry_failed(view, plan, failed)
    is_done = all(leg.is_complete for leg in view.legs)
    return plan.decide(AccountRunState.OPEN if is_done else AccountRunState.ENTERING)


def _enter_wave(wave: Sequence[LegView], plan: _Plan, now: datetime) -> str:
    """Let the wave go on; a sentence when it cannot be completed."""
    for leg in wave:
        if leg.is_exit_wanted:
            return f"{leg.name or 'A leg'} was exited before the entry was complete."
        plan.open_up += [order.id for order in leg.entries if order.state is OrderState.NEW]
        if leg.is_complete or leg.has_live_entry:
            continue
        last = _last_short(leg, now)
        if last is None or last.failure != "unavailable" or last.attempt >= ENTRY_TRIES:
            return _why_incomplete(leg, last)
        if _may_try_again(last, now):
            plan.enter.append(Resend(leg.id, leg.target - leg.entered, last.attempt + 1))
    return ""


def _last_short(leg: LegView, now: datetime) -> OrderView | None:
    """What kept the last attempt from being complete: a slice that reached the venue and failed weighs most."""
    attempt = max((order.attempt for order in leg.entries), default=0)
    short = [order for order in leg.entries if order.attempt == attempt and order.filled < order.quantity]
    return max(short, key=lambda order: (order.failure != "unavailable", order.ended_at or now), default=None)


def _why_incomplete(leg: LegView, last: OrderView | None) -> str:
    reason = f": {last.reason}" if last and last.reason else ""
    name = leg.name or "A leg"
    return f"{name} filled {plain(leg.entered)} of {plain(leg.target)}{reason}."


def _entry_failed(view: AccountRunView, plan: _Plan, why: str) -> Decision:
    plan.open_up.clear()
    plan.enter.clear()
    plan.withdraw += [o.id for leg in view.legs for o in leg.entries if o.state is OrderState.NEW]
    if view.on_failure is OnFailure.UNWIND:
        plan.troubles.append(f"{why} What was filled is being closed.")
        return plan.decide(AccountRunState.EXITING, unwind=f"entry failed: {why}")
    if any(leg.has_live_entry for leg in view.legs):
        plan.troubles.append(why)
        return plan.decide(AccountRunState.ENTERING)
    if any(leg.entered > leg.exited for leg in view.legs):
        plan.troubles.append(f"{why} What was filled is held: decide.")
        return plan.decide(AccountRunState.OPEN)
    plan.troubles.append(why)
    return plan.decide(AccountRunState.FAILED)


def _leave(legs: Sequence[LegView], plan: _Plan, now: datetime) -> None:
    for leg in legs:
        plan.withdraw += [order.id for order in leg.entries if order.state is OrderState.NEW]
        plan.cancel += [order.id for order in leg.entries if may_cancel(order.state, order.cancel_at, now)]
    shorts = [leg for leg in legs if leg.side is Side.SELL]
    longs = [leg for leg in legs if leg.side is Side.BUY]
    for leg in shorts:
        _leave_leg(leg, plan, now)
    if all(leg.is_flat for leg in shorts):
        for leg in longs:
            _leave_leg(leg, plan, now)


def _leave_leg(leg: LegView, plan: _Plan, now: datetime) -> None:
    plan.release += [order.id for order in leg.exits if order.state is OrderState.NEW]
    if leg.unexited <= 0:
        return
    last = max(leg.exits, key=lambda order: (order.attempt, order.ended_at or now), default=None)
    if last is None:
        plan.leave.append(Resend(leg.id, leg.unexited, 1))
        return
    if last.attempt - leg.tries_before >= EXIT_TRIES and not _is_progress(last):
        plan.troubles.append(_exit_trouble(leg, last))
        if last.failure != "unavailable":
            return
    if _is_progress(last) or _may_try_again(last, now, leg.tries_before):
        plan.leave.append(Resend(leg.id, leg.unexited, last.attempt + 1))


def _is_progress(order: OrderView) -> bool:
    """The last exit worked or is working: what is left came from a later fill, and goes at once."""
    return order.is_live or order.filled >= order.quantity or order.failure == "lost"


def _exit_trouble(leg: LegView, last: OrderView) -> str:
    if last.failure == "unavailable":
        return f"{leg.name or 'A leg'} could not be exited yet: the venue takes no orders now. It is tried on and on."
    reason = f" The venue said: {last.reason.rstrip('.')}." if last.reason else ""
    return f"{leg.name or 'A leg'} could not be exited in {last.attempt} tries.{reason} A person must act."


def _may_try_again(last: OrderView, now: datetime, tries_before: int = 0) -> bool:
    if last.attempt <= tries_before:
        return True
    doublings = min(last.attempt - tries_before - 1, MOST_DOUBLINGS)
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2**doublings)
    return last.ended_at is None or now - last.ended_at >= pause
