"""The instruments of the paper market and their OpenAlgo names.

A name is the base symbol; futures append DDMMMYY and FUT, options DDMMMYY, the strike (decimals only when it has
any) and CE or PE. Lots, freeze quantities and strike steps come from data with its sources.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

from app.paper import calendar

STRIKES_A_SIDE = 40
FUTURE_MONTHS = 3
LISTED_OPTION_EXPIRIES = 4
SERIES_IN_STOCK = 8  # more than are listed at once: later series appear as earlier ones expire
UNKNOWN_FREEZE = 1
EXPIRY_FORMAT = "%d%b%y"
NO_STRIKE = Decimal(0)
TICK = Decimal("0.05")
FUTURE_TICK = Decimal("0.1")
OPTION_KINDS = ("CE", "PE")

_OPTION = re.compile(r"(?P<name>.+?)(?P<expiry>\d{2}[A-Z]{3}\d{2})(?P<strike>\d+(?:\.\d+)?)(?P<kind>CE|PE)")
_FUTURE = re.compile(r"(?P<name>.+?)(?P<expiry>\d{2}[A-Z]{3}\d{2})(?P<kind>FUT)")

_LISTING_FILE = Path(__file__).with_name("data") / "underlyings.json"
LISTING: dict[str, Any] = json.loads(_LISTING_FILE.read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class Contract:
    """`kind` is EQ, INDEX, FUT, CE or PE; `strike` 0 when none; `freeze_quantity` 1 means not known."""

    symbol: str
    exchange: str
    name: str
    kind: str
    expiry: date | None
    strike: Decimal
    lot_size: int
    tick: Decimal
    freeze_quantity: int
    token: str
    id: int


ChainRow = tuple[Decimal, Contract | None, Contract | None]


@dataclass(frozen=True, slots=True)
class SymbolParts:
    name: str
    kind: str
    expiry: date
    strike: Decimal


def expiry_code(expiry: date) -> str:
    """24NOV26"""
    return expiry.strftime(EXPIRY_FORMAT).upper()


def parse_expiry(text: str) -> date:
    """24NOV26, 24-NOV-26 or 24-Nov-2026; ValueError otherwise."""
    plain = text.replace("-", "")
    form = "%d%b%Y" if len(plain) == len("24NOV2026") else EXPIRY_FORMAT
    return datetime.strptime(plain, form).replace(tzinfo=UTC).date()


def future_symbol(name: str, expiry: date) -> str:
    return f"{name}{expiry_code(expiry)}FUT"


def option_symbol(name: str, expiry: date, strike: Decimal, kind: str) -> str:
    return f"{name}{expiry_code(expiry)}{strike.normalize():f}{kind}"


def parse_symbol(symbol: str) -> SymbolParts | None:
    """The parts of a derivative's symbol; None for a share or an index."""
    match = _OPTION.fullmatch(symbol) or _FUTURE.fullmatch(symbol)
    if match is None:
        return None
    parts = match.groupdict()
    try:
        expiry = parse_expiry(parts["expiry"])
    except ValueError:
        return None
    return SymbolParts(parts["name"], parts["kind"], expiry, Decimal(parts.get("strike") or 0))


class Universe:
    """Everything that can be asked for. Listings show what is live `today`; `find` also knows expired contracts."""

    def __init__(self, start: date, today: Callable[[], date] | None = None) -> None:
        self._today = today or (lambda: start)
        self._ids = count(1)
        self._contracts: list[Contract] = [*self._shares(), *self._indices()]
        for row in LISTING["indices"]:
            self._contracts += [*self._futures(row, start), *self._options(row, start)]
        self._by_symbol = {(c.symbol, c.exchange): c for c in self._contracts}
        self._series = _series(self._contracts)
        self._chains = _chains(self._contracts)

    def find(self, symbol: str, exchange: str) -> Contract | None:
        return self._by_symbol.get((symbol, exchange))

    def all(self, exchange: str | None = None) -> list[Contract]:
        listed, wanted = self._listed(), self._contracts
        if exchange:
            wanted = [c for c in wanted if c.exchange == exchange]
        return [c for c in wanted if c.expiry is None or _series_key(c) in listed]

    def search(self, query: str, exchange: str | None) -> list[Contract]:
        """Contracts whose symbol or name holds every word of the query."""
        words = query.upper().split()
        return [c for c in self.all(exchange) if all(word in c.symbol or word in c.name for word in words)]

    def expiries(self, name: str, exchange: str, kind: str) -> list[date]:
        """Listed expiries, ascending; `kind` is "futures" or "options"; empty for an unknown underlying."""
        group = "FUT" if kind == "futures" else "CE"
        return self._live(self._series.get((name, exchange, group), []), group)

    def chain(self, name: str, expiry: date) -> list[ChainRow]:
        """Rows (strike, call, put) by ascending strike; empty when there is no such series."""
        return list(self._chains.get((name, expiry), []))

    def underlying(self, name: str) -> Contract | None:
        """The index or share behind a derivative."""
        for exchange in ("NSE_INDEX", "BSE_INDEX", "NSE"):
            if found := self._by_symbol.get((name, exchange)):
                return found
        return None

    def _live(self, series: list[date], group: str) -> list[date]:
        today, listed = self._today(), FUTURE_MONTHS if group == "FUT" else LISTED_OPTION_EXPIRIES
        return [day for day in series if day >= today][:listed]

    def _listed(self) -> set[tuple[str, str, date | None]]:
        series = self._series.items()
        return {(name, group, day) for (name, _, group), days in series for day in self._live(days, group)}

    def _add(self, symbol: str, exchange: str, name: str, kind: str, **more: Any) -> Contract:
        values: dict[str, Any] = {"expiry": None, "strike": NO_STRIKE, "lot_size": 1, "tick": TICK}
        values |= {"freeze_quantity": UNKNOWN_FREEZE, **more}
        number = next(self._ids)
        return Contract(symbol, exchange, name, kind, token=str(1000 + number), id=number, **values)

    def _shares(self) -> Iterator[Contract]:
        for symbol, *_ in LISTING["shares"]:
            yield self._add(symbol, "NSE", symbol, "EQ")

    def _indices(self) -> Iterator[Contract]:
        for row in (*LISTING["indices"], LISTING["volatility_index"]):
            yield self._add(row["name"], row["exchange"], row["name"], "INDEX")

    def _futures(self, row: dict[str, Any], start: date) -> Iterator[Contract]:
        for expiry in calendar.expiries(row["derivatives"], False, start, SERIES_IN_STOCK):
            yield self._derivative(row, "FUT", expiry, NO_STRIKE)

    def _options(self, row: dict[str, Any], start: date) -> Iterator[Contract]:
        for expiry in calendar.expiries(row["derivatives"], row["weekly"], start, SERIES_IN_STOCK):
            for strike in _strikes(row["price"], row["strike_step"]):
                for kind in OPTION_KINDS:
                    yield self._derivative(row, kind, expiry, strike)

    def _derivative(self, row: dict[str, Any], kind: str, expiry: date, strike: Decimal) -> Contract:
        name, future = row["name"], kind == "FUT"
        symbol = future_symbol(name, expiry) if future else option_symbol(name, expiry, strike, kind)
        terms = {"lot_size": row["lot"], "freeze_quantity": row["freeze"], "tick": FUTURE_TICK if future else TICK}
        return self._add(symbol, row["derivatives"], name, kind, expiry=expiry, strike=strike, **terms)


def _strikes(price: float, step: int) -> list[Decimal]:
    middle = round(price / step)
    return [Decimal((middle + i) * step) for i in range(-STRIKES_A_SIDE, STRIKES_A_SIDE + 1)]


def _series_key(contract: Contract) -> tuple[str, str, date | None]:
    return contract.name, "FUT" if contract.kind == "FUT" else "CE", contract.expiry


def _series(contracts: list[Contract]) -> dict[tuple[str, str, str], list[date]]:
    found: dict[tuple[str, str, str], set[date]] = {}
    for c in contracts:
        if c.expiry is not None and c.kind != "PE":
            found.setdefault((c.name, c.exchange, c.kind), set()).add(c.expiry)
    return {key: sorted(days) for key, days in found.items()}


def _chains(contracts: list[Contract]) -> dict[tuple[str, date], list[ChainRow]]:
    sides: dict[tuple[str, date], dict[Decimal, dict[str, Contract]]] = {}
    for c in contracts:
        if c.expiry is not None and c.kind in OPTION_KINDS:
            sides.setdefault((c.name, c.expiry), {}).setdefault(c.strike, {})[c.kind] = c
    return {key: [_chain_row(strike, rows[strike]) for strike in sorted(rows)] for key, rows in sides.items()}


def _chain_row(strike: Decimal, sides: dict[str, Contract]) -> ChainRow:
    return strike, sides.get("CE"), sides.get("PE")
