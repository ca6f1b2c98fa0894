"""The live figures of one owner, from what is held and the newest prices. Values in, values out.

Keys: `ltp:<exchange>:<symbol>` · `pos:` and `pnl:position:<account>:<exchange>:<symbol>:<product>` ·
`pnl:net:<mode>:<exchange>:<symbol>:<product>` · `pnl:leg:<leg run>` · `pnl:account_run:<id>` ·
`pnl:run_in:<mode>:<id>` · `pnl:run:<id>`, over both modes, as limits of a whole run count · `pnl:account:<account>` ·
`pnl:day:<mode>:<owner>`, `pnl:open:<mode>:<owner>`, `pnl:realised:<mode>:<owner>`, the same three without owner.

Runs and legs count since their beginning; positions, accounts and the owner count today: realised today plus open now.
A figure that depends on an unknown price is unknown. Figures of several currencies are not added up: such a sum is
unknown too.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from app.core.clock import epoch_ms
from app.core.money import ZERO, plain
from app.portfolio.pnl import realised, since, total, unrealised
from app.portfolio.service import LegPosition
from app.portfolio.trades import Held, PositionKey
from app.venues.types import Mode, PriceSource, Quote, Symbol

PRICE, MONEY, QUANTITY = "price", "money", "qty"
OWNER_WIDE = tuple(f"pnl:{what}:{mode}" for what in ("day", "open", "realised") for mode in Mode)
Cell = dict[str, Any]
Cells = dict[str, Cell]
PriceOf = Callable[[Symbol], Quote | None]


@dataclass(frozen=True, slots=True)
class PriceForm:
    """How a symbol's price is written."""

    tick: Decimal | None = None
    currency: str = "INR"


PLAIN = PriceForm()


@dataclass(frozen=True)
class OwnerBook:
    """What is worth showing of one owner; read from the rows, valued against prices at each beat."""

    owner_id: str
    held: Mapping[PositionKey, Held] = field(default_factory=dict)
    legs: Sequence[LegPosition] = ()
    run_of: Mapping[str, str] = field(default_factory=dict)  # run id by account run id
    currencies: Mapping[str, str] = field(default_factory=dict)  # by account
    forms: Mapping[Symbol, PriceForm] = field(default_factory=dict)
    waited_for: frozenset[Symbol] = frozenset()  # nothing of it is held yet
    modes: Mapping[str, str] = field(default_factory=dict)  # by account: live and paper are never one number

    @cached_property
    def symbols(self) -> set[Symbol]:
        held = {symbol_of(key) for key in self.held}
        return held | {symbol_of(leg.key) for leg in self.legs} | self.waited_for

    def currency(self, account_id: str) -> str:
        return self.currencies.get(account_id, "INR")

    def mode(self, account_id: str) -> str:
        return self.modes.get(account_id, Mode.LIVE)


@dataclass(frozen=True, slots=True)
class Figure:
    """A sum of money and the age of the oldest price in it; None where it cannot be known."""

    value: Decimal | None
    currency: str
    oldest: datetime | None = None


def symbol_of(key: PositionKey) -> Symbol:
    return Symbol(key.exchange, key.symbol)


def add(figures: Iterable[Figure]) -> Figure | None:
    """None for no figures at all."""
    value: Decimal | None = ZERO
    currency, oldest = "", None
    for figure in figures:
        if currency and figure.currency != currency:
            value = None
        currency = currency or figure.currency
        value = None if value is None or figure.value is None else value + figure.value
        if figure.oldest is not None and (oldest is None or figure.oldest < oldest):
            oldest = figure.oldest
    return Figure(value, currency, oldest) if currency else None


def owner_cells(book: OwnerBook, price_of: PriceOf) -> Cells:
    """Every live figure of an owner."""
    cells: Cells = {}
    for symbol in book.symbols:
        quote = price_of(symbol)
        if quote is not None:
            cells[f"ltp:{symbol}"] = price_cell(quote, book.forms.get(symbol, PLAIN))
    sums: dict[str, list[Figure]] = defaultdict(list)
    for key, one in book.held.items():
        _value_position(book, key, one, price_of(symbol_of(key)), sums)
        spelled = f"{key.account_id}:{key.exchange}:{key.symbol}:{key.product}"
        cells[f"pos:{spelled}"] = _cell(plain(one.position.quantity), QUANTITY, None, None)
    for leg in book.legs:
        _value_leg(book, leg, price_of(symbol_of(leg.key)), sums)
    for name, figures in sums.items():
        figure = add(figures)
        if figure is not None:
            cells[name] = money_cell(figure)
    return cells | {f"{name}:{book.owner_id}": cells[name] for name in OWNER_WIDE if name in cells}


def price_cell(quote: Quote, form: PriceForm) -> Cell:
    cell = _cell(plain(quote.last), PRICE, form.currency, quote.received_at)
    if form.tick is not None:
        cell["tick"] = plain(form.tick)
    if quote.source is PriceSource.REQUEST:
        cell["src"] = quote.source.value
    return cell


def money_cell(figure: Figure) -> Cell:
    value = None if figure.value is None else plain(figure.value)
    return _cell(value, MONEY, figure.currency, figure.oldest)


def changed(before: Cells, after: Cells, age_ms: int) -> Cells:
    """Cells whose text changed, or whose age moved by so much that a page would think them old."""
    return {key: cell for key, cell in after.items() if key not in before or _differs(before[key], cell, age_ms)}


def _differs(before: Cell, after: Cell, age_ms: int) -> bool:
    if any(before.get(part) != after.get(part) for part in ("v", "c", "src")):
        return True
    if before["at"] is None or after["at"] is None:
        return before["at"] is not after["at"]
    return bool(after["at"] - before["at"] >= age_ms)


def _cell(value: str | None, kind: str, currency: str | None, at: datetime | None) -> Cell:
    """`at` is None for what depends on no price: it does not age."""
    return {"v": value, "k": kind, "c": currency, "at": epoch_ms(at) if at else None}


def _value_position(
    book: OwnerBook, key: PositionKey, one: Held, quote: Quote | None, sums: dict[str, list[Figure]]
) -> None:
    currency, mode, price = book.currency(key.account_id), book.mode(key.account_id), quote.last if quote else None
    oldest = quote.received_at if quote and not one.position.is_flat else None
    today = Figure(since(one.opening, one.position, price), currency, oldest)
    open_ = Figure(unrealised(one.position, price), currency, oldest)
    done = Figure(_realised_today(one), currency)
    for name in (
        f"pnl:position:{key.account_id}:{key.exchange}:{key.symbol}:{key.product}",
        f"pnl:net:{mode}:{key.exchange}:{key.symbol}:{key.product}",
        f"pnl:account:{key.account_id}",
        f"pnl:day:{mode}",
    ):
        sums[name].append(today)
    sums[f"pnl:open:{mode}"].append(open_)
    sums[f"pnl:realised:{mode}"].append(done)


def _value_leg(book: OwnerBook, leg: LegPosition, quote: Quote | None, sums: dict[str, list[Figure]]) -> None:
    position = leg.held.position
    oldest = quote.received_at if quote and not position.is_flat else None
    figure = Figure(total(position, quote.last if quote else None), book.currency(leg.key.account_id), oldest)
    sums[f"pnl:leg:{leg.leg_run_id}"].append(figure)
    if leg.account_run_id is not None:
        sums[f"pnl:account_run:{leg.account_run_id}"].append(figure)
        run_id = book.run_of.get(leg.account_run_id)
        if run_id is not None:
            sums[f"pnl:run:{run_id}"].append(figure)
            sums[f"pnl:run_in:{book.mode(leg.key.account_id)}:{run_id}"].append(figure)


def _realised_today(one: Held) -> Decimal | None:
    now, before = realised(one.position), realised(one.opening)
    return None if now is None or before is None else now - before
