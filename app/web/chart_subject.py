"""What a chart is of: a contract, the legs of a run, or the contracts a strategy's legs mean now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import gcd
from typing import Any

from app.core.errors import Denied, Invalid, NotFound, Retry
from app.core.money import number, plain
from app.feed.baskets import MOST_LEGS, Basket
from app.feed.candles import INTERVALS
from app.instruments.contracts import CannotResolve
from app.instruments.models import Instrument
from app.strategies.legs import Leg
from app.strategies.models import LegRun
from app.strategies.resolving import Resolver
from app.venues.types import Symbol
from app.web.contracts import contract_name
from app.web.current import services
from app.web.stream import live

USUAL_INTERVAL = "5m"
KIND = "openalgo"
Piece = tuple[Symbol, str, int]  # a leg: contract, BUY or SELL, lots


@dataclass(frozen=True, slots=True)
class Subject:
    """`args` name it in an address; `formula` says how legs are added up, for several."""

    title: str
    basket: Basket
    args: Mapping[str, Any]
    tick: Decimal | None = None
    lot_size: Decimal | None = None
    formula: str = ""
    run_id: str = ""

    @property
    def symbol(self) -> Symbol:
        """Of the only contract."""
        return self.basket.legs[0][0]

    @property
    def is_single(self) -> bool:
        return self.basket.is_single and not self.formula


def interval_of(text: str) -> str:
    """Raises Invalid for one that is none."""
    if text and text not in INTERVALS:
        raise Invalid.field("interval", f"There are no such candles: choose one of {', '.join(INTERVALS)}.")
    return text or USUAL_INTERVAL


def subject_of(owner: str, args: Mapping[str, str]) -> Subject:
    """From `run`, `strategy`, or `exchange` and `symbol`. Raises NotFound for what is somebody else's or not on record,
    Invalid for an interval that is none, Denied with a sentence where legs can't be added up."""
    interval = interval_of(args.get("interval", ""))
    if args.get("run"):
        return of_run(owner, args["run"], interval)
    if args.get("strategy"):
        return of_strategy(owner, args["strategy"], interval)
    return of_contract(args.get("exchange", ""), args.get("symbol", ""), interval)


def of_contract(exchange: str, symbol: str, interval: str) -> Subject:
    exchange, symbol = exchange.strip().upper(), symbol.strip().upper()
    found = None if "\x00" in exchange + symbol else services().instruments.find(KIND, exchange, symbol)
    if found is None:
        raise NotFound("There is no such instrument on record.")
    of = Symbol(found.exchange, found.symbol)
    args = {"exchange": of.exchange, "symbol": of.name}
    return Subject(contract_name(of.name), Basket.of(of, interval), args, found.tick, found.lot_size)


def of_run(owner: str, run_id: str, interval: str) -> Subject:
    """The legs as the run resolved them; every account has the same."""
    run = services().strategies.get_run(owner, run_id)
    legs = services().strategies.leg_runs(owner, run_id)
    first = legs[0].account_run_id if legs else ""
    own = sorted((leg for leg in legs if leg.account_run_id == first), key=lambda leg: leg.number)
    if not own:
        raise Denied("This run has no contracts yet: its chart is there once they are found.")
    return _combined(run.name, [_piece(leg) for leg in own], interval, {"run": run_id})


def of_strategy(owner: str, strategy_id: str, interval: str) -> Subject:
    """The contracts its legs would mean at this moment."""
    strategy = services().strategies.get(owner, strategy_id)
    legs = [Leg.model_validate(leg).unpriced for leg in strategy.legs]
    resolver = Resolver(services().instruments, _spot)
    try:
        found = resolver.resolve(strategy.venue_kind, legs, services().clock.now())
    except CannotResolve as problem:
        raise Denied(f"The chart of {strategy.name} can't be drawn now. {problem}") from problem
    pieces = [(one.symbol, one.leg.action, one.lots) for one in found]
    return _combined(strategy.name, pieces, interval, {"strategy": strategy_id})


def _spot(symbol: Symbol) -> Decimal:
    """An index's price as the stream has it: the web asks no venue."""
    figure = live().hub.indices().get(f"ltp:{symbol}")
    price = number(figure.raw.get("v")) if figure else None
    if price is None:
        raise Retry(f"there is no price of {symbol.name} yet")
    return price


def _piece(leg: LegRun) -> Piece:
    return Symbol(leg.exchange, leg.symbol), leg.side, leg.lots


def _combined(name: str, pieces: Sequence[Piece], interval: str, args: Mapping[str, str]) -> Subject:
    """Bought less sold, in the smallest whole ratio of their lots; where all are on one side, their sum."""
    ratio = gcd(*(lots for _, _, lots in pieces))
    is_mixed = len({side for _, side, _ in pieces}) > 1
    weights: dict[Symbol, Decimal] = {}
    for symbol, side, lots in pieces:
        sign = -1 if is_mixed and side == "SELL" else 1
        weights[symbol] = weights.get(symbol, Decimal(0)) + sign * lots // ratio
    legs = tuple((symbol, weight) for symbol, weight in weights.items() if weight)
    if not legs or len(legs) > MOST_LEGS:
        raise Denied("These legs cancel each other out." if not legs else f"A chart adds up {MOST_LEGS} legs at most.")
    words = " ".join(_term(symbol, weight, is_first=not at) for at, (symbol, weight) in enumerate(legs))
    tick = min((one.tick for one in _instruments(legs)), default=None)
    return Subject(name, Basket(interval, legs), args, tick, None, words, args.get("run", ""))


def _term(symbol: Symbol, weight: Decimal, *, is_first: bool) -> str:
    sign = ("− " if weight < 0 else "") if is_first else ("− " if weight < 0 else "+ ")
    times = f"{plain(abs(weight))} × " if abs(weight) != 1 else ""
    return f"{sign}{times}{contract_name(symbol.name)}"


def _instruments(legs: Sequence[tuple[Symbol, Decimal]]) -> list[Instrument]:
    return services().instruments.find_many(KIND, [(symbol.exchange, symbol.name) for symbol, _ in legs])
