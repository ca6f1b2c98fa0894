"""What the engine is doing when it is killed: which legs, which acts one after another, which trouble of the brokers.

Every trouble ends by itself after a few calls, so that a round that does not settle has shown a fault of the desk.
"""

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tests.engine.desks import IRON_FLY
from tests.engine.proving import RESTING, SPLIT_FLY

Json = dict[str, Any]
PLACE, MODIFY = {"endpoint": "placeorder"}, {"endpoint": "modifyorder"}


class Act(StrEnum):
    ENTER = "enter"  # until every part is where it stays
    ENTER_AND_EXIT = "enter and exit"  # the exit is asked for in the middle of the entry
    REST = "rest"  # an entry of limit orders, until they stand at the broker
    CHANGE = "change"  # the price of each of them, by hand: it goes on resting, or fills
    CANCEL = "cancel"  # each of them, by hand
    IDLE = "idle"
    EXIT = "exit"  # until everything is flat
    STOP = "stop"  # by the kill switch, until everything is flat and the switch says that it is done
    ENTER_AND_STOP = "enter and stop"


@dataclass(frozen=True)
class Scenario:
    name: str
    legs: tuple[Json, ...]
    acts: tuple[Act, ...] = (Act.ENTER, Act.EXIT)
    entry_trouble: tuple[Json, ...] = ()
    exit_trouble: tuple[Json, ...] = ()
    draws: int = 0  # how many more troubles are drawn for each act
    weight: int = 2


LOST_ANSWERS = (
    {"kind": "lost", "how": "reset", **PLACE},
    {"kind": "lost", "how": "hang", "seconds": 1.5, **PLACE},
    {"kind": "lost", "how": "reset", "placed": False, **PLACE},
    {"kind": "error", "status": 500, "placed": True, **PLACE},
    {"kind": "html", "status": 502, "placed": True, **PLACE},
    {"kind": "null_orderid", "placed": True, **PLACE},
    {"kind": "latency", "ms": 1500, "where": "after", **PLACE},
)
LOST_CHANGES = (
    {"kind": "lost", "how": "reset", **MODIFY},
    {"kind": "lost", "how": "hang", "seconds": 1.5, **MODIFY},
    {"kind": "lost", "how": "reset", "placed": False, **MODIFY},
    {"kind": "error", "status": 500, "placed": True, **MODIFY},
    {"kind": "latency", "ms": 700, "where": "before", **MODIFY},
    {"kind": "latency", "ms": 700, "where": "after", **MODIFY},
)
BLIND_SPOTS = (
    {"kind": "order_silent"},
    {"kind": "order_drop"},
    {"kind": "order_duplicate"},
    {"kind": "order_reorder"},
    {"kind": "late_book", "ms": 600},
    {"kind": "error", "endpoint": "orderbook"},
    {"kind": "error", "endpoint": "tradebook"},
    {"kind": "empty_book", "endpoint": "orderbook"},
)
SLOW_FILLS = ({"kind": "slow_fills", "ms": 60},)
FLY, SPLIT, LIMITS = tuple(IRON_FLY), tuple(SPLIT_FLY), tuple(RESTING)

SCENARIOS = (
    Scenario("entry and exit", FLY, weight=3),
    Scenario("entry and exit with splitting", SPLIT, (Act.ENTER, Act.IDLE, Act.EXIT), SLOW_FILLS, SLOW_FILLS, weight=3),
    Scenario("exit while entering", SPLIT, (Act.ENTER_AND_EXIT,), SLOW_FILLS, weight=3),
    Scenario("reconcile: lost answers on the way in", SPLIT, entry_trouble=SLOW_FILLS, draws=2, weight=3),
    Scenario("reconcile: lost answers while leaving", FLY, (Act.ENTER_AND_EXIT,), draws=2),
    Scenario("fills in parts", SPLIT, entry_trouble=({"kind": "partial_fills", "fraction": 0.4},),
             exit_trouble=({"kind": "partial_fills", "fraction": 0.4},)),
    Scenario("cancel", LIMITS * 3, (Act.REST, Act.CANCEL), entry_trouble=({"kind": "slow_cancel", "ms": 80},)),
    Scenario("change and cancel", LIMITS * 3, (Act.REST, Act.CHANGE, Act.CANCEL)),
    Scenario("change of what then leaves", LIMITS * 2, (Act.REST, Act.CHANGE, Act.EXIT)),
    Scenario("reconcile: lost answers to changes", LIMITS * 2, (Act.REST, Act.CHANGE, Act.CHANGE, Act.CANCEL), draws=2),
    Scenario("exit of what rests", LIMITS * 2, (Act.REST, Act.EXIT)),
    Scenario("kill switch", SPLIT, (Act.ENTER, Act.STOP), SLOW_FILLS),
    Scenario("kill switch while entering", SPLIT, (Act.ENTER_AND_STOP,), SLOW_FILLS),
    Scenario("kill switch over what rests", LIMITS * 2, (Act.REST, Act.STOP)),
    Scenario("unwind", SPLIT, entry_trouble=({"kind": "reject", "nth": 6}, *SLOW_FILLS)),
)  # fmt: skip
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


def draw(rng: random.Random) -> Scenario:
    return rng.choices(SCENARIOS, [scenario.weight for scenario in SCENARIOS])[0]


def troubles(scenario: Scenario, act: Act, rng: random.Random) -> list[Json]:
    """What the brokers do to this act, with the broker that each strikes."""
    fixed = scenario.exit_trouble if act in (Act.EXIT, Act.STOP) else scenario.entry_trouble
    listed: list[Json] = [dict(trouble) for trouble in fixed]
    if scenario.draws and act is not Act.IDLE:
        lost = LOST_CHANGES if act is Act.CHANGE else LOST_ANSWERS
        chosen = [*rng.sample(lost, scenario.draws), rng.choice(BLIND_SPOTS)]
        listed += [{**trouble, "next": rng.randint(1, 3), "broker": rng.choice(("near", "far"))} for trouble in chosen]
    return listed
