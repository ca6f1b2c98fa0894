"""When alerts fire."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.alerts.rules import BEGINNING, Condition, Progress, Repeat, Rule, look, marks
from tests.feed.hands import MORNING

PRICES = st.lists(st.integers(90, 110).map(Decimal), min_size=1, max_size=40)


def fires(rule: Rule, *values, every: float = 1.0, start: Progress = BEGINNING) -> list[Decimal]:
    """The values at which it fires, one value each so many seconds."""
    progress, found = start, []
    for number, value in enumerate(values):
        progress, fired = look(rule, progress, Decimal(str(value)), MORNING + timedelta(seconds=every * number))
        if fired:
            found.append(value)
        if fired and rule.repeat is Repeat.ONCE:
            break
    return found


def rule(condition, level=100, repeat=Repeat.ONCE, pause=0, **more) -> Rule:
    return Rule(Condition(condition), Decimal(level), Repeat(repeat), timedelta(seconds=pause), **more)


@pytest.mark.parametrize(
    ("condition", "values", "at"),
    [
        ("above", [99, 100, 101], [100]),
        ("above", [105], [105]),  # it is there already: told at once
        ("below", [101, 100], [100]),
        ("crosses", [99, 98, 100], [100]),
        ("crosses", [101, 99], [99]),
        ("crosses", [101, 102], []),
        ("crosses up", [101, 99, 101], [101]),
        ("crosses up", [101, 99], []),
        ("crosses down", [101, 102, 90], [90]),
        ("crosses down", [90, 101], []),
    ],
)
def test_a_condition_is_met_where_it_says(condition, values, at):
    assert fires(rule(condition), *values) == at


@pytest.mark.parametrize(
    ("condition", "values", "at"),
    [("moves", [200, 203, 204], [204]), ("moves", [200, 196], [196]), ("moves up", [200, 196, 204], [204]),
     ("moves down", [200, 204, 196], [196])],
)  # fmt: skip
def test_per_cent_are_counted_from_the_first_price(condition, values, at):
    assert fires(rule(condition, 2), *values) == at


def test_per_cent_are_counted_from_the_reference_that_was_given_and_on_from_where_it_fired():
    given = Progress(reference=Decimal(100))
    assert fires(rule("moves up", 10, "every"), 109, 110, 120, 121, start=given) == [110, 121]


def test_every_time_needs_the_condition_unmet_in_between_and_the_pause_over():
    assert fires(rule("above", repeat="every"), 101, 102, 99, 101) == [101, 101]
    assert fires(rule("above", repeat="every", pause=10), 101, 99, 102, 99, 103, every=4) == [101, 103]
    assert fires(rule("crosses", repeat="every", pause=5), 99, 101, 99, 101, every=3) == [101, 101]


def test_once_a_day_is_the_day_in_india():
    evening = MORNING.replace(hour=18, minute=20)  # 23:50 in India
    daily, progress = rule("above", repeat="daily"), BEGINNING
    times = [evening, evening + timedelta(minutes=5), evening + timedelta(minutes=15)]
    found = []
    for at in times:
        progress, fired = look(daily, progress, Decimal(101), at)
        found.append(fired)
    assert found == [True, False, True]


def test_nothing_fires_once_it_is_over():
    over = rule("above", expires_at=MORNING)
    assert look(over, BEGINNING, Decimal(200), MORNING) == (BEGINNING, False)


@given(PRICES, st.sampled_from(Condition), st.integers(1, 20))
def test_once_means_once(values, condition, level):
    alert, progress, count = rule(condition, level if condition.startswith("moves") else 90 + level), BEGINNING, 0
    for value in values:
        progress, fired = look(alert, progress, value, MORNING)
        count += fired
    assert count <= 1


@given(PRICES, st.sampled_from(Condition), st.integers(1, 15))
def test_between_two_marks_no_price_changes_anything(values, condition, level):
    """What lets a tick skip an alert."""
    alert = rule(condition, level if condition.startswith("moves") else 90 + level, "every")
    progress = Progress(reference=Decimal(100))
    progress, _ = look(alert, progress, values[0], MORNING)
    for before, value in zip(values, values[1:], strict=False):
        low, high = min(before, value), max(before, value)
        is_between = not any(low <= mark <= high for mark in marks(alert, progress) or ())
        after, fired = look(alert, progress, value, MORNING)
        assert not is_between or (after == progress and not fired)
        progress = after
