"""One market stream on one account: what it was asked for, and how it does."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from app.core.clock import Clock
from app.feed.failover import Seat
from app.feed.subscriptions import Modes, difference
from app.venues.port import StreamState, Venue
from app.venues.types import FeedMode, Quote, Symbol


class Line:
    """Its callbacks run in the stream's own thread, possibly before the constructor has returned; everything else is
    called by one thread, the runner's.
    """

    def __init__(
        self, account_id: str, venue: Venue, clock: Clock, on_quote: Callable[[Quote], object], wake: Callable[[], None]
    ) -> None:
        self.account_id = account_id
        self._clock = clock
        self._on_quote: Callable[[Quote], object] | None = on_quote
        self._wake = wake
        self._opened_at = clock.monotonic()
        self._state = (StreamState.CONNECTING, self._opened_at)
        self._applied: Modes = {}
        self._resubscribed_at: float | None = None
        self._forgiven_at: float | None = None
        self.ticked_at: float | None = None
        self.last_at: datetime | None = None
        self.words = ""
        self._stream = venue.market_stream(self._take, self._note)

    def _take(self, quote: Quote) -> None:
        self.ticked_at = self._clock.monotonic()
        self.last_at = quote.received_at
        listener = self._on_quote
        if listener is not None:
            listener(quote)

    def _note(self, state: StreamState, words: str) -> None:
        if state is not self._state[0]:
            self._state = (state, self._clock.monotonic())
        self.words = words
        self._wake()

    def hand_over_to(self, on_quote: Callable[[Quote], object]) -> None:
        """From now on the quotes go there."""
        self._on_quote = on_quote

    @property
    def is_live(self) -> bool:
        return self._state[0] is StreamState.LIVE

    def seat(self, past: Seat, expecting_since: float | None) -> Seat:
        """`expecting_since`: since when prices are due; None when no market of a wanted symbol is open."""
        state, since = self._state
        resubscribed = self._resubscribed_at
        if resubscribed is not None and self.ticked_at is not None and self.ticked_at > resubscribed:
            resubscribed = self._resubscribed_at = None
        marks = [since, expecting_since, self.ticked_at, resubscribed, self._forgiven_at]
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

    def resubscribe(self) -> None:
        self._resubscribed_at = self._clock.monotonic()
        self._stream.resubscribe()

    def forget_cure(self) -> None:
        """Nowhere else to go: the cure is tried again after another silence."""
        self._resubscribed_at = None
        self._forgiven_at = self._clock.monotonic()

    def close(self) -> None:
        self._on_quote = None
        self._stream.close()
