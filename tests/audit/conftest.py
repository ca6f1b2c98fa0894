"""A trail over a new database."""

import pytest

from app.audit.trail import Trail
from app.core.clock import SystemClock
from app.core.db import Base, Database


@pytest.fixture
def db(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'desk.db'}")
    Base.metadata.create_all(database.writer)
    yield database
    database.close()


@pytest.fixture
def postgres_db(postgres_url):
    database = Database(postgres_url)
    Base.metadata.create_all(database.writer)
    yield database
    database.close()


@pytest.fixture(params=["db", "postgres_db"])
def any_db(request):
    """The same test on SQLite and on PostgreSQL."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def trail(db):
    return Trail(db, SystemClock())
