"""Pages that look at symbols nobody holds: the web says so every few seconds, and when it stops the wish ends."""

from typing import Any

from app.core.clock import Clock
from app.feed.subscriptions import Subscriptions
from app.venues.types import FeedMode, Symbol

LASTS = 15.0  # seconds; three of the web's beats
MOST = 500  # symbols a page may look at


class Watchers:
    """Takes the nudge "watch": {"holder", "symbols": ["NFO:NIFTY…"], "mode"?}; no symbols end the wish at once."""

    def __init__(self, subscriptions: Subscriptions, clock: Clock) -> None:
        self._subscriptions = subscriptions
        self._clock = clock

    def take(self, payload: dict[str, Any]) -> bool:
        """Whether anything is wanted now that was not before."""
        holder = f"page:{payload.get('holder', '')}"
        symbols = [Symbol.parse(text) for text in payload.get("symbols", ()) if isinstance(text, str) and ":" in text]
        if not symbols:
            return bool(self._subscriptions.drop(holder))
        mode = FeedMode(payload.get("mode", FeedMode.LTP))
        return bool(self._subscriptions.want(holder, symbols[:MOST], mode, self._clock.monotonic() + LASTS))
