"""Deltas of what runs hold, as the option chain reckons them: from prices that are fresh, all of them, or not at all.

Only what is held is reckoned, and the strikes at the money beside it: calls and puts there tell the forward.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from app.broadcast.chain_book import KIND, ChainBook
from app.broadcast.chain_figures import Asked, Listing, figures
from app.broadcast.chain_keys import ChainKey, side_key
from app.core.money import number
from app.engine.market import Market
from app.engine.sights import Sight
from app.instruments.contracts import Listed
from app.instruments.models import Instrument
from app.instruments.symbols import OPTIONS
from app.risk.deltas import DeltaWatch, delta_of, is_beyond
from app.risk.monitor import Found, Seen, Stake
from app.risk.rules import Rule
from app.venues.types import Quote, Symbol
from app.wiring import Services

ONE = Decimal(1)
AROUND = 2  # strikes at the money whose calls and puts tell the forward


@dataclass(frozen=True, slots=True)
class _Deltas:
    """By one unit of each contract; None where it is not known, and then why."""

    known: dict[Symbol, Decimal | None]
    why: dict[Symbol, str]


class DeltaReader:
    def __init__(self, services: Services, market: Market) -> None:
        self._services = services
        self._market = market
        self._book = ChainBook(services.instruments)
        self._limit = timedelta(seconds=services.settings.stale_after_seconds)
        self._rows: dict[Symbol, Instrument] = {}
        self._wanted: frozenset[Symbol] = frozenset()

    def look(self, stakes: Sequence[Stake], now: datetime) -> list[Sight]:
        """One each."""
        watches = [stake.delta for stake in stakes if stake.delta is not None]
        symbols = {symbol for watch in watches for symbol in watch.symbols}
        deltas = self._deltas(symbols, now)
        return [self._sight(watch, deltas, now) for watch in watches]

    def _sight(self, watch: DeltaWatch, deltas: _Deltas, now: datetime) -> Sight:
        words = watch.leg.name if watch.leg is not None else "net delta per unit"
        delta, beyond = delta_of(watch, deltas.known), watch.rule.beyond
        if delta is None:
            reasons = dict.fromkeys(deltas.why[symbol] for symbol in watch.symbols if symbol in deltas.why)
            return Sight(None, beyond, words, now, "; ".join(reasons) + ".")
        quotes = [quote for symbol in watch.symbols if (quote := self._fresh(symbol, now)) is not None]
        at = min((quote.received_at for quote in quotes), default=now)
        if not is_beyond(watch, delta):
            return Sight(delta, beyond, words, at)
        seen = tuple(Seen(quote.symbol, quote.last, quote.received_at) for quote in quotes)
        return Sight(delta, beyond, words, at, found=Found(Rule.DELTA, beyond, delta, seen, words))

    def _fresh(self, symbol: Symbol, now: datetime) -> Quote | None:
        return self._market.hub.fresh(symbol, now, self._limit)

    def _deltas(self, symbols: set[Symbol], now: datetime) -> _Deltas:
        found = _Deltas({}, {})
        wanted: set[Symbol] = set()
        chains: dict[ChainKey, list[Symbol]] = {}
        for symbol, row in self._listed(symbols).items():
            if row.kind in OPTIONS and row.expiry is not None:
                chains.setdefault(ChainKey(row.exchange, row.name, row.expiry), []).append(symbol)
            else:
                found.known[symbol] = ONE
        for key, held in chains.items():
            wanted |= self._of_chain(key, held, found, now)
        for symbol in symbols - found.known.keys():
            found.why.setdefault(symbol, f"{symbol.name} is not among the instruments")
        if wanted != self._wanted:
            self._wanted = frozenset(wanted)
            self._market.want("deltas", wanted)
        return found

    def _listed(self, symbols: set[Symbol]) -> dict[Symbol, Instrument]:
        self._rows = {symbol: row for symbol, row in self._rows.items() if symbol in symbols}
        new = symbols - self._rows.keys()
        if new:
            rows = self._services.instruments.find_many(KIND, [(one.exchange, one.name) for one in new])
            self._rows |= {Symbol(row.exchange, row.symbol): row for row in rows}
        return self._rows

    def _of_chain(self, key: ChainKey, held: Sequence[Symbol], found: _Deltas, now: datetime) -> set[Symbol]:
        """Gives what must be priced for it."""
        listing = self._book.listing(key, now)
        if listing is None:
            found.why.update({symbol: f"no chain is listed for {symbol.name}" for symbol in held})
            return set()
        part = self._part(listing, held, now)
        rate = self._services.settings.interest_rate / 100
        reckoned = figures(part, lambda symbol: self._fresh(symbol, now), Asked(now, rate, {}))
        names = {Symbol(row.exchange, row.symbol): side_key(row) for row in part.options}
        for symbol in held:
            found.known[symbol] = number(reckoned.sides[names[symbol]].get("delta")) if symbol in names else None
            if found.known[symbol] is None:
                found.why[symbol] = self._why(symbol, part, now, reckoned.sums.get("forward") is not None)
        base = {symbol for symbol in (part.spot, part.future) if symbol is not None}
        return base | set(names)

    def _part(self, listing: Listing, held: Iterable[Symbol], now: datetime) -> Listing:
        """Of a chain only what is held, and what stands at the money."""
        base = (quote for symbol in (listing.future, listing.spot) if symbol and (quote := self._fresh(symbol, now)))
        money = next((quote.last for quote in base), None)
        near: set[Decimal] = set()
        if money is not None:
            near = set(sorted(listing.strikes, key=lambda strike: abs(strike - money))[:AROUND])
        owned = set(held)
        return replace(listing, options=[row for row in listing.options if row.strike in near or _symbol(row) in owned])

    def _why(self, symbol: Symbol, listing: Listing, now: datetime, has_forward: bool) -> str:
        if self._fresh(symbol, now) is None:
            return f"no fresh price of {symbol.name}"
        if not has_forward:
            return f"no fresh price of {listing.name}"
        return f"the price of {symbol.name} tells no volatility"


def _symbol(row: Listed) -> Symbol:
    return Symbol(row.exchange, row.symbol)
