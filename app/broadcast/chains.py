"""Option chains that somebody looks at, four times a second, worked out once for all who look.

A page, or a caller of the API, wishes for a chain and renews the wish while it looks; the strikes around the money are
then wanted of the desk's one feed, and let go when the last wish ends. What changed goes to everyone as cells.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.broadcast.chain_book import ChainBook
from app.broadcast.chain_cells import Figures, chain_cells, news, told
from app.broadcast.chain_figures import Asked, Listing, figures
from app.broadcast.chain_keys import ChainKey, parse_wish, side_key
from app.broadcast.coalesce import EVERYONE
from app.core.clock import Clock
from app.core.link import Link
from app.core.stepping import Stepping
from app.feed.hub import Hub
from app.feed.subscriptions import Subscriptions
from app.instruments.contracts import Listed
from app.portfolio.chain_sums import window
from app.venues.types import FeedMode, Symbol

EVERY = 0.25  # seconds
LASTS = 15.0  # a wish that nobody renews; three of the web's beats
WHOLE_EVERY = 30.0  # everything is told again for web processes that came later
MARGIN = 3  # strikes beyond those shown, so that they are priced when the money moves
MOST_CHAINS = 24  # at once; each costs the engine a few milliseconds four times a second


@dataclass(frozen=True, slots=True)
class _Wish:
    """The chains a holder looks at, each with the strikes on each side of the money."""

    spans: Mapping[ChainKey, int]
    until: float  # monotonic


@dataclass(slots=True)
class _Live:
    told: Figures | None = None
    at_money: Decimal | None = None
    whole_at: float = float("-inf")
    near: frozenset[str] = frozenset()  # sides the feed is asked for


class Chains(Stepping):
    def __init__(
        self,
        book: ChainBook,
        hub: Hub,
        subscriptions: Subscriptions,
        link: Link,
        clock: Clock,
        *,
        rate: float,
        yesterday: Mapping[Symbol, Decimal],
        wake: Callable[[], object],
    ) -> None:
        """`rate` a fraction a year; `yesterday` open interest at the last day's close, filled by whoever reads it;
        `wake` tells the feed that something is wanted now.
        """
        super().__init__("chains", EVERY)
        self._book = book
        self._hub = hub
        self._subscriptions = subscriptions
        self._link = link
        self._clock = clock
        self._rate = rate
        self._yesterday = yesterday
        self._wake_feed = wake
        self._wishes: dict[str, _Wish] = {}
        self._live: dict[ChainKey, _Live] = {}
        self._lock = threading.Lock()

    # -- from any thread

    def take(self, payload: dict[str, Any]) -> None:
        """The nudge "watch" in the mode "chain": {"holder", "symbols": ["NFO:NIFTY24NOV26#20"]}; none ends the wish."""
        holder, asked = str(payload.get("holder", "")), dict(filter(None, map(parse_wish, payload.get("symbols", ()))))
        with self._lock:
            before = self._wishes.pop(holder, None)
            if asked:
                self._wishes[holder] = _Wish(asked, self._clock.monotonic() + LASTS)
            for key in asked.keys() - (before.spans.keys() if before else set()):
                if (live := self._live.get(key)) is not None:
                    live.whole_at = float("-inf")  # a web process that knows nothing of it yet

    def send_everything(self) -> None:
        """A web process has started."""
        for live in list(self._live.values()):
            live.whole_at = float("-inf")

    def shown(self) -> dict[ChainKey, Listing]:
        """The chains that somebody looks at now."""
        now = self._clock.now()
        with self._lock:
            keys = list(self._live)
        return {key: listing for key in keys if (listing := self._book.listing(key, now)) is not None}

    def nearest(self, key: ChainKey, listing: Listing) -> list[Symbol]:
        """Its options around the money, the nearest first."""
        live, span = self._live.get(key), self._spans().get(key, 0)
        money = live.at_money if live else None
        if money is None:
            return []
        strikes = set(window(listing.strikes, money, span))
        rows = sorted((row for row in listing.options if row.strike in strikes), key=lambda row: _away(row, money))
        return [Symbol(row.exchange, row.symbol) for row in rows]

    # -- one turn

    def step(self) -> None:
        spans = self._keep()
        for key, span in spans.items():
            listing = self._book.listing(key, self._clock.now())
            if listing is not None:
                self._show(key, listing, span)

    def _spans(self) -> dict[ChainKey, int]:
        """Of all who look, the widest."""
        found: dict[ChainKey, int] = {}
        with self._lock:
            for wish in self._wishes.values():
                for key, span in wish.spans.items():
                    found[key] = max(span, found.get(key, 0))
        return dict(list(found.items())[:MOST_CHAINS])

    def _keep(self) -> dict[ChainKey, int]:
        """The chains that are wished for; the others are let go."""
        now = self._clock.monotonic()
        with self._lock:
            self._wishes = {holder: wish for holder, wish in self._wishes.items() if wish.until > now}
        spans = self._spans()
        gone = [key for key in self._live if key not in spans]
        with self._lock:
            for key in gone:
                del self._live[key]
            for key in spans:
                self._live.setdefault(key, _Live())
        for key in gone:
            self._subscriptions.drop(f"chain:{key}")
            self._subscriptions.drop(f"chain:{key}:base")
            self._link.send("gone", {"of": f"@{key}"})
        if gone:
            self._wake_feed()
        return spans

    def _show(self, key: ChainKey, listing: Listing, span: int) -> None:
        live = self._live[key]
        asked = Asked(self._clock.now(), self._rate, self._yesterday, live.at_money)
        found = figures(listing, self._hub.newest, asked)
        live.at_money = found.at_money
        self._want(key, listing, span, live)
        self._tell(key, live, found)

    def _want(self, key: ChainKey, listing: Listing, span: int, live: _Live) -> None:
        """Depth for the strikes around the money, which carries bid, ask and open interest; the day of what they hang
        on.
        """
        strikes = set(window(listing.strikes, live.at_money, span + MARGIN))
        near = {side_key(row): Symbol(row.exchange, row.symbol) for row in listing.options if row.strike in strikes}
        if live.near == near.keys():
            return
        live.near = frozenset(near)
        base = [symbol for symbol in (listing.spot, listing.future) if symbol is not None]
        self._subscriptions.want(f"chain:{key}", near.values(), FeedMode.DEPTH, float("inf"))
        self._subscriptions.want(f"chain:{key}:base", base, FeedMode.QUOTE, float("inf"))
        self._wake_feed()

    def _tell(self, key: ChainKey, live: _Live, found: Figures) -> None:
        now = self._clock.monotonic()
        if now - live.whole_at >= WHOLE_EVERY:
            live.whole_at, live.told = now, None
        sent = news(live.told, found, live.near)
        live.told = told(live.told, found, sent)
        cells = chain_cells(key, sent)
        if cells:
            self._link.send("tick", {"owner": EVERYONE, "cells": cells})


def _away(row: Listed, money: Decimal) -> Decimal:
    return abs((row.strike or money) - money)
