"""What a payoff is of: legs that are written down, the contracts of a preview, or what a run holds now."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from app.core import errands
from app.core.errors import DeskError, Retry
from app.core.money import ZERO, number
from app.instruments.contracts import CannotResolve, Listed
from app.instruments.service import as_listed
from app.instruments.symbols import OPTIONS
from app.strategies.legs import Leg
from app.strategies.resolving import Resolved, Resolver
from app.venues.types import Side, Symbol
from app.web.current import services
from app.web.payoff_prices import heard, want_spot
from app.web.preview import KIND as PREVIEW
from app.web.run_view import LegLine, RunView

KIND = "openalgo"


@dataclass(frozen=True, slots=True)
class Position:
    """A contract in signed units; `entry` None: entered at the price of the moment."""

    number: int
    contract: Listed
    units: Decimal
    entry: Decimal | None
    product: str = "NRML"

    @property
    def symbol(self) -> Symbol:
        return Symbol(self.contract.exchange, self.contract.symbol)

    @property
    def lots(self) -> Decimal:
        return abs(self.units) / self.contract.lot_size

    @property
    def side(self) -> str:
        return "BUY" if self.units > 0 else "SELL"

    @property
    def underlying(self) -> str:
        """An equity is its own."""
        is_derivative = self.contract.kind in (*OPTIONS, "FUT")
        return self.contract.name if is_derivative else self.contract.symbol


@dataclass(frozen=True, slots=True)
class Share:
    """What an account has of it, with the margin that was estimated for it; `margin_note` says when, or why none."""

    name: str
    positions: Sequence[Position]
    margin: Decimal | None
    margin_note: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """`booked` is profit that is realised already; `trouble` says why nothing can be drawn, and `waits` that it may
    soon."""

    positions: Sequence[Position]
    booked: Decimal = ZERO
    currency: str = "INR"
    trouble: str = ""
    waits: bool = False
    shares: Sequence[Share] = ()
    is_mixed: bool = False  # of live and of paper accounts: they are drawn together


def of_legs(legs: Sequence[Leg], venue_kind: str = KIND) -> Subject:
    """The contracts that the legs mean at this moment, as far as this process knows prices."""
    now = services().clock.now()
    resolver = Resolver(services().instruments, _spot)
    try:
        found = resolver.resolve(venue_kind, [leg.unpriced for leg in legs], now)
    except CannotResolve as problem:
        return Subject((), trouble=str(problem), waits=isinstance(problem.__cause__, Retry))
    except DeskError as problem:
        return Subject((), trouble=problem.message, waits=isinstance(problem, Retry))
    return Subject([_written(one, leg.price) for one, leg in zip(found, legs, strict=True)])


def _written(one: Resolved, price: Decimal | None) -> Position:
    units = Side(one.leg.action).sign * one.lots * one.contract.lot_size
    return Position(one.number, one.contract, units, price, one.leg.product)


def of_preview(answer: Mapping[str, Any], legs: Sequence[Mapping[str, Any]]) -> Subject:
    """The contracts that the engine found, with the lots of the strategy's legs."""
    if answer["trouble"]:
        return Subject((), trouble=str(answer["trouble"]))
    symbols = [Symbol(row["exchange"], row["symbol"]) for row in answer["legs"]]
    contracts = _contracts(symbols)
    if trouble := _unlisted(symbols, contracts):
        return Subject((), trouble=trouble)
    positions = {}
    for row in answer["legs"]:
        contract = contracts[Symbol(row["exchange"], row["symbol"])]
        leg = legs[row["number"] - 1]
        size = Decimal(leg["units"]) if leg.get("units") else int(leg["lots"]) * contract.lot_size
        units = Side(row["action"]).sign * size
        positions[row["number"]] = Position(row["number"], contract, units, number(row["price"]), row["product"])
    shares = [_share(row, positions) for row in answer["accounts"] if not row["trouble"]]
    return Subject(list(positions.values()), shares=shares)


def _share(row: Mapping[str, Any], positions: Mapping[int, Position]) -> Share:
    """An account's part of a preview."""
    own = []
    for leg in row["legs"]:
        position, units = positions[leg["number"]], number(leg["quantity"]) or ZERO
        own.append(replace(position, units=units if position.units > 0 else -units))
    return Share(row["name"], own, number(row["margin"]), row["margin_trouble"])


def of_run(view: RunView) -> Subject:
    """What is held now in all accounts together, at the average price it was entered for."""
    lines = [line for part in view.parts for line in part.legs]
    if not view.currency and lines:
        return Subject((), trouble="These accounts have several currencies: their payoffs are not added up.")
    if not all(line.position.is_priced for line in lines):
        return Subject((), trouble="The price of a fill is not known yet.", waits=True)
    booked = sum((line.position.realised for line in lines), ZERO)
    held = [line for line in lines if line.position.quantity]
    symbols = [Symbol(line.leg.exchange, line.leg.symbol) for line in held]
    contracts = _contracts(symbols)
    currency = view.currency or "INR"
    if trouble := _unlisted(symbols, contracts):
        return Subject((), booked, currency, trouble)
    positions = _held(held, contracts)
    if not positions:
        return Subject((), booked, currency, "Nothing is held in this run now: there is no payoff to draw.")
    margins = _margins(view)
    shares = [
        Share(part.account.name, own, margins.get(part.account.id), "" if margins else "No preview is kept of it.")
        for part in view.parts
        if (own := _held([line for line in part.legs if line.position.quantity], contracts))
    ]
    return Subject(positions, booked, currency, shares=shares, is_mixed=view.modes == "mixed")


def _held(lines: Sequence[LegLine], contracts: Mapping[Symbol, Listed]) -> list[Position]:
    """By leg and contract, added up."""
    found: dict[tuple[int, Symbol], list[LegLine]] = defaultdict(list)
    for line in lines:
        found[line.leg.number, Symbol(line.leg.exchange, line.leg.symbol)].append(line)
    positions = []
    for (number_of, symbol), same in sorted(found.items()):
        units = sum((line.position.quantity for line in same), ZERO)
        cost = sum((line.position.cost for line in same), ZERO)
        if units:
            positions.append(Position(number_of, contracts[symbol], units, cost / units, same[0].leg.product))
    return positions


def _margins(view: RunView) -> dict[str, Decimal | None]:
    """By account, as the preview estimated that the run was started from; it is kept for a day."""
    with services().db.read() as session:
        errand = errands.find(session, view.run.owner_id, view.run.key)
    return margins_in(errand.answer if errand is not None and errand.kind == PREVIEW else None)


def margins_in(preview: Mapping[str, Any] | None) -> dict[str, Decimal | None]:
    """By account, of the answer to a preview; empty where there is none."""
    return {row["account_id"]: number(row["margin"]) for row in preview["accounts"]} if preview else {}


def _contracts(symbols: Sequence[Symbol]) -> dict[Symbol, Listed]:
    rows = services().instruments.find_many(KIND, [(symbol.exchange, symbol.name) for symbol in symbols])
    return {Symbol(row.exchange, row.symbol): as_listed(row) for row in rows}


def _unlisted(symbols: Sequence[Symbol], contracts: Mapping[Symbol, Listed]) -> str:
    gone = next((symbol.name for symbol in symbols if symbol not in contracts), "")
    return f"{gone} is not on record any more: its payoff can't be drawn." if gone else ""


def _spot(symbol: Symbol) -> Decimal:
    """As the streams have it: the web asks no venue."""
    price = heard(symbol)
    if price is None:
        want_spot(symbol)
        raise Retry(f"there is no price of {symbol.name} yet")
    return price.value
