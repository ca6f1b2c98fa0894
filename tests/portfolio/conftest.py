"""A desk over a new database, on SQLite and on PostgreSQL."""

import pytest

from tests.portfolio.rows import Desk


@pytest.fixture
def desk(db):
    return Desk(db)


@pytest.fixture
def any_desk(any_db):
    """The same test on both databases."""
    return Desk(any_db)
