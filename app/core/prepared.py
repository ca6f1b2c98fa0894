"""Statements of the hot path, compiled once and run past what SQLAlchemy does for each execution.

Most of them touch a row or two: SQLite needs 3 µs for that, and finding out anew how to pass the values and what the
columns are takes twenty times as long. Here that is found out once per statement and length of its lists. The columns'
own types still convert every value. On PostgreSQL SQLAlchemy runs them: there the way to the server is what takes long.
"""

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any

import orjson
from sqlalchemy import JSON
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from app.core.bulk import converted
from app.core.db import as_ours, connection_of, sqlite_of

Convert = Callable[[Any], Any]
SHORT = 8  # a longer list is passed as one text: no length of it needs a statement of its own
LONG = -1


class Rows:
    """What a statement gave: rows whose columns have names, and how many rows it changed."""

    def __init__(self, rows: Sequence[Any], rowcount: int) -> None:
        self._rows = rows
        self.rowcount = rowcount

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def all(self) -> Sequence[Any]:
        return self._rows

    def first(self) -> Any | None:
        return self._rows[0] if self._rows else None

    def scalars(self) -> list[Any]:
        """The first column."""
        return [row[0] for row in self._rows]


def execute(session: Session, statement: Any, values: Mapping[str, Any]) -> Rows:
    """On the session's own connection and in its transaction, past the ORM. A list is a parameter of IN."""
    connection = connection_of(session)
    sqlite = sqlite_of(connection)
    if sqlite is None:
        result = connection.execute(statement, dict(values))
        return Rows(result.all() if result.returns_rows else (), result.rowcount)
    padded = {name: _padded(value) for name, value in values.items()}
    lengths = tuple((name, _length(value)) for name, value in padded.items() if isinstance(value, list))
    plan = _plan(statement, connection.dialect, lengths)
    try:
        cursor = sqlite.execute(plan.sql, [parameter.of(padded) for parameter in plan.parameters])
        found = cursor.fetchall()
    except sqlite3.Error as error:
        raise as_ours(error, plan.sql) from error
    return Rows(plan.read(found), cursor.rowcount)


def _padded(value: Any) -> Any:
    """A short list, of one of few lengths, its last item again and again: to IN that is the same."""
    if not isinstance(value, list) or not 3 <= len(value) <= SHORT:
        return value
    step = 1 << ((len(value) - 1).bit_length() - 2)  # to 3, 4, 6, 8
    return value + value[-1:] * (-len(value) % step)


def _length(value: list[Any]) -> int:
    return len(value) if len(value) <= SHORT else LONG


@dataclass(frozen=True, slots=True)
class _Parameter:
    """`index`: in its list; None where it is none, LONG where the whole list is passed as one text."""

    name: str
    index: int | None
    convert: Convert | None
    constant: Any

    def of(self, values: Mapping[str, Any]) -> Any:
        value = values.get(self.name, self.constant)
        if self.index == LONG:
            return orjson.dumps(converted(value, self.convert)).decode()
        if self.index is not None:
            value = value[self.index]
        return value if self.convert is None else self.convert(value)


@dataclass(frozen=True, slots=True)
class _Plan:
    sql: str
    parameters: Sequence[_Parameter]
    makes: Callable[[Any], Any] | None  # a row of a sequence; None where it gives none
    converts: Sequence[tuple[int, Convert, bool]]  # of columns, and whether equal values may share what is made

    def read(self, rows: list[Any]) -> list[Any]:
        if self.makes is None or not rows:
            return []
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
        for index, convert, may_share in self.converts:
            given = columns[index]
            columns[index] = converted(given, convert) if may_share else [convert(value) for value in given]
        return list(map(self.makes, zip(*columns, strict=True)))


@lru_cache(maxsize=512)
def _plan(statement: Any, dialect: Dialect, lengths: tuple[tuple[str, int], ...]) -> _Plan:
    compiled = statement.compile(dialect=dialect)
    if not isinstance(compiled, SQLCompiler):
        raise TypeError(f"{type(statement).__name__} is no statement")
    lists = {name: [""] * (1 if length == LONG else length) for name, length in lengths}
    state = compiled.construct_expanded_state({**compiled.params, **lists})
    whence = {
        part: (name, index) for name, parts in state.parameter_expansion.items() for index, part in enumerate(parts)
    }
    long = {name for name, length in lengths if length == LONG}
    texts, parameters = [], []
    for position in state.positiontup or ():
        name, index = whence.get(position, (position, None))
        convert = _type_of(compiled.binds[name].type, dialect).bind_processor(dialect)
        parameters.append(_Parameter(name, LONG if name in long else index, convert, compiled.params[name]))
        texts.append("SELECT value FROM json_each(?)" if name in long else "?")
    columns = list(getattr(statement, "exported_columns", None) or ())
    converts = []
    for index, column in enumerate(columns):
        made = _type_of(column.type, dialect).result_processor(dialect, None)
        if made is not None:
            converts.append((index, made, not isinstance(column.type, JSON)))
    row: Any = namedtuple("Row", [column.key for column in columns]) if columns else None
    return _Plan(_with(state.statement, texts), parameters, row._make if row else None, converts)


def _with(sql: str, texts: Sequence[str]) -> str:
    """The statement with these in the places of its parameters."""
    pieces = sql.split("?")
    return "".join(chain.from_iterable(zip(pieces, (*texts, ""), strict=True)))


def _type_of(kind: TypeEngine[Any], dialect: Dialect) -> TypeEngine[Any]:
    return kind.dialect_impl(dialect)
