"""How an engine keeps its lease: what goes wrong for a moment ends nobody, and what is lost is said."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from app.engine import assembly
from app.execution.lease import TERM, Lease
from app.wiring import Services, build
from tests.databases import away, lay_tables
from tests.engine.desks import settings_for
from tests.feed.hands import HandClock
from tests.waiting import until


@pytest.fixture
def services(instance: Path) -> Iterator[Services]:
    settings = settings_for(instance)
    lay_tables(settings.database_url)
    made = build(settings, "engine", clock=HandClock())
    yield made
    made.close()


@pytest.fixture
def engine(services: Services) -> Iterator[assembly.Engine]:
    """One whose lease is renewed by hand."""
    made = assembly.build(services)
    yield made
    made.stop()


def test_a_renewal_that_fails_once_ends_no_engine_whose_lease_has_not_run_out(services, engine) -> None:
    assert engine._renew() and engine._leading.is_set()
    until_first = engine.lease.claimant.until
    services.clock.forward(2)
    with away(services.db, "engine_leases"):
        assert engine._renew() is False  # so that it is tried again soon
        assert engine._leading.is_set() and not engine.lost.is_set()
        assert engine.lease.claimant.until == until_first  # nothing may be sent after that
    assert engine._renew()
    assert engine._leading.is_set() and engine.lease.claimant.until == until_first + timedelta(seconds=2)


def test_an_engine_that_cannot_renew_until_its_lease_runs_out_is_lost(services, engine) -> None:
    assert engine._renew()
    with away(services.db, "engine_leases"):
        services.clock.forward(TERM.total_seconds())
        assert engine._renew() is False
    assert engine.lost.is_set() and not engine._leading.is_set()


def test_an_engine_whose_lease_another_one_holds_is_lost_at_once(services, engine) -> None:
    assert engine._renew()
    services.clock.forward(TERM.total_seconds() + 1)
    assert Lease(services.db, services.clock, "another").take()
    assert engine._renew() is False
    assert engine.lost.is_set() and not engine._leading.is_set()


def test_one_that_waits_and_cannot_ask_goes_on_waiting(services, engine) -> None:
    with away(services.db, "engine_leases"):
        assert engine._renew() is False
    assert not engine.lost.is_set()
    assert engine._renew() and engine._leading.is_set()


def test_an_engine_that_cannot_start_what_leading_takes_says_so_and_ends(services, monkeypatch) -> None:
    """As where the system gives no more threads."""
    start, refused = threading.Thread.start, []

    def short_of_threads(thread: threading.Thread) -> None:
        if thread.name == "charts" and not refused:
            refused.append(thread)
            raise RuntimeError("can't start new thread")
        start(thread)

    engine = assembly.build(services)
    monkeypatch.setattr(threading.Thread, "start", short_of_threads)
    engine._spawn("lease", engine._keep_lease)
    try:
        until(engine.lost.is_set, 10)
        assert refused and not engine._leading.is_set()
    finally:
        engine.charts.start()  # what never ran cannot be waited for
        engine.stop()
