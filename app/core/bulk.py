"""Many rows through one statement that is compiled once.

What an `execute` of a list spends per row on finding out how to pass each value costs more than the database spends on
the row. Here that is found out once per statement. The columns' own types still convert every value.
"""

import sqlite3
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Table, insert
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import Insert, Update
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from app.core.db import as_ours, connection_of, sqlite_of

Convert = Callable[[Any], Any]
Row = dict[str, Any]


def insert_many(session: Session, table: Table, rows: Sequence[Row]) -> None:
    """Rows with the same columns each; those that none names get the table's constant defaults."""
    if not rows:
        return
    statement, given = _insert(table, tuple(rows[0]))
    write_many(session, statement, [given | row for row in rows] if given else rows)


def write_many(session: Session, statement: Insert | Update, rows: Sequence[Row]) -> None:
    """The statement once for each row of values for its parameters."""
    if not rows:
        return
    connection = connection_of(session)
    sql, values, is_positional = _plan(statement, connection.dialect, tuple(sorted(rows[0])))
    columns = [converted([row[name] for row in rows], convert) for name, convert in values]
    passed: Any = list(zip(*columns, strict=True))
    if not is_positional:
        names = [name for name, _ in values]
        passed = [dict(zip(names, row, strict=True)) for row in passed]
    sqlite = sqlite_of(connection)
    if sqlite is None:
        connection.exec_driver_sql(sql, passed)
        return
    try:
        sqlite.executemany(sql, passed)
    except sqlite3.Error as error:
        raise as_ours(error, sql) from error


def converted(values: Sequence[Any], convert: Convert | None) -> Sequence[Any]:
    """A column's values as the database takes them; equal ones, and most are, are converted once."""
    if convert is None:
        return values
    try:
        made = {value: convert(value) for value in set(values)}
    except TypeError:  # a structure, which has no hash
        return [convert(value) for value in values]
    return [made[value] for value in values]


@lru_cache(maxsize=128)
def _insert(table: Table, names: tuple[str, ...]) -> tuple[Insert, Row]:
    given = {
        column.key: column.default.arg
        for column in table.columns
        if column.key not in names and isinstance(column.default, ScalarElementColumnDefault)
    }
    return insert(table).inline(), given


@lru_cache(maxsize=256)
def _plan(
    statement: Insert | Update, dialect: Dialect, names: tuple[str, ...]
) -> tuple[str, Sequence[tuple[str, Convert | None]], bool]:
    """The statement as text, and in their order its parameters with what converts each."""
    columns = list(names) if isinstance(statement, Insert) else None
    compiled = statement.compile(dialect=dialect, column_keys=columns)
    if not isinstance(compiled, SQLCompiler):
        raise TypeError(f"{type(statement).__name__} is no statement")
    order = compiled.positiontup or list(compiled.binds)
    values = [(name, compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in order]
    return str(compiled), values, compiled.positional
