from hypothesis import given
from hypothesis import strategies as st

from app.execution.pacing import Pace


@given(st.integers(1, 20), st.lists(st.floats(0, 0.5), min_size=1, max_size=120), st.floats(0, 10))
def test_no_second_of_any_clock_holds_more_than_the_limit(limit: int, gaps: list[float], offset: float) -> None:
    pace, now, sent = Pace(limit), 0.0, []
    for gap in gaps:
        now += gap
        now += pace.wait(now)
        assert pace.wait(now) < 1e-9
        pace.note(now)
        sent.append(now)
    for first in sent:
        assert sum(1 for at in sent if first <= at < first + 1.0) <= limit
    seconds = [int(at + offset) for at in sent]
    assert all(seconds.count(second) <= limit for second in set(seconds))


def test_a_burst_up_to_the_limit_goes_at_once() -> None:
    pace = Pace(10)
    for _ in range(10):
        assert pace.wait(5.0) == 0.0
        pace.note(5.0)
    assert pace.wait(5.0) > 1.0
