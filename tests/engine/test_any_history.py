"""Any history of a desk, its venue and its crashes: nothing doubled, nothing lost, nothing oversold.

The desk is the real one over a real file (`lives.py`), the venue an adversary in memory (`adversary.py`), the clock the
test's. MIRRORDESK_HISTORIES in the environment of the test run says how many histories are tried.
"""

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import select, update
from structlog.testing import capture_logs

from app.audit.trail import Trail
from app.core.db import Database
from app.core.link import SilentLink
from app.execution.intake import Patience
from app.execution.lanes import Work
from app.execution.lease import TERM
from app.execution.models import Fill, Order, OrderEvent, VenueOrder
from app.execution.service import OrderService
from app.strategies.models import AccountRun
from app.strategies.waves import ENDED
from app.tables import declared
from app.venues.types import Side
from tests.asked import HISTORIES
from tests.engine.adversary import Adversary, AtVenue, Killed, nothing
from tests.engine.lives import FREEZE, LEGS, PART, TARGET, Life, begin_run
from tests.execution.journaling import HandClock
from tests.portfolio.rows import Desk as Rows

PATIENCE = Patience(3, timedelta(seconds=10))  # longer than an order travels and a book lags
OTHER = Decimal(7)  # a stranger's quantity, unlike any of ours
ANSWERS = (
    *["done"] * 7, "refused", "unavailable", "lost placed", "lost", "under way", "raises placed", "killed before",
    "killed after",
)  # fmt: skip
MEANWHILE = (*["nothing"] * 5, "fill_and_push", "read", "another", "takeover", "slow", "begin_reading")
BOOKS = (*["rich"] * 2, *["poor"] * 4, "no trades", "trades lag", "lags", "flickers", "fails", "empty")
HAPPENINGS = (
    *["work"] * 6, *["fill"] * 5, *["push"] * 3, *["read"] * 4, "begin_reading", "end_reading", "time_passes", "reject",
    "ask_for_the_exit", "arrive", "stranger", "kill", "zombie", "person",
)  # fmt: skip
TRADED: Counter[str] = Counter()  # by all histories of a run together


@lru_cache
def _template() -> Path:
    path = Path(tempfile.mkdtemp()) / "template.db"
    db = Database(f"sqlite:///{path}")
    declared().create_all(db.writer)
    Rows(db).account("a1")
    clock = HandClock()
    begin_run(db, clock.now())
    db.close()
    return path


class AnyHistory(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.quiet = ExitStack()
        self.logged = self.quiet.enter_context(
            capture_logs()
        )  # the venue's faults are many, and all of them are logged
        self.folder = Path(tempfile.mkdtemp())
        shutil.copy(_template(), self.folder / "desk.db")
        self.db = Database(f"sqlite:///{self.folder / 'desk.db'}")
        self.clock = HandClock()
        self.venue = Adversary(self.clock)
        self.lives: list[Life] = []
        self.zombies: list[Work] = []
        self.readings: list[Callable[[], None]] = []
        self.refusals = 0
        self.flickered = False
        self.room = 0  # what the first life's lane may have under way: without any, orders are claimed one by one
        self._new_life()

    @property
    def life(self) -> Life:
        return self.lives[-1]

    @initialize(room=st.integers(0, 6))
    def known(self, room: int) -> None:
        self.life.read()
        self.life.lane.free = self.room = room
        self.life.step()

    @rule(
        what=st.sampled_from(HAPPENINGS), pick=st.integers(0, 40), how=st.sampled_from(ANSWERS),
        also=st.sampled_from(MEANWHILE), book=st.sampled_from(BOOKS),
    )  # fmt: skip
    def happen(self, what: str, pick: int, how: str, also: str, book: str) -> None:
        """One rule, so that all of these mix."""
        if what == "work":
            self.work(pick, how, also)
        elif what in ("read", "begin_reading"):
            getattr(self, what)(pick, book)
        else:
            getattr(self, what)(pick)
        self.life.step()

    # -- the desk at work

    def work(self, pick: int, how: str = "done", also: str = "nothing") -> None:
        if not self.life.lane.works:
            return
        if how in ("refused", "unavailable"):  # a person is asked after six of them, and this test has none so patient
            self.refusals += 1
            how = how if self.refusals <= 3 else "done"
        self._do(self.life.lane.pop(pick), how, lambda: getattr(self, f"meanwhile_{also}", nothing_with)(pick))

    def _do(self, work: Work, how: str, meanwhile: Callable[[], None]) -> None:
        self.venue.how = how
        before, failed = self.life, []
        self.venue.meanwhile = lambda: self._note_failure(meanwhile, failed)
        try:
            work.do()
            before.settle()
        except Killed:
            if failed:
                raise failed[0] from None
            if self.life is before:
                self.kill()
        self.venue.how, self.venue.meanwhile = "done", nothing
        assert max(self.venue.calls.values(), default=0) <= 1  # also where the end works off all there is

    def _note_failure(self, meanwhile: Callable[[], None], failed: list[Exception]) -> None:
        """What this test finds wrong inside a call must not be taken for the venue's fault."""
        try:
            meanwhile()
        except Exception as error:
            failed.append(error)
            raise Killed from error

    def meanwhile_fill_and_push(self, pick: int) -> None:
        self.fill(pick)
        self.push(pick)

    def meanwhile_read(self, pick: int) -> None:
        self.read(pick, "poor")

    def meanwhile_another(self, pick: int) -> None:
        self.work(pick)

    def meanwhile_takeover(self, pick: int) -> None:
        """The engine stands still in a call for so long that another takes over; then its answer comes."""
        self.kill(pick)
        if pick % 2:
            self.read(pick, "poor")

    def meanwhile_slow(self, pick: int) -> None:
        self._pass(4.0)

    def meanwhile_begin_reading(self, pick: int) -> None:
        self.begin_reading(pick, "poor")

    def kill(self, _pick: int = 0) -> None:
        """The engine is no more; what it had in its hands, only the rows and the venue know."""
        self.zombies += [work for key, work in self.life.lane.works.items() if key.startswith(("place:", "send:"))]
        self.readings.clear()
        self._pass(TERM.total_seconds() + 1)
        self._new_life()

    def zombie(self, pick: int) -> None:
        """An engine that was thought dead goes on with what it had queued."""
        if self.zombies:
            before = self.venue.calls.total()
            self.zombies.pop(pick % len(self.zombies)).do()
            assert self.venue.calls.total() == before

    def read(self, pick: int, kind: str = "rich") -> None:
        self.begin_reading(pick, kind)
        self.end_reading(-1)

    def begin_reading(self, pick: int, kind: str = "poor") -> None:
        if kind == "flickers" and self.flickered:
            kind = "poor"
        if kind == "empty" and not self._shows_that_empty_is_wrong():
            kind = "fails"
        self.flickered = kind == "flickers"
        self.readings.append(self.life.begin_reading(kind, pick))

    def end_reading(self, pick: int) -> None:
        """In the order in which they were begun, but for the newest, which may have overtaken."""
        if self.readings:
            self.readings.pop(-1 if pick < 0 else pick % len(self.readings))()

    def person(self, _pick: int = 0) -> None:
        """Who knows the truth decides what the desk could not."""
        people = OrderService(self.db, self.clock, SilentLink(), Trail(self.db, self.clock))
        for order in self._orders():
            if order.state == "unknown" and order.candidates:
                owned = {each.venue_order_id for each in self._orders()}
                right = [n for n in order.candidates if n not in owned and self._is_of(order, self.venue.book[n])]
                if right:
                    people.adopt("u1", order.id, right[0])

    def ask_for_the_exit(self, pick: int) -> None:
        if pick % 3 == 0:
            self._want_out()

    # -- the venue and the time

    def fill(self, pick: int) -> None:
        if working := self.venue.working():
            quantity = Decimal((20, 65, 130)[pick % 3])
            self.venue.fill(working[pick % len(working)], quantity, Decimal(100) + pick * Decimal("0.05"))

    def reject(self, pick: int) -> None:
        fresh = [order for order in self.venue.working() if not order.fills]
        if fresh and self.refusals < 3:
            self.refusals += 1
            self.venue.reject(fresh[pick % len(fresh)])

    def push(self, pick: int) -> None:
        """One of the updates on their way: heard once, kept to be heard again, or dropped."""
        if self.venue.pushes:
            index = pick % len(self.venue.pushes)
            report = self.venue.pushes[index]
            if pick % 4:
                self.life.hear(report)
            if pick % 3:
                del self.venue.pushes[index]

    def arrive(self, _pick: int) -> None:
        self.venue.arrive(everything=True)

    def time_passes(self, pick: int) -> None:
        self._pass(pick / 4)
        assert self.life.lease.take()

    def stranger(self, pick: int) -> None:
        """Somebody trades by hand in the same account: an order that nothing of ours could be, or an equal one where
        the desk can know better: seen before ours was sent, or beside ours, so that a person must choose."""
        side, symbol = list(LEGS.values())[pick % 2]
        if pick % 3 == 0:
            self.venue.enter(symbol, side, OTHER, "")
        elif self._all_in_doubt_are_there():
            self.venue.enter(symbol, (side, side.opposite)[pick % 4 // 2], FREEZE, "")
            self.read(pick, "poor")

    # -- what must always be so

    @invariant()
    def no_unit_of_work_fails(self) -> None:
        """A step that fails is taken again, so a desk that can do nothing at all would look like a careful one."""
        assert not [entry for entry in self.logged if entry["event"] in ("journal_unit_failed", "rehearsal_failed")]

    @invariant()
    def no_order_is_sent_twice(self) -> None:
        assert all(times == 1 for times in self.venue.calls.values())

    @invariant()
    def nothing_is_oversold_and_no_short_is_without_its_hedge(self) -> None:
        held = {leg: side.sign * self.venue.position(symbol) for leg, (side, symbol) in LEGS.items()}
        assert 0 <= held["short"] <= held["hedge"] <= TARGET

    @invariant()
    def every_order_owns_what_is_its_own_and_claims_no_more_than_happened(self) -> None:
        orders = self._orders()
        names = [order.venue_order_id for order in orders if order.venue_order_id]
        assert len(names) == len(set(names))
        for order in orders:
            if order.venue_order_id:
                found = self.venue.book[order.venue_order_id]
                assert self._is_of(order, found)
                assert order.filled_quantity <= found.filled
            else:
                assert order.filled_quantity == 0

    @invariant()
    def what_is_said_to_be_over_is_over(self) -> None:
        there = {order.client_id for order in self.venue.book.values()}
        for order in self._orders():
            if order.state == "new" or order.failure == "withdrawn":
                assert self.venue.calls[order.id] == 0
            if order.failure == "unavailable":
                assert order.id not in there
            if order.venue_order_id and order.state in ("filled", "cancelled", "rejected"):
                assert not self.venue.book[order.venue_order_id].is_working

    @invariant()
    def no_order_is_lost_that_is_there(self) -> None:
        """Of slices that look alike, as many are lost as never arrived, whichever they are."""
        orders = {order.id: order for order in self._orders()}
        sent = [command.client_order_id for command, _ in self.venue.under_way]
        sent += [order.client_id for order in self.venue.book.values() if order.client_id]
        there = Counter(_looks(orders[client_id]) for client_id in sent)
        kept = Counter(_looks(o) for o in orders.values() if o.sent_at and o.failure not in ("lost", "unavailable"))
        assert there <= kept

    def teardown(self) -> None:
        """Once the trouble is over and the exit is wanted, everything ends flat, owned and told alike."""
        try:
            self._end_well()
        finally:
            for life in self.lives:
                life.close()
            self.db.close()
            self.quiet.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _end_well(self) -> None:
        self._want_out()
        self.venue.arrive(everything=True)
        self.life.lane.free = 10
        for _ in range(40):
            self._calm_round()
            if self._part_state() in ENDED and not self.venue.working():
                break
        for _ in range(3):
            self._calm_round()
        assert self._part_state() in ENDED
        assert all(self.venue.position(symbol) == 0 for _, symbol in LEGS.values())
        self._assert_told_alike()

    def _calm_round(self) -> None:
        self.life.step()
        while self.life.lane.works:
            self.work(0)
        for order in self.venue.working():
            self.venue.fill(order, order.quantity, Decimal(101))
        self.time_passes(24)
        self.life.read("poor")
        self.person()

    def _assert_told_alike(self) -> None:
        orders = self._orders()
        owned = {order.venue_order_id: order for order in orders if order.venue_order_id}
        assert set(owned) == {name for name, order in self.venue.book.items() if order.client_id}
        with self.db.read() as session:
            foreign = set(session.scalars(select(VenueOrder.venue_order_id)))
            fills = session.execute(select(Fill.order_id, Fill.quantity)).all()
        assert {name for name, order in self.venue.book.items() if not order.client_id} <= foreign
        for name, order in owned.items():
            found = self.venue.book[name]
            assert order.state == found.status
            assert order.filled_quantity == found.filled
            assert sum(quantity for order_id, quantity in fills if order_id == order.id) == found.filled
            if found.average:
                assert abs(order.average_price - found.average) <= found.average / 10000
        self._assert_doubts_ended_by_evidence()
        self._count(orders)

    def _count(self, orders: list[Order]) -> None:
        """What happened, for whoever wants to be sure that something did."""
        sent = [order for order in orders if self.venue.calls[order.id]]
        TRADED["histories"] += 1
        TRADED["entries"] += sum(order.purpose == "entry" for order in sent)
        TRADED["exits"] += sum(order.purpose == "exit" for order in sent)
        TRADED["fills"] += sum(len(order.fills) for order in self.venue.book.values() if order.client_id)
        TRADED["doubts"] += sum(order.unknown_at is not None for order in orders)

    def _assert_doubts_ended_by_evidence(self) -> None:
        with self.db.read() as session:
            sources = set(session.scalars(select(OrderEvent.source).where(OrderEvent.from_state == "unknown")))
        assert sources <= {"reconcile", "answer", "person"}

    # -- hands

    def _new_life(self) -> None:
        self.lives.append(Life(self.db, self.clock, self.venue, PATIENCE, len(self.lives) + 1))
        self.life.lane.free = (self.room + 3 * len(self.lives) - 3) % 7
        self.life.begin()

    def _pass(self, seconds: float) -> None:
        self.clock.pass_by(seconds)
        self.venue.arrive()

    def _orders(self) -> list[Order]:
        with self.db.read() as session:
            return list(session.scalars(select(Order).order_by(Order.id)))

    def _is_of(self, order: Order, found: AtVenue) -> bool:
        """Slices of one wish that look alike may stand for each other."""
        with self.db.read() as session:
            sender = session.get(Order, found.client_id)
        return (
            sender is not None
            and sender.intent_id == order.intent_id
            and (found.side, found.quantity) == (Side(order.side), order.quantity)
        )

    def _all_in_doubt_are_there(self) -> bool:
        orders = {order.id: order for order in self._orders()}
        owned = {order.venue_order_id for order in orders.values()}
        doubtful = Counter(_looks(o) for o in orders.values() if o.state in ("sending", "unknown"))
        found = [o for o in self.venue.book.values() if o.client_id and o.name not in owned]
        return doubtful <= Counter(_looks(orders[o.client_id]) for o in found)

    def _want_out(self) -> None:
        with self.db.write() as session:
            session.execute(
                update(AccountRun)
                .where(AccountRun.id == PART, AccountRun.exit_reason.is_(None))
                .values(exit_reason="by hand", exit_by="u1", exit_at=self.clock.now())
            )

    def _part_state(self) -> str:
        with self.db.read() as session:
            return session.get_one(AccountRun, PART).state

    def _shows_that_empty_is_wrong(self) -> bool:
        """The desk can tell that an empty book is wrong while it knows of an order that must be in it."""
        lately = self.clock.now() - timedelta(minutes=9)
        return any(
            o.answered_at and o.venue_order_id and o.state != "rejected" and lately < o.sent_at
            and o.answered_at < self.clock.now()
            for o in self._orders()
        )  # fmt: skip


def _looks(order: Order) -> tuple[str, Decimal]:
    """What the venue could not tell apart and need not: slices of one wish."""
    return order.intent_id, order.quantity


def nothing_with(_pick: int) -> None:
    pass


@pytest.mark.timeout(900)  # as many histories as one asks for
class TestAnyHistory(AnyHistory.TestCase):
    def runTest(self) -> None:
        """A desk that can do nothing keeps every promise above: the histories together must have traded."""
        TRADED.clear()
        super().runTest()
        least = {
            "entries": HISTORIES // 2,
            "fills": HISTORIES // 4,
            "exits": HISTORIES // 12,
            "doubts": HISTORIES // 12,
        }
        assert all(TRADED[what] >= number for what, number in least.items()), TRADED


TestAnyHistory.settings = settings(
    max_examples=HISTORIES, stateful_step_count=40, deadline=None, derandomize=True, print_blob=False,
    phases=[Phase.generate],  # making a failing history shorter takes many minutes over real files
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)  # fmt: skip
