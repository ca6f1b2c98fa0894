"""kill -9 of a real engine wherever it happens to be; then the books must agree. `desk.py crashtest` does more."""

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.core.clock import INDIA
from app.execution.states import can_cancel
from app.strategies.schedule import DAYS
from tests.crash.engines import World, world
from tests.crash.proof import assert_over, assert_sound
from tests.crash.rounds import Lengths, Order, Player, Round
from tests.crash.scenarios import BY_NAME, SCENARIOS, Act
from tests.crash.walk import ONE_BROKER, die_at, sample
from tests.crash.watching import Watched
from tests.engine.proving import RESTING, SPLIT_FLY, orders_of
from tests.paper.running import ROOT
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
# Between the send and the journal, and around some commits.
POINTS = ("book read:1", "claimed:1", "answered:1", "answered:4", "committing:5", "committed:8", "committing:11")


def failures_of(order: Order) -> tuple[int, list[str]]:
    told: list[dict] = []
    with Player(order, told.append) as player:
        player.play()
    kills = sum(each["told"] == "kill" for each in told)
    return kills, [each["failure"] for each in told if each["told"] == "round" and each["failure"]]


def test_however_often_the_engine_is_killed_the_books_agree(tmp_path: Path) -> None:
    order = Order(tmp_path, "sqlite", lambda: nullcontext(""), seed=1, kills=12, rehearse=False)
    kills, failures = failures_of(order)
    assert kills >= 12
    assert not failures, "\n\n".join(failures)


def test_the_books_agree_over_postgresql_too(tmp_path: Path, postgres_url: str) -> None:
    order = Order(tmp_path, "postgres", lambda: nullcontext(postgres_url), seed=2, kills=6, rehearse=False)
    kills, failures = failures_of(order)
    assert kills >= 6
    assert not failures, "\n\n".join(failures)


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("walk"), brokers=ONE_BROKER) as made:
        yield made


def test_it_may_die_between_the_send_and_the_journal_and_around_a_commit(walked: World) -> None:
    assert sample(walked, POINTS) == list(POINTS)


@pytest.mark.parametrize("point", ["changing", "changed", "cancelling"])
def test_it_may_die_around_a_change_and_a_cancel(walked: World, point: str) -> None:
    """Before the call and after it, with the answer not written down: the next engine sends no second one."""
    desk = walked.desk
    watched = Watched(walked, desk.services.strategies.run(desk.owner_id, desk.strategy(RESTING * 2, point), point))
    watched.until(watched.is_resting)
    walked.kill()
    engine = walked.start(point)
    watched.ask_for_changes(0.5)
    if point == "cancelling":
        watched.until(watched.is_changed)
        cancel_all(watched)
    until(engine.has_died, 30)
    walked.start()
    watched.until(watched.is_over if point == "cancelling" else watched.is_changed)
    assert_sound(walked, watched.run_id)
    assert {change.state for change in watched.changes()} <= {"done", "refused", "withdrawn"}
    watched.ask_for_exit()
    watched.until(watched.is_over)
    assert_over(walked, watched.run_id)


def cancel_all(watched: Watched) -> None:
    desk = watched.world.desk
    for order in orders_of(desk, watched.run_id):
        if can_cancel(order.state):
            desk.services.orders.cancel(desk.owner_id, order.id)


@pytest.mark.parametrize("point", ["scheduled", "entered", "claimed:1"])
def test_it_may_die_while_it_makes_a_scheduled_entry(walked: World, point: str) -> None:
    """Before the commit of the entry, after it, and with its first order claimed: its successor enters once."""
    desk, services = walked.desk, walked.desk.services
    walked.kill()
    due = (services.clock.now() + timedelta(seconds=4)).astimezone(INDIA)
    schedule = {"days": DAYS, "entries": [f"{due:%H:%M:%S}"]}
    strategy_id = desk.strategy(SPLIT_FLY[:1], f"scheduled {point}", schedule=schedule)
    services.schedules.arm(desk.owner_id, strategy_id, 1)
    until(walked.start(point).has_died, 40)
    walked.start()
    entry = until(lambda: services.schedules.history(desk.owner_id, strategy_id), 40)[0]
    assert entry.outcome == "started", entry.reason
    watched = Watched(walked, entry.run_id)
    watched.until(watched.is_steady)
    assert_sound(walked, entry.run_id)
    assert [run.id for run in services.strategies.runs(desk.owner_id) if run.strategy_id == strategy_id] == [
        entry.run_id
    ]
    watched.ask_for_exit()
    watched.until(watched.is_over)
    assert_over(walked, entry.run_id)


def test_it_may_die_while_a_leg_comes_again(walked: World) -> None:
    """Just before the commit of the entry that follows an exit: it comes, and once."""
    desk, point = walked.desk, "late entry"
    leg = SPLIT_FLY[0] | {"lots": 1, "strike": "25000", "stop": {"value": "10"}, "again": {"times": 1}}
    desk.paper.tell("market", name="NIFTY", pin=25_000)
    watched = Watched(walked, desk.services.strategies.run(desk.owner_id, desk.strategy([leg], point), point))
    watched.until(watched.is_steady)
    walked.kill()
    engine = walked.start(point)
    desk.paper.tell("market", name="NIFTY", pin=24_880)
    until(engine.has_died, 40)
    walked.start()
    watched.until(lambda: entries_of(watched) == 2 and watched.is_steady())
    watched.ask_for_exit()
    watched.until(watched.is_over)
    assert entries_of(watched) == 2
    assert_over(walked, watched.run_id)


@pytest.fixture(scope="module")
def keeping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Its broker keeps stops and targets."""
    with world(tmp_path_factory.mktemp("keeping"), brokers=({**ONE_BROKER[0], "gtt": True},)) as made:
        yield made


@pytest.mark.parametrize("point", ["claimed:2", "answered:2", "cancelling"])
def test_it_may_die_while_a_stop_and_a_target_go_to_the_broker_or_are_taken_back(keeping: World, point: str) -> None:
    """Before they were sent, with the answer not written down, and on the way out: there is one pair, then none."""
    desk = keeping.desk
    desk.paper.tell("market", name="NIFTY", pin=25_000)
    levels = {"stop": {"value": "30"}, "target": {"value": "40"}, "at_broker": True}
    strategy_id = desk.strategy([SPLIT_FLY[0] | levels | {"lots": 1, "strike": "25000"}], f"kept {point}")
    if point != "cancelling":
        keeping.kill()
        engine = keeping.start(point)
        watched = Watched(keeping, desk.services.strategies.run(desk.owner_id, strategy_id, point))
        until(engine.has_died, 40)
        keeping.start()
    else:
        watched = Watched(keeping, desk.services.strategies.run(desk.owner_id, strategy_id, point))
    watched.until(
        lambda: [order.state for order in pairs_of(watched)][-1:] in (["open"], ["trigger_pending"], ["lost"])
    )
    kept = desk.paper["near"].call("gttorderbook")[1]["data"]
    assert len(kept) == sum(order.state != "lost" for order in pairs_of(watched)) <= 1
    if point == "cancelling":
        keeping.kill()
        engine = keeping.start(point)
    watched.ask_for_exit()
    if point == "cancelling":
        until(engine.has_died, 40)
        keeping.start()
    watched.until(watched.is_over)
    assert_over(keeping, watched.run_id)
    assert desk.paper["near"].call("gttorderbook")[1]["data"] == []


def pairs_of(watched: Watched) -> list[Any]:
    return [order for order in orders_of(watched.world.desk, watched.run_id) if order.target_trigger is not None]


def entries_of(watched: Watched) -> int:
    return sum(order.purpose == "entry" for order in orders_of(watched.world.desk, watched.run_id))


@pytest.mark.parametrize("scenario", [each.name for each in SCENARIOS if Act.CHANGE in each.acts])
def test_every_change_of_the_campaign_is_played_without_a_kill(walked: World, scenario: str) -> None:
    """What a campaign rehearses: a scenario that cannot succeed would hide behind its kills."""
    strategy_id = walked.desk.strategy(list(BY_NAME[scenario].legs), scenario)
    rng, said = random.Random(7), []
    kept = replace(BY_NAME[scenario], draws=0)
    Round(walked, strategy_id, kept, rng, Lengths(), said.append, scenario, is_rehearsal=True).play()
    assert not said


def test_a_point_that_is_never_reached_kills_nobody(walked: World) -> None:
    strategy_id = walked.desk.strategy(SPLIT_FLY[:1], "no cancels")
    assert not die_at(walked, strategy_id, "cancelling:1")


def test_an_interrupted_campaign_leaves_a_summary_and_no_process(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.crash.campaign", "--n", "99", "--database", "sqlite", "--jobs", "1"]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as campaign:
        assert campaign.stdout.readline().startswith("Seed ")
        until(lambda: list(tmp_path.glob("*/player-1/link")), 60)  # its engine's own link: it has begun
        campaign.send_signal(signal.SIGINT)
        said = campaign.stdout.read()
    assert campaign.returncode == 130
    assert "Interrupted" in said and "kills" in said
    until(lambda: not processes_naming(str(tmp_path)), 20)


def processes_naming(folder: str) -> list[str]:
    """Those of this machine whose environment names the folder; where there is no /proc there is nothing to see."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes().decode(errors="replace")
            command = (process / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if folder in environment and process.name != str(os.getpid()):
            found.append(json.dumps([process.name, command]))
    return found
