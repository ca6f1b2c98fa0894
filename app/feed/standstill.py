"""What the stream repeats is not believed; while no source moves nothing is believed at all.

A source moves when one of its own prices changes: going from one account that stands still to another is no movement,
although their prices differ.
"""

from collections import defaultdict
from datetime import datetime
from functools import partial

import structlog

from app.core.clock import Clock
from app.feed.hub import Hub
from app.feed.line import Line
from app.feed.motion import Motion, is_still
from app.feed.quotes import Distrust, is_price
from app.venues.types import PriceSource, Quote, Symbol

log = structlog.get_logger()


class Standstill:
    """`look` is called by the runner's thread at each beat, the rest by the threads that receive."""

    def __init__(self, hub: Hub, clock: Clock, pulse: tuple[Symbol, ...], limit: float) -> None:
        self._hub = hub
        self._clock = clock
        self._limit = limit
        self._motions: dict[tuple[str, PriceSource], Motion] = defaultdict(partial(Motion, pulse))
        self._account_id: str | None = None  # whose stream repeats itself
        self._heard_at: float | None = None
        self._lively_at: float | None = None
        self.moved_at: datetime | None = None

    def look(self, line: Line | None, due_since: float | None, now: float) -> None:
        if line:
            line.is_repeating = self._repeats(line, due_since, now)
        found = line.account_id if line and line.is_repeating else None
        if found is not None and found != self._account_id:
            log.warning("feed_frozen", account_id=found)
            self._hub.doubt(self._clock.now())
        self._account_id = found
        is_heard = self._heard_at is not None and now - self._heard_at <= self._limit
        self._hub.is_frozen = is_heard and is_still(self._lively_at, due_since, now, self._limit)

    def _repeats(self, line: Line, due_since: float | None, now: float) -> bool:
        speaks = line.heard_at is not None and now - line.heard_at <= self._limit
        return speaks and is_still(line.motion.lively_at, due_since, now, self._limit)

    def is_of(self, account_id: str | None) -> bool:
        return account_id is not None and account_id == self._account_id

    def take(self, account_id: str, quote: Quote) -> bool:
        """Whether a pushed price, or one that was asked for, is of use."""
        repeats = account_id == self._account_id and quote.source is PriceSource.STREAM
        if is_price(quote.last) and (repeats or self._hub.is_frozen):
            self._note(account_id, quote)
            self._hub.drop(Distrust.FROZEN)
            return False
        taken = self._hub.take(quote)
        if taken:
            self._note(account_id, quote)
        return taken

    def _note(self, account_id: str, quote: Quote) -> None:
        self._heard_at = now = self._clock.monotonic()
        if self._motions[account_id, quote.source].note(quote, now) or self._lively_at is None:
            self._lively_at, self.moved_at = now, quote.received_at
