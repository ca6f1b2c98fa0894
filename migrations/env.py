"""Where alembic meets our tables. The URL comes from the command; there is no ini file.

A migration happens whole or not at all on both databases, and two started at once go one after the other.
"""

from sqlite3 import Connection as SqliteConnection
from typing import Any

from alembic import context
from sqlalchemy import Connection, Engine, create_engine, event, text

from app.core.db import Exact, Moment, Summed
from app.tables import declared

ONE_AT_A_TIME = 7_206_114_425  # any number that nobody else locks in PostgreSQL


def engine_for(url: str) -> Engine:
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", leave_transactions_to_us)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def leave_transactions_to_us(connection: SqliteConnection, _record: object) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA busy_timeout=60000")


def compare_nothing_of_types(*_: object) -> bool:
    """Our decimals and moments have one Python type and a different column type per database."""
    return False


def named_as_ours(kind: str, item: Any, _context: object) -> str | bool:
    return f"{type(item).__name__}()" if kind == "type" and isinstance(item, Exact | Moment | Summed) else False


def run(connection: Connection) -> None:
    is_sqlite = connection.dialect.name == "sqlite"
    context.configure(
        connection=connection,
        target_metadata=declared(),
        transactional_ddl=True,
        render_as_batch=is_sqlite,
        compare_type=compare_nothing_of_types,
        render_item=named_as_ours,
    )
    with context.begin_transaction():
        if not is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ONE_AT_A_TIME})
        context.run_migrations()


engine = engine_for(context.config.attributes["url"])
with engine.connect() as connection:
    run(connection)
engine.dispose()
