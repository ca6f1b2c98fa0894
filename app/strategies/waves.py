"""What an account's part of a run needs next, decided from what is known of its orders.

Pure and repeatable: the same rows give the same decision, so it does not matter who asks, how often, or after which
crash. Invariants: sells that open wait until every buy of the entry is filled, and buys that close go before sells that
close; an exit never asks for more than entries filled less what exits have filled or may still fill, nor for what the
venue no longer holds; what is in doubt counts as whatever would be worse. An exit that was decided stays decided: what
arrives after the end is exited too. A leg whose entry comes later than the others' holds nobody up: the part is open
without it, and stays so while it is awaited.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from app.core.money import ZERO, plain
from app.execution.states import AT_VENUE, OrderState, may_cancel
from app.strategies import closed_outside
from app.strategies.exit_prices import Turn, turn_of
from app.strategies.exit_rule import AT_MARKET, ExitRule
from app.strategies.part_views import ENDED, AccountRunState, AccountRunView, LegView, OnFailure, OrderView
from app.venues.types import Side

ENTRY_TRIES = 4  # only for sends that provably never reached the venue
MUST_ACT = "A person must act."
MOST_DOUBLINGS = 10
NO_TRY = ("login", "withdrawn")  # the venue never judged these: an exit that waits for a login does not give up


@dataclass(frozen=True, slots=True)
class Resend:
    leg_id: str
    quantity: Decimal
    attempt: int
    may_rest: bool = False  # the first order of an exit may go at the strategy's limit; what follows goes at market


@dataclass(frozen=True, slots=True)
class Decision:
    state: AccountRunState
    release: tuple[str, ...] = ()  # NEW orders that may go now
    withdraw: tuple[str, ...] = ()  # NEW orders that must not go any more
    cancel: tuple[str, ...] = ()  # orders at the venue
    convert: tuple[str, ...] = ()  # exits that have rested long enough: they go at market
    enter: tuple[Resend, ...] = ()
    leave: tuple[Resend, ...] = ()
    rest: tuple[Resend, ...] = ()  # pairs of stop and target that are to rest at the broker
    fired: tuple[tuple[str, str], ...] = ()  # legs that left by such a pair, each with what was touched
    unwind: str = ""  # the reason, when the entry's failure decides the exit
    trouble: str | None = None  # None leaves what was said before


@dataclass(slots=True)
class _Plan:
    release: list[str] = field(default_factory=list)  # exits
    open_up: list[str] = field(default_factory=list)  # entries
    withdraw: list[str] = field(default_factory=list)
    cancel: list[str] = field(default_factory=list)
    convert: list[str] = field(default_factory=list)
    enter: list[Resend] = field(default_factory=list)
    leave: list[Resend] = field(default_factory=list)
    rest: list[Resend] = field(default_factory=list)
    fired: list[tuple[str, str]] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def decide(self, state: AccountRunState, unwind: str = "") -> Decision:
        return Decision(
            state,
            (*self.release, *self.open_up),
            tuple(dict.fromkeys(self.withdraw)),
            tuple(dict.fromkeys(self.cancel)),
            tuple(self.convert),
            tuple(self.enter),
            tuple(self.leave),
            tuple(self.rest),
            tuple(self.fired),
            unwind,
            " ".join(self.troubles) or None,
        )


def decide(view: AccountRunView, now: datetime) -> Decision:
    """What to do now. Doing it and asking again is always safe."""
    plan = _Plan()
    for leg in view.legs:
        _hold_back(leg, plan, now)
    if view.state in ENDED and all(leg.is_flat for leg in view.legs):
        return plan.decide(view.state)
    leaving = [leg for leg in view.legs if view.is_exit_wanted or leg.is_exit_wanted]
    if leaving:
        _leave(leaving, plan, view.exits, now)
    if view.is_exit_wanted or len(leaving) == len(view.legs):
        return plan.decide(_state_while_leaving(view))
    if view.state is AccountRunState.ENTERING:
        return _enter(view, plan, now)
    return _stay(view, plan, now)


def _stay(view: AccountRunView, plan: _Plan, now: datetime) -> Decision:
    """Open, and nobody wants it out; also a part that had ended and to which a fill came."""
    if view.state in ENDED:
        plan.troubles += [_arrived_late(leg) for leg in view.legs if not leg.is_flat]
    else:
        why = _enter_late(view, plan, now)
        if why:
            return plan.decide(AccountRunState.EXITING, unwind=why)
        for leg in view.legs:
            _rest(leg, plan)
    if all(leg.is_flat for leg in view.legs):
        return plan.decide(_state_while_leaving(view))
    return plan.decide(AccountRunState.OPEN)


def _rest(leg: LegView, plan: _Plan) -> None:
    """Its stop and target go to the broker once, when all of it is held. Where that is refused, or they are taken back
    there, the desk holds them."""
    if leg.is_exit_wanted:
        return
    plan.fired += [(leg.id, order.fired) for order in leg.exits if order.fired]
    plan.release += [order.id for order in leg.exits if order.is_pair and order.state is OrderState.NEW]
    if leg.rests and leg.is_complete and not leg.has_live_entry and not leg.exits and leg.unexited > 0:
        plan.rest.append(Resend(leg.id, leg.unexited, 0))


def _state_while_leaving(view: AccountRunView) -> AccountRunState:
    if not all(leg.is_flat for leg in view.legs):
        return AccountRunState.EXITING
    if view.is_awaiting:
        return AccountRunState.OPEN
    has_traded = any(leg.entered > 0 or leg.is_late for leg in view.legs)
    return AccountRunState.CLOSED if has_traded else AccountRunState.FAILED


def _hold_back(leg: LegView, plan: _Plan, now: datetime) -> None:
    """No exit may fill what is not held: one that was thought lost may stand beside the one that was sent for it."""
    if not leg.exits:
        return
    if leg.held < 0:
        plan.troubles.append(_reversed(leg))
    excess = leg.too_much
    for order in sorted(leg.exits, key=lambda order: (order.state is not OrderState.NEW, -order.attempt)):
        if excess <= 0:
            return
        if order.state is OrderState.NEW:
            plan.withdraw.append(order.id)
        elif may_cancel(order.state, order.cancel_at, now):
            plan.cancel.append(order.id)
        elif order.state is not OrderState.CANCEL_PENDING:
            continue  # in doubt: there is nothing to cancel by
        excess -= order.open_quantity


def _reversed(leg: LegView) -> str:
    opened, closed = ("bought", "sold") if leg.side is Side.BUY else ("sold", "bought back")
    over = "short" if leg.side is Side.BUY else "long"
    return (
        f"{leg.name or 'A leg'}: {plain(leg.entered)} were {opened} and {plain(leg.exited)} {closed}, so the account "
        f"is {plain(-leg.held)} {over} by it. The desk does not trade that away by itself: close it by hand."
    )


def _arrived_late(leg: LegView) -> str:
    name = leg.name or "A leg"
    if leg.held > 0:
        came = f"{plain(leg.held)} are held by a fill that arrived after this part had ended"
    else:
        came = "an order that was thought lost works at the venue, and this part had ended"
    return f"{name}: {came}. Nobody has asked for its exit: decide."


def _enter(view: AccountRunView, plan: _Plan, now: datetime) -> Decision:
    prompt = view.prompt
    if view.stopped and not all(leg.is_complete for leg in prompt):  # nobody asked for an exit: what filled is held
        return _entry_failed(replace(view, on_failure=OnFailure.HOLD), plan, view.stopped)
    failed = _enter_waves(prompt, plan, now)
    if failed:
        return _entry_failed(view, plan, failed)
    if all(leg.is_complete for leg in prompt):
        return _stay(view, plan, now)
    return plan.decide(AccountRunState.ENTERING)


def _enter_waves(legs: Sequence[LegView], plan: _Plan, now: datetime) -> str:
    for side in (Side.BUY, Side.SELL):
        wave = [leg for leg in legs if leg.side is side]
        failed = _enter_wave(wave, plan, now)
        if failed or not all(leg.is_complete for leg in wave):
            return failed
    return ""


def _enter_late(view: AccountRunView, plan: _Plan, now: datetime) -> str:
    """Let late entries go on, each by itself, though sells wait for buys on their way; a sentence when one failed and
    that unwinds all. One that comes again and fails leaves the others as they are: they have done without it."""
    if view.stopped:
        plan.withdraw += _new_entries(view.late)
        return ""
    longs, shorts = ([leg for leg in view.late if leg.side is side] for side in (Side.BUY, Side.SELL))
    failed = _enter_each(longs, plan, now)
    if any(not leg.is_complete and leg.id not in failed for leg in longs):
        shorts = []
    elif any(leg.id in failed and not leg.is_again for leg in longs):
        plan.withdraw += _new_entries([leg for leg in shorts if not leg.is_again])
        shorts = [leg for leg in shorts if leg.is_again]
    failed |= _enter_each(shorts, plan, now)
    why = next((failed[leg.id] for leg in view.late if leg.id in failed and not leg.is_again), "")
    if why and view.on_failure is OnFailure.UNWIND:
        plan.open_up.clear()
        plan.enter.clear()
        plan.withdraw += _new_entries(view.late)
        plan.troubles.append(f"{why} What was filled is being closed.")
        return f"entry failed: {why}"
    plan.troubles += failed.values()
    return ""


def _enter_each(legs: Sequence[LegView], plan: _Plan, now: datetime) -> dict[str, str]:
    """By leg why it could not be entered."""
    found = {leg.id: _enter_wave([leg], plan, now) for leg in legs}
    return {leg_id: why for leg_id, why in found.items() if why}


def _new_entries(legs: Sequence[LegView]) -> list[str]:
    return [order.id for leg in legs for order in leg.entries if order.state is OrderState.NEW]


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
        if _may_try_again(last, AT_MARKET, now):
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


def _leave(legs: Sequence[LegView], plan: _Plan, rule: ExitRule, now: datetime) -> None:
    for leg in legs:
        plan.withdraw += [order.id for order in leg.entries if order.state is OrderState.NEW]
        plan.withdraw += [order.id for order in leg.pairs if order.state is OrderState.NEW]
        in_the_way = [*leg.entries, *leg.pairs]
        plan.cancel += [order.id for order in in_the_way if may_cancel(order.state, order.cancel_at, now)]
    shorts = [leg for leg in legs if leg.side is Side.SELL]
    longs = [leg for leg in legs if leg.side is Side.BUY]
    for leg in shorts:
        _leave_leg(leg, plan, rule, now)
    if all(leg.is_out for leg in shorts):
        for leg in longs:
            _leave_leg(leg, plan, rule, now)


def _leave_leg(leg: LegView, plan: _Plan, rule: ExitRule, now: datetime) -> None:
    new = [order.id for order in leg.exits if order.state is OrderState.NEW]
    plan.release += [order_id for order_id in new if order_id not in plan.withdraw]
    _convert(leg, plan, rule, now)
    if leg.gone > 0 and leg.held > 0:
        plan.troubles.append(closed_outside.sentence(leg.name, max(ZERO, leg.held - leg.gone), leg.held))
    if leg.unexited <= 0:
        return
    last = max(leg.sent_exits, key=lambda order: (order.attempt, order.ended_at or now), default=None)
    if last is None:
        plan.leave.append(Resend(leg.id, leg.unexited, 1, may_rest=True))
        return
    if _tries(leg, last) >= rule.tries and not _is_progress(last):
        plan.troubles.append(_exit_trouble(leg, last))
        if last.failure not in ("unavailable", *NO_TRY):
            return
    if _is_progress(last) or _may_try_again(last, rule, now, leg.tries_before):
        plan.leave.append(Resend(leg.id, leg.unexited, last.attempt + 1))


def _convert(leg: LegView, plan: _Plan, rule: ExitRule, now: datetime) -> None:
    for order in leg.exits:
        if not order.is_limit or order.state not in AT_VENUE or order.sent_at is None or order.id in plan.cancel:
            continue
        turn = turn_of(order.sent_at, order.new_terms, rule.converts_after, now)
        if turn is Turn.CHANGE and order.cancel_at is None:
            plan.convert.append(order.id)
        elif turn is not Turn.WAIT and may_cancel(order.state, order.cancel_at, now):
            plan.cancel.append(order.id)


def _tries(leg: LegView, last: OrderView) -> int:
    """Exit attempts that count, since a person last asked."""
    free = {order.attempt for order in leg.exits if order.attempt > leg.tries_before and order.failure in NO_TRY}
    return last.attempt - leg.tries_before - len(free)


def _is_progress(order: OrderView) -> bool:
    """The last exit worked, is working, or rested until it was cancelled for its rest to go at market."""
    has_rested = order.is_limit and order.state is OrderState.CANCELLED and order.cancel_at is not None
    return order.is_live or order.filled >= order.quantity or order.failure == "lost" or has_rested


def _exit_trouble(leg: LegView, last: OrderView) -> str:
    if last.failure in ("unavailable", "login"):
        return f"{leg.name or 'A leg'} could not be exited yet: the venue takes no orders now. It is tried on and on."
    reason = f" The venue said: {last.reason.rstrip('.')}." if last.reason else ""
    return f"{leg.name or 'A leg'} could not be exited in {last.attempt} tries.{reason} {MUST_ACT}"


def _may_try_again(last: OrderView, rule: ExitRule, now: datetime, tries_before: int = 0) -> bool:
    if last.attempt <= tries_before:
        return True
    pause = rule.pause_after(min(last.attempt - tries_before - 1, MOST_DOUBLINGS))
    return last.ended_at is None or now - last.ended_at >= pause
