"""A room of people over a new database, with hashing made cheap and a clock that is moved by hand."""

from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher

from app.audit.trail import Trail
from app.users import service
from app.users.door import Visitor
from app.users.passwords import Passwords

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "seven lanterns by the canal"
HERE = Visitor("192.0.2.10", "a browser")


class HandClock:
    def __init__(self) -> None:
        self.moment = datetime(2026, 12, 1, 4, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.moment.timestamp()

    def forward(self, **by: float) -> None:
        self.moment += timedelta(**by)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def people_over(db, clock):
    return service.build(db, clock, Trail(db, clock).record, Passwords(CHEAP), session_hours=12)


@pytest.fixture
def trail(db, clock):
    return Trail(db, clock)


@pytest.fixture
def users(db, clock):
    return people_over(db, clock)


@pytest.fixture
def admin(users):
    return users.door.found("Asha", PASSWORD, HERE).user
