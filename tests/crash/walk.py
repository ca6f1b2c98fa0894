"""Dying at every commit of a whole entry and exit, one after another: just before it, and just after.

A run is asked for, an engine that dies at the n-th commit of its life is started, its successor brings all to an end;
then n + 1, until an engine lives through it all. Which work stands at the n-th commit differs a little from life to
life, since threads do; none is left out because the walk does not jump.
"""

from collections.abc import Callable, Iterable
from itertools import count

from tests.crash.engines import World
from tests.crash.proof import assert_over, assert_sound
from tests.crash.watching import Watched
from tests.engine.proving import SPLIT_FLY, orders_of

HEDGED = SPLIT_FLY[::2]  # a bought and a sold leg, each in two slices
KINDS = ("committing", "committed")
ONE_BROKER = ({"name": "near", "rtt_ms": 10},)


def walk(world: World, kind: str, tell: Callable[[str], None]) -> int:
    """All points of a kind; how many there were."""
    strategy_id = world.desk.strategy(HEDGED, f"walk {kind}")
    for number in count(1):
        point = f"{kind}:{number}"
        if not die_at(world, strategy_id, point):
            return number - 1
        tell(point)
    raise AssertionError("counting has no end")


def sample(world: World, points: Iterable[str]) -> list[str]:
    """Only these; gives those at which the engine did die."""
    strategy_id = world.desk.strategy(HEDGED, "walk")
    return [point for point in points if die_at(world, strategy_id, point)]


def die_at(world: World, strategy_id: str, point: str) -> bool:
    """One life up to this point, and what must be true after it; False when the engine lived on."""
    world.kill()
    desk = world.desk
    watched = Watched(world, desk.services.strategies.run(desk.owner_id, strategy_id, f"{strategy_id} {point}"))
    engine = world.start(point)
    watched.until(lambda: engine.has_died() or watched.is_steady())
    assert orders_of(desk, watched.run_id) or engine.has_died(), "the run ended without a single order"
    if not engine.has_died():
        watched.ask_for_exit()
        watched.until(lambda: engine.has_died() or watched.is_over())
    has_died = engine.has_died()
    if has_died:
        world.start()
        watched.until(watched.is_steady)
        assert_sound(world, watched.run_id)
    watched.ask_for_exit()
    watched.until(watched.is_over)
    assert_over(world, watched.run_id)
    return has_died
