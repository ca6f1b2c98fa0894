"""Many rows through one statement that is compiled once.

What an `execute` of a list spends per row on finding out how to pass each value costs more than the database spends on
the row. Here that is found out once per statement. The columns' own types still convert every value.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import Table, insert
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import Insert, Update
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from app.core.db import as_ours, connection_of, sqlite_of

Convert = Callable[[Any], Any]
Row = Mapping[str, Any]


def insert_many(session: Session, table: Table, rows: Sequence[Row], alike: Row = MappingProxyType({})) -> None:
    """Rows with the same columns each, and what is `alike` in all of them; columns that neither names get the table's
    constant defaults. One that is empty in all rows is not passed: sqlite3 takes longer for a None than for three
    texts."""
    if not rows:
        return
    empty = _may_stay_empty(table)
    own = [name for name in rows[0] if name not in empty or any(row[name] is not None for row in rows)]
    given = {name: value for name, value in alike.items() if name not in empty or value is not None}
    statement, usual = _insert(table, (*own, *given))
    _write(session, statement, own, rows, {**usual, **given})


def write_many(session: Session, statement: Insert | Update, rows: Sequence[Row]) -> None:
    """The statement once for each row of values for its parameters."""
    if rows:
        _write(session, statement, tuple(rows[0]), rows, {})


def _write(session: Session, statement: Insert | Update, names: Sequence[str], rows: Sequence[Row], given: Row) -> None:
    """With these parameters of each row, and those `given` for all of them."""
    connection = connection_of(session)
    sql, values, is_positional = _plan(statement, connection.dialect, tuple(sorted((*names, *given))))
    columns = [_column(name, convert, rows, given) for name, convert in values]
    passed: Any = list(zip(*columns, strict=True))
    if not is_positional:
        spelled = [name for name, _ in values]
        passed = [dict(zip(spelled, row, strict=True)) for row in passed]
    sqlite = sqlite_of(connection)
    if sqlite is None:
        connection.exec_driver_sql(sql, passed)
        return
    try:
        sqlite.executemany(sql, passed)
    except sqlite3.Error as error:
        raise as_ours(error, sql) from error


def _column(name: str, convert: Convert | None, rows: Sequence[Row], given: Row) -> Sequence[Any]:
    if name in given:
        return converted([given[name]], convert) * len(rows)
    return converted([row[name] for row in rows], convert)


def converted(values: Sequence[Any], convert: Convert | None) -> list[Any]:
    """A column's values as the database takes them; equal ones, and most are, are converted once."""
    if convert is None:
        return list(values)
    try:
        made = {value: convert(value) for value in set(values)}
    except TypeError:  # a structure, which has no hash
        return [convert(value) for value in values]
    return [made[value] for value in values]


@lru_cache(maxsize=64)
def _may_stay_empty(table: Table) -> frozenset[str]:
    """Columns in which leaving out and NULL are the same. Nothing, in a structure, is a value of its own."""
    return frozenset(
        column.key
        for column in table.columns
        if column.nullable and column.default is None and column.server_default is None
        and not getattr(column.type, "should_evaluate_none", False)
    )  # fmt: skip


@lru_cache(maxsize=256)
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
