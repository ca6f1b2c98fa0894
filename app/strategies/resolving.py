"""From the legs of a strategy to the contracts and quantities of each account: once per run, by the desk.

All accounts get the same contracts, whatever moved between them. What does not fit is said per account, before
anything is sent.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from app.core.clock import day_in_india
from app.core.errors import Retry
from app.core.money import on_tick, plain
from app.execution.splitter import CannotSplit, slices
from app.instruments.contracts import CannotResolve, ContractRule, Listed
from app.instruments.service import InstrumentService
from app.instruments.symbols import PUT
from app.strategies.entry_price import CannotPrice, EntryTerms, entry_terms
from app.strategies.legs import Leg, lots_for
from app.strategies.strikes import Candidate, CannotPick, StrikePick, pick
from app.venues.types import Quote, Side, Symbol

Spot = Callable[[Symbol], Decimal]  # raises Retry when there is no fresh price
DERIVATIVES = ("FUT", "CE", "PE")
NOWHERE = EntryTerms()


class LegPrices(Protocol):
    """What legs need to know of the market that are chosen or priced by it; only what is fresh is told."""

    def quotes(self, symbols: Iterable[Symbol]) -> Mapping[Symbol, Quote]: ...

    def deltas(self, options: Sequence[Listed], now: datetime) -> Mapping[Symbol, Decimal]:
        """Of options of one expiry, as the option chain reckons them."""
        ...


class NoPrices:
    """For whoever asks no venue: a leg that is chosen or priced by the market can't be resolved."""

    def quotes(self, symbols: Iterable[Symbol]) -> Mapping[Symbol, Quote]:
        return {}

    def deltas(self, options: Sequence[Listed], now: datetime) -> Mapping[Symbol, Decimal]:
        return {}


@dataclass(frozen=True, slots=True)
class Seen:
    """What decided a strike or a price, and how old it was then."""

    what: str  # "premium 101.5", "bid 99.95"
    age_ms: int

    @property
    def words(self) -> str:
        return f"{self.what}, {self.age_ms / 1000:.1f} s old"


@dataclass(frozen=True, slots=True)
class Underlying:
    """Where the price of a contract's underlying is, and what it was at the start. What has none is its own."""

    symbol: Symbol
    price: Decimal


@dataclass(frozen=True, slots=True)
class Resolved:
    """A leg with its contract. `freeze` None: the exchange sets no limit that we know of (cash market). The underlying
    is known where a rule asks for it."""

    number: int
    leg: Leg
    contract: Listed
    freeze: Decimal | None
    underlying: Underlying | None = None
    terms: EntryTerms = NOWHERE
    seen: tuple[Seen, ...] = ()

    @property
    def symbol(self) -> Symbol:
        return Symbol(self.contract.exchange, self.contract.symbol)

    @property
    def rises(self) -> bool:
        """Whether the leg gains when its underlying rises."""
        return (self.leg.action == "BUY") != (self.contract.kind == PUT)

    @property
    def lots(self) -> int:
        """Of an account with the multiplier 1."""
        if self.leg.lots is not None:
            return self.leg.lots
        return int((self.leg.units or 0) / self.contract.lot_size)


@dataclass(frozen=True, slots=True)
class Portion:
    """A leg in one account: whole lots and units, and how it will be cut."""

    resolved: Resolved
    lots: int
    quantity: Decimal
    slices: tuple[Decimal, ...]


class Resolver:
    def __init__(self, instruments: InstrumentService, spot: Spot, prices: LegPrices | None = None) -> None:
        self._instruments = instruments
        self._spot = spot
        self._prices: LegPrices = prices or NoPrices()

    def resolve(self, venue_kind: str, legs: Sequence[Leg], now: datetime) -> list[Resolved]:
        """Raises CannotResolve with a sentence that names the leg, or Retry when a price is missing."""
        return [self.resolve_one(venue_kind, number, leg, now) for number, leg in enumerate(legs, start=1)]

    def spots(self, legs: Sequence[Leg], now: datetime) -> list[Symbol]:
        """Where the prices are that resolving these legs asks for."""
        day = day_in_india(now)
        wanted = {(leg.exchange, leg.underlying) for leg in legs if leg.kind in ("CE", "PE")}
        found = [self._instruments.spot_symbol(*one, day) for one in sorted(wanted)]
        return [Symbol(*place) for place in found if place is not None]

    def with_underlyings(self, resolved: Sequence[Resolved], now: datetime) -> list[Resolved]:
        """With the price of each underlying now. Raises CannotResolve: a rule that looks at it would never act."""
        return [replace(item, underlying=self._underlying(item, now)) for item in resolved]

    def _underlying(self, item: Resolved, now: datetime) -> Underlying:
        contract = item.contract
        place = self._instruments.spot_symbol(contract.exchange, contract.name, day_in_india(now))
        symbol = Symbol(*place) if place and contract.kind in DERIVATIVES else item.symbol
        try:
            return Underlying(symbol, self._spot(symbol))
        except Retry as error:
            raise CannotResolve(f"Leg {item.number}, whose limits look at its underlying: {error.message}") from error

    def resolve_one(self, venue_kind: str, number: int, leg: Leg, now: datetime) -> Resolved:
        """As above, of the leg with that number."""
        rule = leg.rule(number)
        spot = self._spot_for(rule.leg, leg, now) if leg.kind in ("CE", "PE") else None
        seen: tuple[Seen, ...] = ()
        if leg.pick is not None and spot is not None:
            contract, seen = self._picked(venue_kind, (rule, leg.pick), spot, now)
        else:
            contract = self._instruments.resolve(venue_kind, rule, spot, now)
        freeze = self._instruments.freeze_quantity(contract, day_in_india(now))
        if freeze is None and contract.kind in DERIVATIVES:
            raise CannotResolve(
                f"{rule.leg}: the freeze quantity of {contract.name} is not known, so {contract.symbol} cannot be"
                " split safely. Add it under Instruments."
            )
        if leg.units is not None and leg.units % contract.lot_size:
            raise CannotResolve(f"{rule.leg}: {off_lot(leg.units, contract)}.")
        terms, priced = self._terms(rule.leg, leg, contract, now)
        return Resolved(number, leg, contract, freeze, terms=terms, seen=seen + priced)

    def _picked(
        self, venue_kind: str, wanted: tuple[ContractRule, StrikePick], spot: Decimal, now: datetime
    ) -> tuple[Listed, tuple[Seen, ...]]:
        """The strike that the market chooses, and by what."""
        rule, how = wanted
        chain = self._instruments.chain(venue_kind, rule, now)
        options = [row for row in chain if row.kind == rule.kind]
        deltas = self._prices.deltas(chain, now) if how.by == "delta" else {}
        quotes = self._prices.quotes([Symbol(row.exchange, row.symbol) for row in options])
        now = max([now, *(quote.received_at for quote in quotes.values())])  # asking took its time
        try:
            chosen = pick(how, [_candidate(row, quotes, deltas, now) for row in options], spot)
        except CannotPick as error:
            raise CannotResolve(f"{rule.leg}: {error}.") from error
        what = f"premium {plain(chosen.price)}" if chosen.price is not None else ""
        if chosen.delta is not None:
            what = ", ".join(part for part in (f"delta {chosen.delta}", what) if part)
        age = chosen.age.total_seconds() * 1000 if chosen.age is not None else 0
        return chosen.contract, (Seen(what, round(age)),)

    def _terms(self, name: str, leg: Leg, contract: Listed, now: datetime) -> tuple[EntryTerms, tuple[Seen, ...]]:
        """At which price it goes, and what that was reckoned from."""
        for given in (leg.price, leg.trigger_price):
            if given is not None and not on_tick(given, contract.tick):
                raise CannotResolve(f"{name}: {plain(given)} is not a multiple of the tick {plain(contract.tick)}.")
        pricing, symbol = leg.pricing, Symbol(contract.exchange, contract.symbol)
        quote = self._prices.quotes([symbol]).get(symbol) if pricing.needs_quote else None
        try:
            terms = entry_terms(pricing, Side(leg.action), quote, contract.tick)
        except CannotPrice as error:
            raise CannotResolve(f"{name}: {error} of {contract.symbol}.") from error
        if quote is None:
            return terms, ()
        prices = {"ltp": quote.last, "bid": quote.bid, "ask": quote.ask}
        of = leg.price_from.of if leg.price_from and leg.price_from.of in prices else "ltp"
        return terms, (Seen(f"{of.upper()} {plain(prices[of] or quote.last)}", _age_ms(quote, now)),)

    def _spot_for(self, name: str, leg: Leg, now: datetime) -> Decimal | None:
        place = self._instruments.spot_symbol(leg.exchange, leg.underlying, day_in_india(now))
        if place is None:
            raise CannotResolve(f"{name}: it is not known where the price of {leg.underlying} comes from.")
        try:
            return self._spot(Symbol(*place))
        except Retry as error:
            raise CannotResolve(f"{name}: {error.message}") from error


def off_lot(units: int, contract: Listed) -> str:
    return (
        f"{units} units are not a multiple of the lot {plain(contract.lot_size)} of {contract.name or contract.symbol}"
    )


def _candidate(
    row: Listed, quotes: Mapping[Symbol, Quote], deltas: Mapping[Symbol, Decimal], now: datetime
) -> Candidate:
    """An option that nobody traded today has a price of another day: that chooses nothing."""
    symbol = Symbol(row.exchange, row.symbol)
    quote = quotes.get(symbol)
    if quote is None or quote.volume == 0:
        return Candidate(row, None, deltas.get(symbol))
    return Candidate(row, quote.last, deltas.get(symbol), now - quote.received_at)


def _age_ms(quote: Quote, now: datetime) -> int:
    return max(0, round((now - quote.received_at).total_seconds() * 1000))


def portions(resolved: Sequence[Resolved], multiplier: Decimal) -> list[Portion]:
    """What one account gets. Raises CannotResolve when a leg rounds to nothing or cannot be cut."""
    return [_portion(item, multiplier) for item in resolved]


def portions_of(resolved: Sequence[Resolved], lots: Sequence[int]) -> list[Portion]:
    """The same of lots that are decided. Raises CannotResolve when a leg cannot be cut."""
    return [_cut(item, each) for item, each in zip(resolved, lots, strict=True)]


def _portion(item: Resolved, multiplier: Decimal) -> Portion:
    lots = lots_for(item.lots, multiplier)
    if lots < 1:
        raise CannotResolve(f"Leg {item.number}: {item.lots} lots times {plain(multiplier)} is less than one lot.")
    return _cut(item, lots)


def _cut(item: Resolved, lots: int) -> Portion:
    quantity = lots * item.contract.lot_size
    try:
        cut = slices(quantity, item.contract.lot_size, item.freeze)
    except CannotSplit as error:
        raise CannotResolve(f"Leg {item.number}: {error}.") from error
    return Portion(item, lots, quantity, tuple(cut))
