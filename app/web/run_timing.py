"""A run's speed in words: the slowest account with its number beside the others', and what kept each account.

The numbers come from `app/execution/timing`; entry and exit are told apart, each counted from its own click.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.execution.models import Order
from app.execution.order_times import times_of
from app.execution.timing import AccountTiming, RoundTiming, Step, StepName, Times, round_of, steps
from app.strategies.models import AccountRun, LegRun, Run
from app.web.format import MISSING, took
from app.web.words import EXITS, count

MOST_ACCOUNTS = 50  # the slowest; the API tells all
STEPS = {
    StepName.TURN: "waiting for its turn",
    StepName.LANE: "the account's lane",
    StepName.ANSWER: "the venue's answer",
    StepName.FILL: "the fill",
}


@dataclass(frozen=True, slots=True)
class TimingLine:
    """One account, every cell as text."""

    account: str
    first_sent: str
    acknowledged: str
    filled: str
    slowest: str
    order_id: str


@dataclass(frozen=True, slots=True)
class TimingTable:
    title: str
    summary: str
    lines: Sequence[TimingLine]
    more: int


def order_steps(order: Order, now: datetime) -> list[tuple[str, str, datetime | None]]:
    """Each step of one order in words: what, how long it took, and when it was done."""
    done = {
        StepName.TURN: order.claimed_at,
        StepName.LANE: order.sent_at,
        StepName.ANSWER: order.unknown_at or order.answered_at,
        StepName.FILL: order.filled_at,
    }
    found = steps(times_of(order, order.created_at), now)
    return [(STEPS[step.name], told(step), done[step.name] if step.is_over else None) for step in found]


def run_rounds(
    run: Run, parts: Sequence[AccountRun], legs: Iterable[LegRun], orders: Iterable[Order], now: datetime
) -> list[RoundTiming]:
    """Entry and exit, whichever began."""
    legs = list(legs)
    exits = _exits_asked(run, parts, legs)
    late = {leg.id: leg.entered_at for leg in legs if leg.entered_at is not None}  # counted from their own decision
    entered: list[Times] = []
    left: list[Times] = []
    for order in orders:
        if order.target_trigger is not None:
            continue  # it went to the broker to rest there, and leaves when its price comes
        if order.purpose in EXITS:
            asked = exits.get(order.leg_run_id or "")
            left.append(times_of(order, min(asked, order.created_at) if asked else order.created_at))
        else:
            entered.append(times_of(order, late.get(order.leg_run_id or "") or run.requested_at))
    return [round_of(name, found, now) for name, found in (("entry", entered), ("exit", left)) if found]


def timing_table(timing: RoundTiming, names: dict[str, str]) -> TimingTable:
    shown = timing.accounts[:MOST_ACCOUNTS]
    return TimingTable(
        title=timing.name.capitalize(),
        summary=summary_of(timing, names),
        lines=[_line(one, names[one.account_id]) for one in shown],
        more=len(timing.accounts) - len(shown),
    )


def summary_of(timing: RoundTiming, names: dict[str, str]) -> str:
    """paper-3 is slowest: 412 ms to the last acknowledgement; the others 96 ms"""
    slowest = timing.accounts[0]
    name, many = names[slowest.account_id], len(timing.accounts) > 1
    others = f"; the others {took(timing.others_ms)}" if timing.others_ms is not None else ""
    if slowest.unanswered:
        return f"{name} has {_no_answer(slowest)}{others}."
    if slowest.last_acknowledged_ms is None:
        return "Nothing was acknowledged yet."
    is_slowest = f"{name} is slowest: " if many else f"{name}: "
    return f"{is_slowest}{took(slowest.last_acknowledged_ms)} to the last acknowledgement{others}."


def told(step: Step) -> str:
    """412 ms; no answer yet, 3.2 s; no answer, given up after 30 s; 1.2 s so far"""
    if step.is_lost and step.is_over:
        return f"no answer, given up after {took(step.ms)}"
    if step.is_over:
        return took(step.ms)
    return f"no answer yet, {took(step.ms)}" if step.name is StepName.ANSWER else f"{took(step.ms)} so far"


def _line(one: AccountTiming, name: str) -> TimingLine:
    acknowledged = took(one.last_acknowledged_ms) if not one.unanswered else _no_answer(one)
    slowest = _slowest(one.slowest) if one.slowest else MISSING
    return TimingLine(
        name, took(one.first_sent_ms), acknowledged, took(one.last_filled_ms), slowest, one.slowest_order_id
    )


def _slowest(step: Step) -> str:
    says_it_all = step.name is StepName.ANSWER and (step.is_lost or not step.is_over)
    return told(step) if says_it_all else f"{STEPS[step.name]}, {told(step)}"


def _no_answer(one: AccountTiming) -> str:
    which = "" if one.unanswered == 1 else f" for {count(one.unanswered, 'order')}"
    return f"no answer yet{which}, {took(one.unanswered_ms)}"


def _exits_asked(run: Run, parts: Sequence[AccountRun], legs: Iterable[LegRun]) -> dict[str, datetime]:
    """When each leg was first told to go: by itself, with its account, or with the run."""
    of_parts = {part.id: part.exit_at for part in parts}
    found = {}
    for leg in legs:
        asked = [at for at in (leg.exit_at, of_parts.get(leg.account_run_id), run.exit_at) if at is not None]
        if asked:
            found[leg.id] = min(asked)
    return found
