"""What legs that wait see: the price a move is counted from, the range of a price as it grows, and what nobody sees.

Prices decide only while they are fresh. Who waits blindly is told so once, until the price is back.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.engine.market import Market
from app.engine.range_reader import Range, RangeReader, Span
from app.execution.events import Alarm
from app.execution.writer import Writer, Written
from app.strategies import waits
from app.strategies.late_entry import Breakout, Wait, left, moved
from app.strategies.models import MOVE, RANGE, AccountRun, Run
from app.strategies.part_views import AccountRunState
from app.strategies.runner import RunChanged
from app.strategies.waits import Waiting
from app.venues.types import Quote, Symbol
from app.wiring import Services

BLIND = timedelta(seconds=10)  # without a price that decides, before the owner is told
KEPT_EVERY = timedelta(seconds=5)


@dataclass(slots=True)
class Looked:
    """Why some will never be entered, by leg run; and whether others know more now than when they were read."""

    never: dict[str, str] = field(default_factory=dict)
    is_new: bool = False


class LateSights:
    def __init__(self, services: Services, market: Market, writer: Writer) -> None:
        self._services = services
        self._clock = services.clock
        self._market = market
        self._writer = writer
        self._limit = timedelta(seconds=services.settings.stale_after_seconds)
        self._ranges = RangeReader(services)
        self._kept_at: datetime | None = None
        self._blind: dict[str, datetime] = {}  # since when a leg's price is not known
        self._told: dict[str, str] = {}  # what was said, with its run

    def fresh(self, symbol: Symbol) -> Quote | None:
        return self._market.hub.fresh(symbol, self._clock.now(), self._limit)

    def look(self, waiting: Sequence[Waiting], now: datetime) -> Looked:
        looked = Looked()
        unknown = [one for one in waiting if one.trigger is None]
        for group in _grouped(one for one in unknown if one.wait.kind == MOVE):
            self._refer(group, looked)
        self._follow_ranges([one for one in unknown if one.wait.kind == RANGE], now, looked)
        self._keep_prices(waiting, now)
        self._look_for_blind(waiting, now)
        return looked

    def _refer(self, group: Sequence[Waiting], looked: Looked) -> None:
        """The price that the move is counted from: one for all accounts, taken once."""
        quote = self.fresh(symbol_of(group[0]))
        if quote is None:
            return
        trigger = moved(Wait.model_validate(group[0].wait.rule), quote.last, group[0].leg.tick)
        ids = [one.leg.id for one in group]
        if trigger is None:
            looked.never |= dict.fromkeys(ids, waits.cannot_move(quote.last, group[0].leg.symbol))
            return
        self._write(looked, group, lambda session: waits.refer(session, ids, quote.last, quote.received_at, trigger))

    def _follow_ranges(self, found: Sequence[Waiting], now: datetime, looked: Looked) -> None:
        begun = [one for one in found if one.wait.starts_at is not None and one.wait.starts_at <= now]
        self._ranges.read([symbol_of(one) for one in begun])
        for group in _grouped(begun):
            wait = group[0].wait
            if wait.starts_at is not None and wait.ends_at is not None:
                span = Span(wait.starts_at, wait.ends_at, group[0].run.started_at or now)
                seen = self._ranges.range(symbol_of(group[0]), span, now)
                self._follow_range(group, seen, now, looked)

    def _follow_range(self, group: Sequence[Waiting], seen: Range, now: datetime, looked: Looked) -> None:
        ids, wait = [one.leg.id for one in group], group[0].wait
        low, high = seen.low, seen.high
        if seen.lacks:
            why = f"The range of {wait.symbol} is not known: {seen.lacks.rstrip('.')}."
            looked.never |= dict.fromkeys(ids, why)
        if seen.lacks or low is None or high is None:
            return
        if (low, high) != (wait.low, wait.high):
            self._write(looked, group, lambda session: waits.widen(session, ids, low, high, now))
        if seen.is_over:
            trigger = left(Breakout.model_validate(wait.rule), low, high)
            self._write(looked, group, lambda session: waits.arm(session, ids, trigger))

    def _write(self, looked: Looked, group: Sequence[Waiting], unit: Callable[[Session], None]) -> None:
        parts = sorted({one.part.id for one in group})

        def written(session: Session) -> Written:
            unit(session)
            return Written(None, changes(session, parts))

        self._writer.write(written)
        looked.is_new = True

    def _keep_prices(self, waiting: Sequence[Waiting], now: datetime) -> None:
        if not waiting or (self._kept_at is not None and now - self._kept_at < KEPT_EVERY):
            return
        self._kept_at = now
        seen = [(group, self.fresh(symbol_of(group[0]))) for group in _grouped(waiting)]
        new = [([one.leg.id for one in group], q.last, q.received_at) for group, q in seen if q is not None]
        if new:
            self._writer.write(lambda session: _kept(session, new))

    def _look_for_blind(self, waiting: Sequence[Waiting], now: datetime) -> None:
        dark = {one.leg.id: one for one in waiting if self._is_dark(one, now)}
        self._blind = {leg_id: self._blind.get(leg_id, now) for leg_id in dark}
        for group in _grouped(one for leg_id, one in dark.items() if now - self._blind[leg_id] >= BLIND):
            one = group[0]
            text = f"{one.name} waits and sees nothing: there is no fresh price of {one.wait.symbol}."
            self.say(f"{one.run.id}:{one.leg.number}", one.run, text)
        seen = {f"{one.run.id}:{one.leg.number}" for one in waiting if one.leg.id not in dark}
        runs = {one.run.id for one in waiting}
        self._told = {what: run for what, run in self._told.items() if what not in seen and run in runs}

    def _is_dark(self, one: Waiting, now: datetime) -> bool:
        is_early = one.wait.kind == RANGE and one.wait.ends_at is not None and now < one.wait.ends_at
        return not is_early and self.fresh(symbol_of(one)) is None and self._market.is_open(one.wait.exchange, now)

    def say(self, what: str, run: Run, text: str) -> None:
        """Once, until it is over."""
        if what not in self._told:
            self._told[what] = run.id
            self._services.bus.publish(Alarm(run.owner_id, None, f"run:{run.id}", text))


def _kept(session: Session, seen: Sequence[tuple[Sequence[str], Decimal, datetime]]) -> Written:
    waits.saw(session, seen)
    return Written(len(seen))


def symbol_of(one: Waiting) -> Symbol:
    return Symbol(one.wait.exchange, one.wait.symbol)


def _grouped(found: Iterable[Waiting]) -> list[list[Waiting]]:
    """The same leg in all accounts: they wait for the same."""
    groups: dict[tuple[str, int, int, str], list[Waiting]] = defaultdict(list)
    for one in found:
        groups[one.run.id, one.leg.number, one.leg.entry, one.wait.symbol].append(one)
    return list(groups.values())


def changes(session: Session, part_ids: Sequence[str]) -> list[RunChanged]:
    """Whoever watches these runs looks again, whether or not a state changed."""
    table = AccountRun
    rows = select(table.run_id, table.id, table.owner_id, table.state).where(table.id.in_(part_ids))
    return [
        RunChanged(run_id, part_id, owner_id, AccountRunState(state))
        for run_id, part_id, owner_id, state in session.execute(rows)
    ]
