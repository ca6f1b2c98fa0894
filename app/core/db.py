"""The database is the only truth: one unit of work per decision, claims by compare-and-swap.

SQLite runs in WAL mode with one writer at a time (BEGIN IMMEDIATE, so a unit of work never fails half-way for a lock it
could not upgrade); PostgreSQL needs none of that. `write(durable=True)` is on the disk when it returns; other writes
may trail the disk by a moment and can be re-learned from the venue. Callbacks given to `after_commit` run only when
the commit has succeeded; one that fails changes nothing about what was committed.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, TypeVar

import structlog
from sqlalchemy import (
    BigInteger,
    DateTime,
    Dialect,
    Engine,
    MetaData,
    Numeric,
    String,
    TypeDecorator,
    create_engine,
    event,
    text,
    update,
)
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.types import TypeEngine

from app.core.crashpoint import reach
from app.core.ids import new_id
from app.core.money import plain
from app.core.turns import Turns

log = structlog.get_logger()

FINEST = Decimal("0.0001")
_CONNECTION = "connection"
Made = TypeVar("Made")
LONGEST_SILENCE = 10  # seconds between two statements of a unit of work
NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime; a naive one is refused at the door."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(DateTime(timezone=dialect.name != "sqlite"))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}: times are aware")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Exact(TypeDecorator[Decimal]):
    """A finite Decimal that survives the round trip whatever its digits.

    NUMERIC where that is exact, without a scale, which would round silently; text on SQLite, whose numbers are floats.
    """

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(64))
        return dialect.type_descriptor(Numeric())

    def process_bind_param(self, value: Decimal | int | None, dialect: Dialect) -> Decimal | str | None:
        if value is None:
            return None
        if not isinstance(value, Decimal | int) or not Decimal(value).is_finite():
            raise ValueError(f"{value!r} is no finite decimal: numbers from outside become one at the edge")
        return plain(Decimal(value)) if dialect.name == "sqlite" else Decimal(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        if value is None:
            return None
        return Decimal(value) if isinstance(value, str) else Decimal(plain(value))  # text was written plain


class Summed(TypeDecorator[Decimal]):
    """Money in ten-thousandths, as a whole number: a database adds these exactly, which it can't do with text."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        return None if value is None else int((value / FINEST).quantize(Decimal(1), ROUND_HALF_UP))

    def process_result_value(self, value: int | Decimal | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(int(value)) * FINEST


class Database:
    """Sessions for reading and for writing, over SQLite or PostgreSQL."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        self.name = new_id()[-8:]  # of this process's sessions, at a server
        self._turns = Turns()
        if self.is_sqlite:
            self.writer = _sqlite_engine(url, "BEGIN IMMEDIATE", pool_size=1)
            self.reader = _sqlite_engine(url, "BEGIN", pool_size=8)
        else:
            self.writer = _postgres_engine(url, _sessions_of(self.name))
            self.reader = self.writer.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._read = sessionmaker(self.reader, expire_on_commit=False)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """One consistent view; nothing is written."""
        with self._read() as session:
            yield session

    def turn(self, urgent: bool = False) -> AbstractContextManager[None]:
        """Whose turn it is to write, where only one can."""
        return self._turns.turn(urgent) if self.is_sqlite else nullcontext()

    @contextmanager
    def write(self, durable: bool = False, urgent: bool = False) -> Iterator[Session]:
        """One unit of work: all of it or nothing, announced after the commit. Where only one can write, the urgent
        go before the others."""
        with self.turn(urgent), self.writer.connect() as connection:
            if self.is_sqlite:
                _set_synchronous(connection, "FULL" if durable else "NORMAL")
            with Session(connection, expire_on_commit=False) as session:
                if not self.is_sqlite and not durable:
                    session.connection().exec_driver_sql("SET LOCAL synchronous_commit TO off")
                yield session
                reach("committing")
                session.commit()
                reach("committed")
                announcements = session.info.pop("after_commit", ())
        for announce in announcements:
            try:
                announce()
            except Exception:  # what was committed stays: the caller must not hear that it failed
                log.exception("announcement_failed", announcement=getattr(announce, "__qualname__", repr(announce)))

    def end_sessions(self, name: str) -> int:
        """End what another process has open at the server, by its name; how many. Whoever stands still keeps the locks
        it has, and between the rows of one statement no timeout of the server counts."""
        if self.is_sqlite or name == self.name:
            return 0
        ended = text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = :name AND usename = current_user"
        )
        with self.writer.connect() as connection:
            return len(connection.execute(ended, {"name": _sessions_of(name)}).all())

    def checkpoint(self) -> None:
        """Move what the write-ahead log holds into the database, so that no commit has to do it in passing."""
        if self.is_sqlite:
            with self.reader.connect() as connection:
                raw = connection.connection.driver_connection
                if raw is not None:
                    raw.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        self.writer.dispose()
        if self.reader is not self.writer:
            self.reader.dispose()


def _set_synchronous(connection: Connection, level: str) -> None:
    raw = connection.connection.driver_connection
    if raw is None:
        raise RuntimeError("the database connection is closed")
    raw.execute(f"PRAGMA synchronous={level}")  # before BEGIN: inside a transaction it would not count


def once(session: Session, name: str, make: Callable[[], Made]) -> Made:
    """What `make` gives, made once for each transaction of the session."""
    transaction, kept = session.get_transaction(), session.info.get(name)
    if transaction is None or kept is None or kept[0] is not transaction:
        made = make()  # which may be what begins the transaction
        kept = session.info[name] = (session.get_transaction(), made)
    found: Made = kept[1]
    return found


def connection_of(session: Session) -> Connection:
    """What its transaction is on, asked once: the session takes longer to say it than most statements take to run."""
    return once(session, _CONNECTION, session.connection)


def sqlite_of(connection: Connection) -> sqlite3.Connection | None:
    """What SQLAlchemy speaks through, where that is SQLite: its own way through takes longer than most statements."""
    raw = connection.connection.driver_connection
    return raw if isinstance(raw, sqlite3.Connection) else None


def as_ours(error: sqlite3.Error, sql: str) -> Exception:
    """SQLAlchemy's error for it, so that callers know one family; without the values, which nobody else should see."""
    return DBAPIError.instance(sql, None, error, sqlite3.Error)


def after_commit(session: Session, announce: Callable[[], None]) -> None:
    session.info.setdefault("after_commit", []).append(announce)


def swap(session: Session, model: type[Base], row_id: object, expect: dict[str, Any], change: dict[str, Any]) -> bool:
    """Compare-and-swap of one row: change it only if it still is as expected; True for the one who won."""
    table: Any = model
    conditions = [
        getattr(table, name).is_(None) if value is None else getattr(table, name) == value
        for name, value in expect.items()
    ]
    statement = update(table).where(table.id == row_id, *conditions).values(**change)
    result = session.execute(statement.execution_options(synchronize_session=False))
    return bool(result.rowcount == 1)  # type: ignore[attr-defined]  # an UPDATE gives a cursor result


def _sessions_of(name: str) -> str:
    return f"mirrordesk {name}"


def _postgres_engine(url: str, name: str) -> Engine:
    engine = create_engine(url, pool_size=10, max_overflow=20, pool_pre_ping=True)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        """A process that stands still in the middle of a unit of work must not keep the others from its rows."""
        with connection.cursor() as cursor:
            cursor.execute(f"SET idle_in_transaction_session_timeout = '{LONGEST_SILENCE}s'")
            cursor.execute("SELECT set_config('application_name', %s, false)", [name])
        connection.commit()

    return engine


def _sqlite_engine(url: str, begin: str, pool_size: int) -> Engine:
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=60,
        connect_args={"timeout": 30, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "busy_timeout=30000",
            "wal_autocheckpoint=20000",
            "cache_size=-16000",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
