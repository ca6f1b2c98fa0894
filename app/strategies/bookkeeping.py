"""Round trips kept up to date with the journal: those that an order changed of are written anew from all their orders.

It waits until the journal has been quiet for a look, so that an entry of many accounts never shares its moment with
the books; nothing that decides reads these rows.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from sqlalchemy import and_, delete, func, insert, or_, select
from sqlalchemy.orm import Session

from app.accounts.models import Account
from app.core.clock import Clock, day_in_india
from app.core.db import Database
from app.execution.models import Order
from app.instruments.symbols import parse
from app.portfolio.charge_rates import estimate
from app.portfolio.charges import Dealt
from app.portfolio.models import CarryMark, DayResult, RoundTrip
from app.portfolio.tail import Tail
from app.portfolio.trades import FilledOrder, PositionKey, filled_orders
from app.portfolio.trips import Trip, hand_trips, run_trip
from app.strategies.models import AccountRun, Run
from app.strategies.part_views import ENDED

MARK = "trips"
AGAIN = timedelta(days=2)  # before the mark: what a venue corrects late is read again at the next start
LONGEST_WAIT = timedelta(seconds=20)  # for quiet
AT_ONCE = 40  # parts or places in one unit of work
INDIAN = "INR"  # price lists are known for rupees only


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that is over in all its accounts; `total` before charges, None while a price is missing."""

    at: datetime
    total: Decimal | None


@dataclass(slots=True)
class Booked:
    """Whose books changed, and the runs in them with what each made if it has ended."""

    owners: set[str] = field(default_factory=set)
    runs: dict[str, Ended | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Owned:
    """Whose a trip is, and what its rows say besides their figures."""

    owner_id: str
    account: Account
    name: str
    run_id: str | None = None
    strategy_id: str | None = None
    place: PositionKey | None = None  # of a trade by hand


class Bookkeeping:
    """Not safe for several threads: one loop turns it."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._tail: Tail | None = None
        self._parts: set[str] = set()
        self._places: set[PositionKey] = set()
        self._open: set[str] = set()  # parts of runs whose trips have not ended
        self._waiting_since: datetime | None = None

    def step(self) -> Booked:
        """What was written anew; nothing while the journal is busy, or nothing happened."""
        now, booked = self._clock.now(), Booked()
        if self._is_busy(now):
            return booked
        self._waiting_since = None
        self._find_ended()
        for parts in _pieces(self._parts):
            written = self._write_parts(parts)
            booked.owners |= {owned.owner_id for owned in written}
            booked.runs |= {owned.run_id: None for owned in written if owned.run_id}
        for places in _pieces(self._places):
            booked.owners |= {owned.owner_id for owned in self._write_places(places)}
        if booked.owners:
            self._finish(booked, now)
        return booked

    def _finish(self, booked: Booked, now: datetime) -> None:
        with self._db.write() as session:
            session.merge(CarryMark(id=MARK, until=now))
        figures = (func.max(RoundTrip.closed_at), func.sum(RoundTrip.realised))
        with self._db.read() as session:
            for ids in _chunks(booked.runs, 500):
                query = select(RoundTrip.run_id, func.count() - func.count(RoundTrip.realised), *figures)
                query = query.where(RoundTrip.run_id.in_(ids)).group_by(RoundTrip.run_id)
                whole = query.having(func.count() == func.count(RoundTrip.closed_at))
                for run_id, unknown, at, total in session.execute(whole):
                    if run_id and at:
                        booked.runs[run_id] = Ended(at, None if unknown else total)

    def _is_busy(self, now: datetime) -> bool:
        """Learn what changed; True while more of it may be on its way."""
        with self._db.read() as session:
            if self._tail is None:
                self._begin(session)
                return False
            news = self._tail.changed(session, now)
            for ids in _pieces(news, 500):
                self._note(session, Order.id.in_(ids))
        if not news:
            return False
        self._waiting_since = self._waiting_since or now
        return now - self._waiting_since < LONGEST_WAIT

    def _begin(self, session: Session) -> None:
        self._tail = Tail(session)  # before the orders: what changes meanwhile is told the next time
        mark = session.get(CarryMark, MARK)
        self._note(session, Order.filled_at.is_not(None) if mark is None else Order.filled_at >= mark.until - AGAIN)
        still_open = select(RoundTrip.id).where(RoundTrip.closed_at.is_(None), RoundTrip.run_id.is_not(None))
        self._open |= set(session.scalars(still_open))

    def _note(self, session: Session, where: Any) -> None:
        columns = (Order.account_run_id, Order.account_id, Order.exchange, Order.symbol, Order.product)
        filled = select(*columns).where(Order.filled_at.is_not(None), where).distinct()
        for part, *place in session.execute(filled):
            if part is None:
                self._places.add(PositionKey(*place))
            else:
                self._parts.add(part)

    def _find_ended(self) -> None:
        with self._db.read() as session:
            for ids in list(_chunks(self._open, 500)):
                ended = select(AccountRun.id).where(AccountRun.id.in_(ids), AccountRun.state.in_(ENDED))
                self._parts |= set(session.scalars(ended))

    # -- parts of runs

    def _write_parts(self, ids: Sequence[str]) -> list[_Owned]:
        with self._db.read() as session:
            known = select(AccountRun, Run, Account).join(Run, Run.id == AccountRun.run_id)
            known = known.join(Account, Account.id == AccountRun.account_id).where(AccountRun.id.in_(ids))
            rows = session.execute(known).all()
            orders = _grouped(filled_orders(session, Order.account_run_id.in_(ids)), lambda one: one.account_run_id)
        written: list[tuple[Trip, _Owned]] = []
        for part, run, account in rows:
            ended = part.closed_at if part.state in ENDED else None
            trip = run_trip(part.id, orders[part.id], _cost_in(account), ended)
            if trip is not None:
                (self._open.discard if trip.closed_at else self._open.add)(trip.id)
                written.append((trip, _Owned(run.owner_id, account, run.name, run.id, run.strategy_id)))
        self._replace(RoundTrip.id.in_(ids), written)
        return [owned for _, owned in written]

    # -- by hand

    def _write_places(self, places: Sequence[PositionKey]) -> list[_Owned]:
        ours = or_(*(_is_at(Order, place) for place in places))
        with self._db.read() as session:
            orders = _grouped(filled_orders(session, Order.account_run_id.is_(None), ours), lambda one: one.key)
            found = session.scalars(select(Account).where(Account.id.in_({place.account_id for place in places})))
            accounts = {account.id: account for account in found}
        written = [
            (trip, _Owned(account.owner_id, account, place.symbol, place=place))
            for place in places
            if (account := accounts[place.account_id])
            for trip in hand_trips(orders[place], _cost_in(account))
        ]
        by_hand = and_(RoundTrip.run_id.is_(None), or_(*(_is_at(RoundTrip, place) for place in places)))
        self._replace(by_hand, written)
        return [owned for _, owned in written]

    # -- rows

    def _replace(self, old: Any, written: Sequence[tuple[Trip, _Owned]]) -> None:
        with self._db.write() as session:
            modes = dict(session.execute(select(RoundTrip.id, RoundTrip.mode).where(old)).all())
            session.execute(delete(DayResult).where(DayResult.trip_id.in_(list(modes))))
            session.execute(delete(RoundTrip).where(old))
            if not written:
                return
            shared = [_shared(trip, owned, modes) for trip, owned in written]
            trips = zip(written, shared, strict=True)
            session.execute(insert(RoundTrip), [_trip_row(trip, owned) | base for (trip, owned), base in trips])
            days = [row | base for (trip, _), base in zip(written, shared, strict=True) for row in _day_rows(trip)]
            if days:
                session.execute(insert(DayResult), days)


def _shared(trip: Trip, owned: _Owned, modes: dict[str, str]) -> dict[str, object]:
    """What a trip and its days have in common. A trip keeps the mode it began in."""
    return {
        "owner_id": owned.owner_id,
        "account_id": owned.account.id,
        "strategy_id": owned.strategy_id,
        "mode": modes.get(trip.id, owned.account.mode),
        "currency": owned.account.currency,
    }


def _trip_row(trip: Trip, owned: _Owned) -> dict[str, object]:
    place = owned.place
    return {
        "id": trip.id,
        "entry_id": owned.run_id or trip.id,
        "run_id": owned.run_id,
        "name": owned.name,
        "exchange": place.exchange if place else "",
        "symbol": place.symbol if place else "",
        "product": place.product if place else "",
        "realised": trip.realised,
        "charges": trip.charges,
        "orders": trip.orders,
        "opened_at": trip.opened_at,
        "closed_at": trip.closed_at,
        "closed_on": day_in_india(trip.closed_at) if trip.closed_at else None,
    }


def _day_rows(trip: Trip) -> Iterator[dict[str, object]]:
    for (on, exchange, symbol), day in trip.days.items():
        contract = parse(symbol)
        yield {
            "trip_id": trip.id,
            "day": on,
            "exchange": exchange,
            "symbol": symbol,
            "underlying": contract.name if contract else symbol,
            "realised": day.realised,
            "charges": day.charges,
            "turnover": day.turnover,
            "orders": day.orders,
        }


def _cost_in(account: Account) -> Callable[[FilledOrder], Any]:
    """What an order of the account cost, by the price lists; unknown outside India."""

    def cost(order: FilledOrder) -> Any:
        if account.currency != INDIAN or order.trade.price is None:
            return None
        key, quantity = order.key, order.trade.quantity
        side, turnover = "BUY" if quantity > 0 else "SELL", abs(quantity) * order.trade.price
        found = estimate(Dealt(key.exchange, key.symbol, key.product, side, turnover, day_in_india(order.filled_at)))
        return found.total if found else None

    return cost


def _is_at(model: type[Order] | type[RoundTrip], place: PositionKey) -> Any:
    return and_(
        model.account_id == place.account_id,
        model.exchange == place.exchange,
        model.symbol == place.symbol,
        model.product == place.product,
    )


def _grouped(orders: Iterable[FilledOrder], key_of: Callable[[FilledOrder], Any]) -> dict[Any, list[FilledOrder]]:
    groups: defaultdict[Any, list[FilledOrder]] = defaultdict(list)
    for order in orders:
        groups[key_of(order)].append(order)
    return groups


def _chunks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    rest = iter(list(items))
    while piece := list(islice(rest, size)):
        yield piece


def _pieces(items: set[Any], size: int = AT_ONCE) -> Iterator[list[Any]]:
    """Take them out piece by piece: what failed in between stays for the next time."""
    for piece in _chunks(items, size):
        yield piece
        items.difference_update(piece)
