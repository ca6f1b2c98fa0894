"""A payoff as its panel shows it: one for each underlying, with the legs, the prices it hangs on and their ages."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from app.broadcast.chain_keys import ChainKey
from app.core.clock import day_in_india
from app.core.money import ZERO
from app.instruments.symbols import FUTURE, OPTIONS
from app.portfolio.black76 import years_until
from app.strategies.payoff import Payoff, payoff
from app.strategies.payoff_world import Greeks, LegFigures, Market, PayoffLeg
from app.venues.types import Symbol
from app.web.chain_view import expires
from app.web.contracts import contract_name
from app.web.current import services
from app.web.payoff_accounts import AccountLine, account_lines
from app.web.payoff_chart import Chart, chart
from app.web.payoff_positions import Position, Subject
from app.web.payoff_prices import ChainSums, Heard, heard, sums_of, want
from app.web.payoff_suppose import Supposition

OLD = 15.0  # seconds: then the panel says how old its oldest price is
HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class LegLine:
    position: Position
    price: Heard | None
    entry: Decimal | None
    figures: LegFigures

    @property
    def name(self) -> str:
        """Without its underlying, which stands above."""
        whole = contract_name(self.position.contract.symbol)
        return whole.removeprefix(f"{self.position.underlying} ")

    @property
    def at(self) -> datetime | None:
        return _moment(self.price)

    @property
    def volatility(self) -> Decimal | None:
        """Per cent a year."""
        found = self.figures.volatility
        return None if found is None else Decimal(str(round(found * 100, 2)))

    @property
    def per_lot(self) -> Greeks:
        lots, greeks = self.position.lots or Decimal(1), self.figures.greeks
        values = (greeks.delta, greeks.gamma, greeks.theta, greeks.vega)
        return Greeks(*(None if value is None else value / lots for value in values))


@dataclass(frozen=True, slots=True)
class Group:
    """What hangs on one underlying. `payoff` None: `trouble` says why."""

    name: str
    spot: Decimal | None
    lines: Sequence[LegLine]
    payoff: Payoff | None
    chart: Chart | None
    trouble: str
    volatility: Decimal | None  # at the money, per cent
    notes: Sequence[str]
    at: datetime | None  # of the oldest price
    waits: bool = False  # for prices that were asked for just now

    @property
    def nearest(self) -> int:
        """The drawn place that is nearest to the spot."""
        if self.chart is None:
            return 0
        places, now = self.chart.places, self.chart.now.place
        return min(range(len(places)), key=lambda number: abs(places[number].x - now))


@dataclass(frozen=True, slots=True)
class PayoffView:
    subject: Subject
    supposed: Supposition
    groups: Sequence[Group]
    now: datetime
    interest: Decimal  # per cent a year
    accounts: Sequence[AccountLine]

    @property
    def waits(self) -> bool:
        """For prices that were just asked for."""
        return self.subject.waits or any(group.waits for group in self.groups)

    @property
    def oldest(self) -> datetime | None:
        return min((group.at for group in self.groups if group.at), default=None)

    @property
    def is_old(self) -> bool:
        return self.oldest is not None and (self.now - self.oldest).total_seconds() > OLD


def read_payoff(subject: Subject, supposed: Supposition) -> PayoffView:
    now = services().clock.now()
    names = dict.fromkeys(position.underlying for position in subject.positions)
    by_name = {name: [one for one in subject.positions if one.underlying == name] for name in names}
    places = [_Place(name, positions, now) for name, positions in by_name.items()]
    want(
        {symbol for place in places for symbol in place.symbols},
        {key for place in places for key in place.chains.values()},
    )
    groups = [_group(place, supposed, subject.booked if len(places) == 1 else ZERO) for place in places]
    interest = Decimal(str(services().settings.interest_rate))
    return PayoffView(subject, supposed, groups, now, interest, account_lines(subject, day_in_india(now)))


class _Place:
    """One underlying with what this process heard of it."""

    def __init__(self, name: str, positions: Sequence[Position], now: datetime) -> None:
        self.name, self.positions, self.now = name, positions, now
        self.exchange = next(
            (one.contract.exchange for one in positions if one.contract.expiry), positions[0].contract.exchange
        )
        self.spot_symbol = self._spot_symbol()
        self.symbols = {one.symbol for one in positions} | ({self.spot_symbol} if self.spot_symbol else set())
        of_options = {one.contract.expiry for one in positions if one.contract.kind in OPTIONS}
        self.chains = {day: ChainKey(self.exchange, name, day) for day in of_options if day}
        self.prices = {one.symbol: heard(one.symbol) for one in positions}
        self.sums: Mapping[date, ChainSums] = {day: sums_of(key) for day, key in self.chains.items()}
        days = {one.contract.expiry for one in positions if one.contract.expiry}
        self.ends = {day: expires(ChainKey(self.exchange, name, day), now) for day in days}

    def _spot_symbol(self) -> Symbol | None:
        if not any(one.contract.expiry for one in self.positions):
            return self.positions[0].symbol
        place = services().instruments.spot_symbol(self.exchange, self.name, day_in_india(self.now))
        return Symbol(*place) if place else None

    @property
    def spot(self) -> Heard | None:
        """The price of the underlying itself, else of what its chain hangs on, else of a future."""
        found = heard(self.spot_symbol) if self.spot_symbol else None
        if found is not None:
            return found
        known = [value for sums in self.sums.values() for value in (sums.spot, sums.forward) if value]
        futures = [self.prices[one.symbol] for one in self.positions if one.contract.kind == FUTURE]
        return Heard(known[0], None, False) if known else next((one for one in futures if one), None)

    @property
    def oldest(self) -> datetime | None:
        ages = [price.at for price in (*self.prices.values(), self.spot) if price and price.at]
        return datetime.fromtimestamp(min(ages) / 1000, UTC) if ages else None

    def market(self, spot: Decimal) -> Market:
        forwards, volatility = {}, {}
        rate = services().settings.interest_rate / 100
        for day, sums in self.sums.items():
            end = self.ends[day]
            if end is None:
                continue
            usual = float(spot) * math.exp(rate * years_until(end, self.now))
            forwards[end] = float(sums.forward) if sums.forward else usual
            if sums.volatility:
                volatility[end] = float(sums.volatility / HUNDRED)
        return Market(self.now, spot, forwards, volatility, rate)

    def leg(self, position: Position) -> PayoffLeg | None:
        """None while neither an entry nor a price is known."""
        contract, price = position.contract, self.prices[position.symbol]
        entry = position.entry if position.entry is not None else price.value if price else None
        if entry is None:
            return None
        kind = contract.kind if contract.kind in (*OPTIONS, FUTURE) else "EQ"
        end = self.ends[contract.expiry] if contract.expiry else None
        value = price.value if price else None
        return PayoffLeg(kind, position.units, entry, value, contract.strike or ZERO, end, contract.tick)

    @property
    def waits(self) -> bool:
        """For the forward of a chain that nobody looked at before."""
        return any(sums.forward is None for sums in self.sums.values())

    def notes(self) -> list[str]:
        """What was assumed because it was not known."""
        known = self.sums.items()
        days = ", ".join(f"{day:%d %b %Y}" for day, sums in known if not sums.forward)
        flat = ", ".join(f"{day:%d %b %Y}" for day, sums in known if not sums.volatility)
        return [
            *([f"No forward of {days} is known yet: it is taken from the spot with interest."] if days else []),
            *([f"No volatility at the money of {flat} is known yet."] if flat else []),
        ]


def _group(place: _Place, supposed: Supposition, booked: Decimal) -> Group:
    spot, legs = place.spot, [place.leg(position) for position in place.positions]
    trouble = _trouble(place, legs, spot)
    known = [leg for leg in legs if leg is not None]
    if trouble or spot is None:
        return Group(place.name, spot.value if spot else None, (), None, None, trouble, None, (), place.oldest, True)
    market = place.market(spot.value)
    found = payoff(known, market, supposed.at(place.exchange, place.now), booked)
    if found is None:
        trouble = (
            "A later option means no volatility, or a price is not known: its worth at the first expiry can't be said."
        )
        return Group(place.name, spot.value, (), None, None, trouble, None, (), place.oldest, True)
    lines = [
        LegLine(position, place.prices[position.symbol], leg.entry, figures)
        for position, leg, figures in zip(place.positions, known, found.legs, strict=True)
    ]
    notes = [*place.notes(), *(_assumed(line) for line in lines if line.figures.is_assumed)]
    at_money = market.volatility.get(found.expires) if found.expires else None
    percent = None if at_money is None else Decimal(str(round(at_money * 100, 2)))
    return Group(place.name, spot.value, lines, found, chart(found), "", percent, notes, place.oldest, place.waits)


def _assumed(line: LegLine) -> str:
    symbol = line.position.contract.symbol
    if line.figures.volatility is None:
        return (
            f"The price of {symbol} means no volatility, and none is known at the money: it is priced at expiry only."
        )
    return f"{symbol} takes the volatility at the money: its price means none."


def _trouble(place: _Place, legs: Sequence[PayoffLeg | None], spot: Heard | None) -> str:
    for day, end in place.ends.items():
        if end is None:
            return f"When the contracts of {day:%d %b %Y} expire is not known: that day has no session on record."
    missing = [
        contract_name(one.contract.symbol) for one, leg in zip(place.positions, legs, strict=True) if leg is None
    ]
    if missing:
        return f"No price yet of {', '.join(missing)}."
    return "" if spot else f"No price yet of {place.name}."


def _moment(price: Heard | None) -> datetime | None:
    return datetime.fromtimestamp(price.at / 1000, UTC) if price and price.at else None
