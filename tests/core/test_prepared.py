"""Statements past SQLAlchemy's own way give what that gives."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import JSON, Boolean, Column, MetaData, String, Table, bindparam, select, update
from sqlalchemy.exc import OperationalError

from app.core.bulk import insert_many
from app.core.db import Database, Exact, Moment, connection_of
from app.core.prepared import SHORT, _padded, _plan, execute

AT = datetime(2026, 11, 20, 6, 0, 0, 123456, tzinfo=UTC)


PROBES = Table(
    "prepared_probes",
    MetaData(),
    Column("id", String, primary_key=True),
    Column("price", Exact),
    Column("at", Moment),
    Column("is_on", Boolean, nullable=False),
    Column("about", JSON),
)
_ids = bindparam("ids", expanding=True)
ALL = select(*PROBES.c).where(PROBES.c.id.in_(_ids), PROBES.c.is_on.in_([True, False])).order_by(PROBES.c.id)
RAISE = (
    update(PROBES)
    .where(PROBES.c.id.in_(_ids))
    .values(price=bindparam("price", type_=Exact), at=bindparam("now", type_=Moment))
)
RAISE_AND_TELL = RAISE.returning(PROBES.c.id, PROBES.c.price)


@pytest.fixture
def db(any_url):
    database = Database(any_url)
    PROBES.create(database.writer)
    rows = [
        {
            "id": f"p{n}",
            "price": Decimal(n) / 7 if n % 3 else None,
            "at": AT if n % 2 else None,
            "is_on": n % 2 == 0,
            "about": {"n": n % 2} if n % 4 else None,
        }
        for n in range(9)
    ]
    with database.write() as session:
        insert_many(session, PROBES, rows)
    yield database
    PROBES.drop(database.writer)
    database.close()


@pytest.mark.parametrize("count", [*range(11), 100, 3000])
def test_rows_are_as_sqlalchemy_reads_them_whatever_the_length_of_the_list(db, count):
    wanted = {"ids": [f"p{n}" for n in range(count)]}
    with db.read() as session:
        given = execute(session, ALL, wanted)
        usual = connection_of(session).execute(ALL, wanted).all()
    assert [tuple(row) for row in given] == [tuple(row) for row in usual]
    assert len(given.all()) == min(count, 9)
    for row, other in zip(given, usual, strict=True):
        assert (row.id, row.price, row.at, row.about) == (other.id, other.price, other.at, other.about)
        assert type(row.is_on) is bool
    assert given.scalars() == [row.id for row in usual]
    assert given.first() == (usual[0] if usual else None)


def test_rows_share_nothing_that_could_be_changed(db):
    with db.read() as session:
        rows = execute(session, ALL, {"ids": ["p1", "p3", "p5"]}).all()
    assert rows[0].about == rows[1].about
    assert rows[0].about is not rows[1].about


def test_a_change_says_how_many_rows_it_changed_and_which(db):
    with db.write() as session:
        changed = execute(session, RAISE, {"ids": ["p1", "p2", "nobody"], "price": Decimal("0.10"), "now": AT})
        told = execute(session, RAISE_AND_TELL, {"ids": ["p1", "p7"], "price": Decimal("1.5"), "now": AT})
        nothing = execute(session, RAISE, {"ids": [], "price": None, "now": AT})
    assert (changed.rowcount, nothing.rowcount, len(changed.all())) == (2, 0, 0)
    assert sorted((row.id, row.price) for row in told) == [("p1", Decimal("1.5")), ("p7", Decimal("1.5"))]


def test_it_is_part_of_the_transaction_it_is_in(db):
    with pytest.raises(ValueError, match="after all"), db.write() as session:
        execute(session, RAISE, {"ids": ["p1"], "price": Decimal(9), "now": AT})
        raise ValueError("not after all")
    with db.read() as session:
        assert execute(session, ALL, {"ids": ["p1"]}).first().price == Decimal(1) / 7


def test_a_naive_time_is_refused_at_the_door(db):
    with pytest.raises(Exception, match="naive"), db.write() as session:
        execute(session, RAISE, {"ids": ["p1"], "price": None, "now": AT.replace(tzinfo=None)})


def test_an_error_is_one_of_the_family_that_callers_know_and_names_no_value(db):
    gone = select(PROBES.c.id).where(PROBES.c.id.in_(_ids))
    with db.write() as session:
        session.connection().exec_driver_sql("ALTER TABLE prepared_probes RENAME TO elsewhere")
        if db.is_sqlite:
            with pytest.raises(OperationalError) as caught:
                execute(session, gone, {"ids": ["secret"]})
            assert "secret" not in str(caught.value)
            with pytest.raises(OperationalError):
                insert_many(session, PROBES, [{"id": "p10", "price": None, "at": None, "is_on": True, "about": None}])
        session.connection().exec_driver_sql("ALTER TABLE elsewhere RENAME TO prepared_probes")


def test_short_lists_come_in_few_lengths_and_lose_and_win_nothing():
    for length in range(2000):
        given = [str(n) for n in range(length)]
        padded = _padded(given)
        assert set(padded) == set(given)
        assert padded[:length] == given
        assert len(padded) <= length * 1.5
    assert {len(_padded(["x"] * length)) for length in range(SHORT + 1)} == {0, 1, 2, 3, 4, 6, 8}


def test_no_statement_is_compiled_for_the_length_of_a_long_list(db):
    with db.read() as session:
        for count in (SHORT + 1, 50):
            execute(session, ALL, {"ids": [f"p{n}" for n in range(count)]})
        compiled = _plan.cache_info().misses
        for count in range(SHORT + 1, 200):
            execute(session, ALL, {"ids": [f"p{n}" for n in range(count)]})
    assert _plan.cache_info().misses == compiled


def test_a_value_in_a_long_list_may_be_any_text(db):
    odd = ["'; DROP TABLE prepared_probes; --", '"', "\\", "ü", "p3", "", "?", "x" * 1000, "\n", "p5"]
    with db.read() as session:
        assert execute(session, ALL, {"ids": odd}).scalars() == ["p3", "p5"]
