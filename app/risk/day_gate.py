"""What a wish must pass beside the trading states: the limits of the day of its account and of its owner's desk.

Who has none pays one look into a dictionary. For the others what is used up is read once per unit of work, over a
connection of its own, and what the same unit lets through is counted with it. On PostgreSQL entries of one owner
that has limits take turns, so that two of them never fill the same room.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import distinct, func, or_, select, text
from sqlalchemy.orm import Session

from app.core.clock import Clock, day_in_india
from app.core.db import Database, once
from app.core.money import ZERO
from app.execution.desk import Wish
from app.execution.models import Order
from app.execution.splitter import CannotSplit, slices
from app.execution.statements import ENTRY_LIKE
from app.execution.states import LIVE
from app.execution.terms import PRICED
from app.execution.tickets import VENUE_KIND
from app.instruments.service import InstrumentService
from app.portfolio.service import PortfolioService
from app.portfolio.trades import day_start
from app.risk.day_known import KnownLimits
from app.risk.day_rules import Limited
from app.risk.day_use import OneMore, PriceOf, SoFar, World, why_not
from app.risk.expired import expired, settled
from app.risk.gate import gate
from app.risk.states import Effect, effect_of
from app.venues.types import Side, Symbol

TURN = 0x4D52444C  # as `risk.gate.TURN`, of those who count a day
BY_HAND = "manual"
MOST_NAMES = 5_000
_KEPT = "day_so_far"


def no_price(_symbol: Symbol) -> Decimal | None:
    """Nobody has said yet where prices come from."""
    return None


@dataclass(slots=True)
class _Counted:
    """What one unit of work knows of an owner's day, and what it let through itself."""

    so_far: SoFar
    passed: dict[str, tuple[str | None, OneMore]] = field(default_factory=dict)  # by key, with the part

    def let(self, wish: Wish, more: OneMore) -> None:
        self.passed[wish.key] = (wish.account_run_id, more)
        self.so_far.add(more)

    def take_back(self, part_id: str | None) -> None:
        """One leg was refused: the others of its part are not sent either."""
        for key in [key for key, (part, _) in self.passed.items() if part_id is not None and part == part_id]:
            self.so_far.add(self.passed.pop(key)[1], times=-1)


@dataclass(slots=True)
class _Kept:
    """By owner what was read in one transaction: each once."""

    limited: dict[str, Sequence[Limited]] = field(default_factory=dict)
    counted: dict[str, _Counted] = field(default_factory=dict)


def _kept(session: Session) -> _Kept:
    return once(session, _KEPT, _Kept)


class DayGate:
    def __init__(
        self, db: Database, clock: Clock, known: KnownLimits, portfolio: PortfolioService,
        instruments: InstrumentService,
    ) -> None:  # fmt: skip
        self._db = db
        self._clock = clock
        self._known = known
        self._portfolio = portfolio
        self._instruments = instruments
        self._names: dict[Symbol, str] = {}
        self.price_of: PriceOf = no_price  # whoever has prices says so

    def __call__(self, session: Session, wish: Wish) -> str | None:
        """The sentence that says why not, or None. Exits, and less of a working entry, pass whatever the limits."""
        stopped = gate(session, wish)
        if stopped or effect_of(wish.purpose) is not Effect.OPENS:
            return stopped
        limited = self._limited(session, wish.owner_id)
        over = [one for one in limited if wish.account_id in one.account_ids]
        return self._ask(session, wish, limited, over) if over else None

    def _ask(self, session: Session, wish: Wish, limited: Sequence[Limited], over: Sequence[Limited]) -> str | None:
        counted = self._counted(session, wish.owner_id, limited)
        if wish.key in counted.passed:
            return None
        more = _one_more(wish)
        world = self.world(counted.so_far, [more.symbol])
        found = next((why for one in over if (why := why_not(one, more, counted.so_far, world))), None)
        if found is not None:
            counted.take_back(wish.account_run_id)
        elif not more.is_change:
            counted.let(wish, more)
        return found

    def world(self, so_far: SoFar, symbols: Iterable[Symbol] = ()) -> World:
        """Prices as they are now, and the names of everything that may be held."""
        wanted = {*symbols, *(symbol for _, symbol in (*so_far.held, *so_far.buys, *so_far.sells))}
        unknown = wanted - self._names.keys()
        if unknown:
            if len(self._names) > MOST_NAMES:
                self._names = {}
            rows = self._instruments.find_many(VENUE_KIND, [(one.exchange, one.name) for one in wanted])
            named = {Symbol(row.exchange, row.symbol): row.name for row in rows}
            self._names |= {symbol: named.get(symbol, symbol.name) for symbol in wanted}
        return World(self.price_of, self._names)

    def so_far(self, owner_id: str, limited: Sequence[Limited]) -> SoFar:
        """What is committed: of each account only what a limit over it asks for."""
        now, found = self._clock.now(), SoFar()
        asked = {name for one in limited for name in (*one.rules.counts, *one.rules.exposures)}
        ids = sorted({account_id for one in limited for account_id in one.account_ids})
        with self._db.read() as session:
            _add_working(session, ids, found)
            if "orders_per_minute" in asked:
                since = Order.created_at >= now - timedelta(minutes=1)
                _add_count(session, found, "orders_per_minute", func.count(), Order.owner_id == owner_id, since)
            if "entries" in asked:
                _add_entries(session, owner_id, now, found)
        book = self._portfolio.held(owner_id, now)
        gone = expired(self._instruments, [book], day_in_india(now))
        for key, held in settled(book, gone).items():
            place = (key.account_id, Symbol(key.exchange, key.symbol))
            found.held[place] = found.held.get(place, ZERO) + held.position.quantity
        return found

    def _limited(self, session: Session, owner_id: str) -> Sequence[Limited]:
        """What is asked before an order."""
        kept = _kept(session).limited
        if owner_id not in kept:
            kept[owner_id] = [one for one in self._known.of(owner_id) if one.rules.asks_before]
        return kept[owner_id]

    def _counted(self, session: Session, owner_id: str, limited: Sequence[Limited]) -> _Counted:
        kept = _kept(session).counted
        if owner_id not in kept:
            _take_turn(session, owner_id)
            kept[owner_id] = _Counted(self.so_far(owner_id, limited))
        return kept[owner_id]


def _one_more(wish: Wish) -> OneMore:
    """Without a key it is new terms for an order that works."""
    units = Side(wish.side).sign * wish.quantity
    price = wish.price if wish.price_type in PRICED else None
    return OneMore(
        wish.account_id, wish.symbol, units, price, _orders_of(wish), not wish.key, wish.purpose == BY_HAND
    )  # fmt: skip


def _orders_of(wish: Wish) -> int:
    try:
        return len(slices(wish.quantity, wish.lot, wish.freeze))
    except CannotSplit:  # whoever plans it refuses it
        return 1


def _add_working(session: Session, account_ids: Sequence[str], found: SoFar) -> None:
    rest = Order.quantity, Order.filled_quantity
    query = select(Order.account_id, Order.exchange, Order.symbol, Order.side, Order.purpose, *rest).where(
        Order.account_id.in_(account_ids), Order.state.in_(LIVE)
    )
    for account_id, exchange, symbol, side, purpose, quantity, filled in session.execute(query):
        found.counts["open_orders"][account_id] += 1
        if purpose in ENTRY_LIKE:
            place, units = (account_id, Symbol(exchange, symbol)), max(ZERO, quantity - filled)
            into = found.buys if Side(side) is Side.BUY else found.sells
            into[place] = into.get(place, ZERO) + units


def _add_entries(session: Session, owner_id: str, now: datetime, found: SoFar) -> None:
    """Wishes of today that filled something, or still may."""
    today = (Order.owner_id == owner_id, Order.created_at >= day_start(now), Order.purpose.in_(ENTRY_LIKE))
    counts = or_(Order.filled_at.is_not(None), Order.state.in_(LIVE))
    _add_count(session, found, "entries", func.count(distinct(Order.intent_id)), *today, counts)


def _add_count(session: Session, found: SoFar, name: str, count: object, *where: object) -> None:
    rows = session.execute(select(Order.account_id, count).where(*where).group_by(Order.account_id))  # type: ignore[call-overload]  # a function of SQL
    for account_id, number in rows:
        found.counts[name][account_id] += number


def _take_turn(session: Session, owner_id: str) -> None:
    if session.get_bind().dialect.name == "postgresql":
        session.execute(
            text("SELECT pg_advisory_xact_lock(:turn, hashtext(:owner))"), {"turn": TURN, "owner": owner_id}
        )
