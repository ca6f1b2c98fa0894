"""A journal over a new database, on SQLite and on PostgreSQL, with a clock that the test moves."""

import pytest

from tests.execution.journaling import Journaling


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
