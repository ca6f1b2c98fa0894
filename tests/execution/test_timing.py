"""How long each step took: what is over, what still takes, what never came, and who is slowest."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from app.execution.timing import Step, StepName, Times, round_of, steps, with_ready

START = datetime(2026, 11, 19, 6, 0, tzinfo=UTC)


def at(ms: int) -> datetime:
    return START + timedelta(milliseconds=ms)


def order(account: str = "a", answered: int | None = 60, filled: int | None = 90, **more) -> Times:
    """Written at 10 ms, claimed at 12, sent at 15."""
    times = Times(
        order_id=f"order-{account}",
        account_id=account,
        wave=1,
        asked=START,
        written=at(10),
        claimed=at(12),
        sent=at(15),
        answered=None if answered is None else at(answered),
        lost=None,
        filled=None if filled is None else at(filled),
        ended=None if filled is None else at(filled),
    )
    return replace(times, **more)


def test_a_filled_order_has_four_steps_each_from_where_the_last_ended():
    assert steps(order(), at(500)) == [
        Step(StepName.TURN, 2),
        Step(StepName.LANE, 3),
        Step(StepName.ANSWER, 45),
        Step(StepName.FILL, 30),
    ]


def test_a_fill_that_overtook_its_answer_is_counted_from_the_send():
    assert steps(order(answered=60, filled=40), at(500))[-1] == Step(StepName.FILL, 25)


def test_an_order_without_an_answer_is_counted_until_now():
    waiting = order(answered=None, filled=None, is_in_doubt=True)
    assert steps(waiting, at(3215))[-1] == Step(StepName.ANSWER, 3200, is_over=False)


def test_a_lost_answer_counts_on_while_the_order_is_in_doubt_and_ends_when_it_was_found():
    lost = order(answered=1015, filled=None, lost=at(1015), is_in_doubt=True)
    assert steps(lost, at(4015))[-1] == Step(StepName.ANSWER, 4000, is_over=False, is_lost=True)
    found = replace(lost, is_in_doubt=False, filled=at(2015), ended=at(2015))
    assert steps(found, at(9000))[-2:] == [Step(StepName.ANSWER, 1000, is_lost=True), Step(StepName.FILL, 2000)]
    assert found.acknowledged is None


def test_a_refused_order_has_no_fill_and_a_working_one_is_still_filling():
    assert steps(order(filled=None, ended=at(60)), at(500))[-1].name is StepName.ANSWER
    assert steps(order(filled=None), at(560))[-1] == Step(StepName.FILL, 500, is_over=False)


def test_an_order_that_was_never_sent_only_waited():
    withdrawn = order(answered=None, filled=None, claimed=None, sent=None, ended=at(30))
    assert steps(withdrawn, at(500)) == [Step(StepName.TURN, 20)]
    assert steps(replace(withdrawn, ended=None), at(500)) == [Step(StepName.TURN, 490, is_over=False)]


def test_a_second_wave_is_not_blamed_for_waiting_for_the_first():
    first, second = order(), order(answered=160, filled=200, claimed=at(95), sent=at(96), wave=2)
    _, ready = with_ready([first, second])
    assert steps(ready, at(500))[0] == Step(StepName.TURN, 5)


def test_the_slowest_account_comes_first_beside_the_median_of_the_others():
    timing = round_of("entry", [order("a"), order("b", 412, 500), order("c", 96), order("d", 100)], at(900))
    assert [one.account_id for one in timing.accounts] == ["b", "d", "c", "a"]
    slowest = timing.accounts[0]
    assert (slowest.first_sent_ms, slowest.last_acknowledged_ms, slowest.last_filled_ms) == (15, 412, 500)
    assert slowest.slowest == Step(StepName.ANSWER, 397)
    assert timing.others_ms == 96


def test_an_account_that_waits_for_an_answer_is_slower_than_any_that_has_its_own():
    silent = order("silent", answered=None, filled=None, is_in_doubt=True)
    timing = round_of("entry", [order("slow", 4000, 4001), silent], at(3215))
    assert timing.accounts[0].account_id == "silent"
    assert (timing.accounts[0].unanswered, timing.accounts[0].unanswered_ms) == (1, 3200)
    assert timing.accounts[0].last_acknowledged_ms is None


def test_times_never_run_backwards():
    skewed = order(answered=10, filled=5)
    assert all(step.ms >= 0 for step in steps(skewed, START))
