"""An option chain as figures: each option's prices, open interest and greeks, and what the chain says as a whole.

Values in, values out. Figures are decimal text, whole numbers of milliseconds for ages; None is "not known". Volatility
is in percent a year, theta by a calendar day, vega by a percentage point, quantities in units.

Volatility and greeks come from the middle of bid and ask where both are near to each other, else from the last price,
and not at all for an option that nobody traded today or whose price is minutes older than the others. The forward
follows from calls and puts where they agree with what else is known, else from the future of the same day, else
from the spot.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property

import numpy as np

from app.broadcast.chain_cells import Figures, Row
from app.broadcast.chain_keys import side_key
from app.core.clock import epoch_ms
from app.core.money import ZERO, plain
from app.instruments.contracts import Listed
from app.instruments.symbols import CALL, PUT
from app.portfolio.black76 import Flags, Floats, Setting, Solved, forward_by_parity, solve, years_until
from app.portfolio.chain_sums import Interest, at_money, max_pain, ratio, straddle, total
from app.venues.types import Quote, Symbol

NOWHERE = math.nan
WIDEST = 0.5  # of their middle: bid and ask further apart than that have none worth the name
BEHIND = timedelta(minutes=2)  # the newest of the chain: each option is priced twice a minute, streamed or asked for
ASTRAY = {"future": 0.005, "spot": 0.02}  # calls and puts that are further off than that share of it have old prices
PRICED = ("ltp", "change", "percent", "bid", "ask", "volume", "oi", "oic", "at")
PLACES = {"iv": 2, "delta": 4, "gamma": 6, "theta": 2, "vega": 2}

PriceOf = Callable[[Symbol], Quote | None]


@dataclass(frozen=True)
class Listing:
    """One expiry of one underlying as it is listed. `expires` is when its last session closes, aware; `future` the one
    of the same day, None where there is none.
    """

    exchange: str
    name: str
    expiry: date
    expires: datetime
    options: Sequence[Listed]
    spot: Symbol | None = None
    future: Symbol | None = None

    @cached_property
    def strikes(self) -> list[Decimal]:
        return sorted({row.strike for row in self.options if row.strike is not None})

    @cached_property
    def sides(self) -> dict[str, Symbol]:
        """By strike and kind: `26050CE`."""
        return {side_key(row): Symbol(row.exchange, row.symbol) for row in self.options}

    @cached_property
    def place(self) -> dict[str, int]:
        return {key: number for number, key in enumerate(self.sides)}

    @cached_property
    def strike_values(self) -> Floats:
        return np.array([float(row.strike or 0) for row in self.options])

    @cached_property
    def is_call(self) -> Flags:
        return np.array([row.kind == CALL for row in self.options], dtype=bool)

    @property
    def tick(self) -> float:
        return float(min((row.tick for row in self.options), default=ZERO)) or 0.05


@dataclass(frozen=True, slots=True)
class Asked:
    """`yesterday`: open interest at the last day's close, of those it is known of; `rate` a fraction a year;
    `before`: the strike that was at the money last time.
    """

    now: datetime
    rate: float
    yesterday: Mapping[Symbol, Decimal]
    before: Decimal | None = None


def figures(listing: Listing, price_of: PriceOf, asked: Asked) -> Figures:
    """Every figure of a chain from the newest quotes."""
    quotes = {key: price_of(symbol) for key, symbol in listing.sides.items()}
    spot, future = _price(listing.spot, price_of), _price(listing.future, price_of)
    newest = max((quote.received_at for quote in quotes.values() if quote is not None), default=asked.now)
    prices = np.array([_worth(quote, newest - BEHIND) for quote in quotes.values()])
    years = years_until(listing.expires, asked.now)
    forward, source = _forward(listing, prices, (spot, future), asked.rate, years)
    solved = solve(Setting(forward, years, asked.rate, listing.tick), listing.strike_values, listing.is_call, prices)
    atm = (
        at_money(spot if spot is not None else Decimal(str(forward)), listing.strikes, asked.before)
        if forward
        else None
    )
    interests = _open_interest(listing, quotes, asked.yesterday)
    sides = {
        key: _side(quote, interests[key], _greeks(solved, number)) for number, (key, quote) in enumerate(quotes.items())
    }
    _scale(sides)
    known = {
        "spot": spot,
        "future": future,
        "forward": round(Decimal(str(forward)), 2) if forward else None,
        "atm": atm,
    }
    sums = _sums(listing, quotes, sides, interests, atm)
    ages = [quote.received_at for quote in quotes.values() if quote is not None]
    times: Row = {"minutes": round(years * 525_600), "at": epoch_ms(max(ages)) if ages else None}
    return Figures(sides, {name: _text(value) for name, value in known.items()} | {"source": source} | sums | times)


def _price(symbol: Symbol | None, price_of: PriceOf) -> Decimal | None:
    quote = price_of(symbol) if symbol is not None else None
    return quote.last if quote is not None else None


def _worth(quote: Quote | None, since: datetime) -> float:
    """What an option is worth now, as far as its quote tells; nothing where that is from before `since`."""
    if quote is None or quote.received_at < since:
        return NOWHERE
    if quote.bid is not None and quote.ask is not None:
        bid, ask = float(quote.bid), float(quote.ask)
        if ask - bid <= WIDEST * (bid + ask) / 2:
            return (bid + ask) / 2
    return NOWHERE if quote.volume == 0 else float(quote.last)


def _forward(
    listing: Listing,
    prices: Floats,
    seen: tuple[Decimal | None, Decimal | None],
    rate: float,
    years: float,
) -> tuple[float, str | None]:
    spot, future = seen
    discount = math.exp(-rate * years)
    parity = forward_by_parity(_pairs(listing, prices), discount) if years > 0 else None
    source = "future" if future is not None else "spot" if spot is not None else None
    other = float(future) if future is not None else float(spot) / discount if spot is not None else 0.0
    if parity is not None and parity > 0 and (source is None or abs(parity - other) <= ASTRAY[source] * other):
        return parity, "parity"
    return other, source


def _pairs(listing: Listing, prices: Floats) -> Iterator[tuple[float, float, float]]:
    """Each strike with what its call and its put are worth."""
    for strike in listing.strikes:
        call, put = (listing.place.get(f"{plain(strike)}{kind}") for kind in (CALL, PUT))
        if call is not None and put is not None:
            yield float(strike), float(prices[call]), float(prices[put])


def _open_interest(
    listing: Listing, quotes: Mapping[str, Quote | None], yesterday: Mapping[Symbol, Decimal]
) -> dict[str, tuple[Decimal | None, Decimal | None]]:
    """Now, and how it changed since the last day's close."""
    found: dict[str, tuple[Decimal | None, Decimal | None]] = {}
    for key, quote in quotes.items():
        interest = quote.open_interest if quote is not None else None
        before = yesterday.get(listing.sides[key])
        found[key] = interest, interest - before if interest is not None and before is not None else None
    return found


def _side(quote: Quote | None, interest: tuple[Decimal | None, Decimal | None], greeks: Row) -> Row:
    if quote is None:
        return {**greeks, **dict.fromkeys(PRICED, None)}
    before = quote.previous_close
    change = None if before is None else quote.last - before
    return {
        "ltp": plain(quote.last),
        "change": _text(change),
        "percent": None if change is None or not before else _text(round(change / before * 100, 2)),
        "bid": _text(quote.bid),
        "ask": _text(quote.ask),
        "volume": _text(quote.volume),
        "oi": _text(interest[0]),
        "oic": _text(interest[1]),
        "at": epoch_ms(quote.received_at),
    } | greeks


def _greeks(solved: Solved, number: int) -> Row:
    volatility = float(solved.volatility[number])
    if math.isnan(volatility):
        return dict.fromkeys(PLACES)
    values = {"iv": volatility * 100} | {
        name: float(getattr(solved, name)[number]) for name in ("delta", "gamma", "theta", "vega")
    }
    return {name: f"{value:.{PLACES[name]}f}" for name, value in values.items()}


def _scale(sides: Mapping[str, Row]) -> None:
    """The length of each bar, in percent of the longest of its kind on either side."""
    for name in ("oi", "oic"):
        longest = max((abs(float(row[name] or 0)) for row in sides.values()), default=0.0)
        for row in sides.values():
            row[f"{name}_bar"] = str(round(abs(float(row[name] or 0)) / longest * 100)) if longest else "0"


def _sums(
    listing: Listing,
    quotes: Mapping[str, Quote | None],
    sides: Mapping[str, Row],
    interests: Mapping[str, tuple[Decimal | None, Decimal | None]],
    atm: Decimal | None,
) -> Row:
    amounts = {
        (kind, what): total(_amount(quotes[key], interests[key], what) for key in sides if key.endswith(kind))
        for kind in (CALL, PUT)
        for what in ("oi", "volume")
    }
    middle = [key for kind in (CALL, PUT) if (key := f"{plain(atm or ZERO)}{kind}") in sides]
    last = [quote.last if (quote := quotes[key]) is not None else None for key in middle]
    volatilities = [float(str(iv)) for key in middle if (iv := sides[key]["iv"]) is not None]
    pain = max_pain({
        strike: Interest(*(interests.get(f"{plain(strike)}{kind}", (None, None))[0] for kind in (CALL, PUT)))
        for strike in listing.strikes
    })  # fmt: skip
    return {
        "call_oi": _text(amounts[CALL, "oi"]),
        "put_oi": _text(amounts[PUT, "oi"]),
        "pcr": _rounded(ratio(amounts[PUT, "oi"], amounts[CALL, "oi"])),
        "pcr_volume": _rounded(ratio(amounts[PUT, "volume"], amounts[CALL, "volume"])),
        "max_pain": _text(pain),
        "straddle": _text(straddle(*last)) if len(last) == 2 else None,
        "iv": f"{sum(volatilities) / len(volatilities):.2f}" if volatilities else None,
    }


def _amount(quote: Quote | None, interest: tuple[Decimal | None, Decimal | None], what: str) -> Decimal | None:
    if what == "oi":
        return interest[0]
    return quote.volume if quote is not None else None


def _rounded(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:.2f}"


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)
