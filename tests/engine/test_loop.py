"""When a loop of the engine looks, and what a step that fails does to the others."""

import threading
from contextlib import contextmanager

from app.core.clock import SystemClock
from app.engine.main import Job, Loop
from tests.waiting import until


@contextmanager
def running(loop):
    thread = threading.Thread(target=loop.run, args=(lambda: True,), daemon=True)
    thread.start()
    yield
    loop.stop()
    thread.join(10)
    assert not thread.is_alive()


def test_each_nudge_is_followed_by_a_look():
    seen: list[list[int]] = []
    news: list[int] = []
    looked = threading.Event()

    def look():
        if news:
            seen.append(list(news))
            news.clear()
            looked.set()

    loop = Loop([Job("news", look, 0)], SystemClock())
    with running(loop):
        for number in range(3):
            news.append(number)
            loop.nudge()
            assert looked.wait(10)
            looked.clear()
    assert seen == [[0], [1], [2]]


def test_a_step_that_fails_is_made_again_and_stops_no_other():
    made: list[str] = []

    def fails():
        made.append("first")
        raise ValueError("no")

    loop = Loop([Job("fails", fails, 0), Job("works", lambda: made.append("second"), 0)], SystemClock())
    with running(loop):
        until(lambda: len(made) >= 4, 10)
    assert made[:4] == ["first", "second"] * 2
    assert loop.jobs[0].failures >= 2
