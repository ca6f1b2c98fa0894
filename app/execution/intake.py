"""News from the venue on its way into the journal: pushes, books and trade books.

A push may arrive before the answer that tells us the order's id, so an unknown id is parked while something is on its
way. A book is evidence only as a whole. Where a venue's book does not say what was filled, its trade book does; a
final state that nothing supports must be seen twice, since some venues show another order's state for a moment.
"""

import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.clock import Clock
from app.core.crashpoint import reach
from app.core.db import Database
from app.core.money import ZERO
from app.execution import journal, reconcile
from app.execution.events import Alarm
from app.execution.models import Order, VenueOrder
from app.execution.reconcile import Adopt, Ambiguous, Candidate, Doubtful, Lost, Wait
from app.execution.states import AT_VENUE, IN_DOUBT, OrderState
from app.execution.writer import Unit, Writer, Written
from app.venues.types import OrderReport, OrderStatus, TradeReport

PARKED_FOR = timedelta(seconds=30)
UNSUPPORTED_READS = 5  # a book that says complete this often is believed without its trades
_LOST_LOOKBACK = timedelta(hours=12)
_SHOWN_FOR = timedelta(minutes=10)  # an accepted order must be in every book that is read so soon after
_ENDED_SHORT = (OrderStatus.CANCELLED, OrderStatus.EXPIRED)


@dataclass(frozen=True, slots=True)
class Patience:
    """How many whole books, over how long, must not show an order before it is LOST."""

    lookups: int
    window: timedelta


@dataclass(frozen=True, slots=True)
class Books:
    """One reading of an account: its orders, and its trades where they were read too."""

    orders: Sequence[OrderReport]
    trades: Sequence[TradeReport] | None
    started_at: datetime


class Intake:
    def __init__(self, db: Database, writer: Writer, clock: Clock, patience: Patience) -> None:
        self._db = db
        self._writer = writer
        self._clock = clock
        self._patience = patience
        self._lock = threading.Lock()
        self._expected: dict[str, int] = defaultdict(int)
        self._parked: dict[tuple[str, str], list[tuple[datetime, OrderReport]]] = defaultdict(list)
        self._sightings: dict[str, tuple[OrderStatus, int]] = {}

    @contextmanager
    def expecting(self, account_id: str) -> Iterator[None]:
        """While an order is on its way, an update with an id we do not know may be its own."""
        with self._lock:
            self._expected[account_id] += 1
        try:
            yield
        finally:
            with self._lock:
                self._expected[account_id] -= 1

    def push(self, account_id: str, report: OrderReport) -> None:
        """An update pushed by the venue."""
        self._writer.submit(lambda session: self._take_push(session, account_id, report))

    def collect(self, account_id: str, venue_order_id: str | None) -> list[OrderReport]:
        """The updates that came before their order's id was known. Called in the journal's thread."""
        if venue_order_id is None:
            return []
        return [report for _, report in self._parked.pop((account_id, venue_order_id), [])]

    def _take_push(self, session: Session, account_id: str, report: OrderReport) -> Written:
        now = self._clock.now()
        written = journal.apply(session, account_id, report, "push", now)
        if written.result:
            return written
        if self._expected[account_id] > 0:
            self._parked[account_id, report.venue_order_id].append((now, report))
            return Written(False)
        return journal.note_foreign(session, account_id, [report], now)

    def release_parked(self) -> None:
        """Parked updates nobody claimed belong to somebody else's orders."""
        self._writer.submit(self._release_parked)

    def _release_parked(self, session: Session) -> Written:
        now = self._clock.now()
        old = [key for key, waiting in self._parked.items() if now - waiting[-1][0] > PARKED_FOR]
        for key in old:
            journal.note_foreign(session, key[0], [self._parked.pop(key)[-1][1]], now)
        return Written(len(old))

    def books(self, account_id: str, books: Books) -> None:
        """Bring everything up to what a whole reading shows, then judge what is in doubt."""
        with self._db.read() as session:
            ours = _ours(session, account_id)
            owned = set(session.scalars(select(Order.venue_order_id).where(
                Order.account_id == account_id,
                Order.venue_order_id.in_([report.venue_order_id for report in books.orders]),
            )))  # fmt: skip
        reach("book read")
        live = {order.venue_order_id: order for order in ours if order.venue_order_id}
        fills = _fills_by_order(books.trades)
        for report in books.orders:
            if report.venue_order_id in live:
                self._take_row(account_id, live[report.venue_order_id], report, fills)
        foreign = [_with_fills(report, fills) for report in books.orders if report.venue_order_id not in owned]
        self._writer.write(lambda session: self._judge(session, account_id, foreign, books))
        self._correct_averages(account_id, fills)

    def wants_trades(self, account_id: str, orders: Sequence[OrderReport], is_pushed: bool) -> bool:
        """Whether the book alone leaves open what was filled of our orders."""
        with self._db.read() as session:
            live = {order.venue_order_id for order in _ours(session, account_id)}
            if (live and not is_pushed) or _has_open_questions(session, account_id):
                return True
        return any(report.status.is_final for report in orders if report.venue_order_id in live)

    def _take_row(self, account_id: str, order: Order, report: OrderReport, fills: "dict[str, _Filled] | None") -> None:
        full = _with_fills(report, fills)
        full = self._believe_repeated_complete(order, full)
        if not _says_more(order, full) or not self._is_supported(order, full):
            return
        if fills is None and full.filled_quantity is None and full.status in _ENDED_SHORT:
            return  # what was filled before it ended only the trade book can say
        self._writer.submit(lambda session: journal.apply(session, account_id, full, "book", self._clock.now()))

    def _believe_repeated_complete(self, order: Order, report: OrderReport) -> OrderReport:
        if report.status is not OrderStatus.FILLED or (report.filled_quantity or ZERO) >= order.quantity:
            return report
        if self._sighting(order.id, report.status) < UNSUPPORTED_READS:
            return report
        return replace(report, filled_quantity=order.quantity)

    def _is_supported(self, order: Order, report: OrderReport) -> bool:
        """Whether a final state may be believed at once."""
        if not report.status.is_final or report.filled_quantity or report.reason:
            return True
        if report.status is OrderStatus.FILLED:
            return False  # without its trades this is the case of `_believe_repeated_complete`
        return self._sighting(order.id, report.status) >= 2 or order.cancel_at is not None

    def _sighting(self, order_id: str, status: OrderStatus) -> int:
        seen, times = self._sightings.get(order_id, (status, 0))
        times = times + 1 if seen is status else 1
        self._sightings[order_id] = (status, times)
        return times

    def _judge(self, session: Session, account_id: str, foreign: Sequence[OrderReport], books: Books) -> Written:
        now = self._clock.now()
        journal.note_foreign(session, account_id, foreign, now)
        doubtful = _doubtful(session, account_id, books)
        lost = _recently_lost(session, account_id, now)
        if not doubtful and not lost:
            return Written()
        candidates = _candidates(session, account_id, foreign)
        verdicts = reconcile.judge(doubtful, candidates, now, self._patience.lookups, self._patience.window)
        events: list[object] = []
        for verdict in verdicts:
            events += self._carry_out(session, verdict, now)
        for order_id, names in reconcile.appeared(lost, candidates, verdicts):
            events += _ask_a_person(session, order_id, names)
        return Written(verdicts, events)

    def _carry_out(self, session: Session, verdict: reconcile.Verdict, now: datetime) -> list[object]:
        match verdict:
            case Adopt(order_id, report):
                return list(journal.adopt(session, order_id, report, "reconcile", now).events)
            case Lost(order_id):
                order = session.get_one(Order, order_id)
                text = f"Not in {order.lookups} whole order books since it was sent: it never arrived."
                return list(journal.lose(session, order_id, text, "reconcile", now).events)
            case Ambiguous(order_id, names):
                return _ask_a_person(session, order_id, names)
            case Wait():
                return []

    def _correct_averages(self, account_id: str, fills: "dict[str, _Filled] | None") -> None:
        if not fills:
            return
        with self._db.read() as session:
            booked = session.execute(
                select(Order.id, Order.venue_order_id, Order.filled_quantity, Order.average_price).where(
                    Order.account_id == account_id, Order.venue_order_id.in_(fills)
                )
            ).all()
        for order_id, venue_order_id, filled, average in booked:
            exact = fills[str(venue_order_id)]
            if exact.quantity == filled and exact.average != average:
                self._writer.submit(_correction(order_id, exact.average, self._clock.now()))


@dataclass(frozen=True, slots=True)
class _Filled:
    quantity: Decimal
    average: Decimal


def _fills_by_order(trades: Sequence[TradeReport] | None) -> dict[str, _Filled] | None:
    """Cumulative quantity and weighted average per order. Equal rows are separate fills, never duplicates."""
    if trades is None:
        return None
    quantity: dict[str, Decimal] = defaultdict(lambda: ZERO)
    value: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for trade in trades:
        quantity[trade.venue_order_id] += trade.quantity
        value[trade.venue_order_id] += trade.quantity * trade.price
    return {order_id: _Filled(q, value[order_id] / q) for order_id, q in quantity.items() if q > 0}


def _with_fills(report: OrderReport, fills: dict[str, _Filled] | None) -> OrderReport:
    """The row, completed from the trade book where that knows more."""
    if fills is None:
        return report
    found = fills.get(report.venue_order_id)
    if found is None:
        is_cancelled = report.status in (OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REJECTED)
        return replace(report, filled_quantity=ZERO) if report.filled_quantity is None and is_cancelled else report
    if report.filled_quantity is not None and report.filled_quantity > found.quantity:
        return report
    return replace(report, filled_quantity=found.quantity, average_price=found.average)


def _says_more(order: Order, report: OrderReport) -> bool:
    if (report.filled_quantity or ZERO) > order.filled_quantity or report.status.is_final:
        return True
    is_waiting_for_trigger = report.status is OrderStatus.TRIGGER_PENDING
    return is_waiting_for_trigger != (order.state == OrderState.TRIGGER_PENDING)


def _has_open_questions(session: Session, account_id: str) -> bool:
    """An order that may be at the venue, or a fill whose price we do not know."""
    in_doubt = Order.venue_order_id.is_(None) & Order.state.in_(IN_DOUBT)
    priceless = (Order.filled_quantity != ZERO) & Order.average_price.is_(None)
    question = select(Order.id).where(Order.account_id == account_id, in_doubt | priceless).limit(1)
    return session.scalar(question) is not None


def _ours(session: Session, account_id: str) -> Sequence[Order]:
    return session.scalars(
        select(Order).where(Order.account_id == account_id, Order.state.in_([*AT_VENUE, OrderState.UNKNOWN]))
    ).all()


def _doubtful(session: Session, account_id: str, books: Books) -> list[Doubtful]:
    """Orders in doubt. A whole book that was read after the send and does not show an order counts as one look."""
    rows = session.scalars(
        select(Order).where(
            Order.account_id == account_id,
            Order.venue_order_id.is_(None),
            Order.state.in_([OrderState.UNKNOWN, OrderState.SENDING]),
        )
    ).all()
    is_whole = bool(rows) and _is_whole(session, account_id, books)
    for order in rows:
        if is_whole and order.state == OrderState.UNKNOWN and order.sent_at and order.sent_at < books.started_at:
            order.lookups += 1
    session.flush()
    return [_as_doubtful(order) for order in rows if order.sent_at is not None]


def _is_whole(session: Session, account_id: str, books: Books) -> bool:
    """Whether absence from it proves anything: the trades were read too, and it shows what the venue took lately.

    Some servers answer an empty or a lagging book with success.
    """
    taken = session.scalars(
        select(Order.venue_order_id).where(
            Order.account_id == account_id,
            Order.venue_order_id.is_not(None),
            Order.state != OrderState.REJECTED,
            Order.answered_at < books.started_at,
            Order.sent_at > books.started_at - _SHOWN_FOR,
        )
    )
    return books.trades is not None and set(taken) <= {report.venue_order_id for report in books.orders}


def _recently_lost(session: Session, account_id: str, now: datetime) -> list[Doubtful]:
    rows = session.scalars(
        select(Order).where(
            Order.account_id == account_id,
            Order.state == OrderState.LOST,
            Order.ended_at > now - _LOST_LOOKBACK,
        )
    )
    return [_as_doubtful(order) for order in rows]


def _as_doubtful(order: Order) -> Doubtful:
    return Doubtful(
        order_id=order.id,
        intent_id=order.intent_id,
        exchange=order.exchange,
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity,
        price_type=order.price_type,
        product=order.product,
        price=order.price,
        trigger_price=order.trigger_price,
        sent_at=order.sent_at or order.created_at,
        seen_mark=order.seen_mark,
        book_read_at=order.book_read_at,
        lookups=order.lookups,
        is_sending=order.state == OrderState.SENDING,
    )


def _candidates(session: Session, account_id: str, foreign: Sequence[OrderReport]) -> list[Candidate]:
    """Unowned orders of this book, with the moment we first saw each. Ownership is read in this transaction: an
    answer that was recorded while the book was on its way has made its order ours."""
    names = [report.venue_order_id for report in foreign]
    seqs = dict(
        session.execute(
            select(VenueOrder.venue_order_id, VenueOrder.seq).where(
                VenueOrder.account_id == account_id, VenueOrder.venue_order_id.in_(names)
            )
        ).all()
    )
    owned = set(
        session.scalars(
            select(Order.venue_order_id).where(Order.account_id == account_id, Order.venue_order_id.in_(names))
        )
    )
    return [
        Candidate(report, seqs[report.venue_order_id])
        for report in foreign
        if report.venue_order_id not in owned and report.venue_order_id in seqs
    ]


def _ask_a_person(session: Session, order_id: str, names: tuple[str, ...]) -> list[object]:
    order = session.get_one(Order, order_id)
    if order.candidates == list(names):
        return []
    order.candidates = list(names)
    session.flush()
    text = f"The venue's book has {len(names)} orders that could be this one: a person must choose."
    return [Alarm(order.owner_id, order.account_id, f"order:{order_id}", text)]


def _correction(order_id: str, average: Decimal, now: datetime) -> Unit:
    return lambda session: journal.correct_average(session, order_id, average, now)
