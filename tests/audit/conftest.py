"""A trail over a new database."""

import pytest

from app.audit.trail import Trail
from app.core.clock import SystemClock


@pytest.fixture
def trail(db):
    return Trail(db, SystemClock())
