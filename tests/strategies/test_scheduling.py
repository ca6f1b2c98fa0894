"""Entries of a schedule in the database: each once, whoever comes, whenever they come, however many they are."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Barrier

import pytest
from sqlalchemy import select, update

from app.audit.trail import Trail
from app.core.db import Database
from app.core.errors import Denied, NotFound
from app.core.link import SilentLink
from app.instruments.service import InstrumentService
from app.strategies.legs import AccountShare, Draft, Leg
from app.strategies.models import Run, ScheduledEntry, Strategy
from app.strategies.schedule import Slot
from app.strategies.scheduling import MAY_NOT, Schedules, under_way
from app.strategies.service import StrategyService
from app.users.models import User
from tests.execution.conftest import any_desk, desk  # noqa: F401 - fixtures of the room below
from tests.feed.hands import HandClock

EIGHT = datetime(2026, 11, 20, 2, 30, tzinfo=UTC)  # a Friday, 08:00 in India
LEG = Leg(action="BUY", kind="SYMBOL", symbol="SBIN", exchange="NSE", lots=1)


class Bench:
    """The rooms over one database, with a clock moved by hand."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.clock = HandClock(EIGHT)
        instruments = InstrumentService(db, self.clock)
        instruments.seed()
        trail = Trail(db, self.clock)
        self.strategies = StrategyService(db, self.clock, SilentLink(), trail, instruments)
        self.schedules = Schedules(db, self.clock, SilentLink(), trail, instruments)

    def strategy(
        self, *entries: str, accounts: tuple[str, ...] = ("a1",), is_armed: bool = True, **more: object
    ) -> str:
        shares = [AccountShare(account_id=one, multiplier=Decimal(1)) for one in accounts]
        draft = Draft(name="Early", legs=[LEG], accounts=shares, schedule={"entries": entries, **more})
        strategy_id = self.strategies.create("u1", draft)
        if is_armed:
            self.schedules.arm("u1", strategy_id, 1)
        return strategy_id

    def row(self, strategy_id: str) -> Strategy:
        return self.strategies.get("u1", strategy_id)

    def pending(self, strategy_id: str) -> list[Slot]:
        row, now = self.row(strategy_id), self.clock.now()
        return self.schedules.pending(row, self.schedules.days(row, now), now, timedelta(days=1))

    def at(self, hour: int, minute: int, second: int = 0) -> None:
        """So late it is in India."""
        wanted = EIGHT.replace(hour=0, minute=0) + timedelta(hours=hour, minutes=minute - 330, seconds=second)
        self.clock.forward((wanted - self.clock.now()).total_seconds())

    def enter(self, strategy_id: str) -> list[ScheduledEntry | None]:
        due = [slot for slot in self.pending(strategy_id) if slot.at <= self.clock.now()]
        return [self.schedules.enter(strategy_id, slot) for slot in due]

    def runs(self) -> list[Run]:
        return list(self.strategies.runs("u1"))

    def end_runs(self) -> None:
        with self.db.write() as session:
            for run in session.scalars(select(Run)):
                run.state, run.started_at = "closed", run.requested_at


@pytest.fixture
def bench(desk) -> Bench:  # noqa: F811 - the fixture
    return Bench(desk.db)


def test_an_entry_begins_one_run_however_many_begin_it_at_once(any_desk) -> None:  # noqa: F811 - the fixture
    bench = Bench(any_desk.db)
    strategy_id = bench.strategy("09:20")
    [slot] = [one for one in bench.pending(strategy_id) if not one.skip]
    bench.at(9, 20)
    gate = Barrier(4)

    def engine(_number: int) -> ScheduledEntry | None:
        gate.wait(10)
        return bench.schedules.enter(strategy_id, slot)

    with ThreadPoolExecutor(4) as pool:
        done = [entry for entry in pool.map(engine, range(4)) if entry is not None]
    assert [entry.outcome for entry in done] == ["started"]
    [run] = bench.runs()
    assert (run.id, run.begin_by) == (done[0].run_id, slot.at + timedelta(seconds=60))
    assert bench.schedules.enter(strategy_id, slot) is None
    assert [entry.run_id for entry in bench.schedules.history("u1", strategy_id)] == [run.id]


def test_a_missed_entry_goes_within_its_grace_and_is_skipped_and_told_after_it(bench: Bench) -> None:
    strategy_id = bench.strategy("09:20", "09:30")
    bench.at(9, 21)
    assert [entry.outcome for entry in bench.enter(strategy_id)] == ["started"]
    bench.end_runs()
    bench.at(9, 31, 1)
    [missed] = bench.enter(strategy_id)
    assert missed.outcome == "missed"
    assert "due at 09:30 and the desk came to it 61 s later" in missed.reason
    assert len(bench.runs()) == 1
    assert unsaid(bench) == [("Early", "missed")]
    assert unsaid(bench) == []


def unsaid(bench: Bench) -> list[tuple[str, str]]:
    with bench.db.write() as session:
        return [(name, entry.outcome) for entry, name in bench.schedules.unsaid(session, bench.clock.now())]


def test_an_engine_that_was_away_for_days_leaves_a_row_for_each_entry_and_begins_none(bench: Bench) -> None:
    strategy_id = bench.strategy("09:20")
    bench.clock.forward(3 * 86_400)
    done = bench.enter(strategy_id)
    assert [(entry.day.day, entry.outcome) for entry in done] == [(20, "missed")]  # a weekend lies between
    bench.clock.forward(2 * 86_400)
    outcomes = {entry.day.day: (entry.outcome, entry.reason) for entry in bench.enter(strategy_id)}
    assert outcomes[23][0] == "missed"
    assert outcomes[24] == ("skipped", "The market is closed: Prakash Gurpurb Sri Guru Nanak Dev.")
    assert bench.runs() == []


def test_a_planned_skip_is_kept_and_told_to_nobody(bench: Bench) -> None:
    strategy_id = bench.strategy("09:20", days=["sat", "mon"])
    bench.clock.forward(86_400 + 7200)
    [entry] = bench.enter(strategy_id)
    assert (entry.outcome, entry.reason) == ("skipped", "The market is closed: Saturday.")
    assert unsaid(bench) == []


def test_a_run_by_hand_in_the_same_minute_is_not_doubled_whoever_comes_first(bench: Bench) -> None:
    strategy_id = bench.strategy("09:20", "09:40", while_live="enter")
    bench.at(9, 19, 30)
    bench.strategies.run("u1", strategy_id, "by hand")
    bench.at(9, 20)
    [entry] = bench.enter(strategy_id)
    assert (entry.outcome, entry.reason) == ("missed", "A run of it had just been begun by another way.")
    bench.at(9, 40)
    assert [entry.outcome for entry in bench.enter(strategy_id)] == ["started"]
    bench.at(9, 40, 59)
    with pytest.raises(Denied, match="was begun by its schedule at 09:40:00: nothing was started again"):
        bench.strategies.run("u1", strategy_id, "by hand too")
    bench.at(9, 41)
    bench.strategies.run("u1", strategy_id, "by hand too")
    assert len(bench.runs()) == 3


def test_a_live_run_keeps_the_next_entry_away(bench: Bench) -> None:
    strategy_id = bench.strategy("09:20", "09:30")
    bench.at(9, 20)
    bench.enter(strategy_id)
    bench.at(9, 30)
    assert [entry.reason for entry in bench.enter(strategy_id)] == ["A run of it is still live."]


def test_no_more_runs_begin_than_a_day_may_have_and_none_after_the_last_entry(bench: Bench) -> None:
    strategy_id = bench.strategy("09:20", "09:30", most_entries=1, last_entry="14:00")
    bench.at(9, 20)
    bench.enter(strategy_id)
    bench.end_runs()
    bench.at(9, 30)
    assert ["1 a day" in entry.reason for entry in bench.enter(strategy_id)] == [True]
    with pytest.raises(Denied, match="allows 1 a day"):
        bench.strategies.run("u1", strategy_id, "by hand")
    bench.at(14, 0, 1)
    with pytest.raises(Denied, match="no entry after 14:00"):
        bench.strategies.run("u1", strategy_id, "by hand")
    bench.clock.forward(3 * 86_400 - 18_000)
    assert bench.strategies.run("u1", strategy_id, "on Monday")


def test_only_what_is_armed_enters_and_nothing_that_was_due_before_it_was(bench: Bench) -> None:
    strategy_id = bench.strategy("09:20", "09:30", is_armed=False)
    slots = bench.pending(strategy_id)
    bench.at(9, 20)
    assert bench.schedules.enter(strategy_id, slots[0]) is None
    bench.at(9, 20, 30)
    bench.schedules.arm("u1", strategy_id, 1)
    assert bench.enter(strategy_id) == []
    bench.at(9, 30)
    slots = bench.pending(strategy_id)
    bench.schedules.disarm("u1", strategy_id)
    bench.schedules.disarm("u1", strategy_id)
    assert bench.schedules.enter(strategy_id, slots[0]) is None
    assert bench.runs() == []
    assert bench.schedules.history("u1", strategy_id) == []


def test_what_was_changed_is_armed_no_more(bench: Bench) -> None:
    strategy_id = bench.strategy("09:20")
    changed = Draft(name="Later", legs=[LEG], schedule={"entries": ["09:40"]})
    bench.strategies.edit("u1", strategy_id, changed)
    assert bench.row(strategy_id).armed_at is None
    assert bench.schedules.armed() == []


def test_arming_is_refused_where_it_would_do_nothing_or_something_else(bench: Bench) -> None:
    for entries, accounts, version, why in (
        ((), ("a1",), 1, "no entry time"),
        (("09:20",), (), 1, "no accounts"),
        (("20:00",), ("a1",), 1, "none of its entry times"),
        (("09:20",), ("a1",), 2, "was changed meanwhile"),
    ):
        strategy_id = bench.strategy(*entries, accounts=accounts, is_armed=False, most_entries=5)
        with pytest.raises(Denied, match=why):
            bench.schedules.arm("u1", strategy_id, version)
        bench.strategies.remove("u1", strategy_id)
    with pytest.raises(NotFound):
        bench.schedules.arm("u2", bench.strategy("09:20"), 1)


def test_a_run_that_never_began_is_told_as_an_entry_that_failed(bench: Bench) -> None:
    strategy_id = bench.strategy("09:20")
    bench.at(9, 20)
    bench.enter(strategy_id)
    assert unsaid(bench) == []
    with bench.db.write() as session:
        run = session.scalars(select(Run)).one()
        run.state, run.trouble = "failed", "No price."
    assert unsaid(bench) == [("Early", "failed")]
    assert [entry.reason for entry in bench.schedules.history("u1", strategy_id)] == ["No price."]


def test_a_run_of_which_one_account_is_leaving_is_still_left_by_its_schedule(bench: Bench) -> None:
    strategy_id = bench.strategy("09:20", accounts=("a1", "a2"), exit_at="15:15")
    bench.at(9, 20)
    bench.enter(strategy_id)
    with bench.db.write() as session:
        run = session.scalars(select(Run)).one()
        run.state, run.started_at = "exiting", run.requested_at
    assert [one.id for one in bench.schedules.live_runs()] == [run.id]
    assert bench.strategies.exit_run("u1", run.id, "exit time", "schedule")
    assert bench.schedules.live_runs() == []


def test_no_entry_is_made_for_an_owner_who_is_switched_off_or_may_not_trade(any_desk) -> None:  # noqa: F811 - the fixture
    bench = Bench(any_desk.db)
    strategy_id = bench.strategy("09:20", "09:30", "09:40")
    for minute, change in ((20, {"active": False}), (30, {"active": True, "role": "viewer"}), (40, {"role": "trader"})):
        with bench.db.write() as session:
            session.execute(update(User).where(User.id == "u1").values(**change))
        bench.at(9, minute)
        [entry] = bench.enter(strategy_id)
        assert (entry.outcome, entry.reason) == (("started", "") if minute == 40 else ("missed", MAY_NOT))
    assert len(bench.runs()) == 1


def test_what_is_under_way_is_told_in_numbers_and_by_name(bench: Bench) -> None:
    def told() -> str:
        with bench.db.read() as session:
            return under_way(session, "u1")

    assert told() == ""
    strategy_id = bench.strategy("09:20")
    assert told() == "", "what is armed enters nothing for whoever is switched off"
    bench.at(9, 20)
    bench.enter(strategy_id)
    assert told() == "1 live run: Early"
    bench.end_runs()
    assert told() == ""
