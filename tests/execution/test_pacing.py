from hypothesis import given
from hypothesis import strategies as st

from app.execution.pacing import LATEST, Pace, kept_for_exits

SPAN = 1.0 + 0.05  # a second and what the network can squeeze


@given(st.integers(1, 20), st.lists(st.floats(0, 0.5), min_size=1, max_size=120), st.floats(0, 10))
def test_i13_no_second_of_any_clock_holds_more_than_the_limit(limit: int, gaps: list[float], offset: float) -> None:
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


_MOMENTS = st.lists(st.tuples(st.floats(0, 0.4), st.booleans()), min_size=1, max_size=120)


@given(st.integers(1, 20), st.integers(0, 25), _MOMENTS, st.floats(0, 10))
def test_i13_with_some_kept_for_exits_no_second_of_any_clock_holds_more_than_the_limit(
    limit: int, wanted: int, offers: list[tuple[float, bool]], offset: float
) -> None:
    """Each is sent as soon as it may, in whatever order they come."""
    pace, now, sent = Pace(limit, kept_for_exits(limit, wanted)), 0.0, []
    for gap, is_entry in offers:
        now += gap
        now += pace.wait(now, is_entry)
        pace.note(now)
        sent.append(now)
    for first in sent:
        assert sum(1 for at in sent if first <= at < first + 1.0) <= limit
    seconds = [int(at + offset) for at in sent]
    assert all(seconds.count(second) <= limit for second in set(seconds))


@given(st.integers(1, 20), st.integers(0, 25), _MOMENTS, st.floats(0, 2))
def test_an_exit_waits_for_nothing_but_the_limit_however_many_entries_there_are(
    limit: int, wanted: int, offers: list[tuple[float, bool]], later: float
) -> None:
    """At whatever moment it comes: the wait is what a window without any budget would ask of it."""
    kept = kept_for_exits(limit, wanted)
    pace, now = Pace(limit, kept), 0.0
    sent: list[tuple[float, bool]] = []
    for gap, is_entry in offers:
        now += gap
        if pace.wait(now, is_entry) == 0.0:
            pace.note(now)
            sent.append((now, is_entry))
    now += later
    recent = [is_entry for at, is_entry in sent if now - at < SPAN]
    assert recent.count(True) <= limit - kept
    if recent.count(False) < kept or len(recent) < limit:
        assert pace.wait(now) == 0.0
        assert pace.allowance(now) > 0
    else:
        assert pace.wait(now) <= SPAN + 1e-9  # the sum of two floats
    assert pace.wait(now, is_entry=True) >= pace.wait(now)
    assert pace.allowance(now, is_entry=True) <= pace.allowance(now)


def test_of_ten_a_second_entries_may_use_eight_and_an_account_may_say_otherwise() -> None:
    assert [kept_for_exits(limit) for limit in (1, 2, 5, 10, 100)] == [0, 1, 1, 2, 20]
    assert [kept_for_exits(10, wanted) for wanted in (0, 3, 10, 99)] == [0, 3, 9, 9]


def test_a_window_full_of_entries_has_room_for_an_exit_at_once() -> None:
    pace = Pace(10, kept_for_exits(10))
    while pace.wait(5.0, is_entry=True) == 0.0:
        pace.note(5.0)
    assert (pace.allowance(5.0, is_entry=True), pace.allowance(5.0)) == (0, 2)
    assert pace.wait(5.0) == 0.0


@given(
    st.integers(2, 12), st.floats(0, 0.2), st.lists(st.floats(0, LATEST), min_size=30, max_size=30), st.floats(0, 0.3)
)
def test_a_venue_that_was_busy_with_a_burst_counts_no_more_than_the_limit_when_the_next_one_comes(
    limit: int, away: float, busy: list[float], last: float
) -> None:
    """It counts an order when it gets to it, and takes as long again to answer; of a burst that is over by the next one
    it is known."""
    pace, now = Pace(limit, kept_for_exits(limit)), 10.0
    pace.note(0.0)
    pace.answered(0.0, away)  # how long an answer takes that nothing holds up
    counted, answers = [], []
    for _ in range(2 * limit):
        while pause := pace.wait(now, is_entry=True):
            now += pause
            for noted_at, at in [each for each in answers if each[1] <= now]:
                pace.answered(noted_at, at)
                answers.remove((noted_at, at))
        pace.note(now)
        delay = (busy.pop() if len(counted) < pace.for_entries else last) / 2
        counted.append(now + away / 2 + delay)
        answers.append((now, now + away + 2 * delay))
    for first in counted:
        assert sum(1 for at in counted if first <= at < first + 1.0) <= limit


def test_an_answer_that_is_late_by_half_a_second_keeps_the_window_for_as_long() -> None:
    pace = Pace(2)
    pace.note(0.0)
    pace.answered(0.0, 0.1)
    pace.note(10.0)
    pace.note(10.0)
    assert round(pace.wait(10.2), 6) == 0.85
    pace.answered(10.0, 10.5)  # 0.4 later than usual
    assert round(pace.wait(10.5), 6) == 0.55  # the other one goes out of the window first
    pace.answered(10.0, 10.5)
    assert round(pace.wait(10.5), 6) == 0.7  # half of it: as late on the one way as on the other
    assert pace.allowance(11.15) == 0
    assert pace.allowance(11.21) == 2


def test_an_answer_that_takes_as_long_as_ever_or_much_too_long_keeps_it_no_longer_than_that() -> None:
    far, lost = Pace(1), Pace(1)
    for pace in (far, lost):
        pace.note(0.0)
        pace.answered(0.0, 0.4)
        pace.note(10.0)
    far.answered(10.0, 10.4)
    assert round(far.wait(10.4), 6) == 0.65
    lost.answered(10.0, 19.0)
    assert round(lost.wait(10.4), 6) == 0.85  # half of LATEST, less SQUEEZE, more


def test_no_more_is_allowed_at_once_than_the_second_still_holds():
    pace = Pace(10)
    for _ in range(7):
        pace.note(5.0)
    assert pace.allowance(5.9) == 3
    assert pace.allowance(6.1) == 10
