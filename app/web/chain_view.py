"""An option chain as its page shows it: the strikes around the money with what this process heard of them last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from app.broadcast.chain_keys import SUM, ChainKey, side_key
from app.core.money import number, plain
from app.instruments.contracts import Listed
from app.instruments.symbols import CALL, OPTIONS, PUT
from app.portfolio.chain_sums import at_money, window
from app.web.chain_choice import KIND
from app.web.chain_look import Look
from app.web.current import services
from app.web.figures import Figure
from app.web.format import MISSING, exact
from app.web.live import Figures
from app.web.order_lines import seconds
from app.web.stream import live

STAYS = 0.5  # of the span: so far the money may go before the strikes shown follow it


@dataclass(frozen=True, slots=True)
class Shown:
    """One live cell."""

    key: str
    text: str = MISSING
    state: str = ""
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """A listed option: `spelled` is its side, `26050CE`; `kind` CE or PE."""

    listed: Listed
    spelled: str
    cells: Mapping[str, Shown]


@dataclass(frozen=True, slots=True)
class Row:
    strike: Decimal
    call: Side | None
    put: Side | None

    @property
    def text(self) -> str:
        return exact(self.strike.normalize() + 0)

    @property
    def name(self) -> str:
        return plain(self.strike)


@dataclass(frozen=True)
class ChainPage:
    """`centre`: the strike in the middle of what is shown; `expires` when the last session closes."""

    look: Look
    rows: Sequence[Row]
    sums: Mapping[str, Shown]
    money: Decimal | None
    centre: Decimal | None
    expires: datetime | None
    priced_at: datetime | None
    age: float | None

    def is_at_money(self, row: Row) -> bool:
        return row.strike == self.money

    @property
    def lot_size(self) -> Decimal | None:
        sizes = [side.listed.lot_size for row in self.rows for side in (row.call, row.put) if side]
        return sizes[0] if sizes else None


def read_chain(look: Look, centre: Decimal | None = None) -> ChainPage:
    """Around `centre` as long as the money is near it, else around the money."""
    now = services().clock.now()
    options = chain_options(look.key)
    ladder = sorted({row.strike for row in options if row.strike is not None})
    heard = live().hub.of_symbols(look.shelves)
    money = _money(look.key, heard, ladder, now)
    middle = _middle(ladder, money, centre, look.span)
    shown = set(window(ladder, middle, look.span))
    sides = {side_key(row): row for row in options if row.strike in shown}
    sums = {name: shown_of(f"{name}:{look.key.shelf(SUM)}", heard) for name in SUMS_SHOWN}
    at = sums["spot"].at or sums["atm"].at
    priced_at = datetime.fromtimestamp(at / 1000, UTC) if at else None
    return ChainPage(
        look,
        [_row(strike, sides, look, heard) for strike in sorted(shown)],
        sums,
        money,
        middle,
        expires(look.key, now),
        priced_at,
        seconds(priced_at, now) if priced_at else None,
    )


SUMS_SHOWN = ("spot", "future", "forward", "source", "atm", "iv", "straddle", "pcr", "pcr_volume", "max_pain",
              "call_oi", "put_oi")  # fmt: skip


def chain_options(key: ChainKey) -> list[Listed]:
    listed = services().instruments.listed(KIND, key.exchange, key.name, key.expiry)
    return [row for row in listed if row.kind in OPTIONS and row.strike is not None]


def expires(key: ChainKey, now: datetime) -> datetime | None:
    """When the session of its last day closes; None when that day has none on record."""
    session = services().instruments.calendar(now).session(key.exchange, key.expiry)
    return session.closes if session else None


def shown_of(key: str, heard: Figures) -> Shown:
    figure = heard.get(key)
    if figure is None:
        return Shown(key)
    shown = figure.shown
    return Shown(key, shown["t"], shown["s"], shown["at"])


def _money(key: ChainKey, heard: Figures, ladder: Sequence[Decimal], now: datetime) -> Decimal | None:
    """As the engine says, else by the index where its price is known."""
    told = _value(heard.get(f"atm:{key.shelf(SUM)}"))
    if told is not None:
        return told
    spot = services().instruments.spot_symbol(key.exchange, key.name, key.expiry)
    price = _value(live().hub.indices().get(f"ltp:{spot[0]}:{spot[1]}")) if spot else None
    return at_money(price, ladder) if price is not None else None


def _middle(ladder: Sequence[Decimal], money: Decimal | None, centre: Decimal | None, span: int) -> Decimal | None:
    if centre not in ladder or centre is None:
        return money
    if money is None or money not in ladder:
        return centre
    return centre if abs(ladder.index(money) - ladder.index(centre)) <= span * STAYS else money


def _row(strike: Decimal, sides: Mapping[str, Listed], look: Look, heard: Figures) -> Row:
    call, put = (_side(sides.get(f"{plain(strike)}{kind}"), look, heard) for kind in (CALL, PUT))
    return Row(strike, call, put)


def _side(listed: Listed | None, look: Look, heard: Figures) -> Side | None:
    if listed is None:
        return None
    spelled = side_key(listed)
    return Side(listed, spelled, {name: shown_of(f"{spelled}:{look.key.shelf(name)}", heard) for name in look.fields})


def _value(figure: Figure | None) -> Decimal | None:
    return number(figure.raw.get("v")) if figure is not None else None
