"""The limits of the day in the engine: fed by ticks, told of fills, acting in the same breath as a limit is touched.

One unit of work in the journal's thread stops what the limit stops and steps the parts that leave, with the claim of
their exits: one commit lies between the tick and the wire. Where nobody set a limit, a tick costs one look-up.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial

import structlog
from sqlalchemy.orm import Session

from app.broadcast.coalesce import Broadcaster
from app.core.clock import day_in_india
from app.engine.day_cells import DayCells
from app.engine.main import Job, Loop
from app.engine.market import Market
from app.engine.venue_errands import SpotPrices
from app.execution.events import OrderChanged
from app.execution.writer import Writer, Written
from app.portfolio.trades import Held, PositionKey
from app.risk import day_keeping
from app.risk.day_acting import said
from app.risk.day_monitor import DayMonitor, DayStake, DayStanding, DayTrigger
from app.risk.day_rules import Limited
from app.risk.day_stakes import day_stake
from app.risk.events import LimitTouched, StandingChanged
from app.risk.expired import expired, settled
from app.strategies.resolving import Resolved
from app.strategies.runner import AT_ONCE, Runner
from app.venues.types import Quote, Symbol
from app.wiring import Services

log = structlog.get_logger()
BLIND = timedelta(seconds=10)
Positions = dict[PositionKey, Held]


def watch_days(
    services: Services, writer: Writer, runner: Runner, market: Market, broadcaster: Broadcaster,
    nudge: Callable[[], None],
) -> Loop:  # fmt: skip
    """`nudge` wakes whoever steps parts and sends what was ordered by hand."""
    guard = DayGuard(services, writer, runner, market, nudge)
    services.bus.subscribe(OrderChanged, guard.order_changed)
    services.day_gate.price_of = guard.price_of
    broadcaster.also(DayCells(services, guard.monitor).of)
    return guard.loop


@dataclass(slots=True)
class _Seen:
    """What the rows said last."""

    day: date | None = None
    limited: list[Limited] = field(default_factory=list)
    touched: frozenset[str] = frozenset()
    peaks: day_keeping.Slots = field(default_factory=dict)


class DayGuard:
    def __init__(
        self, services: Services, writer: Writer, runner: Runner, market: Market, nudge: Callable[[], None]
    ) -> None:
        self._services = services
        self._db, self._clock, self._publish = services.db, services.clock, services.bus.publish
        self._writer = writer
        self._runner = runner
        self._market = market
        self._nudge = nudge
        self._limit = timedelta(seconds=services.settings.stale_after_seconds)
        self._lock = threading.Lock()
        self._dirty: set[str] = set()  # owners whose orders changed
        self._owners: frozenset[str] = frozenset()  # who have limits of the day's profit
        self._seen = _Seen()
        self._books: dict[str, Positions] = {}
        self._risen: dict[tuple[str, date], Decimal] = {}  # peaks that are not kept yet, by slot and day
        self._told: set[str] = set()
        self.monitor = DayMonitor(self._fresh, self._act, self._keep)
        market.hub.listen(self.monitor.on_quote)
        jobs = [
            Job("day limits", self.read, 0.5, can_wait=0.5),
            Job("day stakes", self.follow, 0.05),
            Job("day peaks", self.keep_peaks, 0.2),
            Job("day sweep", self.sweep, 0.5),
        ]
        self.loop = Loop(jobs, services.clock)

    def _fresh(self, symbol: Symbol) -> Quote | None:
        return self._market.hub.fresh(symbol, self._clock.now(), self._limit)

    def price_of(self, symbol: Symbol) -> Decimal | None:
        """The newest, if it may decide something."""
        quote = self._fresh(symbol)
        return quote.last if quote is not None else None

    def order_changed(self, event: OrderChanged) -> None:
        if event.owner_id in self._owners and (event.filled_quantity or not event.is_progress):
            with self._lock:
                self._dirty.add(event.owner_id)
            self.loop.nudge()

    # -- what is watched

    def read(self) -> None:
        """What is limited, and what the day brought so far; where that changed all is reckoned anew."""
        now = self._clock.now()
        day = day_in_india(now)
        limited = self._services.known_limits.read()
        seen = _Seen(day, limited)
        with self._db.read() as session:
            is_over = self._services.day_limits.has_over(session, now)
            equities = day_keeping.without_equity(session, _in_percent(limited), now)
            if limited:
                seen.touched, seen.peaks = day_keeping.touched(session, day), day_keeping.peaks(session, day)
        if equities:
            self._writer.write(partial(_equity_kept, equities, now))
            self._services.known_limits.read()
        if is_over:
            self._lift(now)
        before, self._seen = self._seen, seen
        self._owners = frozenset(one.owner_id for one in limited if one.rules.levels)
        if (before.day, before.limited, before.touched) != (seen.day, seen.limited, seen.touched):
            with self._lock:
                self._dirty |= self._owners | self._books.keys()

    def _lift(self, now: datetime) -> None:
        owners = self._writer.write(lambda session: Written(self._services.day_limits.lift(session, now)), durable=True)
        for owner_id in owners:
            self._publish(StandingChanged(owner_id))

    def follow(self) -> bool:
        """Read anew what the owners hold whose orders changed."""
        with self._lock:
            dirty, self._dirty = self._dirty, set()
        if not dirty:
            return False
        try:
            self._follow(dirty)
        except Exception:
            with self._lock:
                self._dirty |= dirty  # or limits would go on by what was held before
            raise
        return True

    def _follow(self, dirty: set[str]) -> None:
        now = self._clock.now()
        for owner_id in dirty & self._owners:
            self._books[owner_id] = self._services.portfolio.held(owner_id, now)
        for owner_id in self._books.keys() - self._owners:
            del self._books[owner_id]
        self.monitor.put(self._stakes(), self._seen.touched, now)

    def _stakes(self) -> list[DayStake]:
        seen, day = self._seen, self._seen.day
        if day is None:
            return []
        gone = expired(self._services.instruments, self._books.values(), day)
        books = {owner_id: settled(book, gone) for owner_id, book in self._books.items()}
        known = [(one, books[one.owner_id]) for one in seen.limited if one.owner_id in books]
        found = [day_stake(one, book, day, seen.peaks.get(one.extent.slot)) for one, book in known]
        return [stake for stake in found if stake is not None]

    # -- what was touched

    def _act(self, trigger: DayTrigger) -> None:
        done = self._writer.submit(partial(self._acted, trigger), durable=True)
        done.add_done_callback(lambda future: self._after(trigger, future.exception()))

    def _acted(self, trigger: DayTrigger, session: Session) -> Written:
        acted = self._services.day_limits.act(session, trigger, self._clock.now())
        if acted is None:
            return Written(None)
        stepped = self._runner.unit(acted.parts[:AT_ONCE], session).events if acted.parts else ()
        stake = trigger.stake
        text = f"{stake.name}: {said(trigger)}. What was done: {acted.event.did}."
        title = trigger.bound.rule.words.capitalize()
        news = LimitTouched(stake.owner_id, f"{title} was reached", text, f"limit:{acted.event.id}")
        return Written(len(acted.parts) > AT_ONCE, [*stepped, news, StandingChanged(stake.owner_id)])

    def _after(self, trigger: DayTrigger, error: BaseException | None) -> None:
        self._nudge()
        if error is not None:
            log.error("day_limit_not_acted", key=trigger.bound.key, error=str(error))
            self.monitor.again(trigger.bound.key)

    # -- the best of the day

    def _keep(self, stake: DayStake, peak: Decimal) -> None:
        self._risen[stake.extent.slot, stake.day] = peak

    def keep_peaks(self) -> bool:
        today, risen = self._seen.day, {key: self._risen.pop(key) for key in list(self._risen)}
        found = {slot: peak for (slot, day), peak in risen.items() if day == today}  # a day that is over needs none
        if found and today is not None:
            try:
                self._writer.write(lambda session: self._kept(session, today, found))
            except Exception:
                for key, peak in risen.items():  # one that came meanwhile is higher
                    self._risen.setdefault(key, peak)
                raise
        return bool(found)

    def _kept(self, session: Session, day: date, risen: dict[str, Decimal]) -> Written:
        day_keeping.keep_peaks(session, day, risen, self._clock.now())
        return Written(len(risen))

    # -- what no tick brings

    def sweep(self) -> None:
        now = self._clock.now()
        self.monitor.sweep(now)
        blind = {one.stake.extent.slot: one for one in self.monitor.standings() if self._is_blind(one, now)}
        for slot in blind.keys() - self._told:
            stake = blind[slot].stake
            text = f"{stake.name}: no fresh price of something it holds, so nothing is decided by its day's profit."
            self._publish(LimitTouched(stake.owner_id, "Limits of the day stand still", text, f"blind:{slot}"))
        self._told = set(blind)

    def _is_blind(self, one: DayStanding, now: datetime) -> bool:
        if one.blind_since is None or now - one.blind_since < BLIND:
            return False
        return any(self._market.is_open(symbol.exchange, now) for symbol in one.stake.held)


def _equity_kept(found: Mapping[str, tuple[Decimal, datetime]], now: datetime, session: Session) -> Written:
    day_keeping.keep_equity(session, found, now)
    return Written(len(found))


def prices_for_limits(services: Services, prices: SpotPrices, owner_id: str, resolved: Sequence[Resolved]) -> None:
    """Of contracts nobody has looked at yet, where a limit over the owner's orders asks what they are worth."""
    if any(one.rules.asks_price for one in services.known_limits.of(owner_id)):
        prices.many([item.symbol for item in resolved])


def _in_percent(limited: list[Limited]) -> list[str]:
    """Accounts whose equity of the day a limit asks for."""
    asked = [one for one in limited if one.rules.in_percent]
    return sorted({account_id for one in asked for account_id in one.account_ids})
