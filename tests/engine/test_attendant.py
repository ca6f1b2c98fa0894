"""When an account's books are read: an order that moves is never slept through, and no failure is the last word."""

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from app.accounts.health import HealthService
from app.broadcast.keeper import Keeper
from app.broadcast.rates import Rates
from app.core.clock import SystemClock
from app.core.errors import Retry
from app.engine.attendant import GIVE_WAY, GIVE_WAY_AT_MOST, Attendant, Rhythm, Tools
from app.engine.figures import Books, Figures
from app.engine.sharing import Share
from app.portfolio.snapshots import Snapshots
from app.venues.port import StreamState
from tests.broadcast.conftest import KeepingLink
from tests.databases import away
from tests.execution.conftest import desk  # noqa: F401 - a fixture of the room below
from tests.waiting import until


class Venue:
    """An account without orders, whose server can be out of reach."""

    capabilities = SimpleNamespace(currency="INR")

    def __init__(self) -> None:
        self.trouble: Retry | None = None
        self.looks = 0

    def orders(self) -> list:
        self.looks += 1
        if self.trouble:
            raise self.trouble
        return []


class NoFigures(Figures):
    """Only the order book is read."""

    def due_in(self) -> float:
        return 60.0


def reader_of(desk) -> Attendant:  # noqa: F811 - no fixture here
    clock, rates = SystemClock(), Rates(figures=60, figures_idle=60, trades=60, trades_idle=60, per_minute=6000)
    health = HealthService(desk.db, clock)
    books = Books(Keeper(desk.db, KeepingLink(), clock, desk.heard.append), Snapshots(desk.db), health, clock, rates)
    venue = Venue()
    figures = NoFigures(books, desk.account_id, venue, rates, lambda: 1.0)
    tools = Tools(desk.db, desk.intake, health, clock, Rhythm(pending=0.05, idle=0.05), desk.heard.append, Share(clock))
    made = Attendant(tools, desk.account_id, venue, figures)
    made._swept_at = clock.now()
    return made


@pytest.fixture
def reader(desk) -> Iterator[Attendant]:  # noqa: F811 - the fixture
    """Not started; its account is swept already."""
    made = reader_of(desk)
    yield made
    made.close()
    made.join(10)
    assert not made._thread.is_alive()


def failures(logs) -> int:
    return sum(line["event"] == "attendant_failed" for line in logs)


def until_read_anew(reader: Attendant) -> None:
    now = SystemClock().now()
    until(lambda: reader.book_read_at is not None and reader.book_read_at > now and not reader._failures, 10)


def test_an_order_that_moves_wakes_the_reader_though_it_came_late_to_the_one_before(desk):  # noqa: F811 - the fixture
    rhythm = Rhythm(pending=1.0, idle=30.0)
    tools = Tools(desk.db, desk.intake, None, desk.clock, rhythm, desk.heard.append, Share(desk.clock))
    reader = Attendant(tools, desk.account_id, venue=None, figures=None)
    reader.stream_state = StreamState.LIVE
    reader.figures_moved()
    desk.clock.pass_by(5)  # the thread got the processor only now, and finds nothing pending
    assert reader._remaining() >= 0
    reader._wake.clear()
    reader.figures_moved()
    assert reader._wake.is_set()
    assert 0 < reader._remaining() <= 1.0


def test_a_database_that_fails_while_the_pause_is_reckoned_does_not_end_the_reading(desk, reader):  # noqa: F811 - it
    reader.start()
    until_read_anew(reader)
    with capture_logs() as logs, away(desk.db, "orders"):
        until(lambda: failures(logs), 10)
    until_read_anew(reader)


def test_a_database_that_fails_while_the_venue_does_is_no_end_either(desk, reader):  # noqa: F811 - the fixture
    reader._venue.trouble = Retry("The server is out of reach.")
    with capture_logs() as logs, away(desk.db, "account_health"):
        reader.start()
        until(lambda: failures(logs), 10)
    reader._venue.trouble = None
    until_read_anew(reader)


def test_whoever_woke_a_turn_that_failed_does_not_wake_the_next_one_too(desk, reader):  # noqa: F811 - the fixture
    reader._tools = replace(reader._tools, rhythm=Rhythm(pending=60.0, idle=60.0))
    reader._venue.trouble = Retry("The server is out of reach.")
    with capture_logs() as logs, away(desk.db, "account_health"):
        reader.look_now()
        reader.start()
        until(lambda: failures(logs) and not reader._wake.is_set(), 10)
        assert failures(logs) == 1


def waits_of(reader: Attendant) -> list[float]:
    """The pauses that it makes from here on, none of which takes any time."""
    waits: list[float] = []
    clock = reader._tools.clock

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        clock.pass_by(seconds + 1e-5)  # a pause is never shorter than it was asked to be
        return False

    reader._wake.wait = wait
    return waits


@pytest.fixture
def calm(desk) -> Attendant:  # noqa: F811 - the fixture
    """Its updates are pushed, its first look is made, its clock goes by hand, and its turns are taken by the test."""
    reader = reader_of(desk)
    reader._tools = replace(reader._tools, clock=desk.clock, share=Share(desk.clock))
    reader._swept_at = desk.clock.now()
    reader.stream_state = StreamState.LIVE
    reader._turn()
    return reader


def looks_within(reader: Attendant, turns: int) -> bool:
    before = reader._venue.looks
    for _ in range(turns):
        reader._turn()
    return reader._venue.looks > before


def test_an_audit_of_what_is_pushed_waits_while_orders_are_on_their_way_in_any_account_and_three_seconds_at_most(calm):
    calm._tools = replace(calm._tools, is_trading=lambda: True)
    waits = waits_of(calm)
    for _ in range(20):
        if looks_within(calm, 1):
            break
    assert waits.count(GIVE_WAY) == GIVE_WAY_AT_MOST / GIVE_WAY
    calm._tools = replace(calm._tools, is_trading=lambda: False)
    assert looks_within(calm, 2)


def test_an_audit_that_waited_for_its_place_gives_way_as_long_as_any_other_and_then_takes_another_place(calm):
    trading = iter([True] * 4 + [False] * 9)
    share = calm._tools.share
    calm._tools = replace(calm._tools, is_trading=lambda: next(trading))
    share.note("look", 0.1)
    for _ in range(40):  # who all come before it
        share.begins_at("look")
    waits = waits_of(calm)
    while waits.count(GIVE_WAY) < 4:
        assert not looks_within(calm, 1)
    assert max(waits) > GIVE_WAY_AT_MOST
    for _ in range(4):  # who come while it gives way
        taken = share.begins_at("look")
    assert not looks_within(calm, 1)
    assert calm._place.begins_at > taken
    assert looks_within(calm, 1)


def test_a_book_that_tells_how_orders_stand_never_waits_for_orders_of_others(calm):
    calm._tools = replace(calm._tools, is_trading=lambda: True)
    calm.stream_state = StreamState.DOWN
    waits = waits_of(calm)
    assert looks_within(calm, 1)
    assert GIVE_WAY not in waits


def test_what_is_asked_for_waits_neither_for_orders_nor_for_its_place(calm):
    calm._tools = replace(calm._tools, is_trading=lambda: True)
    calm._tools.share.note("look", 10.0)
    calm._tools.share.begins_at("look")
    waits = waits_of(calm)
    calm.look_now()
    assert looks_within(calm, 1)
    assert waits == []


def test_whoever_is_woken_while_waiting_for_a_place_takes_another_one_later(calm):
    calm._tools.share.note("look", 0.1)
    calm._tools.share.begins_at("look")
    asked = iter([False, True])
    calm._wake.wait = lambda _seconds: next(asked)
    assert not looks_within(calm, 1)
    assert calm._place is None
