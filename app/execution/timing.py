"""How long each step of an order took, and which account was the slowest. Times in, milliseconds out.

An order waits for its turn (written to claimed), stands in its account's lane (claimed to sent), waits for the venue's
answer (sent to acknowledged) and for its fill (acknowledged to filled). What is not over yet is counted until now.
"""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import pairwise


class StepName(StrEnum):
    TURN = "turn"
    LANE = "lane"
    ANSWER = "answer"
    FILL = "fill"


@dataclass(frozen=True, slots=True)
class Times:
    """The moments of one order's life, aware UTC; None is what has not happened, or is not known.

    `asked` is the click or the rule behind it; `written` its row; `lost` when its answer was given up; `filled` its
    newest fill; `ready` when the orders it had to wait for were done.
    """

    order_id: str
    account_id: str
    wave: int
    asked: datetime
    written: datetime
    claimed: datetime | None
    sent: datetime | None
    answered: datetime | None
    lost: datetime | None
    filled: datetime | None
    ended: datetime | None
    is_in_doubt: bool = False  # sent, and nobody knows yet what became of it
    ready: datetime | None = None

    @property
    def acknowledged(self) -> datetime | None:
        """When the venue said what it made of it; never for an order whose answer was lost."""
        return None if self.lost or self.is_in_doubt else self.answered

    @property
    def is_over(self) -> bool:
        return self.ended is not None


@dataclass(frozen=True, slots=True)
class Step:
    """`is_over` is False while it still takes; `is_lost` says that it ended without an answer."""

    name: StepName
    ms: int
    is_over: bool = True
    is_lost: bool = False


@dataclass(frozen=True, slots=True)
class AccountTiming:
    """One account in one round; milliseconds from the asking, None for what no order of it reached.

    `unanswered_ms` is how long the oldest order without an answer has been waited for.
    """

    account_id: str
    orders: int
    first_sent_ms: int | None
    last_acknowledged_ms: int | None
    last_filled_ms: int | None
    unanswered: int
    unanswered_ms: int | None
    slowest: Step | None
    slowest_order_id: str

    @property
    def weight(self) -> tuple[bool, int]:
        """To compare accounts by: one that waits for an answer comes behind all that have theirs."""
        return self.unanswered > 0, self.unanswered_ms or self.last_acknowledged_ms or 0


@dataclass(frozen=True, slots=True)
class RoundTiming:
    """The slowest account first; `others_ms` is the median of the others' last acknowledgements."""

    name: str
    accounts: Sequence[AccountTiming]
    others_ms: int | None


def steps(times: Times, now: datetime) -> list[Step]:
    """The steps that began, in their order."""
    started = max(times.written, times.ready) if times.ready else times.written
    found = [_step(StepName.TURN, started, times.claimed or times.sent or times.ended, now)]
    if times.claimed and times.sent:
        found.append(_step(StepName.LANE, times.claimed, times.sent, now))
    if times.sent:
        found += _at_the_venue(times, times.sent, now)
    return found


def round_of(name: str, orders: Iterable[Times], now: datetime) -> RoundTiming:
    """How the accounts fared with orders that were asked for together."""
    by_account: dict[str, list[Times]] = defaultdict(list)
    for order in orders:
        by_account[order.account_id].append(order)
    found = [_account(account_id, group, now) for account_id, group in by_account.items()]
    found.sort(key=lambda one: one.weight, reverse=True)
    others = [one.last_acknowledged_ms for one in found[1:] if one.last_acknowledged_ms is not None]
    return RoundTiming(name, found, round(statistics.median(others)) if others else None)


def with_ready(orders: Sequence[Times]) -> list[Times]:
    """The orders of one account, each knowing when the waves before its own were done."""
    ready: dict[int, datetime | None] = {}
    waves = sorted({order.wave for order in orders})
    for before, wave in pairwise(waves):
        ends = [order.ended for order in orders if order.wave == before]
        earlier = ready.get(before)
        done = [end for end in ends if end is not None]
        ready[wave] = max([*done, *([earlier] if earlier else [])]) if done and len(done) == len(ends) else None
    return [replace(order, ready=ready[order.wave]) if ready.get(order.wave) else order for order in orders]


def milliseconds(since: datetime, at: datetime) -> int:
    return max(0, round((at - since).total_seconds() * 1000))


def _at_the_venue(times: Times, sent: datetime, now: datetime) -> list[Step]:
    acknowledged = times.acknowledged
    if times.lost:
        answer = Step(
            StepName.ANSWER, milliseconds(sent, now if times.is_in_doubt else times.lost), not times.is_in_doubt, True
        )
    else:
        answer = _step(StepName.ANSWER, sent, acknowledged or times.ended, now)
    found = [answer]
    came_first = times.filled is not None and (acknowledged is None or times.filled < acknowledged)
    begun = sent if came_first or acknowledged is None else acknowledged
    if times.filled is not None and times.is_over:
        found.append(_step(StepName.FILL, begun, times.filled, now))
    elif not times.is_over and not times.is_in_doubt and (acknowledged or times.lost):
        found.append(_step(StepName.FILL, begun, None, now))
    return found


def _step(name: StepName, since: datetime, until: datetime | None, now: datetime) -> Step:
    return Step(name, milliseconds(since, until or now), until is not None)


def _account(account_id: str, orders: Sequence[Times], now: datetime) -> AccountTiming:
    waits = [milliseconds(order.sent, now) for order in orders if order.is_in_doubt and order.sent]
    all_steps = [(step, order.order_id) for order in with_ready(orders) for step in steps(order, now)]
    slowest, order_id = max(all_steps, key=lambda pair: pair[0].ms)
    return AccountTiming(
        account_id=account_id,
        orders=len(orders),
        first_sent_ms=min(_since_asked(orders, [order.sent for order in orders]), default=None),
        last_acknowledged_ms=max(_since_asked(orders, [order.acknowledged for order in orders]), default=None),
        last_filled_ms=max(_since_asked(orders, [order.filled for order in orders]), default=None),
        unanswered=len(waits),
        unanswered_ms=max(waits, default=None),
        slowest=slowest,
        slowest_order_id=order_id,
    )


def _since_asked(orders: Sequence[Times], moments: Sequence[datetime | None]) -> list[int]:
    return [milliseconds(order.asked, at) for order, at in zip(orders, moments, strict=True) if at is not None]
