"""Signs of life."""

from datetime import UTC, datetime, timedelta

import pytest

from app.core.pulse import Beat, Pulse

NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)


class Hands:
    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()


@pytest.fixture
def db(any_db):
    return any_db


def test_the_last_beat_of_each_name_is_kept(db):
    clock = Hands()
    pulse = Pulse(db, clock)
    assert pulse.read() == {}
    pulse.beat("engine", {"accounts": 3})
    pulse.beat("feed")
    clock.time += timedelta(seconds=2)
    pulse.beat("engine", {"accounts": 4})
    assert pulse.read() == {"engine": Beat(NOW + timedelta(seconds=2), {"accounts": 4}), "feed": Beat(NOW, {})}
