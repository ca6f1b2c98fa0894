"""One strategy, run or stake at fault keeps no other from its entries and its ways out; what was known of it stays."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select, update

from app.commands.demo import always_open
from app.engine import assembly, lookouts
from app.engine.lookouts import Lookout
from app.engine.scheduler import ANEW, Scheduler
from app.engine.sights import Sight
from app.execution.events import Alarm
from app.risk.deltas import DeltaWatch
from app.risk.limits import Bounds, DeltaRule
from app.risk.models import RiskReading
from app.risk.monitor import Found, Monitor, Reach, Stake, Trigger
from app.risk.rules import Rule
from app.strategies.legs import Draft
from app.strategies.models import Run, Strategy
from app.venues.types import Symbol
from app.wiring import Services, build
from tests.databases import away, lay_tables
from tests.engine.desks import settings_for
from tests.feed.hands import HandClock
from tests.portfolio.rows import Desk

LEG = {"action": "BUY", "kind": "SYMBOL", "symbol": "SBIN", "exchange": "NSE", "lots": 1}
EVERY_DAY = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
BROKEN = {"entries": ["soon"]}  # what no schedule can be
HELD = {Symbol("NFO", "NIFTY24NOV2626050CE"): Decimal(65)}


@dataclass
class Bench:
    """An engine that nobody started, over the real services; its clock is moved by hand, at ten in India."""

    services: Services
    engine: assembly.Engine
    clock: HandClock
    scheduler: Scheduler = field(init=False)

    def __post_init__(self) -> None:
        self.scheduler = next(job.step.__self__ for job in self.engine.loops["schedule"].jobs if job.name == "armed")

    def armed(self, name: str, *entries: str) -> str:
        schedule = {"days": EVERY_DAY, "entries": entries}
        draft = {"name": name, "legs": [LEG], "accounts": [{"account_id": "a1"}], "schedule": schedule}
        made = self.services.strategies.create("u1", Draft.model_validate(draft))
        self.services.schedules.arm("u1", made, 1)
        return made

    def run(self, run_id: str, strategy_id: str) -> str:
        """It is open, and left at three."""
        with self.services.db.write() as session:
            session.add(
                Run(
                    id=run_id,
                    owner_id="u1",
                    strategy_id=strategy_id,
                    key=run_id,
                    name=run_id,
                    version=1,
                    legs=[LEG],
                    on_failure="unwind",
                    venue_kind="openalgo",
                    accounts=[],
                    state="open",
                    requested_at=self.clock.now(),
                    schedule={"days": EVERY_DAY, "exit_at": "15:00"},
                )  # fmt: skip
            )
        return run_id

    def say(self, table: type[Strategy] | type[Run], row_id: str, **values: object) -> None:
        with self.services.db.write() as session:
            session.execute(update(table).where(table.id == row_id).values(**values))

    def pending(self) -> dict[str, list[str]]:
        return {key: [slot.name for slot in one.pending] for key, one in self.scheduler._armed.items()}

    def later(self) -> None:
        """So much later that everything is read anew."""
        self.clock.forward(ANEW.total_seconds() + 1)


@pytest.fixture
def bench(instance: Path) -> Iterator[Bench]:
    settings, clock = settings_for(instance), HandClock()
    lay_tables(settings.database_url)
    services = build(settings, "engine", clock=clock)
    services.instruments.seed()
    always_open(services)
    Desk(services.db).account("a1")
    made = Bench(services, assembly.build(services), clock)
    yield made
    made.engine.stop()
    services.close()


# -- strategies


def test_a_strategy_that_cannot_be_planned_keeps_no_other_from_its_entries_nor_itself_from_those_known(bench) -> None:
    first, second = bench.armed("First", "11:00"), bench.armed("Second", "12:00")
    bench.scheduler.plan()
    before = bench.pending()
    bench.say(Strategy, first, schedule=BROKEN)
    third = bench.armed("Third", "13:00")
    bench.later()
    with pytest.raises(ExceptionGroup, match="1 of 3 strategies could not be planned"):
        bench.scheduler.plan()
    assert bench.pending().keys() == {first, second, third}
    assert bench.pending()[first] == before[first]
    read_at = {key: one.read_at for key, one in bench.scheduler._armed.items()}
    assert read_at[first] < read_at[second] == bench.clock.now()
    bench.say(Strategy, first, schedule={"days": EVERY_DAY, "entries": ["11:00"]})
    bench.scheduler.plan()
    assert bench.scheduler._armed[first].read_at == bench.clock.now()


def test_the_times_of_an_earlier_version_are_never_entered_because_the_new_ones_cannot_be_read(bench) -> None:
    first, second = bench.armed("First", "11:00"), bench.armed("Second", "12:00")
    bench.scheduler.plan()
    bench.say(Strategy, first, schedule=BROKEN, version=2)
    with pytest.raises(ExceptionGroup):
        bench.scheduler.plan()
    assert bench.pending().keys() == {second}
    summary = bench.scheduler._told[0]["u1"]
    assert summary["armed"] == 2 and summary["name"] == "Second"


def test_a_database_that_fails_while_entries_are_planned_takes_none_of_them_away(bench) -> None:
    bench.armed("First", "11:00")
    bench.scheduler.plan()
    before = bench.pending()
    bench.later()
    with away(bench.services.db, "scheduled_entries"), pytest.raises(ExceptionGroup):
        bench.scheduler.plan()
    assert bench.pending() == before
    with away(bench.services.db, "strategies"), pytest.raises(Exception, match="no such table"):
        bench.scheduler.plan()
    assert bench.pending() == before


def test_a_strategy_whose_legs_cannot_be_read_keeps_no_other_cold(bench) -> None:
    first, second = bench.armed("First", "10:00:20"), bench.armed("Second", "10:00:20")
    bench.scheduler.plan()
    bench.scheduler._armed[first].strategy.legs = [{"kind": "nothing"}]
    with pytest.raises(ExceptionGroup, match="1 of 2 strategies stay cold"):
        bench.scheduler.warm()
    assert bench.scheduler._armed[second].warmed


# -- runs


def test_a_run_that_cannot_be_read_keeps_no_other_from_its_exit_nor_itself_from_the_one_known(bench) -> None:
    strategy_id = bench.armed("First", "11:00")
    first = bench.run("run-1", strategy_id)
    bench.scheduler.watch()
    known = bench.scheduler._watched[first]
    bench.say(Run, first, schedule=BROKEN)
    second = bench.run("run-2", strategy_id)
    bench.later()
    with pytest.raises(ExceptionGroup, match="1 of 2 runs could not be watched"):
        bench.scheduler.watch()
    assert bench.scheduler._watched[first] is known
    assert bench.scheduler._watched[second].leaving.at == known.leaving.at


def test_a_run_at_fault_from_the_first_is_watched_as_soon_as_it_can_be_read(bench) -> None:
    strategy_id = bench.armed("First", "11:00")
    first, second = bench.run("run-1", strategy_id), bench.run("run-2", strategy_id)
    bench.say(Run, first, schedule=BROKEN)
    bench.scheduler._asked |= {second, "run-0"}
    with pytest.raises(ExceptionGroup):
        bench.scheduler.watch()
    assert bench.scheduler._watched.keys() == {second}
    assert bench.scheduler._asked == {second}  # what ended is forgotten all the same
    bench.say(Run, first, schedule={"days": EVERY_DAY, "exit_at": "15:00"})
    bench.scheduler.watch()
    assert bench.scheduler._watched.keys() == {first, second}


def test_a_database_that_fails_while_runs_are_looked_for_takes_none_of_them_away(bench) -> None:
    first = bench.run("run-1", bench.armed("First", "11:00"))
    bench.scheduler.watch()
    with away(bench.services.db, "runs"), pytest.raises(Exception, match="no such table"):
        bench.scheduler.watch()
    assert bench.scheduler._watched.keys() == {first}


# -- who is told


def told(bench: Bench) -> list[tuple[str, str, str, int]]:
    rows = bench.services.notify.list("u1")
    return [(row.level, row.text, row.link, row.times) for row in rows if "cannot be read" in row.subject]


def fails_three_times(bench: Bench, step: Callable[[], None]) -> None:
    for _ in range(3):
        bench.later()
        with pytest.raises(ExceptionGroup):
            step()


def test_the_owner_of_an_armed_strategy_that_cannot_be_read_is_told_once_a_day_and_can_remove_it(bench) -> None:
    first = bench.armed("First", "11:00")
    bench.say(Strategy, first, schedule=BROKEN)
    fails_three_times(bench, bench.scheduler.plan)
    ((level, text, link, times),) = told(bench)
    assert (level, link, times) == ("alarm", f"/strategies/{first}/remove", 1)
    assert text.startswith(f"First ({first})") and "1 validation error for Schedule" in text and "make it anew" in text
    bench.clock.forward(timedelta(days=1).total_seconds())
    with pytest.raises(ExceptionGroup):
        bench.scheduler.plan()
    assert len(told(bench)) == 2
    bench.services.strategies.remove("u1", first)
    bench.scheduler.plan()
    assert bench.pending() == {}


def test_the_owner_of_a_run_that_cannot_be_read_is_told_once_a_day(bench) -> None:
    first = bench.run("run-1", bench.armed("First", "11:00"))
    bench.say(Run, first, schedule=BROKEN)
    fails_three_times(bench, bench.scheduler.watch)
    ((level, text, link, times),) = told(bench)
    assert (level, link, times) == ("alarm", "/risk", 1)
    assert text.startswith("run-1 (run-1)") and "exit it in time" in text


def test_nobody_is_told_that_a_row_cannot_be_read_when_it_is_the_database_that_fails(bench) -> None:
    bench.armed("First", "11:00")
    with away(bench.services.db, "scheduled_entries"), pytest.raises(ExceptionGroup):
        bench.scheduler.plan()
    assert told(bench) == []


# -- stakes


class Stakes:
    """A lookout over two stakes that have a rule of deltas; what is seen of each is the test's."""

    def __init__(self, bench: Bench) -> None:
        self.left: list[Trigger] = []
        self.blind: set[str] = set()
        self.found: Found | None = Found(Rule.DELTA, Decimal("0.6"), Decimal("0.7"))
        self.db, self.clock = bench.services.db, bench.clock
        monitor = Monitor(lambda _symbol: None, self.left.append, lambda _stake, _trailed: None)
        monitor.put(None, [stake("run-1"), stake("run-2")], bench.clock.now())
        self.lookout = Lookout(bench.services, monitor, bench.engine.market, Rule.DELTA, self.look)

    def look(self, stakes: Sequence[Stake], now: datetime) -> list[Sight]:
        if blind := [one.id for one in stakes if one.id in self.blind]:
            raise ValueError(f"nothing can be made of {blind}")
        return [Sight(Decimal("0.7"), Decimal("0.6"), "net delta", now, found=self.found) for _ in stakes]

    def readings(self) -> dict[str, str]:
        with self.db.read() as session:
            return {row.subject_id: row.trouble for row in session.scalars(select(RiskReading))}


def stake(run_id: str) -> Stake:
    watch = DeltaWatch(DeltaRule(beyond=Decimal("0.6")), HELD, Decimal(65))
    return Stake(Reach.RUN, run_id, run_id, "u1", run_id, None, HELD, Bounds(), delta=watch)


def test_what_cannot_be_kept_of_one_stake_keeps_no_other_from_its_exit(bench) -> None:
    stakes = Stakes(bench)
    with away(bench.services.db, "risk_readings"), pytest.raises(ExceptionGroup, match="2 failures over 2"):
        stakes.lookout.step()
    assert [trigger.stake.id for trigger in stakes.left] == ["run-1", "run-2"]


def test_what_could_not_be_kept_is_kept_at_the_next_look_though_it_is_the_same(bench) -> None:
    stakes = Stakes(bench)
    stakes.found = None
    with away(bench.services.db, "risk_readings"), pytest.raises(ExceptionGroup):
        stakes.lookout.step()
    assert stakes.lookout.step()
    assert stakes.readings() == {"run-1": "", "run-2": ""}


def test_a_stake_that_cannot_be_looked_at_keeps_no_other_from_its_exit_and_its_owner_is_told(
    bench, monkeypatch
) -> None:
    told: list[Alarm] = []
    bench.services.bus.subscribe(Alarm, told.append)
    monkeypatch.setattr(lookouts, "PATIENCE", timedelta(0))
    stakes = Stakes(bench)
    stakes.blind.add("run-1")
    with pytest.raises(ExceptionGroup):
        stakes.lookout.step()
    assert [trigger.stake.id for trigger in stakes.left] == ["run-2"]
    assert "looking at it fails" in stakes.readings()["run-1"]
    assert [alarm.subject for alarm in told] == ["run:run-1"]
    stakes.blind.clear()
    assert stakes.lookout.step()
    assert [trigger.stake.id for trigger in stakes.left] == ["run-2", "run-1"]
