"""News from the venue on its way into the journal: pushes, books and trade books.

A push may arrive before the answer that tells us the order's id, so an unknown id is parked while something is on its
way. A book is evidence only as a whole. Where a venue's book does not say what was filled, its trade book does; a
final state that nothing supports must be seen twice, since some venues show another order's state for a moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.core.clock import Clock
from app.core.crashpoint import reach
from app.core.db import Database
from app.core.money import ZERO
from app.execution import journal, pairs, reconcile, settling
from app.execution.events import Alarm, ForeignSeen
from app.execution.fills import ENDED_SHORT, Filled, fills_by_order, with_fills, without_haste
from app.execution.journal import Reported
from app.execution.models import Order, VenueOrder
from app.execution.parking import Parking
from app.execution.reconcile import Adopt, Ambiguous, Candidate, Doubtful, Lost, Wait
from app.execution.states import AT_VENUE, FINAL, IN_DOUBT, OrderState
from app.execution.writer import Writer, Written
from app.venues.types import OrderReport, OrderStatus, PriceType, TradeReport

AUDIT = 10.0  # seconds between trade books while an order works whose row does not say what was filled
UNSUPPORTED_READS = 5  # a book that says complete this often is believed without its trades
_TRADES_LAG = timedelta(minutes=1)  # a trade book may show a fill so long after the order book shows the end
_LOST_LOOKBACK = timedelta(hours=12)
_SHOWN_FOR = timedelta(minutes=10)  # an accepted order must be in every book that is read so soon after
_ASKED_FOR = timedelta(minutes=2)  # the price of a trade that somebody made elsewhere


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
    pairs: Sequence[OrderReport] | None = None  # None: they were not read


class Intake:
    def __init__(self, db: Database, writer: Writer, clock: Clock, patience: Patience) -> None:
        self._db = db
        self._writer = writer
        self._clock = clock
        self._patience = patience
        self.parking = Parking()
        writer.awaited = self.parking.awaited
        self._sightings: dict[str, tuple[OrderStatus, int]] = {}
        self._trades_read_at: dict[str, float] = {}  # monotonic seconds

    def told(self, account_id: str, venue_order_id: str | None) -> None:
        """The answer of an order is in the journal: what was parked for it is there too, or goes there now."""
        now = self._clock.now()
        for report in self.parking.told(account_id, venue_order_id):
            self._write(account_id, report, now)

    def push(self, account_id: str, report: OrderReport) -> None:
        """An update pushed by the venue."""
        now = self._clock.now()
        if not self.parking.park(account_id, report, now):
            self._write(account_id, report, now)

    def _write(self, account_id: str, report: OrderReport, now: datetime) -> None:
        unknown = partial(self._not_ours, account_id, report, now)
        self._writer.submit(Reported(account_id, report, "push", now, unknown), durable=True)

    def _not_ours(self, account_id: str, report: OrderReport, now: datetime, session: Session) -> Written:
        if self.parking.park(account_id, report, now):  # an answer came to be awaited meanwhile
            return Written(False)
        return Written(journal.note_foreign(session, account_id, [report], now).result, [ForeignSeen(account_id)])

    def has_pairs(self, account_id: str) -> bool:
        """Whether a stop and a target of ours rest there as one, or may."""
        return pairs.rest_at(self._db, account_id)

    def release_parked(self) -> None:
        """Parked updates nobody claimed belong to somebody else's orders."""
        now = self._clock.now()
        for account_id, report in self.parking.overdue(now):
            foreign = partial(self._foreign, account_id, report, now)
            self._writer.submit(Reported(account_id, report, "push", now, foreign), durable=True)

    def _foreign(self, account_id: str, report: OrderReport, now: datetime, session: Session) -> Written:
        return Written(journal.note_foreign(session, account_id, [report], now).result)

    def books(self, account_id: str, books: Books) -> None:
        """Bring everything up to what a whole reading shows, then judge what is in doubt."""
        self._settle_changes(account_id, books)
        with self._db.read() as session:
            ours = _ours(session, account_id)
            owned = journal.owned(session, account_id, [report.venue_order_id for report in books.orders])
        self.parking.learn(account_id, list(owned))
        reach("book read")
        live = {order.venue_order_id: order for order in ours if order.venue_order_id}
        fills = fills_by_order(books.trades)
        if fills is not None:
            self._trades_read_at[account_id] = self._clock.monotonic()
        for report in (*books.orders, *(books.pairs or ())):
            if report.venue_order_id in live:
                self._take_row(account_id, live[report.venue_order_id], report, fills)
        gone = pairs.gone(ours, books.pairs, books.started_at)
        foreign = [with_fills(report, fills) for report in books.orders if report.venue_order_id not in owned]
        if foreign or gone or self._is_in_doubt(account_id):
            judged = partial(self._judge, account_id=account_id, foreign=foreign, books=books, gone=gone)
            self._writer.write(judged, durable=bool(gone))
        self._take_late_trades(account_id, books.orders, fills)

    def _settle_changes(self, account_id: str, books: Books) -> None:
        """First of all: an order's terms, and a new name that a change gave it, decide how the rest is read."""
        if settling.has_unsettled(self._db, account_id):
            reading = settling.Reading(
                account_id, books.orders, books.started_at, self._patience.lookups, self._patience.window
            )
            self._writer.write(lambda session: settling.settle(session, reading, self._clock.now()), durable=True)

    def wants_trades(self, account_id: str, orders: Sequence[OrderReport], is_pushed: bool) -> bool:
        """Whether the book alone leaves open what was filled of our orders."""
        with self._db.read() as session:
            live = {order.venue_order_id for order in _ours(session, account_id)}
            if (live and not is_pushed) or _has_open_questions(session, account_id, self._clock.now()):
                return True
            if _has_priceless_foreign(session, account_id, self._clock.now()):
                return True
        mine = [report for report in orders if report.venue_order_id in live]
        is_untold = any(report.filled_quantity is None for report in mine) and self._is_audit_due(account_id)
        return is_untold or any(report.status.is_final for report in mine)

    def _is_audit_due(self, account_id: str) -> bool:
        """A stream that was subscribed to may tell nothing: not every broker pushes, and a message can be lost."""
        read_at = self._trades_read_at.get(account_id)
        return read_at is None or self._clock.monotonic() - read_at >= AUDIT

    def _take_row(self, account_id: str, order: Order, report: OrderReport, fills: dict[str, Filled] | None) -> None:
        full = with_fills(report, fills)
        if not full.status.is_final:
            self._sightings.pop(order.id, None)  # what was seen before was somebody else's
        full = self._believe_repeated_complete(order, full)
        if not _says_more(order, full) or not self._is_supported(order, full, report.filled_quantity is not None):
            return
        if fills is None and full.filled_quantity is None and full.status in ENDED_SHORT:
            return  # what was filled before it ended only the trade book can say
        self._sightings.pop(order.id, None)
        self._writer.submit(Reported(account_id, full, "book", self._clock.now()), durable=True)

    def _believe_repeated_complete(self, order: Order, report: OrderReport) -> OrderReport:
        if report.status is not OrderStatus.FILLED or (report.filled_quantity or ZERO) >= order.quantity:
            return report
        if self._sighting(order.id, report.status) < UNSUPPORTED_READS:
            return report
        return replace(report, filled_quantity=order.quantity)

    def _is_supported(self, order: Order, report: OrderReport, is_told: bool) -> bool:
        """Whether a final state may be believed at once. `is_told`: the row itself says how much was filled; a trade
        book that shows nothing may only be late."""
        is_filled = bool(report.filled_quantity) and report.status is not OrderStatus.REJECTED  # else another's row
        if not report.status.is_final or is_filled or report.reason:
            return True
        if report.status is OrderStatus.FILLED:
            return False  # without its trades this is the case of `_believe_repeated_complete`
        is_asked_for = report.status is OrderStatus.CANCELLED and order.state == OrderState.CANCEL_PENDING
        return self._sighting(order.id, report.status) >= 2 or (is_asked_for and is_told)

    def _sighting(self, order_id: str, status: OrderStatus) -> int:
        seen, times = self._sightings.get(order_id, (status, 0))
        times = times + 1 if seen is status else 1
        self._sightings[order_id] = (status, times)
        return times

    def disbelieved(self) -> Sequence[str]:
        """Orders of which a book has shown an end that is not believed yet, and some that have ended otherwise."""
        return list(self._sightings)

    def _is_in_doubt(self, account_id: str) -> bool:
        """Whether a book could prove anything about orders of ours."""
        doubt = (Order.account_id == account_id, Order.venue_order_id.is_(None), Order.state.in_(IN_DOUBT))
        with self._db.read() as session:
            now = self._clock.now()
            return bool(
                session.scalar(select(Order.id).where(*doubt).limit(1)) or _recently_lost(session, account_id, now)
            )

    def _judge(
        self, session: Session, account_id: str, foreign: Sequence[OrderReport], books: Books, gone: Sequence[str]
    ) -> Written:
        """`gone`: pairs that are not shown any more. They are put in doubt here, so that nobody sees them so where the
        same books tell what became of them."""
        now = self._clock.now()
        events: list[object] = [*pairs.doubt(session, gone, now)]
        journal.note_foreign(session, account_id, foreign, now)
        doubtful = _doubtful(session, account_id, books)
        lost = _recently_lost(session, account_id, now)
        if not doubtful and not lost:
            return Written(None, events)
        if any(order.price_type == PriceType.OCO for order in doubtful):
            kept = pairs.unowned(session, account_id, books.pairs)
            journal.note_foreign(session, account_id, kept, now)
            foreign = [*foreign, *kept]
        candidates = _candidates(session, account_id, foreign)
        patience = self._patience  # the book tells of the moment it was asked for, however long it was on its way
        verdicts = reconcile.judge(doubtful, candidates, books.started_at, patience.lookups, patience.window)
        for verdict in verdicts:
            events += self._carry_out(session, verdict, now)
        for order_id, names in reconcile.appeared(lost, candidates, verdicts):
            events += _ask_a_person(session, order_id, names)
        return Written(verdicts, events)

    def _carry_out(self, session: Session, verdict: reconcile.Verdict, now: datetime) -> list[object]:
        match verdict:
            case Adopt(order_id, report):
                pairs.found(session, order_id, report, now)
                return list(journal.adopt(session, order_id, without_haste(report), "reconcile", now).events)
            case Lost(order_id):
                order = session.get_one(Order, order_id)
                text = f"Not in {order.lookups} whole order books since it was sent: it never arrived."
                text = pairs.TAKEN_BACK if order.price_type == PriceType.OCO and order.answered_at else text
                return list(journal.lose(session, order_id, text, "reconcile", now).events)
            case Ambiguous(order_id, names):
                session.get_one(Order, order_id).lookups = 0  # a book with something that could be it is no look
                return _ask_a_person(session, order_id, names)
            case Wait():
                return []

    def _take_late_trades(
        self, account_id: str, reports: Sequence[OrderReport], fills: dict[str, Filled] | None
    ) -> None:
        """What the trade book knows better: exact averages, and fills of an order that had ended without them."""
        if not fills:
            return
        rows = {report.venue_order_id: report for report in reports}
        with self._db.read() as session:
            booked = session.execute(
                select(Order.id, Order.venue_order_id, Order.filled_quantity, Order.average_price, Order.state).where(
                    Order.account_id == account_id, Order.venue_order_id.in_(fills)
                )
            ).all()
        averages: dict[str, Decimal] = {}
        for order_id, venue_order_id, filled, average, state in booked:
            exact, row = fills[str(venue_order_id)], rows.get(str(venue_order_id))
            if exact.quantity > filled and state in FINAL and row is not None:
                late = replace(row, filled_quantity=exact.quantity, average_price=exact.average)
                self._writer.submit(Reported(account_id, late, "trades", self._clock.now()), durable=True)
            elif exact.quantity == filled and exact.average != average:
                averages[order_id] = exact.average
        if averages:
            self._writer.submit(partial(journal.correct_averages, averages=averages, now=self._clock.now()))


def _says_more(order: Order, report: OrderReport) -> bool:
    if (report.filled_quantity or ZERO) > order.filled_quantity or report.status.is_final:
        return True
    is_waiting_for_trigger = report.status is OrderStatus.TRIGGER_PENDING
    return is_waiting_for_trigger != (order.state == OrderState.TRIGGER_PENDING)


def _has_open_questions(session: Session, account_id: str, now: datetime) -> bool:
    """An order that may be at the venue, a fill whose price we do not know, or an end that a late trade may correct."""
    in_doubt = Order.venue_order_id.is_(None) & Order.state.in_(IN_DOUBT)
    priceless = (Order.filled_quantity != ZERO) & Order.average_price.is_(None) & Order.venue_order_id.is_not(None)
    ended_short = Order.state.in_((OrderState.CANCELLED, OrderState.EXPIRED)) & (Order.ended_at > now - _TRADES_LAG)
    ended_short &= Order.venue_order_id.is_not(None)
    is_open = in_doubt | priceless | ended_short
    question = select(Order.id).where(Order.account_id == account_id, is_open).limit(1)
    return session.scalar(question) is not None


def _has_priceless_foreign(session: Session, account_id: str, now: datetime) -> bool:
    """Somebody traded elsewhere a moment ago, and at what price is not known: a person may have to book it."""
    filled = or_(VenueOrder.filled_quantity != ZERO, VenueOrder.status == OrderStatus.FILLED.value)
    question = select(VenueOrder.seq).where(
        VenueOrder.account_id == account_id,
        VenueOrder.first_seen_at > now - _ASKED_FOR,
        VenueOrder.average_price.is_(None),
        filled,
    )
    return session.scalar(question.limit(1)) is not None


def _ours(session: Session, account_id: str) -> Sequence[Order]:
    return session.scalars(
        select(Order).where(Order.account_id == account_id, Order.state.in_([*AT_VENUE, OrderState.UNKNOWN]))
    ).all()


def _doubtful(session: Session, account_id: str, books: Books) -> list[Doubtful]:
    """Orders in doubt. A whole book that was read after the send and does not show an order counts as one look."""
    rows = session.scalars(
        select(Order)
        .where(
            Order.account_id == account_id,
            Order.venue_order_id.is_(None),
            Order.state.in_([OrderState.UNKNOWN, OrderState.SENDING]),
        )
        .execution_options(populate_existing=True)
    ).all()
    is_whole = bool(rows) and _is_whole(session, account_id, books)
    for order in rows:
        if is_whole and order.state == OrderState.UNKNOWN and order.sent_at and order.sent_at < books.started_at:
            order.lookups += 1
    session.flush()
    found = [_as_doubtful(order) for order in rows if order.sent_at is not None]
    return found if is_whole else [replace(order, lookups=0) for order in found]  # absence from this one says nothing


def _is_whole(session: Session, account_id: str, books: Books) -> bool:
    """Whether absence from it proves anything: the trades were read too, and it shows what the venue took lately.

    Some servers answer an empty or a lagging book with success.
    """
    taken = session.scalars(
        select(Order.venue_order_id).where(
            Order.account_id == account_id,
            Order.venue_order_id.is_not(None),
            Order.state != OrderState.REJECTED,
            Order.price_type != PriceType.OCO,  # they are kept elsewhere
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
        made=pairs.limits_of(order),
        doubted_at=order.unknown_at if order.price_type == PriceType.OCO else None,
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
    owned = journal.owned(session, account_id, names)
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
