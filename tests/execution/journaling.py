"""The real journal with its real writer over a real database; only the venue's words and the clock are the test's."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.bus import Bus
from app.core.db import Database
from app.execution import journal
from app.execution.desk import Wish, submit
from app.execution.events import Alarm, OrderChanged, TradesWanted
from app.execution.intake import Books, Intake, Patience
from app.execution.lease import Lease
from app.execution.models import Fill, Order, OrderEvent
from app.execution.writer import Writer, Written
from app.venues.types import Answer, OrderReport, OrderStatus, Outcome, Side, TradeReport
from tests.execution.reports import OPTION, report
from tests.portfolio.rows import Desk as Rows

LOT = Decimal(65)
DONE = Answer(Outcome.DONE, "v1")
UNKNOWN = Answer(Outcome.UNKNOWN, reason="timed out")
REFUSED = Answer(Outcome.REFUSED, reason="no margin")


class HandClock:
    def __init__(self) -> None:
        self.time = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    def pass_by(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class Journaling:
    def __init__(self, db: Database) -> None:
        self.db = db
        self.clock = HandClock()
        self.heard: list[object] = []
        self.bus = Bus()
        for kind in (Alarm, OrderChanged, TradesWanted):
            self.bus.subscribe(kind, self.heard.append)
        self.writer = Writer(db, self.bus)
        self.intake = Intake(db, self.writer, self.clock, Patience(3, timedelta(seconds=10)))
        rows = Rows(db)
        self.account_id = rows.account("a1")
        self.other_account_id = rows.account("a2")
        self.lease = Lease(db, self.clock, "engine-1")
        assert self.lease.take()

    def close(self) -> None:
        self.writer.close()

    @property
    def alarms(self) -> list[str]:
        return [event.message for event in self.heard if isinstance(event, Alarm)]

    def wish(self, key: str = "k1", **more: Any) -> Wish:
        usual = {
            "key": key, "owner_id": "u1", "account_id": self.account_id, "purpose": "entry", "symbol": OPTION,
            "side": Side.BUY, "quantity": LOT, "product": "NRML", "lot": LOT, "freeze": Decimal(1800),
        }  # fmt: skip
        return Wish(**(usual | more))

    def submit(self, key: str = "k1", **more: Any) -> list[str]:
        with self.db.write(durable=True) as session:
            return submit(session, self.wish(key, **more), self.clock.now())

    def do(self, unit: Callable[[Session], Written]) -> Any:
        return self.writer.write(unit)

    def claim(self, order_id: str, lease: Lease | None = None) -> bool:
        claimant = (lease or self.lease).claimant
        known = self.clock.now()
        return bool(self.do(lambda session: journal.claim(session, [order_id], claimant, known, self.clock.now())))

    def answer(self, order_id: str, answer: Answer, *parked: OrderReport) -> None:
        self.do(journal.Answered(order_id, answer, self.clock.now(), lambda: parked))

    def sent(self, key: str = "k1", answer: Answer = DONE, **more: Any) -> str:
        """One order, claimed and answered."""
        (order_id,) = self.submit(key, **more)
        assert self.claim(order_id)
        self.answer(order_id, answer)
        return order_id

    def push(self, update: OrderReport) -> None:
        self.intake.push(self.account_id, update)
        self.settle()

    def read(self, *rows: OrderReport, trades: list[TradeReport] | None = None) -> None:
        """A whole reading of the account's books, begun now."""
        self.intake.books(self.account_id, Books(rows, [] if trades is None else trades, self.clock.now()))
        self.settle()

    def read_without_trades(self, *rows: OrderReport) -> None:
        self.intake.books(self.account_id, Books(rows, None, self.clock.now()))
        self.settle()

    def settle(self) -> None:
        self.do(lambda session: Written())

    def order(self, order_id: str) -> Order:
        with self.db.read() as session:
            return session.get_one(Order, order_id)

    def fills(self, order_id: str) -> list[Fill]:
        with self.db.read() as session:
            return list(session.scalars(select(Fill).where(Fill.order_id == order_id).order_by(Fill.id)))

    def story(self, order_id: str) -> list[str]:
        with self.db.read() as session:
            query = select(OrderEvent.to_state).where(OrderEvent.order_id == order_id).order_by(OrderEvent.seq)
            return list(session.scalars(query))


def row(
    status: OrderStatus = OrderStatus.OPEN, name: str = "v1", filled: int | None = None, **more: Any
) -> OrderReport:
    """The venue's row of one lot bought at market."""
    average = None if not filled else "100"
    return replace(report(status, filled, average), venue_order_id=name, quantity=LOT, **more)


def trade(name: str, quantity: int, price: str = "100") -> TradeReport:
    return TradeReport(name, OPTION, Side.BUY, Decimal(quantity), Decimal(price))
