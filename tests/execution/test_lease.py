"""One engine acts at a time."""

import contextlib

from sqlalchemy.exc import DBAPIError

from app.core.db import Database
from app.execution.lease import TERM, Lease, new_engine_id
from tests.core.test_db import together
from tests.execution.journaling import HandClock


def engine(desk, name: str) -> Lease:
    return Lease(desk.db, desk.clock, name)


def test_who_holds_the_lease_keeps_it_by_renewing(any_desk):
    for _ in range(5):
        any_desk.clock.pass_by(TERM.total_seconds() - 1)
        assert any_desk.lease.take()
    assert any_desk.lease.epoch == 1
    assert not engine(any_desk, "engine-2").take()


def test_a_lease_that_ran_out_goes_to_one_of_many_with_a_new_epoch(any_desk):
    any_desk.clock.pass_by(TERM.total_seconds() + 1)
    others = [engine(any_desk, f"engine-{number}") for number in range(2, 10)]
    won = together(8, lambda number: others[number].take())
    assert sorted(won) == [False] * 7 + [True]
    assert others[won.index(True)].epoch == 2


def test_a_released_lease_is_free_at_once(any_desk):
    any_desk.lease.release()
    successor = engine(any_desk, "engine-2")
    assert successor.take()
    assert not any_desk.lease.take()


def test_who_stood_still_keeps_no_row_from_its_successor(postgres_tables_url):
    """Between the rows of one statement the server waits for the next one without any timeout."""
    old, new = Database(postgres_tables_url), Database(postgres_tables_url)
    clock = HandClock()
    first = Lease(old, clock, new_engine_id(old))
    assert first.take()
    connection = old.writer.connect()
    raw = connection.connection.driver_connection
    raw.pipeline().__enter__()
    raw.execute("UPDATE engine_leases SET expires_at = expires_at")
    raw.pgconn.send_flush_request()
    raw.pgconn.flush()
    clock.pass_by(TERM.total_seconds() + 1)
    with new.writer.connect() as other:
        other.exec_driver_sql("SET lock_timeout = '20s'")
        other.commit()
    try:
        assert Lease(new, clock, new_engine_id(new)).take()
    finally:
        connection.invalidate()
        with contextlib.suppress(DBAPIError):  # its session is gone
            connection.close()
    old.close()
    new.close()


def test_nobody_who_leads_is_ended(postgres_tables_url):
    leading, waiting = Database(postgres_tables_url), Database(postgres_tables_url)
    clock = HandClock()
    first = Lease(leading, clock, new_engine_id(leading))
    assert first.take()
    with leading.writer.connect() as connection:
        assert not Lease(waiting, clock, new_engine_id(waiting)).take()
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
    leading.close()
    waiting.close()


def test_releasing_what_another_holds_changes_nothing(any_desk):
    engine(any_desk, "engine-2").release()
    assert not engine(any_desk, "engine-3").take()


def test_a_claimant_knows_when_its_turn_runs_out(any_desk):
    assert any_desk.lease.take()
    assert any_desk.lease.claimant.until == any_desk.clock.now() + TERM
    any_desk.clock.pass_by(TERM.total_seconds() + 1)
    assert engine(any_desk, "engine-2").take()
    assert not any_desk.lease.take()
    assert any_desk.lease.claimant.until < any_desk.clock.now()
