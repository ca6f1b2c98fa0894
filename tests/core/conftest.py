"""Both databases, with a table that only these tests know."""

from datetime import datetime
from decimal import Decimal

import pytest
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.core.db import Database, Exact, Moment


class TestBase(DeclarativeBase):
    __test__ = False


class Row(TestBase):
    __tablename__ = "rows"

    id: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str | None]
    amount: Mapped[Decimal | None] = mapped_column(Exact)
    at: Mapped[datetime | None] = mapped_column(Moment)


@pytest.fixture
def db(any_url):
    database = Database(any_url)
    TestBase.metadata.create_all(database.writer)
    yield database
    database.close()
