"""A journal over a new database, on SQLite and on PostgreSQL, with a clock that the test moves."""

import pytest

from app.core.db import Database
from app.tables import declared
from tests.execution.journaling import Journaling


@pytest.fixture
def sqlite_db(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'desk.db'}")
    declared().create_all(database.writer)
    yield database
    database.close()


@pytest.fixture
def postgres_db(postgres_url):
    database = Database(postgres_url)
    declared().create_all(database.writer)
    yield database
    database.close()


@pytest.fixture
def desk(sqlite_db):
    made = Journaling(sqlite_db)
    yield made
    made.close()


@pytest.fixture(params=["sqlite_db", "postgres_db"])
def any_desk(request):
    """The same test on both databases."""
    made = Journaling(request.getfixturevalue(request.param))
    yield made
    made.close()
