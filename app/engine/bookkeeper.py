"""Keeps the books in the engine: round trips after the journal has gone quiet, and what everything makes, each minute.

Its figures are those the broadcaster reckons anyway for pages; a loop of its own looks at them. A figure that rests on
an old price is not sampled: the curve has a gap there.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import select

from app.accounts.models import Account
from app.broadcast.cells import Cell, Cells
from app.broadcast.coalesce import Broadcaster
from app.core.clock import epoch_ms
from app.engine.main import Job, Loop
from app.portfolio.curves import COARSE, EVENT, Curves, Point, grain_of, of_account, of_desk, of_run
from app.portfolio.pnl import add_up
from app.risk.monitor import Reach, Standing
from app.strategies.bookkeeping import Booked, Bookkeeping
from app.wiring import Services

OLDEST = timedelta(seconds=60)  # of the prices in a figure that is sampled
RUN = "pnl:run:"
ROOMS = ["analytics", "trade-journal"]
Standings = Callable[[], Sequence[Standing]]


def keep_books(services: Services, broadcaster: Broadcaster, standings: Standings) -> Loop:
    keeper = Bookkeeper(services, broadcaster, standings)
    broadcaster.hear(keeper.take)
    jobs = [
        Job("books", keeper.books, 2.0, can_wait=10.0),
        Job("curves", keeper.minute, 1.0, can_wait=5.0),
        Job("thin curves", lambda: keeper.curves.thin(services.clock.now()), 3600.0, can_wait=60.0),
    ]
    return Loop(jobs, services.clock)


class Bookkeeper:
    def __init__(self, services: Services, broadcaster: Broadcaster, standings: Standings) -> None:
        self._services = services
        self._broadcaster = broadcaster
        self._standings = standings
        self._trips = Bookkeeping(services.db, services.clock)
        self._cells: dict[str, Cells] = {}  # the newest of each owner
        self._sampled: datetime | None = None
        self.curves = Curves(services.db)

    def take(self, cells: Cells) -> None:
        """In the broadcaster's thread: the figures are looked at by nobody before they are sampled."""
        last = next(reversed(cells), "")  # the figures of the owner as a whole come last, and name them
        if last.startswith("pnl:"):
            self._cells[last.rpartition(":")[2]] = cells

    def books(self) -> None:
        booked = self._trips.step()
        for owner_id in booked.owners:
            self._broadcaster.changed(owner_id, ROOMS)
        if booked.runs:
            self._keep(self._of_events(booked, self._services.clock.now()))

    def minute(self) -> None:
        now = self._services.clock.now()
        minute = now.replace(second=0, microsecond=0)
        if minute == self._sampled:
            return
        first, self._sampled = self._sampled is None, minute
        if not first:
            self._keep([*self._of_runs(None, now, grain_of(minute)), *self._of_accounts(now, grain_of(minute))])

    def _keep(self, samples: list[tuple[str, Point]]) -> None:
        if samples:
            self.curves.keep(samples)

    def _of_events(self, booked: Booked, now: datetime) -> list[tuple[str, Point]]:
        """Something was filled: where each of the runs stands after it; one that ended, with what it realised."""
        samples = self._of_runs({run for run, ended in booked.runs.items() if ended is None}, now, EVENT)
        for run, ended in booked.runs.items():
            if ended is not None and ended.total is not None:
                samples.append((of_run(run), Point(ended.at, ended.total, None, EVENT)))
        return samples

    def _of_runs(self, wanted: set[str] | None, now: datetime, grain: int) -> list[tuple[str, Point]]:
        stops = {one.stake.id: one.stop for one in self._standings() if one.stake.reach is Reach.RUN}
        found = []
        for run_id, cell in self._runs():
            value = _fresh(cell, now)
            if value is not None and (wanted is None or run_id in wanted):
                found.append((of_run(run_id), Point(now, value, stops.get(run_id), grain)))
        return found

    def _runs(self) -> Iterator[tuple[str, Cell]]:
        for cells in list(self._cells.values()):
            yield from ((key[len(RUN) :], cell) for key, cell in cells.items() if key.startswith(RUN))

    def _of_accounts(self, now: datetime, grain: int) -> list[tuple[str, Point]]:
        """Each account on the coarser grain, and their sums by owner, mode and currency."""
        with self._services.db.read() as session:
            accounts = session.scalars(select(Account).where(Account.removed_at.is_(None))).all()
        sums: dict[str, list[Decimal | None]] = {}
        samples = []
        for account in accounts:
            cell = self._cells.get(account.owner_id, {}).get(f"pnl:account:{account.id}")
            if cell is None:
                continue
            value = _fresh(cell, now)
            sums.setdefault(of_desk(account.owner_id, account.mode, account.currency), []).append(value)
            if value is not None and grain >= COARSE:
                samples.append((of_account(account.id), Point(now, value, None, grain)))
        known = ((subject, add_up(values)) for subject, values in sums.items())
        return samples + [(subject, Point(now, total, None, grain)) for subject, total in known if total is not None]


def _fresh(cell: Cell, now: datetime) -> Decimal | None:
    """Its figure, unless that is unknown or rests on a price that is too old."""
    at = cell["at"]
    is_old = at is not None and epoch_ms(now) - at > OLDEST.total_seconds() * 1000
    return None if cell["v"] is None or is_old else Decimal(cell["v"])
