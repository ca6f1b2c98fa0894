"""Events inside one process."""

import threading
from dataclasses import dataclass

import structlog

from app.core.bus import Bus


@dataclass(frozen=True)
class Rang:
    number: int


@dataclass(frozen=True)
class Knocked(Rang):
    pass


def test_listeners_hear_their_own_kind_in_the_order_they_came():
    bus, heard = Bus(), []
    bus.subscribe(Rang, lambda event: heard.append(("first", event)))
    bus.subscribe(Rang, lambda event: heard.append(("second", event)))
    bus.publish(Rang(1))
    bus.publish(Knocked(2))
    assert heard == [("first", Rang(1)), ("second", Rang(1))]


def test_a_failing_listener_stops_neither_the_publisher_nor_the_others():
    bus, heard = Bus(), []
    bus.subscribe(Rang, lambda event: event.number / 0)
    bus.subscribe(Rang, heard.append)
    with structlog.testing.capture_logs() as logged:
        bus.publish(Rang(1))
    assert heard == [Rang(1)]
    assert [(entry["event"], entry["log_level"]) for entry in logged] == [("listener_failed", "error")]


def test_an_event_nobody_waits_for_is_fine():
    Bus().publish(Rang(1))


def test_who_subscribes_while_an_event_is_told_hears_the_next_one():
    bus, heard = Bus(), []
    bus.subscribe(Rang, lambda _: bus.subscribe(Rang, heard.append))
    bus.publish(Rang(1))
    assert heard == []
    bus.publish(Rang(2))
    assert heard == [Rang(2)]


def test_subscribing_from_many_threads_loses_nobody():
    bus, heard = Bus(), []
    threads = [threading.Thread(target=lambda: bus.subscribe(Rang, heard.append)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bus.publish(Rang(1))
    assert heard == [Rang(1)] * 20
