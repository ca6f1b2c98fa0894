"""One market stream serves the desk: this keeps it on the right account and asks it for what is wanted.

`step` is the whole of it, once per beat or when woken. Wishes are compared with what the stream was asked for, so
nothing is lost when a call fails: the next beat asks again. Out of session nothing is switched; every account starts
the session with a clean record. Moving to a worse account closes the old stream first; moving back to a better one
opens it beside the old and moves over when it delivers. What does not fit on its connection goes to others beside it.

Silence is judged by prices that are of use: a stream of zeros, or one that repeats the same prices while what always
moves in session stands still, is as bad as none.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

import structlog

from app.core.bus import Bus
from app.core.clock import Clock
from app.core.errors import DeskError
from app.core.stepping import Stepping
from app.feed.asked import open_markets
from app.feed.events import ConnectionStatus, FeedReport, FeedState, FeedStatus, FeedSwitched, SourceChanged
from app.feed.failover import Choice, FailoverRules, Reason, Seat, bar, choose, trouble, wants_resubscribing
from app.feed.hub import Hub
from app.feed.line import Line
from app.feed.overflow import Overflow, Slot
from app.feed.quotes import is_price
from app.feed.sharding import first
from app.feed.source import SourceWatch
from app.feed.standstill import Standstill
from app.feed.subscriptions import Modes, Subscriptions
from app.venues.port import StreamState, Venue
from app.venues.types import FeedMode, PriceSource, Quote, Symbol

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Sources:
    """`accounts`: the ids that may carry the feed, best first; `venue`: the open connection of one; `is_open`:
    whether an exchange trades at a moment, so that prices are due.
    """

    accounts: Callable[[], Sequence[str]]
    venue: Callable[[str], Venue]
    is_open: Callable[[str, datetime], bool]


def every_symbol(_symbol: Symbol) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class FeedSettings:
    """`pulse`: symbols that always move in session, so that silence and standstill mean something; `serves`: which
    symbols this kind of venue has; `freeze`: seconds after which a pulse that stands still is no pulse; `settled`:
    seconds that prices come from elsewhere before it is told.
    """

    rules: FailoverRules = field(default_factory=FailoverRules)
    slow: timedelta = timedelta(seconds=2)
    stale: timedelta = timedelta(seconds=5)
    beat: float = 0.5
    freeze: float = 10.0
    settled: float = 2.0
    pulse: tuple[Symbol, ...] = ()
    serves: Callable[[Symbol], bool] = every_symbol


DEFAULT_SETTINGS = FeedSettings()
LONELY = 8.0  # as long as usual a feed may be silent while no market of the pulse is open


class Feed(Stepping):
    def __init__(
        self,
        hub: Hub,
        subscriptions: Subscriptions,
        sources: Sources,
        bus: Bus,
        clock: Clock,
        settings: FeedSettings = DEFAULT_SETTINGS,
    ) -> None:
        super().__init__("feed", settings.beat)
        self._hub = hub
        self._subscriptions = subscriptions
        self._sources = sources
        self._bus = bus
        self._clock = clock
        self._settings = settings
        self._seats: dict[str, Seat] = {}
        self._line: Line | None = None
        self._trial: Line | None = None
        self._expecting_since: float | None = None
        self._pulse_since: float | None = None
        self._standstill = Standstill(hub, clock, settings.pulse, settings.freeze)
        self._source = SourceWatch(settings.settled, self._tell_source)
        self._left_out = 0
        self._overflow = Overflow(self._open_beside, settings.rules)
        self._reason = ""

    # -- the thread

    def start(self) -> None:
        super().start()
        self.wake()

    def stop(self) -> None:
        super().stop()
        for line in (self._trial, self._line):
            if line:
                line.close()
        self._overflow.close()
        self._trial = self._line = None

    # -- what others ask

    @property
    def account_id(self) -> str | None:
        line = self._line
        return line.account_id if line else None

    def wanted(self) -> Modes:
        modes = {symbol: mode for symbol, mode in self._subscriptions.modes().items() if self._settings.serves(symbol)}
        return {symbol: modes.get(symbol, FeedMode.LTP) for symbol in self._settings.pulse} | modes

    def take_asked(self, account_id: str, quote: Quote) -> bool:
        """A price that was asked for; whether it was believed."""
        return self._standstill.take(account_id, quote)

    def always(self) -> frozenset[Symbol]:
        """What is wanted whether or not a page shows it."""
        return self._subscriptions.always()

    def status(self) -> FeedStatus:
        line, last_at = self._line, self._hub.last_at
        state = self._state(line, last_at)
        if state is FeedState.FROZEN:
            last_at = self._standstill.moved_at
        account_id = line.account_id if line else None
        return FeedStatus(state, account_id, last_at, self._reason, self._source_of(state))

    def report(self) -> FeedReport:
        wanted, now = self.wanted(), self._clock.now()
        hub, limit = self._hub, self._settings.stale
        opened = open_markets(wanted, lambda exchange: self._sources.is_open(exchange, now))
        stale = [one for one in wanted if opened[one.exchange] and hub.fresh(one, now, limit) is None]
        return FeedReport(
            self.status(), self._connections(), len(wanted), self._left_out, stale, hub.received, dict(hub.dropped)
        )

    def _connections(self) -> list[ConnectionStatus]:
        line, trial = self._line, self._trial
        found = [line.status(0, "carrier")] if line else []
        found += [one.status(number, "overflow") for (_, number), one in self._overflow.lines.items()]
        return [*found, trial.status(0, "trial")] if trial else found

    def _source_of(self, state: FeedState) -> PriceSource | None:
        if state in (FeedState.STALE, FeedState.CLOSED, FeedState.FROZEN):
            return None
        is_young = _young(self._hub.last_at, self._clock.now(), self._settings.stale)
        return self._hub.last_source if is_young else None

    def _state(self, line: Line | None, last_at: datetime | None) -> FeedState:
        pushed = line is not None and line.is_live
        if self._expecting_since is None and self._subscriptions.modes():
            return FeedState.CLOSED
        if self._expecting_since is None:
            return FeedState.LIVE if pushed else FeedState.DOWN
        now = self._clock.now()
        if self._hub.is_frozen:
            return FeedState.FROZEN
        if line is not None and pushed and _young(line.last_at, now, self._settings.slow):
            return FeedState.LIVE
        if _young(last_at, now, self._settings.stale):
            return FeedState.SLOW
        return FeedState.STALE if pushed else FeedState.DOWN

    # -- one beat

    def step(self) -> None:
        now = self._clock.monotonic()
        self._subscriptions.expire(now)
        wanted = self.wanted()
        self._note_session(wanted, now)
        candidates = list(self._sources.accounts())
        self._standstill.look(self._line, self._pulse_since, now)
        self._follow(self._choose(candidates, now), now)
        self._judge_trial(now)
        self._share_out(wanted, candidates, now)
        self._cure(now)
        self._source.look(self.status().source, self._expecting_since is not None, now)

    def _note_session(self, wanted: Modes, now: float) -> None:
        moment = self._clock.now()
        opened = {
            exchange for exchange in {symbol.exchange for symbol in wanted} if self._sources.is_open(exchange, moment)
        }
        if opened.isdisjoint(symbol.exchange for symbol in self._settings.pulse):
            self._pulse_since = None
        elif self._pulse_since is None:
            self._pulse_since = now
        expecting = bool(opened)
        if not expecting:
            self._expecting_since = None
        elif self._expecting_since is None:
            self._expecting_since = now
            self._seats = {}  # a new session: what failed at night says nothing

    @property
    def _rules(self) -> FailoverRules:
        rules = self._settings.rules
        lonely = self._settings.pulse and self._pulse_since is None
        return replace(rules, silence=rules.silence * LONELY) if lonely else rules

    def _choose(self, candidates: Sequence[str], now: float) -> Choice:
        current = self.account_id
        if current is not None:
            self._seats[current] = self._seat(now)
            if self._expecting_since is None and current in candidates:
                return Choice(current)
        choice = choose(candidates, self._seats, now, current, self._rules)
        frozen = choice.reason is Reason.SILENT and self._standstill.is_of(current)
        return replace(choice, reason=Reason.FROZEN) if frozen else choice

    def _seat(self, now: float) -> Seat:
        line = self._line
        if line is None:
            return Seat()
        seat = line.seat(self._seats.get(line.account_id, Seat()), self._expecting_since)
        served = seat.state is StreamState.LIVE and now - seat.since > self._settings.rules.hold
        return replace(seat, failures=0) if served and not seat.resubscribed else seat

    def _follow(self, choice: Choice, now: float) -> None:
        current = self.account_id
        if choice.account_id == current:
            return
        if choice.try_first and choice.account_id is not None:
            if self._trial is None:
                self._trial = self._open(choice.account_id, now, _shows)
            return
        self._close_trial()
        if self._line:
            if choice.reason is not Reason.REMOVED:
                self._seats[self._line.account_id] = bar(self._seats[self._line.account_id], now, self._settings.rules)
            self._line.close()
            self._line = None
        if choice.account_id is not None:
            self._line = self._open(choice.account_id, now, partial(self._standstill.take, choice.account_id))
        self._announce(current, choice.reason)

    def _judge_trial(self, now: float) -> None:
        trial = self._trial
        if trial is None:
            return
        seat = trial.seat(self._seats.get(trial.account_id, Seat()), self._expecting_since)
        if trial.is_live and self._delivers(trial):
            before = self.account_id
            trial.hand_over_to(partial(self._standstill.take, trial.account_id))
            old, self._line, self._trial = self._line, trial, None
            if old:
                old.close()
            self._announce(before, Reason.BETTER)
        elif seat.state is StreamState.REFUSED or now - seat.seated_at > self._settings.rules.trial:
            self._seats[trial.account_id] = bar(seat, now, self._settings.rules)
            self._close_trial()

    def _delivers(self, trial: Line) -> bool:
        if self._expecting_since is None:
            return True
        return trial.ticked_at is not None and (self._pulse_since is None or trial.motion.has_moved)

    def _share_out(self, wanted: Modes, candidates: Sequence[str], now: float) -> None:
        for line in (self._line, self._trial):
            if line:
                line.learn()
                line.try_to_ask(first(wanted, line.room))
        mine = first(wanted, self._line.room) if self._line else wanted
        rest = {symbol: mode for symbol, mode in wanted.items() if symbol not in mine}
        left = self._overflow.carry(rest, self._slots(candidates, now), now, self._expecting_since)
        self._left_out = len(left)

    def _slots(self, candidates: Sequence[str], now: float) -> list[Slot]:
        """Further connections in the order in which they are opened: the carrier's own first."""
        current = self.account_id
        if current is None:
            return []
        others = [name for name in candidates if name != current and self._seats.get(name, Seat()).barred_until <= now]
        most = {name: self._sources.venue(name).capabilities.stream_connections for name in (current, *others)}
        own = [(current, number) for number in range(1, most[current])]
        return own + [(name, number) for name in others for number in range(most[name])]

    def _open_beside(self, slot: Slot) -> Line | None:
        try:
            take = partial(self._standstill.take, slot[0])
            return Line(slot[0], self._sources.venue(slot[0]), self._clock, take, self.wake)
        except (DeskError, OSError) as error:
            log.warning("feed_not_opened", account_id=slot[0], error=str(error))
            return None

    def _tell_source(self, before: PriceSource | None, after: PriceSource | None) -> None:
        log.info("feed_source", before=before, after=after, account_id=self.account_id)
        self._bus.publish(SourceChanged(before, after, self.account_id, self._clock.now()))

    def _cure(self, now: float) -> None:
        line = self._line
        if line is None or self._expecting_since is None:
            return
        seat = self._seat(now)
        if wants_resubscribing(seat, now, self._rules):
            log.warning("feed_silent", account_id=line.account_id)
            line.resubscribe()
        elif trouble(seat, now, self._rules) is Reason.SILENT:
            line.forget_cure()

    def _open(self, account_id: str, now: float, on_quote: Callable[[Quote], bool]) -> Line | None:
        try:
            venue = self._sources.venue(account_id)
            return Line(account_id, venue, self._clock, on_quote, self.wake, self._settings.pulse)
        except (DeskError, OSError) as error:
            log.warning("feed_not_opened", account_id=account_id, error=str(error))
            self._seats[account_id] = bar(self._seats.get(account_id, Seat()), now, self._settings.rules)
            return None

    def _close_trial(self) -> None:
        if self._trial:
            self._trial.close()
            self._trial = None

    def _announce(self, before: str | None, reason: Reason | None) -> None:
        after = self.account_id
        self._reason = reason.value if reason else ""
        if before != after:
            log.info("feed_switched", before=before, after=after, reason=self._reason)
            self._bus.publish(FeedSwitched(before, after, self._reason, self._clock.now()))


def _shows(quote: Quote) -> bool:
    """A stream on trial only shows that it delivers."""
    return is_price(quote.last)


def _young(at: datetime | None, now: datetime, limit: timedelta) -> bool:
    return at is not None and now - at <= limit
