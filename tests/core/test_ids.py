"""Ids double as client order ids, so every venue must take them."""

import os
import re
import threading

import pytest

from app.core import ids
from app.core.ids import new_id


def test_an_id_has_26_letters_and_digits_and_never_begins_with_t():
    made = [new_id() for _ in range(1000)]
    assert all(re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{26}", each) for each in made)
    assert not any(each[0] in "tT" for each in made)


def test_an_id_still_does_not_begin_with_t_in_the_farthest_future(monkeypatch):
    monkeypatch.setattr(ids, "_last", 0)
    monkeypatch.setattr(ids.time, "time_ns", lambda: ((1 << 48) - 1) * 1_000_000)
    assert len(new_id()) == 26
    assert new_id()[0] == "7"


def test_ids_sort_as_they_were_born_however_fast_they_come():
    made = [new_id() for _ in range(20_000)]
    assert made == sorted(made)


def test_ids_go_on_rising_while_the_clock_steps_back(monkeypatch):
    before = new_id()
    monkeypatch.setattr(ids.time, "time_ns", lambda: 0)
    assert before < new_id() < new_id()


def test_ids_from_several_threads_are_all_different():
    made: list[str] = []
    threads = [threading.Thread(target=lambda: made.extend([new_id() for _ in range(25_000)])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == len(made) == 100_000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_draws_chances_of_its_own():
    new_id()  # so that some are drawn already
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, ids._chance().to_bytes(10))
        os._exit(0)
    os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as pipe:
        os.close(writing)
        assert int.from_bytes(pipe.read()) != ids._chance()
