"""The newest quotes, and what keeping them costs."""

import threading
import time
from datetime import timedelta

from app.feed.ticks import Ticks
from app.venues.types import Symbol
from tests.feed.hands import MORNING, NIFTY, SBIN, quote


def test_the_newest_quote_is_kept_per_symbol():
    ticks = Ticks()
    ticks.put(quote(NIFTY, 100))
    ticks.put(quote(SBIN, 980))
    ticks.put(quote(NIFTY, 101))
    assert ticks.newest(NIFTY).last == 101
    assert ticks.newest(SBIN).last == 980
    assert ticks.newest(Symbol("NSE", "TCS")) is None


def test_old_symbols_that_nobody_wants_are_forgotten():
    ticks = Ticks()
    ticks.put(quote(NIFTY, at=MORNING - timedelta(days=1)))
    ticks.put(quote(SBIN, at=MORNING - timedelta(days=1)))
    assert ticks.forget({SBIN}, before=MORNING) == 1
    assert ticks.newest(SBIN) is not None
    assert len(ticks) == 1


def test_many_threads_never_leave_an_older_price():
    ticks = Ticks()
    quotes = [quote(NIFTY, 100 + step, MORNING + timedelta(milliseconds=step)) for step in range(40)]

    def feed():
        for one in quotes:
            ticks.put(one)

    threads = [threading.Thread(target=feed) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ticks.newest(NIFTY).last == 139


def test_two_thousand_ticks_take_a_small_part_of_a_second_of_work():
    ticks = Ticks()
    quotes = [quote(NIFTY, 100 + step % 7, MORNING + timedelta(milliseconds=step)) for step in range(2000)]
    started = time.thread_time()
    for one in quotes:
        ticks.put(one)
    assert time.thread_time() - started < 0.5  # five times the target, since the machine of a test is no measure
