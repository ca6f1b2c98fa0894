"""One thread hears many sockets: all that comes, by whoever listens, and none in the way of another."""

import socket
import threading
import time
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from app.core.hearing import LONGEST_HUSH, Hearing
from tests.waiting import until


@pytest.fixture(scope="module")
def hearing() -> Hearing:
    return Hearing()


@pytest.fixture
def pair():
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
    near.settimeout(0)
    with near, far:
        yield near, far


@dataclass
class Ear:
    """Notes what it hears, and in which thread."""

    raw: socket.socket
    deadline: float = float("inf")
    heard: list[bytes] = field(default_factory=list)
    gave_up: int = 0
    threads: set[str] = field(default_factory=set)

    def hear(self) -> None:
        self.threads.add(threading.current_thread().name)
        self.heard.append(self.raw.recv(1000))

    def give_up(self) -> None:
        self.gave_up += 1


def test_what_came_before_and_what_comes_later_is_heard_in_the_one_thread(hearing, pair):
    near, far = pair
    far.sendall(b"before")
    ear = Ear(near)
    assert hearing.listen(near, ear)
    until(lambda: ear.heard == [b"before"])
    far.sendall(b"later")
    until(lambda: ear.heard == [b"before", b"later"])
    assert ear.threads == {"hearing"}
    hearing.leave(near)


def test_who_left_hears_nothing_and_may_listen_again(hearing, pair):
    near, far = pair
    first, second = Ear(near), Ear(near)
    hearing.listen(near, first)
    hearing.leave(near)
    hearing.leave(near)
    far.sendall(b"once")
    hearing.listen(near, second)
    until(lambda: second.heard == [b"once"])
    assert first.heard == []
    hearing.leave(near)


def test_who_hears_nothing_by_its_deadline_is_told_until_it_leaves(hearing, pair):
    near, _ = pair
    ear = Ear(near, deadline=time.monotonic() + 0.05)
    hearing.listen(near, ear)
    until(lambda: ear.gave_up >= 2)
    hearing.leave(near)
    assert ear.heard == []


def test_who_fails_is_heard_no_more_and_keeps_nobody_from_hearing(hearing, pair):
    near, far = pair
    broken = Ear(near)
    broken.hear = lambda: 1 / 0
    with capture_logs() as logs:
        hearing.listen(near, broken)
        far.sendall(b"something")
        until(lambda: any(line["event"] == "hearer_failed" for line in logs))
    ear = Ear(near)
    hearing.listen(near, ear)
    until(lambda: ear.heard == [b"something"])
    hearing.leave(near)
    assert sum(line["event"] == "hearer_failed" for line in logs) == 1


def test_nothing_is_heard_while_it_is_hushed_and_everything_afterwards(hearing, pair):
    near, far = pair
    ear = Ear(near)
    hearing.listen(near, ear)
    with hearing.hushed():
        far.sendall(b"during")
        time.sleep(LONGEST_HUSH / 4)
        assert ear.heard == []
    until(lambda: ear.heard == [b"during"])
    hearing.leave(near)


def test_nobody_hushes_it_for_long(hearing, pair):
    near, far = pair
    ear = Ear(near)
    hearing.listen(near, ear)
    with hearing.hushed():
        far.sendall(b"during")
        until(lambda: ear.heard == [b"during"])
    hearing.leave(near)


def test_a_socket_that_is_closed_already_can_not_be_listened_to(hearing, pair):
    near, _ = pair
    near.close()
    assert not hearing.listen(near, Ear(near))


def test_who_hears_last_of_what_came_together_is_told_when_it_came(hearing):
    pairs = [socket.socketpair() for _ in range(5)]
    times: list[float] = []

    class Slow(Ear):
        def hear(self) -> None:
            times.append(hearing.heard_at())
            super().hear()
            time.sleep(0.05)

    try:
        with hearing.hushed():
            for near, far in pairs:
                far.send(b"x")
                hearing.listen(near, Slow(near))
        until(lambda: len(times) == 5)
    finally:
        for near, far in pairs:
            hearing.leave(near)
            near.close()
            far.close()
    assert len(set(times)) < 5
    assert max(times) <= hearing.heard_at()
