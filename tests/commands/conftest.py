"""A desk whose database is at the newest migration."""

import pytest

from config import load
from tests.migrated import migrate


@pytest.fixture
def desk(instance):
    migrate(load().database_url)
    return instance
