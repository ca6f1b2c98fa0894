"""A desk whose database is at the newest migration."""

import pytest

from app.commands.setup import upgrade
from config import load


@pytest.fixture
def desk(instance):
    upgrade(load().database_url)
    return instance
