"""The guard of the day, put together as the engine does and turned by hand: what it keeps, and what it looks at."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from app.core.clock import day_in_india
from app.engine import assembly
from app.engine.day_guard import DayGuard
from app.engine.guard import Guard
from app.instruments.models import Instrument
from app.risk.day_monitor import DayStake
from app.risk.day_rules import DayRules
from app.risk.models import DayPeak, RiskTrail
from app.risk.monitor import Reach, Stake
from app.risk.states import Extent, Kind
from app.risk.trailing import Trailed
from app.wiring import Services, build
from tests.databases import lay_tables
from tests.engine.desks import settings_for
from tests.portfolio.rows import Desk as Rows
from tests.waiting import until

FIRST = Extent(Kind.ACCOUNT, "a1")
FURTHER = Trailed(Decimal(120), Decimal(70))


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    settings = settings_for(tmp_path)
    lay_tables(settings.database_url)
    made = build(settings)
    yield made
    made.close()


@pytest.fixture
def rows(services: Services) -> Rows:
    made = Rows(services.db)
    made.account("a1")
    return made


@pytest.fixture
def engine(services: Services, rows: Rows) -> Iterator[assembly.Engine]:
    """Put together, and not begun: no thread turns its loops."""
    made = assembly.build(services)
    yield made
    made.stop()


def guard_of(engine: assembly.Engine) -> DayGuard:
    return engine.loops["limits"].jobs[0].step.__self__


def today(engine: assembly.Engine) -> date:
    return day_in_india(engine.services.clock.now())


def limited(engine: assembly.Engine) -> DayGuard:
    limits = engine.services.day_limits
    limits.save("u1", FIRST, DayRules.model_validate({"drawdown": {"value": "20000"}}))
    guard = guard_of(engine)
    guard.read()
    guard.follow()
    return guard


def stake_of(guard: DayGuard) -> DayStake:
    (standing,) = guard.monitor.standings()
    return standing.stake


def peaks(engine: assembly.Engine) -> list[tuple[date, Decimal]]:
    with engine.services.db.read() as session:
        return [tuple(row) for row in session.execute(select(DayPeak.day, DayPeak.peak).order_by(DayPeak.day))]


def no_more_rows(engine: assembly.Engine, table: str) -> None:
    with engine.services.db.write() as session:
        session.execute(text(f"CREATE TRIGGER full BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'full'); END"))


def failing(
    engine: assembly.Engine, table: str, keep: Callable[[], object], said: dict, meanwhile: Callable[[], None]
) -> None:
    """A write of what was `said` that fails, and what the thread of the ticks says while it is under way."""
    no_more_rows(engine, table)
    with ThreadPoolExecutor(1) as aside:
        with engine.services.db.write():  # until then nobody else can
            under_way = aside.submit(keep)
            until(lambda: not said)
            meanwhile()
        with pytest.raises(SQLAlchemyError):
            under_way.result(30)
    with engine.services.db.write() as session:
        session.execute(text("DROP TRIGGER full"))


def test_a_peak_that_could_not_be_written_is_written_later(engine) -> None:
    guard = limited(engine)
    guard._risen.clear()
    guard._keep(stake_of(guard), Decimal(500))
    failing(engine, "day_peaks", guard.keep_peaks, guard._risen, lambda: None)
    assert peaks(engine) == []
    assert guard.keep_peaks()
    assert peaks(engine) == [(today(engine), Decimal(500))]
    assert not guard.keep_peaks()


def test_a_higher_peak_that_comes_while_a_write_fails_is_the_one_that_is_kept(engine) -> None:
    guard = limited(engine)
    guard._risen.clear()
    stake, said = stake_of(guard), guard._risen
    guard._keep(stake, Decimal(500))
    failing(engine, "day_peaks", guard.keep_peaks, guard._risen, lambda: guard._keep(stake, Decimal(600)))
    assert guard._risen is said, "whoever writes to it at that moment is heard"
    guard.keep_peaks()
    assert peaks(engine) == [(today(engine), Decimal(600))]


def test_a_peak_of_the_last_moments_of_a_day_is_not_the_next_days(engine) -> None:
    guard = limited(engine)
    guard.keep_peaks()
    kept, stake = peaks(engine), stake_of(guard)
    guard._keep(replace(stake, day=today(engine) - timedelta(days=1)), Decimal(90_000))
    guard.keep_peaks()
    assert peaks(engine) == kept
    guard._keep(replace(stake, day=today(engine) - timedelta(days=1)), Decimal(90_000))
    guard._keep(stake, Decimal(700))
    guard.keep_peaks()
    assert peaks(engine) == [(today(engine), Decimal(700))]


def test_what_expired_before_today_blinds_no_limit_of_the_day(engine, rows) -> None:
    now = engine.services.clock.now()
    with rows.db.write() as session:
        session.add(Instrument(
            venue_kind="openalgo", exchange="NFO", symbol="NIFTY19NOV2626000CE", name="NIFTY", kind="CE",
            expiry=today(engine) - timedelta(days=1), lot_size=Decimal(65), tick=Decimal("0.05"), source="a test",
            synced_at=now, active=False,
        ))  # fmt: skip
    rows.fill("a1", 65, 40, now - timedelta(days=2), symbol="NIFTY19NOV2626000CE")
    guard = limited(engine)
    guard.sweep()
    (standing,) = guard.monitor.standings()
    assert (standing.profit, standing.blind_since) == (Decimal(0), None)
    rows.fill("a1", 65, 40, now - timedelta(days=2), symbol="NIFTY99NOV2626000CE")
    guard._dirty.add("u1")
    guard.follow()
    (standing,) = guard.monitor.standings()
    assert standing.profit is None, "of what is not known to have expired a price is still wanted"


def test_how_far_a_stop_followed_is_not_lost_when_a_write_fails(engine) -> None:
    guard: Guard = engine.loops["risk"].jobs[0].step.__self__
    stake, said = Stake(Reach.RUN, "r1", "r1", "u1", "s", Decimal(0), {}, ()), guard._moved
    other = replace(stake, id="r2")
    guard._keep(stake, Trailed(Decimal(100), Decimal(50)))
    guard._keep(other, Trailed(Decimal(10), Decimal(5)))
    failing(engine, "risk_trails", guard.keep_trails, said, lambda: guard._keep(stake, FURTHER))
    assert guard._moved is said, "whoever writes to it at that moment is heard"
    assert guard.keep_trails()
    with engine.services.db.read() as session:
        assert {row.subject_id: row.peak for row in session.scalars(select(RiskTrail))} == {"r1": 120, "r2": 10}
