"""New databases with every table of the desk, on SQLite and on PostgreSQL, gone after the test.

The tables are made once for each process of a test run; every database after that is a copy.
"""

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import make_url

from app.core.db import Database
from app.tables import declared
from tests.servers import postgres_database


@contextmanager
def made(url: str) -> Iterator[Database]:
    """The database at an address, its tables laid if it is SQLite's; closed after the block."""
    lay_tables(url)
    with closing(Database(url)) as database:
        yield database


def lay_tables(url: str) -> None:
    """Every table of the code, in a database that is new; one that PostgreSQL serves may have them already."""
    if url.startswith("sqlite"):
        copy(_declared(), url)
        return
    with closing(Database(url)) as database:
        declared().create_all(database.writer)


def copy(template: Path, url: str) -> None:
    path = Path(make_url(url).database)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    assert not path.exists(), f"{path} is there already"
    shutil.copyfile(template, path)


@contextmanager
def away(db: Database, table: str) -> Iterator[None]:
    """For a while the database has no such table, and fails for whoever asks for it."""
    _rename(db, table, f"{table}_away")
    try:
        yield
    finally:
        _rename(db, f"{table}_away", table)


def _rename(db: Database, before: str, after: str) -> None:
    with db.turn(), db.writer.connect() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {before} RENAME TO {after}")
        connection.commit()


@cache
def templates() -> Path:
    """The folder of what is copied."""
    folder = tempfile.mkdtemp(prefix="mirrordesk-tables-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


@cache
def _declared() -> Path:
    path = templates() / "declared.db"
    database = Database(f"sqlite:///{path}")
    declared().create_all(database.writer)
    database.close()
    return path


@pytest.fixture
def sqlite_db(tmp_path) -> Iterator[Database]:
    with made(f"sqlite:///{tmp_path / 'desk.db'}") as database:
        yield database


@pytest.fixture
def postgres_db(postgres_tables_url) -> Iterator[Database]:
    database = Database(postgres_tables_url)
    yield database
    database.close()


@pytest.fixture(scope="session")
def _postgres_template(_postgres_port) -> Iterator[str]:
    """The name of a database with every table; nobody may be connected to it while it is copied."""
    with postgres_database(_postgres_port) as url:
        lay_tables(url)
        yield url.rpartition("/")[2]


@pytest.fixture
def postgres_tables_url(_postgres_port, _postgres_template) -> Iterator[str]:
    """The address of a new database that has every table, dropped after the test."""
    with postgres_database(_postgres_port, _postgres_template) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def any_url(request, tmp_path) -> str:
    """The address of a new database without tables, of either kind."""
    return f"sqlite:///{tmp_path / 'desk.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
def db(sqlite_db) -> Database:
    """The usual one."""
    return sqlite_db


@pytest.fixture(params=["sqlite_db", "postgres_db"])
def any_db(request) -> Database:
    """The same test on SQLite and on PostgreSQL."""
    return request.getfixturevalue(request.param)
