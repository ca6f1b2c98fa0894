"""One engine acts at a time."""

from app.execution.lease import TERM, Lease
from tests.core.test_db import together


def engine(desk, name: str) -> Lease:
    return Lease(desk.db, desk.clock, name)


def test_who_holds_the_lease_keeps_it_by_renewing(any_desk):
    for _ in range(5):
        any_desk.clock.pass_by(TERM.total_seconds() - 1)
        assert any_desk.lease.take()
    assert any_desk.lease.epoch == 1
    assert not engine(any_desk, "engine-2").take()


def test_a_lease_that_ran_out_goes_to_one_of_many_with_a_new_epoch(any_desk):
    any_desk.clock.pass_by(TERM.total_seconds() + 1)
    others = [engine(any_desk, f"engine-{number}") for number in range(2, 10)]
    won = together(8, lambda number: others[number].take())
    assert sorted(won) == [False] * 7 + [True]
    assert others[won.index(True)].epoch == 2


def test_a_released_lease_is_free_at_once(any_desk):
    any_desk.lease.release()
    successor = engine(any_desk, "engine-2")
    assert successor.take()
    assert not any_desk.lease.take()


def test_releasing_what_another_holds_changes_nothing(any_desk):
    engine(any_desk, "engine-2").release()
    assert not engine(any_desk, "engine-3").take()
