"""One market stream serves the desk: this keeps it on the right account and asks it for what is wanted.

`step` is the whole of it, once per beat or when woken. Wishes are compared with what the stream was asked for, so
nothing is lost when a call fails: the next beat asks again. Out of session nothing is switched; every account starts
the session with a clean record. Moving to a worse account closes the old stream first; moving back to a better one
opens it beside the old and moves over when it delivers.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from app.core.bus import Bus
from app.core.clock import Clock
from app.core.errors import DeskError
from app.feed.events import FeedState, FeedStatus, FeedSwitched
from app.feed.failover import Choice, FailoverRules, Reason, Seat, bar, choose, trouble, wants_resubscribing
from app.feed.hub import Hub
from app.feed.line import Line
from app.feed.subscriptions import Modes, Subscriptions
from app.venues.port import StreamState, Venue
from app.venues.types import FeedMode, Quote, Symbol

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
    """`pulse`: symbols that always tick in session, so that silence means something; `serves`: which symbols this
    kind of venue has.
    """

    rules: FailoverRules = field(default_factory=FailoverRules)
    slow: timedelta = timedelta(seconds=2)
    stale: timedelta = timedelta(seconds=5)
    beat: float = 0.5
    pulse: tuple[Symbol, ...] = ()
    serves: Callable[[Symbol], bool] = every_symbol


DEFAULT_SETTINGS = FeedSettings()


class Feed:
    def __init__(
        self,
        hub: Hub,
        subscriptions: Subscriptions,
        sources: Sources,
        bus: Bus,
        clock: Clock,
        settings: FeedSettings = DEFAULT_SETTINGS,
    ) -> None:
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
        self._reason = ""
        self._wake = threading.Event()
        self._stopped = False
        self._thread: threading.Thread | None = None

    # -- the thread

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped = True
        self._wake.set()
        if self._thread:
            self._thread.join(timeout=5)
        for line in (self._trial, self._line):
            if line:
                line.close()
        self._trial = self._line = None

    def _run(self) -> None:
        while not self._stopped:
            try:
                self.step()
            except Exception:  # the next beat tries again
                log.exception("feed_step_failed")
            self._wake.wait(self._settings.beat)
            self._wake.clear()

    # -- what others ask

    def wake(self) -> None:
        """Something is wanted now rather than at the next beat."""
        self._wake.set()

    @property
    def account_id(self) -> str | None:
        line = self._line
        return line.account_id if line else None

    def wanted(self) -> Modes:
        modes = {symbol: mode for symbol, mode in self._subscriptions.modes().items() if self._settings.serves(symbol)}
        for symbol in self._settings.pulse:
            modes.setdefault(symbol, FeedMode.LTP)
        return modes

    def status(self) -> FeedStatus:
        line, last_at = self._line, self._hub.last_at
        return FeedStatus(self._state(line, last_at), line.account_id if line else None, last_at, self._reason)

    def _state(self, line: Line | None, last_at: datetime | None) -> FeedState:
        pushed = line is not None and line.is_live
        if self._expecting_since is None and self._subscriptions.modes():
            return FeedState.CLOSED
        if self._expecting_since is None:
            return FeedState.LIVE if pushed else FeedState.DOWN
        now = self._clock.now()
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
        self._follow(self._choose(candidates, now), now)
        self._judge_trial(now)
        for line in (self._line, self._trial):
            if line:
                self._ask(line, wanted)
        self._cure(now)

    def _note_session(self, wanted: Modes, now: float) -> None:
        moment = self._clock.now()
        expecting = any(self._sources.is_open(exchange, moment) for exchange in {symbol.exchange for symbol in wanted})
        if not expecting:
            self._expecting_since = None
        elif self._expecting_since is None:
            self._expecting_since = now
            self._seats = {}  # a new session: what failed at night says nothing

    def _choose(self, candidates: Sequence[str], now: float) -> Choice:
        current = self.account_id
        if current is not None:
            self._seats[current] = self._seat(now)
            if self._expecting_since is None and current in candidates:
                return Choice(current)
        return choose(candidates, self._seats, now, current, self._settings.rules)

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
                self._trial = self._open(choice.account_id, now, _ignore)
            return
        self._close_trial()
        if self._line:
            if choice.reason is not Reason.REMOVED:
                self._seats[self._line.account_id] = bar(self._seats[self._line.account_id], now, self._settings.rules)
            self._line.close()
            self._line = None
        if choice.account_id is not None:
            self._line = self._open(choice.account_id, now, self._hub.take)
        self._announce(current, choice.reason)

    def _judge_trial(self, now: float) -> None:
        trial = self._trial
        if trial is None:
            return
        seat = trial.seat(self._seats.get(trial.account_id, Seat()), self._expecting_since)
        if trial.is_live and (trial.ticked_at is not None or self._expecting_since is None):
            before = self.account_id
            trial.hand_over_to(self._hub.take)
            old, self._line, self._trial = self._line, trial, None
            if old:
                old.close()
            self._announce(before, Reason.BETTER)
        elif seat.state is StreamState.REFUSED or now - seat.seated_at > self._settings.rules.trial:
            self._seats[trial.account_id] = bar(seat, now, self._settings.rules)
            self._close_trial()

    def _cure(self, now: float) -> None:
        line = self._line
        if line is None or self._expecting_since is None:
            return
        seat = self._seat(now)
        if wants_resubscribing(seat, now, self._settings.rules):
            log.warning("feed_silent", account_id=line.account_id)
            line.resubscribe()
        elif trouble(seat, now, self._settings.rules) is Reason.SILENT:
            line.forget_cure()

    def _open(self, account_id: str, now: float, on_quote: Callable[[Quote], object]) -> Line | None:
        try:
            return Line(account_id, self._sources.venue(account_id), self._clock, on_quote, self.wake)
        except (DeskError, OSError) as error:
            log.warning("feed_not_opened", account_id=account_id, error=str(error))
            self._seats[account_id] = bar(self._seats.get(account_id, Seat()), now, self._settings.rules)
            return None

    def _ask(self, line: Line, wanted: Modes) -> None:
        try:
            line.ask_for(wanted)
        except (DeskError, OSError) as error:
            log.warning("feed_not_subscribed", account_id=line.account_id, error=str(error))

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


def _ignore(_quote: Quote) -> None:
    """A stream on trial only shows that it delivers."""


def _young(at: datetime | None, now: datetime, limit: timedelta) -> bool:
    return at is not None and now - at <= limit
