"""What runs and desks made over time, as sampled: kept fine for a week, coarser after, and read as lines with gaps.

Two samples further apart than a gap are not joined: nobody knows what was in between.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import delete, select

from app.core.db import Database
from app.portfolio.models import PnlSample
from app.portfolio.trades import day_end, day_start

EVENT, MINUTE, COARSE, COARSEST = 0, 1, 5, 30  # grains, in minutes
FINE_FOR, COARSE_FOR = timedelta(days=7), timedelta(days=60)
GAP = 3  # so many times the grain apart, points are not joined


@dataclass(frozen=True, slots=True)
class Point:
    """`total` is realised and open; `stop` is the profit at which the run is left by itself."""

    at: datetime
    total: Decimal
    stop: Decimal | None = None
    grain: int = MINUTE


def of_run(run_id: str) -> str:
    return f"run:{run_id}"


def of_desk(owner_id: str, mode: str, currency: str) -> str:
    """All that a person's accounts of a mode and currency make in a day."""
    return f"desk:{owner_id}:{mode}:{currency}"


def of_account(account_id: str) -> str:
    return f"account:{account_id}"


def grain_of(at: datetime) -> int:
    """How long a point of the clock stays: those on the half hour longest."""
    return next((grain for grain in (COARSEST, COARSE) if at.minute % grain == 0), MINUTE)


def stretches(points: Sequence[Point]) -> list[list[Point]]:
    """Lines to draw, oldest first: split where samples are missing."""
    longest = timedelta(minutes=GAP * min((point.grain for point in points if point.grain), default=MINUTE))
    found: list[list[Point]] = []
    for point in points:
        if not found or point.at - found[-1][-1].at > longest:
            found.append([])
        found[-1].append(point)
    return found


class Curves:
    def __init__(self, db: Database) -> None:
        self._db = db

    def read(self, subject: str, on: datetime | None = None) -> list[Point]:
        """Oldest first; of one day in India, or all there is."""
        query = select(PnlSample.at, PnlSample.total, PnlSample.stop, PnlSample.grain)
        query = query.where(PnlSample.subject == subject).order_by(PnlSample.at, PnlSample.seq)
        if on is not None:
            query = query.where(PnlSample.at >= day_start(on), PnlSample.at < day_end(on))
        with self._db.read() as session:
            return [Point(*row) for row in session.execute(query)]

    def keep(self, samples: Sequence[tuple[str, Point]]) -> None:
        rows = [
            PnlSample(subject=subject, at=point.at, total=point.total, stop=point.stop, grain=point.grain)
            for subject, point in samples
        ]
        with self._db.write() as session:
            session.add_all(rows)

    def thin(self, now: datetime) -> None:
        """Drop the minutes of more than a week ago, and what is not on the half hour of more than two months ago."""
        with self._db.write() as session:
            session.execute(delete(PnlSample).where(PnlSample.grain == MINUTE, PnlSample.at < now - FINE_FOR))
            session.execute(delete(PnlSample).where(PnlSample.grain == COARSE, PnlSample.at < now - COARSE_FOR))
