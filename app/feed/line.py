"""One market stream on one account: what it was asked for, and how it does."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime

import structlog

from app.core.clock import Clock
from app.core.errors import DeskError
from app.feed.events import ConnectionStatus
from app.feed.failover import Seat
from app.feed.motion import Motion
from app.feed.quotes import is_price
from app.feed.subscriptions import Modes, difference
from app.venues.port import StreamState, Venue
from app.venues.types import FeedMode, Quote, Symbol

log = structlog.get_logger()

FULL_FOR = 600.0  # seconds until a connection that was full is asked for more again


class Line:
    """Its callbacks run in the stream's own thread, possibly before the constructor has returned; everything else is
    called by one thread, the runner's. `on_quote` says whether a price is of use: a stream of useless ones is silent.
    """

    def __init__(
        self,
        account_id: str,
        venue: Venue,
        clock: Clock,
        on_quote: Callable[[Quote], bool],
        wake: Callable[[], None],
        pulse: Collection[Symbol] = (),
    ) -> None:
        self.account_id = account_id
        self.motion = Motion(pulse)
        self._clock = clock
        self._on_quote: Callable[[Quote], bool] | None = on_quote
        self._wake = wake
        self._most = venue.capabilities.stream_symbols
        self._full: tuple[int, float] | None = None  # how many it took, and when it took no more
        self._opened_at = clock.monotonic()
        self._state = (StreamState.CONNECTING, self._opened_at)
        self._applied: Modes = {}
        self._resubscribed_at: float | None = None
        self._forgiven_at: float | None = None
        self.heard_at: float | None = None
        self.ticked_at: float | None = None
        self.last_at: datetime | None = None
        self.is_repeating = False  # what always moves stands still: its prices are no sign of life
        self.words = ""
        self._stream = venue.market_stream(self._take, self._note)

    def _take(self, quote: Quote) -> None:
        now = self._clock.monotonic()
        if is_price(quote.last):
            self.heard_at = now
            self.motion.note(quote, now)
        listener = self._on_quote
        if listener is not None and listener(quote):
            self.ticked_at = now
            self.last_at = quote.received_at

    def _note(self, state: StreamState, words: str) -> None:
        if state is not self._state[0]:
            self._state = (state, self._clock.monotonic())
        self.words = words
        self._wake()

    def hand_over_to(self, on_quote: Callable[[Quote], bool]) -> None:
        """From now on the quotes go there."""
        self._on_quote = on_quote

    @property
    def is_live(self) -> bool:
        return self._state[0] is StreamState.LIVE

    @property
    def symbols(self) -> Collection[Symbol]:
        return self._applied.keys()

    @property
    def room(self) -> int:
        """How many symbols it carries at most: as its venue's kind does, or as many as its server took."""
        if self._full is None or self._clock.monotonic() - self._full[1] > FULL_FOR:
            return self._most
        return min(self._most, self._full[0])

    def seat(self, past: Seat, expecting_since: float | None) -> Seat:
        """`expecting_since`: since when prices are due; None when no market of a wanted symbol is open."""
        state, since = self._state
        resubscribed = self._resubscribed_at
        alive_at = self.motion.lively_at if self.is_repeating else self.ticked_at
        if resubscribed is not None and alive_at is not None and alive_at > resubscribed:
            resubscribed = self._resubscribed_at = None
        marks = [self._opened_at, expecting_since, alive_at, resubscribed, self._forgiven_at]
        quiet_since = None if expecting_since is None else max(mark for mark in marks if mark is not None)
        return replace(
            past,
            state=state,
            since=since,
            seated_at=self._opened_at,
            quiet_since=quiet_since,
            resubscribed=resubscribed is not None,
        )

    def ask_for(self, wanted: Mapping[Symbol, FeedMode]) -> None:
        change = difference(self._applied, wanted)
        if not change:
            return
        if change.unsubscribe:
            self._stream.unsubscribe(change.unsubscribe)
        for mode, symbols in change.subscribe.items():
            self._stream.subscribe(symbols, mode)
        self._applied = dict(wanted)

    def try_to_ask(self, wanted: Mapping[Symbol, FeedMode]) -> None:
        """A call that fails is made again at the next beat."""
        try:
            self.ask_for(wanted)
        except (DeskError, OSError) as error:
            log.warning("feed_not_subscribed", account_id=self.account_id, error=str(error))

    def learn(self) -> None:
        """The server had no room for some: they are nobody's here, and so many are not asked for again."""
        turned_away = [symbol for symbol in self._stream.turned_away() if symbol in self._applied]
        if not turned_away:
            return
        self._full = (len(self._applied) - len(turned_away), self._clock.monotonic())
        log.warning("feed_connection_full", account_id=self.account_id, takes=self._full[0], over=len(turned_away))
        self._stream.unsubscribe(turned_away)
        self._applied = {symbol: mode for symbol, mode in self._applied.items() if symbol not in set(turned_away)}

    def resubscribe(self) -> None:
        self._resubscribed_at = self._clock.monotonic()
        self._stream.resubscribe()

    def forget_cure(self) -> None:
        """Nowhere else to go: the cure is tried again after another silence."""
        self._resubscribed_at = None
        self._forgiven_at = self._clock.monotonic()

    def status(self, number: int, role: str) -> ConnectionStatus:
        refused, garbage = self._stream.troubles()
        return ConnectionStatus(
            self.account_id,
            number,
            role,
            self._state[0],
            len(self._applied),
            self.last_at,
            self.words,
            refused,
            garbage,
        )

    def close(self) -> None:
        self._on_quote = None
        self._stream.close()
