"""Readings for the screen get a part of one processor, however many accounts there are."""

import pytest

from app.engine.sharing import RESTING, Share
from tests.execution.journaling import HandClock


def shared(usual: float) -> tuple[Share, HandClock]:
    clock = HandClock()
    share = Share(clock)
    for _ in range(100):
        share.note("look", usual)
    return share, clock


def reserved(share: Share, clock: HandClock) -> float:
    """Seconds until the next place."""
    return share.begins_at("look") - clock.monotonic()


def test_a_hundred_that_fall_due_together_begin_one_after_the_other():
    share, clock = shared(0.01)
    places = [reserved(share, clock) for _ in range(100)]
    assert places == [pytest.approx(number * RESTING * 0.01, abs=1e-3) for number in range(100)]


def test_nobody_waits_where_few_are_read():
    share, clock = shared(0.01)
    for _ in range(10):
        assert reserved(share, clock) < 1e-3
        clock.pass_by(RESTING * 0.01)


def test_what_takes_longer_than_usual_is_given_more_room_at_once_and_less_again_slowly():
    share, clock = shared(0.01)
    share.note("look", 0.11)
    share.begins_at("look")
    assert reserved(share, clock) >= RESTING * 0.05
    share.note("look", 0.01)
    assert reserved(share, clock) - RESTING * 0.06 >= RESTING * 0.05


def test_each_kind_of_reading_has_a_usual_length_of_its_own():
    share, clock = shared(1.0)
    for _ in range(100):
        share.note("glance", 0.001)
    share.begins_at("glance")
    assert reserved(share, clock) <= RESTING * 0.002
