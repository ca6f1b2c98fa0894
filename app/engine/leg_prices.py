"""The prices that choose a strike or price an entry: the feed's where they are fresh, else asked of the first account
whose answers are believed. What nobody tells freshly is not there.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import structlog

from app.broadcast.chain_book import ChainBook
from app.broadcast.chain_figures import Asked, figures
from app.broadcast.chain_keys import ChainKey
from app.core.errors import DeskError
from app.engine.candle_reader import ranked
from app.engine.crew import Crew
from app.engine.venue_errands import FRESH
from app.feed.hub import Hub
from app.instruments.contracts import Listed
from app.venues.types import Quote, Symbol
from app.wiring import Services

log = structlog.get_logger()


class MarketPrices:
    def __init__(self, services: Services, hub: Hub, crew: Crew) -> None:
        self._services = services
        self._hub = hub
        self._crew = crew
        self._book = ChainBook(services.instruments)

    def quotes(self, symbols: Iterable[Symbol]) -> Mapping[Symbol, Quote]:
        """Those of them that are fresh; a bare tick tells no book and no volume: those are asked for."""
        wanted = list(dict.fromkeys(symbols))
        lacking = [symbol for symbol in wanted if not _is_whole(self._fresh(symbol))]
        for member in ranked(self._crew):
            if not lacking:
                break
            try:
                answered = member.venue.quotes(lacking)
            except (DeskError, OSError) as error:  # the next account may know them
                log.info("legs_not_priced", account_id=member.account.id, error=str(error))
                continue
            for quote in answered.values():
                self._hub.take(quote)
            lacking = [symbol for symbol in lacking if self._fresh(symbol) is None]
        found = {symbol: self._fresh(symbol) for symbol in wanted}
        return {symbol: quote for symbol, quote in found.items() if quote is not None}

    def deltas(self, options: Sequence[Listed], now: datetime) -> Mapping[Symbol, Decimal]:
        """As the option chain shows them, reckoned from prices that are all fresh."""
        first = next((row for row in options if row.expiry is not None), None)
        if first is None or first.expiry is None:
            return {}
        listing = self._book.listing(ChainKey(first.exchange, first.name, first.expiry), now)
        if listing is None:
            return {}
        around = [symbol for symbol in (listing.spot, listing.future) if symbol is not None]
        known = self.quotes([*listing.sides.values(), *around])
        rate = self._services.settings.interest_rate / 100
        sides = figures(listing, known.get, Asked(self._services.clock.now(), rate, {})).sides
        return {
            listing.sides[key]: Decimal(str(row["delta"])) for key, row in sides.items() if row["delta"] is not None
        }

    def _fresh(self, symbol: Symbol) -> Quote | None:
        return self._hub.fresh(symbol, self._services.clock.now(), FRESH)


def _is_whole(quote: Quote | None) -> bool:
    return quote is not None and quote.bid is not None and quote.ask is not None and quote.volume is not None
