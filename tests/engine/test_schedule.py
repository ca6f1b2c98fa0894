"""A schedule over the paper broker: entered at its time in every account, left at its time, once."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from app.core import errands
from app.core.clock import INDIA
from app.feed.events import FeedState
from app.instruments.models import Fact, FactKind
from app.risk.models import RiskEvent
from app.strategies.models import Run, ScheduledEntry, Strategy
from tests.engine.desks import TestDesk
from tests.engine.proving import assert_flat, assert_proven, orders_of, proving_desk, until_settled
from tests.waiting import until

LONG_CALL = [{"action": "BUY", "kind": "CE", "underlying": "NIFTY", "strike": "ATM", "lots": 1}]
EVERY_DAY = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
numbers = count(1)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestDesk]:
    with proving_desk(tmp_path_factory.mktemp("schedule"), ("alpha", "gamma")) as made:
        yield made


@pytest.fixture(autouse=True)
def nothing_armed(desk: TestDesk) -> Iterator[None]:
    yield
    for one in desk.services.schedules.armed(desk.owner_id):
        desk.services.schedules.disarm(desk.owner_id, one.id)


def in_so_many(desk: TestDesk, seconds: float) -> str:
    return f"{(desk.services.clock.now() + timedelta(seconds=seconds)).astimezone(ZoneInfo(desk.zone)):%H:%M:%S}"


def every_day(desk: TestDesk, **schedule: object) -> dict[str, object]:
    return {"days": EVERY_DAY, "zone": desk.zone, **schedule}


def strategy(desk: TestDesk, **schedule: object) -> str:
    return desk.strategy(LONG_CALL, f"scheduled {next(numbers)}", schedule=every_day(desk, **schedule))


def arm(desk: TestDesk, strategy_id: str) -> None:
    desk.services.schedules.arm(desk.owner_id, strategy_id, 1)


def history(desk: TestDesk, strategy_id: str) -> list[ScheduledEntry]:
    return list(desk.services.schedules.history(desk.owner_id, strategy_id))


def until_decided(desk: TestDesk, strategy_id: str) -> ScheduledEntry:
    return until(lambda: history(desk, strategy_id), 30)[0]


def runs_of(desk: TestDesk, strategy_id: str) -> list[Run]:
    with desk.services.db.read() as session:
        return list(session.scalars(select(Run).where(Run.strategy_id == strategy_id)))


def rules_that_spoke(desk: TestDesk, run_id: str) -> list[tuple[str, bool]]:
    with desk.services.db.read() as session:
        rows = session.scalars(select(RiskEvent).where(RiskEvent.run_id == run_id).order_by(RiskEvent.at))
        return [(row.rule, row.decided) for row in rows]


def told(desk: TestDesk, subject: str) -> list[str]:
    return [one.text for one in desk.services.notify.list(desk.owner_id) if one.subject.startswith(subject)]


def test_it_enters_at_its_time_in_every_account_and_leaves_at_its_exit_time(desk: TestDesk) -> None:
    strategy_id = strategy(desk, entries=[in_so_many(desk, 4)], exit_at=in_so_many(desk, 10))
    arm(desk, strategy_id)
    entry = until_decided(desk, strategy_id)
    assert entry.outcome == "started", entry.reason
    assert timedelta() <= entry.decided_at - entry.due_at
    run_id = entry.run_id
    until_settled(desk, run_id, 30)
    run = desk.run_row(run_id)
    assert (run.exit_by, rules_that_spoke(desk, run_id)) == ("schedule", [("scheduled exit", True)])
    assert run.exit_reason.startswith("scheduled exit of ")
    assert {order.purpose for order in orders_of(desk, run_id)} == {"entry", "exit"}
    assert len(runs_of(desk, strategy_id)) == 1
    assert_proven(desk, run_id)
    assert_flat(desk)


def test_an_engine_that_comes_late_enters_within_the_grace_and_says_what_it_missed(desk: TestDesk) -> None:
    soon, late = strategy(desk, entries=[in_so_many(desk, -20)]), strategy(desk, entries=[in_so_many(desk, -300)])
    long_ago = desk.services.clock.now() - timedelta(hours=1)
    with desk.services.db.write() as session:
        armed = update(Strategy).where(Strategy.id.in_([soon, late])).values(armed_at=long_ago, armed_by="trader")
        session.execute(armed)
    entered, missed = until_decided(desk, soon), until_decided(desk, late)
    assert (entered.outcome, missed.outcome) == ("started", "missed")
    assert runs_of(desk, late) == []
    name = desk.services.strategies.get(desk.owner_id, late).name
    assert "an entry is never late" in until(lambda: told(desk, f"{name} did not enter"), 20)[0]
    desk.until_state(entered.run_id, "open")
    desk.exit(entered.run_id)
    until_settled(desk, entered.run_id)


def test_a_run_whose_grace_was_over_before_it_began_sends_nothing(desk: TestDesk) -> None:
    strategy_id = strategy(desk, entries=[in_so_many(desk, 600)])
    with desk.services.db.write() as session:
        run = Run(
            id=f"late{strategy_id}"[:40], owner_id=desk.owner_id, strategy_id=strategy_id, key="late", name="Late",
            version=1, legs=desk.services.strategies.get(desk.owner_id, strategy_id).legs, on_failure="unwind",
            venue_kind="openalgo", accounts=[{"account_id": one, "multiplier": "1"} for one in desk.accounts.values()],
            state="requested", requested_at=desk.services.clock.now(),
            begin_by=desk.services.clock.now() - timedelta(seconds=1),
        )  # fmt: skip
        session.add(run)
    assert desk.until_state(run.id, "failed", "open") == "failed"
    assert "and was not: nothing was sent" in desk.run_row(run.id).trouble
    assert desk.run_row(run.id).started_at is None
    assert not desk.parts(run.id)


def test_a_run_by_hand_is_squared_off_before_the_close_though_nothing_is_armed(desk: TestDesk) -> None:
    with closing_at(desk, desk.services.clock.now() + timedelta(seconds=70)):
        strategy_id = strategy(desk, square_off=1)
        run_id = desk.run(strategy_id, f"square off {strategy_id}")
        until_settled(desk, run_id, 60)
    assert rules_that_spoke(desk, run_id) == [("square-off", True)]
    assert_proven(desk, run_id)
    assert_flat(desk)


def test_the_look_before_the_day_asks_every_account_and_tells_what_is_wanting(desk: TestDesk) -> None:
    strategy_id = strategy(desk, entries=[in_so_many(desk, 3600)])
    arm(desk, strategy_id)
    assert looked(desk) == {"ready": 2, "wanting": 0}
    desk.services.schedules.disarm(desk.owner_id, strategy_id)
    rules = every_day(desk, entries=[in_so_many(desk, 3600)])
    before = len(told(desk, "2 of 2 accounts"))  # the desk's own look of the day may have come at a bad moment
    arm(desk, desk.strategy([LONG_CALL[0] | {"strike": "99999"}], "Nowhere", schedule=rules))
    assert looked(desk, key="2026-01-01") == {"ready": 0, "wanting": 2}
    [text, *others] = told(desk, "2 of 2 accounts are not ready for today")
    assert text.startswith("Nowhere: Leg 1") and len(others) == before
    assert looked(desk, key="2026-01-01") == {"ready": 0, "wanting": 2}  # as another engine would: told once
    assert len(told(desk, "2 of 2 accounts")) == before + 1


def looked(desk: TestDesk, **question: str) -> dict[str, object]:
    until(lambda: desk.engine.market.feed.status().state is FeedState.LIVE)
    db, now = desk.services.db, desk.services.clock.now()
    with db.write() as session:
        errand = errands.ask(session, desk.owner_id, "check_ready", question, now)

    def answer() -> dict[str, object] | None:
        with db.read() as session:
            found = errands.find(session, desk.owner_id, errand.id)
            assert found is not None and not found.error, found.error
            return found.answer

    return until(answer, 30)


@contextmanager
def closing_at(desk: TestDesk, closes: datetime) -> Iterator[None]:
    """As long as it lasts, derivatives trade from midnight until then."""
    since = desk.services.clock.now().date() - timedelta(days=1)

    def say(hours: str) -> None:
        fact = {"kind": FactKind.SESSION, "exchange": "NFO", "subject": "*", "effective_from": since, "source": "test"}
        desk.services.instruments.record_fact(Fact(value=hours, **fact))

    say(f"mon-sun 00:00-{closes.astimezone(INDIA):%H:%M:%S}")
    try:
        yield
    finally:
        say("always")
