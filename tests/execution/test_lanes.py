"""An account's lane: the urgent first, the venue's rate never passed, nobody else kept waiting."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from queue import SimpleQueue

import pytest

from app.core.clock import Clock, SystemClock
from app.execution.lanes import IDLE_SECONDS, Lane, Room, Urgency, Work
from tests.execution.journaling import HandClock
from tests.waiting import until


@pytest.fixture
def open_lane():
    lanes = []

    def make(per_second: int = 1000, in_flight: int = 1, kept: int | None = None, clock: Clock | None = None) -> Lane:
        lanes.append(Lane("account", clock or SystemClock(), per_second, in_flight, kept))
        return lanes[-1]

    yield make
    for lane in lanes:
        lane.close()


class Calls:
    """Calls to a venue that the test lets through."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.most = 0
        self.gate = threading.Event()
        self._under_way = 0
        self._lock = threading.Lock()

    def work(self, name: str, urgency: Urgency = Urgency.ENTRY, is_sent: bool = True) -> Work:
        return Work(name, urgency, lambda: self._call(name, is_sent), urgency is not Urgency.CANCEL)

    def _call(self, name: str, is_sent: bool) -> bool:
        with self._lock:
            self.begun.append(name)
            self._under_way += 1
            self.most = max(self.most, self._under_way)
        self.gate.wait(10)
        with self._lock:
            self._under_way -= 1
        return is_sent


class Begun:
    """Calls that need no thread of the lane's: the test says when they are answered."""

    def __init__(self, refuses: set[str] | None = None) -> None:
        self.begun: list[str] = []
        self.by_thread: list[str] = []
        self.done: dict[str, Callable[[bool], None]] = {}
        self.refuses = refuses or set()

    def work(self, name: str, urgency: Urgency = Urgency.ENTRY) -> Work:
        return Work(name, urgency, lambda: self._call(name), begin=lambda done: self._begin(name, done))

    def answer(self, name: str, is_sent: bool = True) -> None:
        self.done.pop(name)(is_sent)

    def _begin(self, name: str, done: Callable[[bool], None]) -> bool:
        if name in self.refuses:
            return False
        self.begun.append(name)
        self.done[name] = done
        return True

    def _call(self, name: str) -> bool:
        self.by_thread.append(name)
        return True


def test_what_can_begin_without_waiting_leaves_in_the_thread_that_offers_it(open_lane):
    lane, calls = open_lane(in_flight=3), Begun()
    lane.offer([calls.work(f"entry {number}") for number in range(3)])
    assert calls.begun == ["entry 0", "entry 1", "entry 2"]
    assert (lane._workers, lane.load, lane.is_moving) == (0, 3, True)
    for name in list(calls.done):
        calls.answer(name)
    assert (lane.load, lane.is_moving, calls.by_thread) == (0, False, [])


def test_an_answer_lets_the_most_urgent_of_those_that_wait_begin(open_lane):
    lane, calls = open_lane(in_flight=2), Begun()
    lane.offer([calls.work(f"entry {number}") for number in range(4)])
    lane.offer([calls.work("exit", Urgency.EXIT), calls.work("another exit", Urgency.EXIT)])
    assert calls.begun == ["entry 0", "entry 1", "exit"]  # one way is left to what can't wait
    calls.answer("entry 0")
    assert calls.begun[3:] == ["another exit"]
    calls.answer("exit")
    calls.answer("another exit")
    assert calls.begun[4:] == ["entry 2"]


def test_what_can_not_begin_this_moment_is_done_by_a_thread_and_keeps_nobody_waiting(open_lane):
    lane, calls = open_lane(in_flight=5), Begun(refuses={"entry 1"})
    lane.offer([calls.work(f"entry {number}") for number in range(3)])
    assert calls.begun == ["entry 0", "entry 2"]
    until(lambda: calls.by_thread == ["entry 1"])
    until(lambda: lane.load == 2)


def test_what_begins_is_counted_in_the_pace_and_goes_on_by_itself_when_that_allows_more(open_lane):
    lane, calls, clock = open_lane(per_second=4, in_flight=20, kept=0), Begun(), SystemClock()
    began = clock.monotonic()
    lane.offer([calls.work(f"entry {number}") for number in range(9)])
    assert len(calls.begun) == 4
    until(lambda: len(calls.begun) == 9)
    assert clock.monotonic() - began >= 2.0
    assert lane._workers == 1
    assert lane.rate_waits > 0


def test_what_was_begun_and_not_sent_after_all_gives_its_place_in_the_pace_back(open_lane):
    lane, calls = open_lane(per_second=2, in_flight=1, kept=0, clock=HandClock()), Begun()
    lane.offer([calls.work(f"entry {number}") for number in range(30)])
    for number in range(30):
        calls.answer(f"entry {number}", is_sent=False)
    assert len(calls.begun) == 30


def test_a_venue_that_answers_later_than_usual_is_given_that_much_longer_before_the_next_order(open_lane):
    clock = HandClock()
    lane, calls = open_lane(per_second=1, in_flight=5, kept=0, clock=clock), Begun()
    for name, seconds in (("usual", 0.25), ("late", 0.75)):
        lane.offer([calls.work(name)])
        clock.pass_by(seconds)
        calls.answer(name)
        clock.pass_by(1.125 - seconds)  # a second, and what the network can squeeze
        assert lane.room().orders == (name == "usual")
    clock.pass_by(0.25)
    assert lane.room().orders == 1


def test_a_held_lane_begins_nothing_until_it_is_released(open_lane):
    lane, calls = open_lane(), Begun()
    lane.hold()
    lane.offer([calls.work("entry"), calls.work("exit", Urgency.EXIT)])
    assert calls.begun == []
    lane.release()
    assert calls.begun == ["exit"]
    calls.answer("exit")
    assert calls.begun == ["exit", "entry"]


def test_a_begin_that_breaks_ends_its_call_and_leaves_the_lane_working(open_lane):
    lane, calls = open_lane(), Begun()
    broken = Work("broken", Urgency.EXIT, lambda: True, begin=lambda _done: bool(1 / 0))
    lane.offer([broken, calls.work("entry")])
    assert (calls.begun, lane.load) == (["entry"], 1)


def test_time_is_kept_for_what_waits_for_the_pace_while_the_thread_that_did_has_a_call_that_hangs(open_lane):
    lane, calls, hanging = open_lane(per_second=2, in_flight=5, kept=0), Begun(), Calls()
    lane.offer([calls.work(f"entry {number}") for number in range(3)])
    until(lambda: lane._idle == 1)  # it waits for the moment of the third
    lane.offer([hanging.work("cancel", Urgency.CANCEL)])
    until(lambda: hanging.begun)
    until(lambda: len(calls.begun) == 3, 6)  # the call hangs for ten seconds
    hanging.gate.set()


def test_i13_cancels_overtake_exits_and_exits_overtake_entries(open_lane):
    lane, calls = open_lane(), Calls()
    lane.offer([calls.work("first"), calls.work("entry")])
    until(lambda: calls.begun)
    lane.hold()
    lane.offer([calls.work("exit", Urgency.EXIT), calls.work("cancel", Urgency.CANCEL)])
    lane.release()
    until(lambda: len(calls.begun) == 2)
    calls.gate.set()
    until(lambda: len(calls.begun) == 4)
    assert calls.begun == ["first", "cancel", "exit", "entry"]


def test_an_exit_leaves_while_slow_entries_take_all_they_may(open_lane):
    lane, calls = open_lane(in_flight=3), Calls()
    lane.offer([calls.work(f"entry {number}") for number in range(8)])
    until(lambda: len(calls.begun) == 3)
    lane.offer([calls.work("exit", Urgency.EXIT)])
    until(lambda: "exit" in calls.begun)
    assert sorted(calls.begun) == ["entry 0", "entry 1", "entry 2", "exit"]
    calls.gate.set()
    until(lambda: lane.load == 0)


def test_a_cancel_leaves_while_slow_entries_take_all_they_may(open_lane):
    lane, calls = open_lane(in_flight=2), Calls()
    lane.offer([calls.work(f"entry {number}") for number in range(4)])
    until(lambda: len(calls.begun) == 2)
    lane.offer([calls.work("cancel", Urgency.CANCEL)])
    until(lambda: "cancel" in calls.begun)
    calls.gate.set()
    until(lambda: lane.load == 0)


def test_entries_never_take_the_way_that_is_kept_for_exits(open_lane):
    lane, calls = open_lane(in_flight=2), Calls()
    lane.offer([calls.work("exit", Urgency.EXIT), calls.work("exit 2", Urgency.EXIT)])
    lane.offer([calls.work(f"entry {number}") for number in range(4)])
    until(lambda: len(calls.begun) == 2)
    lane.offer([calls.work("exit 3", Urgency.EXIT)])
    until(lambda: len(calls.begun) == 3)
    assert sorted(calls.begun) == ["exit", "exit 2", "exit 3"]
    calls.gate.set()
    until(lambda: lane.load == 0)
    assert calls.most == 3


def test_an_exit_goes_at_once_although_a_burst_of_entries_has_used_up_its_second(open_lane):
    lane, calls = open_lane(per_second=10, in_flight=20, clock=HandClock()), Calls()
    calls.gate.set()
    lane.offer([calls.work(f"entry {number}") for number in range(30)])
    until(lambda: len(calls.begun) == 8)
    lane.offer([calls.work("exit", Urgency.EXIT)])
    until(lambda: "exit" in calls.begun)
    assert len(calls.begun) == 9


def test_cancels_that_wait_for_their_own_rate_keep_no_exit_waiting(open_lane):
    lane, calls = open_lane(per_second=2, in_flight=4, clock=HandClock()), Calls()
    calls.gate.set()
    lane.offer([calls.work(f"cancel {number}", Urgency.CANCEL) for number in range(6)])
    until(lambda: len(calls.begun) == 2)
    lane.offer([calls.work("exit", Urgency.EXIT)])
    until(lambda: "exit" in calls.begun)
    assert len(calls.begun) == 3


def test_what_is_equally_urgent_goes_in_the_order_it_came(open_lane):
    lane, calls = open_lane(), Calls()
    names = [f"entry {number}" for number in range(20)]
    lane.offer([calls.work(name) for name in names])
    calls.gate.set()
    until(lambda: len(calls.begun) == 20)
    assert calls.begun == names


def test_no_more_than_allowed_are_on_their_way(open_lane):
    lane, calls = open_lane(in_flight=3), Calls()
    lane.offer([calls.work(f"entry {number}") for number in range(12)])
    until(lambda: len(calls.begun) == 3)
    calls.gate.set()
    until(lambda: len(calls.begun) == 12)
    assert calls.most == 3


def test_the_same_work_is_queued_once(open_lane):
    lane, calls = open_lane(), Calls()
    for _ in range(5):
        lane.offer([calls.work("first"), calls.work("second")])
    calls.gate.set()
    until(lambda: lane.load == 0)
    assert calls.begun == ["first", "second"]


def test_the_pace_holds_back_what_is_above_the_rate(open_lane):
    lane, calls = open_lane(per_second=5, in_flight=10, kept=0), Calls()
    calls.gate.set()
    clock = SystemClock()
    begun_at = clock.monotonic()
    lane.offer([calls.work(f"entry {number}") for number in range(11)])
    until(lambda: len(calls.begun) == 11)
    assert clock.monotonic() - begun_at >= 2.0  # a bound from below: ten took two whole seconds


def test_cancels_are_counted_apart_and_do_not_wait_for_the_pace_of_orders(open_lane):
    lane, calls = open_lane(per_second=2, in_flight=4, kept=0, clock=HandClock()), Calls()
    calls.gate.set()
    lane.offer([calls.work(f"entry {number}") for number in range(4)])
    until(lambda: len(calls.begun) == 2)
    lane.offer([calls.work("cancel", Urgency.CANCEL)])
    until(lambda: "cancel" in calls.begun)
    assert len(calls.begun) == 3


def test_what_was_not_sent_after_all_uses_up_no_rate(open_lane):
    lane, calls = open_lane(per_second=2, in_flight=1), Calls()
    calls.gate.set()
    lane.offer([calls.work(f"blocked {number}", is_sent=False) for number in range(40)])
    lane.offer([calls.work("exit", Urgency.EXIT)])
    until(lambda: len(calls.begun) == 41)


def test_a_held_lane_sends_nothing_until_it_is_released(open_lane):
    lane, calls = open_lane(), Calls()
    calls.gate.set()
    lane.hold()
    lane.offer([calls.work("entry"), calls.work("exit", Urgency.EXIT)])
    assert calls.begun == []
    lane.release()
    until(lambda: len(calls.begun) == 2)
    assert calls.begun == ["exit", "entry"]


def test_i15_peer_4_3_03_a_hanging_account_delays_no_other(open_lane):
    hanging, swift = open_lane(), open_lane()
    stuck, quick = Calls(), Calls()
    quick.gate.set()
    hanging.offer([stuck.work(f"entry {number}") for number in range(5)])
    until(lambda: stuck.begun)
    swift.offer([quick.work(f"entry {number}") for number in range(5)])
    until(lambda: len(quick.begun) == 5)
    assert len(stuck.begun) == 1
    stuck.gate.set()


def test_a_call_that_breaks_leaves_the_lane_working(open_lane):
    lane, calls = open_lane(), Calls()
    calls.gate.set()
    lane.offer([Work("broken", Urgency.EXIT, lambda: bool(1 / 0)), calls.work("entry")])
    until(lambda: calls.begun == ["entry"])
    until(lambda: lane.load == 0)


def test_closing_drops_what_waits_and_lets_what_is_on_its_way_finish(open_lane):
    lane, calls = open_lane(), Calls()
    lane.offer([calls.work("on its way"), calls.work("waiting")])
    until(lambda: calls.begun)
    lane.close()
    assert not lane.join(0.01)
    calls.gate.set()
    assert lane.join(30)
    lane.offer([calls.work("too late")])
    assert calls.begun == ["on its way"]


def test_a_lane_that_ends_says_what_it_did_not_begin(open_lane):
    dropped = []
    lane = open_lane()
    lane.hold()
    lane.offer([Work("send:1", Urgency.EXIT, lambda: True, drop=lambda: dropped.append("waiting"))])
    lane.close()
    lane.offer([Work("send:2", Urgency.EXIT, lambda: True, drop=lambda: dropped.append("late"))])
    assert dropped == ["waiting", "late"]


def test_a_lane_has_room_for_what_is_free_and_what_the_pace_allows(open_lane):
    lane = open_lane(per_second=3, in_flight=5)
    assert lane.room() == Room(orders=3, entries=2)
    lane.hold()
    assert lane.room() == Room()
    lane.release()
    lane.close()
    assert lane.room() == Room()


def test_exits_have_room_where_entries_have_none(open_lane):
    lane, calls = open_lane(in_flight=3), Calls()
    lane.offer([calls.work(f"entry {number}") for number in range(5)])
    until(lambda: len(calls.begun) == 3)
    assert lane.room() == Room(orders=1, entries=0)
    calls.gate.set()


def test_room_is_given_to_exits_first_and_what_is_not_claimed_takes_its_place_too():
    room = Room(orders=4, entries=2)
    assert room.take(exits=1, entries=5) == (1, 1)
    assert room == Room(0, 0)
    assert Room(orders=4, entries=2).take(exits=6, entries=1) == (4, 0)


def test_many_cancels_go_at_the_rate_of_the_venue_and_not_one_by_one(open_lane):
    lane, calls = open_lane(per_second=5, in_flight=5), Calls()
    calls.gate.set()
    lane.offer([calls.work(f"cancel {number}", Urgency.CANCEL) for number in range(5)])
    until(lambda: len(calls.begun) == 5)
    assert lane.rate_waits == 0


def test_a_call_starts_no_thread_that_has_nothing_to_do(open_lane):
    lane, calls = open_lane(in_flight=5), Calls()
    calls.gate.set()
    for number in range(20):
        lane.offer([calls.work(f"entry {number}")])
        until(lambda: lane.load == 0)
    assert lane._workers == 1


def test_as_many_are_on_their_way_at_once_as_may_be(open_lane):
    lane, calls = open_lane(in_flight=5), Calls()
    lane.offer([calls.work(f"entry {number}") for number in range(9)])
    until(lambda: calls.most == 5)
    calls.gate.set()
    until(lambda: lane.load == 0)


def test_of_all_who_wait_for_the_pace_one_alone_looks_at_the_clock(open_lane):
    lane, calls = open_lane(per_second=5, in_flight=5, kept=0), Calls()
    calls.gate.set()
    lane.offer([calls.work(f"entry {number}") for number in range(5)])
    until(lambda: lane.load == 0)
    waited: list[float] = []
    usual = lane._ready.wait
    lane._ready.wait = lambda seconds: waited.append(seconds) or usual(seconds)
    lane.offer([calls.work(f"later {number}") for number in range(5)])
    until(lambda: lane.load == 0)
    assert len(calls.begun) == 10
    assert sum(seconds < IDLE_SECONDS for seconds in waited) <= 5


def test_an_exit_that_may_go_sooner_than_the_entries_that_wait_for_the_pace_does(open_lane):
    lane, calls = open_lane(per_second=4, in_flight=8, kept=2), Calls()
    lane.offer([calls.work(f"exit {number}", Urgency.EXIT) for number in range(2)])
    until(
        lambda: len(calls.begun) == 2
    )  # by two threads, so that another one than waits for the entry hears of the exit
    calls.gate.set()
    until(lambda: lane.load == 0)
    time.sleep(0.5)
    lane.offer([calls.work(f"exit {number}", Urgency.EXIT) for number in range(2, 4)])
    until(lambda: lane.load == 0 and lane._idle == lane._workers)
    waited: list[float] = []
    usual = lane._ready.wait
    lane._ready.wait = lambda seconds: waited.append(seconds) or usual(seconds)
    lane.offer([calls.work("entry")])  # in a second from the last two
    until(lambda: waited)
    lane.offer([calls.work("exit", Urgency.EXIT)])  # in a second from the first two
    until(lambda: len(calls.begun) == 6)
    assert calls.begun[-2:] == ["exit", "entry"]
    first, second = [seconds for seconds in waited if seconds < IDLE_SECONDS][:2]
    assert second < first


Answers = SimpleQueue[Callable[[], None] | None]


def some_work(calls: Calls, name: str, chance: random.Random, answers: Answers) -> Work:
    """A call for a thread of the lane's, or one that begins, or one that can't begin this moment."""
    usual = calls.work(name, chance.choice(list(Urgency)), chance.random() < 0.8)
    may_begin, begins = chance.random() < 0.7, chance.random() < 0.7

    def begin(done: Callable[[bool], None]) -> bool:
        if begins:
            answers.put(lambda: done(usual.do()))
        return begins

    return replace(usual, begin=begin) if may_begin else usual


@pytest.mark.parametrize("seed", range(16))
def test_nothing_is_left_lying_whoever_offers_what_and_when(open_lane, seed):
    """By threads of its own, or begun by whoever offers it and ended by somebody else, as it comes."""
    chance = random.Random(seed)
    lane, calls = open_lane(per_second=200, in_flight=chance.randint(1, 4)), Calls()
    calls.gate.set()
    answers: Answers = SimpleQueue()

    def offer(name: str) -> None:
        mine = random.Random(f"{seed} {name}")
        for number in range(15):
            works = [some_work(calls, f"{name} {number} {one}", mine, answers) for one in range(mine.randint(1, 4))]
            offered.extend(work.key for work in works)
            lane.offer(works)
            if mine.random() < 0.2:
                lane.hold()
                lane.release()
            time.sleep(mine.random() * 0.01)

    def hear() -> None:
        while (answer := answers.get()) is not None:
            answer()

    offered: list[str] = []
    hearing = threading.Thread(target=hear)
    people = [threading.Thread(target=offer, args=(f"person {number}",)) for number in range(4)]
    for person in (hearing, *people):
        person.start()
    for person in people:
        person.join()
    until(lambda: lane.load == 0, 20)
    answers.put(None)
    hearing.join()
    assert sorted(calls.begun) == sorted(offered)
    assert lane._under_way == 0


def test_a_lane_moves_while_something_is_on_its_way_or_may_be_soon(open_lane):
    lane, calls = open_lane(), Calls()
    assert not lane.is_moving
    lane.offer([calls.work("entry"), calls.work("next")])
    until(lambda: calls.begun)
    assert lane.is_moving
    calls.gate.set()
    until(lambda: not lane.is_moving)


def test_a_lane_that_is_held_does_not_move_whatever_waits_in_it(open_lane):
    lane = open_lane()
    lane.hold()
    lane.offer([Calls().work("exit", Urgency.EXIT)])
    assert (lane.is_moving, lane.load) == (False, 1)
