"""One life of an engine, by hand: the real journal, writer, intake, reconciliation, recovery, runner and dispatch over
a real file. Only the threads that would choose the moments are missing: the test chooses them."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from types import SimpleNamespace

from app.core.bus import Bus
from app.core.db import Database
from app.core.errors import Retry
from app.engine.orders import Dispatch, LaneClaims, Runs
from app.execution.desk import open_gate, submit
from app.execution.events import Alarm, TradesWanted
from app.execution.intake import Books, Intake, Patience
from app.execution.lanes import Room, Work
from app.execution.lease import Lease
from app.execution.recovery import adopt_orphans
from app.execution.sender import Desk, Sender
from app.execution.writer import Unfollowed, Writer, Written
from app.strategies.models import AccountRun, LegRun, Run, Strategy
from app.strategies.runner import ReadyToSend, Runner
from app.strategies.starting import entry_wish
from app.venues.types import Mode, OrderReport, Side, Symbol
from tests.engine.adversary import Adversary

LOT, TARGET, FREEZE = Decimal(65), Decimal(325), Decimal(130)  # 130 + 130 + 65, so that slices look alike
LEGS = {
    "hedge": (Side.BUY, Symbol("NFO", "NIFTY24NOV2626250CE")),
    "short": (Side.SELL, Symbol("NFO", "NIFTY24NOV2626050CE")),
}
PART = "part"


class HandLane:
    """A lane whose next piece of work the test picks."""

    def __init__(self) -> None:
        self.works: dict[str, Work] = {}
        self.free = 0

    def offer(self, works: list[Work]) -> None:
        for work in works:
            self.works.setdefault(work.key, work)

    def room(self) -> Room:
        free = max(0, self.free - len(self.works))
        return Room(free, free)

    def pop(self, pick: int) -> Work:
        return self.works.pop(list(self.works)[pick % len(self.works)])


class Life:
    """Everything one engine holds in memory."""

    def __init__(self, db: Database, clock, venue: Adversary, patience: Patience, number: int) -> None:
        self.db, self.clock, self.venue = db, clock, venue
        self.account_id = "a1"
        self.bus = Bus()
        self.alarms: list[str] = []
        self.bus.subscribe(Alarm, lambda event: self.alarms.append(event.message))
        self.writer = Writer(db, self.bus)
        self.intake = Intake(db, self.writer, clock, patience)
        self.lease = Lease(db, clock, f"engine-{number}")
        self.lane = HandLane()
        self.read_at: datetime | None = None
        desk = Desk(self.writer, self.intake, clock, self.bus, lambda: self.lease.claimant)
        member = SimpleNamespace(
            lane=self.lane,
            sender=Sender(desk, self.account_id, venue, Mode.LIVE, lambda _now: self.read_at),
            attendant=SimpleNamespace(known_at=lambda now=None: self.read_at, look_now=lambda: None),
        )
        crew = {self.account_id: member}
        dispatch = Dispatch(crew, desk)
        self.bus.subscribe(ReadyToSend, dispatch.ready)
        self.bus.subscribe(TradesWanted, dispatch.trades_wanted)
        self.runner = Runner(db, self.writer, clock, open_gate, LaneClaims(crew, self.lease))
        runs = Runs(db, self.writer, clock, self.runner, None, self.lease, None, None)  # nothing is resolved here
        self.writer.follow(runs.follow)
        self.bus.subscribe(Unfollowed, runs.look_again)

    def begin(self) -> None:
        assert self.lease.take()
        adopt_orphans(self.db, self.writer, self.lease.engine_id, self.clock.now())

    def step(self) -> None:
        self.runner.step([PART])

    def begin_reading(self, kind: str = "rich", pick: int = 0) -> Callable[[], None]:
        """Ask for the books now; calling what is given back is when they arrive."""
        started = self.clock.now()
        try:
            orders = self.venue.orders(kind, pick)
        except Retry:
            return lambda: None
        wanted = self.intake.wants_trades(self.account_id, orders, False)
        trades = self.venue.trades(kind) if wanted else None
        return lambda: self._end_reading(Books(orders, trades, started))

    def read(self, kind: str = "rich", pick: int = 0) -> None:
        self.begin_reading(kind, pick)()

    def hear(self, report: OrderReport) -> None:
        self.intake.push(self.account_id, report)
        self.settle()

    def settle(self) -> None:
        self.writer.write(lambda session: Written())

    def close(self) -> None:
        self.writer.close()

    def _end_reading(self, books: Books) -> None:
        self.read_at = max(books.started_at, self.read_at or books.started_at)
        self.intake.books(self.account_id, books)
        self.settle()


def begin_run(db: Database, now: datetime) -> None:
    """A run with a hedge and a short in one account, its entry written and nothing sent."""
    with db.write() as session:
        both = {"owner_id": "u1", "name": "s", "legs": [], "on_failure": "unwind", "venue_kind": "openalgo"}
        session.add(Strategy(id="s1", created_at=now, updated_at=now, **both))
        session.flush()
        session.add(
            Run(id="r1", strategy_id="s1", key="k", version=1, accounts=[], state="entering", requested_at=now, **both)
        )
        session.flush()
        session.add(
            AccountRun(
                id=PART, run_id="r1", owner_id="u1", account_id="a1", multiplier=1, on_failure="unwind",
                state="entering", started_at=now,
            )
        )  # fmt: skip
        session.flush()
        for number, (name, (side, symbol)) in enumerate(LEGS.items(), 1):
            leg = LegRun(
                id=name, account_run_id=PART, number=number, exchange=symbol.exchange, symbol=symbol.name,
                side=side.value, lots=5, lot_size=LOT, freeze_quantity=FREEZE, tick=Decimal("0.05"), quantity=TARGET,
                product="NRML", price_type="MARKET",
            )  # fmt: skip
            session.add(leg)
            session.flush()
            submit(session, entry_wish("u1", "a1", leg), now)
