"""Turns are short while any long work goes on, and as usual again after the last of it."""

import sys
import threading

import pytest

from app.core.giving_way import SHORT, USUAL, give_way, giving_way


def test_turns_are_short_until_the_last_long_work_is_over() -> None:
    with giving_way():
        with giving_way():
            assert sys.getswitchinterval() == pytest.approx(SHORT)
        assert sys.getswitchinterval() == pytest.approx(SHORT)
    assert sys.getswitchinterval() == pytest.approx(USUAL)


def test_turns_are_as_usual_after_work_that_failed() -> None:
    with pytest.raises(ValueError, match="broken"), giving_way():
        raise ValueError("broken")
    assert sys.getswitchinterval() == pytest.approx(USUAL)


def test_turns_that_were_made_short_in_one_thread_are_ended_in_another() -> None:
    end = give_way()
    assert sys.getswitchinterval() == pytest.approx(SHORT)
    thread = threading.Thread(target=end)
    thread.start()
    thread.join()
    assert sys.getswitchinterval() == pytest.approx(USUAL)
