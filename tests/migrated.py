"""A desk's database at the newest migration; on SQLite a copy of one for which the migrations ran once."""

from functools import cache
from pathlib import Path

from app.commands.setup import upgrade
from tests.databases import copy, templates


def migrate(url: str) -> None:
    """Every migration, in a database that is new."""
    if url.startswith("sqlite"):
        copy(_migrated(), url)
    else:
        upgrade(url)


@cache
def _migrated() -> Path:
    path = templates() / "migrated.db"
    upgrade(f"sqlite:///{path}")
    return path
