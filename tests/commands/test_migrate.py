"""A desk that is up to date starts without loading what only a migration needs; any other goes the long way."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace

import pytest

from app.commands.migrate import is_current
from app.commands.setup import services_of
from config import load
from tests.commands.running import ROOT, command

LOADED = "import sys; from app.cli import main; main(['migrate']); sys.exit('sqlalchemy' in sys.modules)"


@pytest.fixture
def current(desk):
    """A desk after its first start."""
    with services_of(load()) as services:
        services.instruments.seed()
        services.db.checkpoint()
    assert is_current(load())
    return desk


def change(desk, statement: str) -> None:
    with closing(sqlite3.connect(desk / "mirrordesk.db")) as file, file:
        file.execute(statement)


def test_a_second_start_loads_no_database_library(current):
    done = subprocess.run([sys.executable, "-c", LOADED], cwd=ROOT, env=os.environ, check=False)
    assert done.returncode == 0


def test_another_version_and_a_missing_fact_are_noticed_and_set_right(current):
    change(current, "DELETE FROM instrument_facts WHERE rowid = 1")
    assert not is_current(load())
    assert command("migrate").returncode == 0
    assert is_current(load())
    change(current, "UPDATE alembic_version SET version_num = '0000'")
    assert not is_current(load())


def test_what_can_not_be_looked_at_simply_goes_the_long_way(current, tmp_path):
    settings = load()
    assert not is_current(replace(settings, database_url=f"sqlite:///{tmp_path / 'none.db'}"))
    assert not is_current(replace(settings, database_url="postgresql+psycopg://desk@127.0.0.1/desk"))
    (tmp_path / "empty.db").touch()
    assert not is_current(replace(settings, database_url=f"sqlite:///{tmp_path / 'empty.db'}"))
