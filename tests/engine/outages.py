"""A database that fails for a moment, for whoever asks for one of its tables."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.core.db import Database


@contextmanager
def unreadable(db: Database, table: str) -> Iterator[None]:
    """As long as it lasts the table is not there."""
    _rename(db, table, f"{table}_away")
    try:
        yield
    finally:
        _rename(db, f"{table}_away", table)


def _rename(db: Database, before: str, after: str) -> None:
    with db.turn(), db.writer.connect() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {before} RENAME TO {after}")
        connection.commit()
