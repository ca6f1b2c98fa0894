"""The migrations lead from nothing to exactly the tables that the code declares, on both databases."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import DatabaseError

from app.audit.trail import Trail
from app.commands.setup import upgrade
from app.core.actors import DESK
from app.core.clock import SystemClock
from app.core.db import Database
from app.tables import declared

ROOT = Path(__file__).resolve().parent.parent
VERSIONS = ROOT / "migrations" / "versions"
POSTGRES_LONGEST_NAME = 63


@pytest.fixture
def engine(any_url):
    upgrade(any_url)
    made = create_engine(any_url)
    yield made
    made.dispose()


def test_from_nothing_they_lead_to_what_the_code_declares(engine):
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, declared()) == []


def test_every_index_is_there_with_its_condition(engine):
    looked = inspect(engine)
    for table in declared().tables.values():
        there = {index["name"]: index for index in looked.get_indexes(table.name)}
        for index in table.indexes:
            found = there[index.name]
            assert bool(found["unique"]) == bool(index.unique), index.name
            wanted = index.dialect_options[engine.dialect.name]["where"]
            condition = found["dialect_options"].get(f"{engine.dialect.name}_where")
            assert (condition is None) == (wanted is None), index.name


def test_unique_and_foreign_keys_have_the_names_of_the_code(engine):
    looked = inspect(engine)
    for table in declared().tables.values():
        there = {each["name"] for each in looked.get_unique_constraints(table.name)}
        there |= {each["name"] for each in looked.get_foreign_keys(table.name)}
        wanted = {each.name for each in table.constraints if type(each).__name__.startswith(("Unique", "Foreign"))}
        assert there == wanted


def test_the_columns_have_the_types_of_the_code(engine, tmp_path):
    """The same tables made without the migrations are the measure, as the database itself describes them."""
    migrated = {name: _columns(engine, name) for name in declared().tables}
    with engine.begin() as connection:
        for table in reversed(declared().sorted_tables):
            connection.execute(text(f"DROP TABLE {table.name}"))
        if engine.dialect.name == "postgresql":
            connection.execute(text("DROP FUNCTION audit_entries_append_only CASCADE"))
    declared().create_all(engine)
    assert migrated == {name: _columns(engine, name) for name in declared().tables}


def _columns(engine, table: str) -> list[tuple[str, str, bool]]:
    """By name: a column that came later stands last in a database that was there before."""
    return sorted((each["name"], str(each["type"]), each["nullable"]) for each in inspect(engine).get_columns(table))


@pytest.mark.parametrize("statement", ["UPDATE audit_entries SET action = 'x'", "DELETE FROM audit_entries"])
def test_the_audit_trail_can_only_grow(engine, any_url, statement):
    database = Database(any_url)
    with database.write() as session:
        Trail(database, SystemClock()).record(session, DESK, "sign_in", ("user", "1"))
    database.close()
    with pytest.raises(DatabaseError, match="append-only"), engine.begin() as connection:
        connection.execute(text(statement))


def test_a_second_time_changes_nothing(engine, any_url):
    before = _schema(engine)
    upgrade(any_url)
    assert _schema(engine) == before


def _schema(engine) -> dict[str, object]:
    looked = inspect(engine)
    return {
        name: (_columns(engine, name), [(each["name"], each["column_names"]) for each in looked.get_indexes(name)])
        for name in looked.get_table_names()
    }


def test_two_started_at_once_go_one_after_the_other(any_url):
    failures: list[BaseException] = []

    def migrate() -> None:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, any_url], cwd=ROOT, capture_output=True, text=True, check=False
        )
        if done.returncode:
            failures.append(AssertionError(done.stderr[-1500:]))

    threads = [threading.Thread(target=migrate) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert not failures
    assert _version(any_url) == sorted(path.name[:4] for path in VERSIONS.glob("[0-9]*.py"))[-1:]


SCRIPT = "import sys; from app.commands.setup import upgrade; upgrade(sys.argv[1])"


def _version(url: str) -> list[str]:
    database = Database(url)
    with database.read() as session:
        version = list(session.scalars(text("SELECT version_num FROM alembic_version")))
    database.close()
    return version


def test_no_name_is_longer_than_postgres_keeps():
    names = [
        (table.name, *(index.name for index in table.indexes), *(each.name or "" for each in table.constraints))
        for table in declared().tables.values()
    ]
    assert [name for some in names for name in some if len(str(name)) > POSTGRES_LONGEST_NAME] == []


def test_no_two_indexes_share_a_name():
    names = [index.name for table in declared().tables.values() for index in table.indexes]
    assert sorted(names) == sorted(set(names))


def test_the_command_tells_how_long_a_current_desk_waits_for_it(instance, capsys):
    for title in ("first", "when current"):
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", "migrate"], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        with capsys.disabled():
            sys.stdout.write(f"\nmigrate, {title}: {time.monotonic() - started:.2f} s\n")
    assert (instance / "mirrordesk.db").exists()
    assert (instance / "encryption.key").stat().st_mode & 0o777 == 0o600
