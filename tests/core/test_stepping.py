"""The thread that takes the same step again and again."""

from app.core.stepping import Stepping
from tests.waiting import until

LONG = 3600.0  # no step is due by itself within a test


class Counting(Stepping):
    def __init__(self, every: float) -> None:
        super().__init__("counting", every)
        self.steps = 0
        self.is_broken = False

    def step(self) -> None:
        self.steps += 1
        if self.is_broken:
            raise RuntimeError("as a test wants it")


def test_it_steps_by_itself_until_it_is_stopped():
    counting = Counting(0.001)
    counting.start()
    until(lambda: counting.steps >= 3)
    counting.stop()
    stood = counting.steps
    counting.wake()
    assert counting.steps == stood


def test_whoever_wakes_it_waits_for_no_turn():
    counting = Counting(LONG)
    counting.start()
    counting.wake()
    until(lambda: counting.steps == 1)
    counting.stop()
    assert counting.steps == 1


def test_a_step_that_fails_ends_nothing():
    counting = Counting(0.001)
    counting.is_broken = True
    counting.start()
    until(lambda: counting.steps >= 2)
    counting.is_broken = False
    stood = counting.steps
    until(lambda: counting.steps > stood)
    counting.stop()


def test_what_never_started_can_be_stopped():
    Counting(LONG).stop()
