"""A round: one scenario, its engine killed at drawn instants of its acts, brought back, settled, proven; then flat.

Everything that is drawn comes from the seed, the database and the round's number, so that a round can be played again
by itself. An instant is drawn evenly over the length that the act has without a kill.
"""

import random
import shutil
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.execution.states import can_cancel
from tests.crash.engines import World, world
from tests.crash.moments import struck
from tests.crash.proof import assert_over, assert_sound
from tests.crash.scenarios import BY_NAME, SCENARIOS, Act, Scenario, draw, troubles
from tests.crash.watching import Watched
from tests.engine.proving import orders_of

Json = dict[str, Any]
Tell = Callable[[Json], None]
ENOUGH_FAILURES = 8  # of one player: each costs a new world, and more would tell nothing new
MOST_TOLD = 4000  # characters of a failure
ROUNDS_PER_WORLD = 40  # proofs read whole books: they must not grow without end
KILLED_ACTS, KILLED_AGAIN = 0.75, 0.35  # how often
ASKED_WHILE_DEAD = 0.15
RECOVERY = 1.0  # seconds of an engine's first life in which it may be killed again
GUESSED = {
    Act.ENTER: 0.5, Act.ENTER_AND_EXIT: 0.8, Act.REST: 0.3, Act.CHANGE: 0.3, Act.CANCEL: 0.5, Act.IDLE: 0.3,
    Act.EXIT: 0.5, Act.STOP: 0.6, Act.ENTER_AND_STOP: 0.9,
}  # fmt: skip
DOING = {
    Act.ENTER: "entering",
    Act.REST: "entering",
    Act.CHANGE: "changing",
    Act.IDLE: "idle",
}  # all else is leaving


@dataclass(frozen=True, slots=True)
class Order:
    """What one player is asked for."""

    folder: Path
    database: str  # sqlite or postgres
    fresh: Callable[[], AbstractContextManager[str]]  # an empty database of that kind, by its address
    seed: int
    kills: int
    first: int = 0  # number of its first round
    step: int = 1
    rehearse: bool = True  # measure every scenario once without a kill before the first round


class Lengths:
    """Seconds each act takes when nothing is killed: measured, and guessed before."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[str, Act], float] = {}

    def of(self, scenario: Scenario, act: Act) -> float:
        return self._seconds.get((scenario.name, act), GUESSED[act])

    def learn(self, scenario: Scenario, act: Act, seconds: float) -> None:
        known = self._seconds.get((scenario.name, act), seconds)
        self._seconds[scenario.name, act] = 0.7 * known + 0.3 * seconds


@dataclass
class Round:
    """One round in a world; tells each kill as it happens."""

    world: World
    strategy_id: str
    scenario: Scenario
    rng: random.Random
    lengths: Lengths
    tell: Tell
    key: str
    is_rehearsal: bool = False
    run_id: str = ""
    slowest: float = 0.0  # seconds from an engine's start until all was settled
    kills: int = 0
    _plan: set[Act] = field(default_factory=set)

    def play(self) -> None:
        self._plan = {act for act in self.scenario.acts if self.rng.random() < KILLED_ACTS}
        self._plan = self._plan or {self.rng.choice(self.scenario.acts)}
        for act in self.scenario.acts:
            self.world.paper.heal()
            for trouble in troubles(self.scenario, act, self.rng):
                self.world.paper.fault(**trouble)
            self._perform(act)
            assert_sound(self.world, self.run_id)
            if act in (Act.ENTER, Act.REST):
                assert orders_of(self.world.desk, self.run_id), "the run ended without a single order"
        self.world.paper.heal()
        self._watched.ask_for_exit()  # of what the acts left open
        self._until_done(Act.EXIT)
        self._watched.release_kill_switch()
        assert_over(self.world, self.run_id)

    def _perform(self, act: Act) -> None:
        instant, again, asks = self.rng.random(), self.rng.random(), self.rng.random()
        later = self.rng.random()
        started = time.monotonic()
        self._begin(act, self.rng.random())
        if self.is_rehearsal or act not in self._plan:
            self._until_done(act)
            self.lengths.learn(self.scenario, act, time.monotonic() - started)
            return
        time.sleep(instant * self.lengths.of(self.scenario, act))
        self._kill(DOING.get(act, "exiting"))
        if asks < ASKED_WHILE_DEAD:
            self._watched.ask_for_exit()
        self.world.start()
        if again < KILLED_AGAIN:
            time.sleep(later * RECOVERY)
            self._kill("recovering")
            self.world.start()
        started = time.monotonic()
        self._until_done(act)
        self.slowest = max(self.slowest, time.monotonic() - started)

    def _kill(self, doing: str) -> None:
        at = datetime.now(UTC)
        self.world.kill()
        self.kills += 1
        self.tell({"told": "kill", "doing": doing, "moment": struck(self.world, self.run_id, at)})

    # -- acts

    def _begin(self, act: Act, fraction: float) -> None:
        services, owner_id = self.world.desk.services, self.world.desk.owner_id
        if act in (Act.ENTER, Act.REST, Act.ENTER_AND_EXIT, Act.ENTER_AND_STOP):
            self.run_id = services.strategies.run(owner_id, self.strategy_id, self.key)
        if act in (Act.ENTER_AND_EXIT, Act.ENTER_AND_STOP):
            time.sleep(fraction * GUESSED[Act.ENTER])
        if act in (Act.EXIT, Act.ENTER_AND_EXIT):
            self._watched.ask_for_exit()
        if act in (Act.STOP, Act.ENTER_AND_STOP):
            self._watched.press_kill_switch()
        if act is Act.CHANGE:
            self._watched.ask_for_changes(fraction)
        if act is Act.CANCEL:
            for order in orders_of(self.world.desk, self.run_id):
                if can_cancel(order.state):
                    services.orders.cancel(owner_id, order.id)

    def _until_done(self, act: Act) -> None:
        watched = self._watched
        done = {
            Act.ENTER: watched.is_steady, Act.IDLE: watched.is_steady, Act.REST: watched.is_resting,
            Act.CHANGE: watched.is_changed, Act.CANCEL: watched.is_steady,
            Act.STOP: watched.is_stopped, Act.ENTER_AND_STOP: watched.is_stopped,
        }  # fmt: skip
        watched.until(done.get(act, watched.is_over))

    @property
    def _watched(self) -> Watched:
        return Watched(self.world, self.run_id)


class Player:
    """Plays rounds until enough engines were killed; a world that showed a fault is kept and replaced."""

    def __init__(self, order: Order, tell: Tell) -> None:
        self._order = order
        self._tell = tell
        self._lengths = Lengths()
        self._worlds = 0
        self._played = 0
        self._strategies: dict[str, str] = defaultdict(str)
        self._stack = ExitStack()
        self._world: World | None = None

    def __enter__(self) -> "Player":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def play(self) -> int:
        """How many rounds failed."""
        failed = kills = 0
        if self._order.rehearse:
            failed += sum(not self._play(-1, scenario)[0] for scenario in SCENARIOS)
        number = self._order.first
        while kills < self._order.kills:
            if failed >= ENOUGH_FAILURES:
                given_up = "So many rounds failed that the rest was not played."
                self._tell({"told": "end", "failure": given_up, "folder": ""})
                break
            is_well, died = self._play(number)
            failed, kills, number = failed + (not is_well), kills + died, number + self._order.step
        return failed

    def _play(self, number: int, rehearsed: Scenario | None = None) -> tuple[bool, int]:
        """One round by its number, or a rehearsal; whether all was well, and how many engines died."""
        rng = random.Random(f"{self._order.seed} {self._order.database} {number}")
        scenario = rehearsed or draw(rng)
        made = self._ready_world()
        key = f"{scenario.name} {number} {self._played}"
        playing = Round(
            made, self._strategy(made, scenario), scenario, rng, self._lengths, self._tell, key, rehearsed is not None
        )
        failure = ""
        try:
            playing.play()
        except Exception as error:  # whatever it is, it is this round's finding, and the campaign goes on
            failure = f"{type(error).__name__}: {error}"[:MOST_TOLD]
        self._played += 1
        self._tell(self._round_told(playing, number, failure))
        if failure:
            self._give_up_world(keep=True)
        return not failure, playing.kills

    def _round_told(self, playing: Round, number: int, failure: str) -> Json:
        told_of = {"told": "round", "number": number, "database": self._order.database, "kills": playing.kills}
        found = {"scenario": playing.scenario.name, "slowest": playing.slowest, "failure": failure}
        return told_of | found | {"folder": str(playing.world.folder) if failure else ""}

    # -- worlds

    def _ready_world(self) -> World:
        if self._world is not None and self._played % ROUNDS_PER_WORLD == 0:
            self._give_up_world(keep=False)
        if self._world is None:
            self._worlds += 1
            folder = self._order.folder / f"world-{self._worlds}"
            url = self._stack.enter_context(self._order.fresh())
            self._world = self._stack.enter_context(world(folder, url))
            self._strategies.clear()
        return self._world

    def _give_up_world(self, keep: bool) -> None:
        folder = self._world.folder if self._world else self._order.folder
        self._world = None
        self._stack.close()
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)

    def _strategy(self, made: World, scenario: Scenario) -> str:
        if not self._strategies[scenario.name]:
            self._strategies[scenario.name] = made.desk.strategy(list(BY_NAME[scenario.name].legs), scenario.name)
        return self._strategies[scenario.name]
