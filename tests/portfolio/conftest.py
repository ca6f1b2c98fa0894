"""A desk over a new database, on SQLite and on PostgreSQL."""

import pytest

from app.core.db import Base, Database
from tests.portfolio.rows import Desk


@pytest.fixture
def db(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'desk.db'}")
    Base.metadata.create_all(database.writer)
    yield database
    database.close()


@pytest.fixture
def desk(db):
    return Desk(db)


@pytest.fixture
def postgres_db(postgres_url):
    database = Database(postgres_url)
    Base.metadata.create_all(database.writer)
    yield database
    database.close()


@pytest.fixture(params=["db", "postgres_db"])
def any_desk(request):
    """The same test on both databases."""
    return Desk(request.getfixturevalue(request.param))
