"""The first moments of a run: who begins it, and until when."""

from datetime import datetime, timedelta

import pytest

from app.execution.desk import open_gate
from app.strategies.models import Run, Strategy
from app.strategies.starting import Rules, begin, claim_runs
from tests.portfolio.rows import NOW, Desk


@pytest.fixture
def desk(any_db) -> Desk:
    made = Desk(any_db)
    both = {"owner_id": "u1", "name": "s", "legs": [], "on_failure": "unwind", "venue_kind": "openalgo"}
    with any_db.write() as session:
        session.add(Strategy(id="s1", created_at=NOW, updated_at=NOW, **both))
        session.flush()
        session.add(
            Run(id="r1", strategy_id="s1", key="k", version=1, accounts=[], state="requested", requested_at=NOW, **both)
        )
    return made


def run_of(desk: Desk) -> Run:
    with desk.db.read() as session:
        return session.get_one(Run, "r1")


def begun(desk: Desk, at: datetime) -> str:
    claim_runs(desk.db, "an engine")
    with desk.db.write() as session:
        begin(session, "r1", [], Rules(lambda _accounts: {}, open_gate), at)
    return run_of(desk).state


def test_a_click_that_no_engine_saw_for_two_minutes_sends_nothing(desk):
    assert begun(desk, NOW + timedelta(minutes=2, seconds=1)) == "failed"
    assert "It was to begin by 11:32:00 and was not: nothing was sent." in run_of(desk).trouble
    assert run_of(desk).started_at is None


def test_a_click_that_an_engine_saw_in_time_begins(desk):
    assert begun(desk, NOW + timedelta(minutes=2)) == "entering"


def test_what_an_engine_has_under_way_is_claimed_by_nobody_and_what_it_lost_by_itself(desk):
    """A start whose failure could not be written down either would stand there for ever."""
    assert [run.id for run in claim_runs(desk.db, "first")] == ["r1"]
    assert claim_runs(desk.db, "first", ["r1"]) == []
    assert [run.id for run in claim_runs(desk.db, "first", ["r2"])] == ["r1"]
    assert [run.id for run in claim_runs(desk.db, "second", ["r1"])] == ["r1"]
