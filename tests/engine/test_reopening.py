"""A run that could not leave while the market was closed leaves when it opens, at brokers that had refused it."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

import pytest
from sqlalchemy import update

from app.core.clock import INDIA, day_in_india
from app.engine.reopening import Reopening, opened
from app.instruments.models import Fact, FactKind
from app.instruments.trading_days import TradingDays, parse_hours
from app.strategies.models import Run
from tests.engine.desks import TestDesk
from tests.engine.proving import assert_flat, assert_proven, orders_of, proving_desk, until_settled
from tests.waiting import until

LONG = [{"action": "BUY", "kind": "CE", "underlying": "NIFTY", "strike": "OTM2", "lots": 1}]
MONDAY = datetime(2026, 11, 23, tzinfo=INDIA).date()
TRIES = 6


def india(hour: int, minute: int) -> datetime:
    return datetime.combine(MONDAY, time(hour, minute), INDIA)


def test_a_session_is_told_by_its_opening_and_what_never_closes_has_none() -> None:
    since = MONDAY - timedelta(days=9)
    hours = {"NFO": [(since, parse_hours("mon-fri 09:15-15:30"))], "MCX": [(since, parse_hours("mon-fri 09:00-23:30"))]}
    days = TradingDays(hours | {"CRYPTO": [(since, parse_hours("always"))]}, {})
    assert opened(days, "NFO", india(9, 14)) is None
    assert opened(days, "NFO", india(9, 15)) == opened(days, "NFO", india(15, 29)) == india(9, 15)
    assert opened(days, "NFO", india(15, 30)) is None
    assert opened(days, "MCX", india(9, 14)) == india(9, 0)
    assert opened(days, "NFO", india(12, 0) - timedelta(days=1)) is None, "a Sunday"
    assert opened(days, "CRYPTO", india(12, 0)) is None
    assert opened(days, "NOT ON RECORD", india(12, 0)) is None


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestDesk]:
    with proving_desk(tmp_path_factory.mktemp("reopening"), ("alpha", "beta")) as made:
        yield made


def hours_of(desk: TestDesk, text: str) -> None:
    today = day_in_india(desk.services.clock.now())
    desk.services.instruments.record_fact(
        Fact(kind=FactKind.SESSION, exchange="NFO", subject="*", effective_from=today, value=text, source="a test")
    )


def exits_of(desk: TestDesk, run_id: str, broker: str) -> int:
    return len([order for order in orders_of(desk, run_id, broker) if order.purpose == "exit"])


def stuck(desk: TestDesk, key: str) -> str:
    """A run whose exit was asked for yesterday and which one broker refused to the last try."""
    run_id = desk.run(desk.strategy(LONG, key), key)
    assert desk.until_state(run_id, "open", "closed", "failed") == "open"
    desk.paper.fault("reject", broker="beta", at_gateway=True, reason="RMS: market closed")
    desk.exit(run_id)
    until(lambda: "A person must act" in desk.parts(run_id)["beta"].trouble, 80)
    desk.paper.heal()
    with desk.services.db.write() as session:
        session.execute(update(Run).where(Run.id == run_id).values(exit_at=datetime.now(UTC) - timedelta(days=1)))
    return run_id


def test_it_leaves_by_itself_once_the_market_is_open_and_never_where_it_has_no_opening(desk: TestDesk) -> None:
    run_id = stuck(desk, "overnight")
    job = next(job for job in desk.engine.loops["house"].jobs if job.name == "reopening")
    assert isinstance(job.step.__self__, Reopening)
    looked_at = desk.services.clock.monotonic()
    until(lambda: job.done_at is not None and job.done_at - job.period > looked_at, 30)
    assert exits_of(desk, run_id, "beta") == TRIES, "the market is always open: there is no opening"
    hours_of(desk, "mon-sun 00:00-23:59")
    until_settled(desk, run_id, 30)
    assert (exits_of(desk, run_id, "alpha"), exits_of(desk, run_id, "beta")) == (1, TRIES + 1)
    assert_proven(desk, run_id)
    assert_flat(desk)
