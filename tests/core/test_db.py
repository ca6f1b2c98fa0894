"""The unit of work and the compare-and-swap, on both databases."""

import threading
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
import structlog
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, StatementError

from app.core.db import Database, after_commit, swap
from tests.core.conftest import Row

HALF_PAST_FIVE = timezone(timedelta(hours=5, minutes=30))


def keep(db: Database, **values) -> None:
    with db.write() as session:
        session.add(Row(**values))


def kept(db: Database, row_id: str = "a") -> Row:
    with db.read() as session:
        return session.get(Row, row_id)


def together(count: int, act) -> list:
    """Call `act(number)` from as many threads at once; what each answered or raised."""
    gate, answers = threading.Barrier(count), [None] * count

    def run(number: int) -> None:
        gate.wait(10)
        try:
            answers[number] = act(number)
        except Exception as error:  # shown by the test that looks at the answers
            answers[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


# -- The unit of work


@pytest.mark.parametrize("durable", [True, False])
def test_what_was_written_is_read(db, durable):
    with db.write(durable=durable) as session:
        session.add(Row(id="a", state="new"))
    assert kept(db).state == "new"


def test_a_durable_write_waits_for_the_disk_and_the_next_one_need_not(db):
    ask = "PRAGMA synchronous" if db.is_sqlite else "SHOW synchronous_commit"
    with db.write(durable=True) as session:
        durable = session.scalar(text(ask))
    with db.write() as session:
        trailing = session.scalar(text(ask))
    assert trailing == (1 if db.is_sqlite else "off")
    assert durable == (2 if db.is_sqlite else _server_default(db))


def _server_default(db: Database) -> str:
    with db.read() as session:
        return session.scalar(text("SELECT reset_val FROM pg_settings WHERE name = 'synchronous_commit'"))


def test_what_fails_half_way_is_not_there_at_all_and_announced_to_nobody(db):
    heard = []
    with pytest.raises(ZeroDivisionError), db.write() as session:
        session.add(Row(id="a"))
        session.flush()
        after_commit(session, lambda: heard.append("a"))
        _ = 1 / 0
    assert kept(db) is None
    assert heard == []


def test_a_commit_that_fails_announces_nothing(db):
    keep(db, id="a")
    heard = []
    with pytest.raises(IntegrityError), db.write() as session:
        after_commit(session, lambda: heard.append("twice"))
        session.add(Row(id="a"))
    assert heard == []


def test_announcements_come_after_the_commit_in_the_order_they_were_given(db):
    heard = []
    with db.write() as session:
        session.add(Row(id="a", state="new"))
        for number in range(3):
            after_commit(session, lambda number=number: heard.append((number, kept(db).state)))
        assert heard == []
    assert heard == [(0, "new"), (1, "new"), (2, "new")]


def test_an_announcement_may_write_again(db):
    with db.write() as session:
        session.add(Row(id="a"))
        after_commit(session, lambda: keep(db, id="b"))
    assert kept(db, "b")


def test_an_announcement_that_fails_takes_nothing_back_and_stops_no_other(db):
    heard = []
    with structlog.testing.capture_logs() as logged, db.write() as session:
        session.add(Row(id="a"))
        after_commit(session, lambda: heard.append(1 / 0))
        after_commit(session, lambda: heard.append("second"))
    assert kept(db)
    assert heard == ["second"]
    assert [entry["event"] for entry in logged] == ["announcement_failed"]


# -- Compare-and-swap


def test_a_swap_is_won_once_by_eight_at_the_same_time(db):
    keep(db, id="a", state="new")

    def claim(number: int) -> bool:
        with db.write() as session:
            return swap(session, Row, "a", {"state": "new"}, {"state": f"taken by {number}"})

    answers = together(8, claim)
    assert sorted(answers) == [False] * 7 + [True]
    assert kept(db).state == f"taken by {answers.index(True)}"


def test_a_swap_can_expect_nothing_to_be_there(db):
    keep(db, id="a")
    with db.write() as session:
        assert swap(session, Row, "a", {"state": None}, {"state": "stop loss"})
        assert not swap(session, Row, "a", {"state": None}, {"state": "by hand"})
        assert not swap(session, Row, "b", {"state": None}, {"state": "by hand"})
    assert kept(db).state == "stop loss"


def test_a_swap_that_was_rolled_back_can_be_won_again(db):
    keep(db, id="a", state="new")
    with pytest.raises(ZeroDivisionError), db.write() as session:
        assert swap(session, Row, "a", {"state": "new"}, {"state": "taken"})
        _ = 1 / 0
    with db.write() as session:
        assert swap(session, Row, "a", {"state": "new"}, {"state": "taken"})


# -- Several at once


def test_readers_are_never_held_up_and_see_nothing_half_done(db):
    keep(db, id="a", state="old")
    with db.write() as writing:
        writing.get(Row, "a").state = "new"
        writing.flush()
        assert kept(db).state == "old"
    assert kept(db).state == "new"


def test_one_read_sees_one_moment(db):
    for name in ("a", "b"):
        keep(db, id=name, state="old")
    with db.read() as session:
        assert session.get(Row, "a").state == "old"
        with db.write() as writing:
            for name in ("a", "b"):
                writing.get(Row, name).state = "new"
        assert session.scalar(select(Row.state).where(Row.id == "b")) == "old"
    assert kept(db, "b").state == "new"


def test_peer_4_3_08_writers_who_read_first_wait_for_each_other_and_never_deadlock(db):
    for name in ("a", "b"):
        keep(db, id=name, amount=Decimal(0))

    def add(number: int) -> None:
        for _ in range(10):
            with db.write(durable=number % 2 == 0) as session:
                for row in session.scalars(select(Row).order_by(Row.id).with_for_update()):
                    row.amount += 1

    assert together(6, add) == [None] * 6
    assert [kept(db, name).amount for name in ("a", "b")] == [60, 60]


def test_many_more_readers_than_connections_all_come_through(db):
    keep(db, id="a", state="new")
    assert together(40, lambda _: kept(db).state) == ["new"] * 40


def test_two_processes_worth_of_databases_write_the_same_file(db, any_url):
    other = Database(any_url)
    answers = together(8, lambda number: keep((db, other)[number % 2], id=str(number)))
    other.close()
    assert answers == [None] * 8
    with db.read() as session:
        assert len(session.scalars(select(Row.id)).all()) == 8


def test_foreign_keys_are_checked_on_sqlite_too(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'desk.db'}")
    with database.write() as session:
        assert session.scalar(text("PRAGMA foreign_keys")) == 1
    with database.read() as session:
        assert session.scalar(text("PRAGMA foreign_keys")) == 1
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
    database.close()


# -- Numbers and times

EXACT = [
    "0", "0.1", "-0.05", "24537.35", "0.000000000001", "0.00000000000000000001", "1E+2", "2.50",
    "9" * 30, "-" + "9" * 30 + ".123456789012", "123456789012345678901234567890.05",
]  # fmt: skip


@pytest.mark.parametrize("number", EXACT)
def test_a_decimal_comes_back_as_it_was(db, number):
    keep(db, id="a", amount=Decimal(number))
    amount = kept(db).amount
    assert isinstance(amount, Decimal)
    assert amount == Decimal(number)


def test_an_absent_decimal_stays_absent(db):
    keep(db, id="a", amount=None)
    assert kept(db).amount is None


def test_equal_decimals_are_found_whatever_their_zeros(db):
    keep(db, id="a", amount=Decimal("2.50"))
    with db.read() as session:
        assert session.scalar(select(Row.id).where(Row.amount == Decimal("2.5000"))) == "a"


@pytest.mark.parametrize("value", [0.1, "7", Decimal("NaN"), Decimal("Infinity")])
def test_what_is_no_finite_decimal_is_refused_at_the_door(db, value):
    with pytest.raises((StatementError, ValueError), match="finite decimal"):
        keep(db, id="a", amount=value)


def test_a_time_comes_back_in_utc_to_the_microsecond(db):
    keep(db, id="a", at=datetime(2026, 11, 20, 15, 29, 59, 123456, tzinfo=HALF_PAST_FIVE))
    at = kept(db).at
    assert at == datetime(2026, 11, 20, 9, 59, 59, 123456, tzinfo=UTC)
    assert at.utcoffset() == timedelta(0)


def test_times_are_ordered_by_the_moment_not_by_the_wall(db):
    keep(db, id="later", at=datetime(2026, 11, 20, 9, 0, tzinfo=UTC))
    keep(db, id="sooner", at=datetime(2026, 11, 20, 14, 0, tzinfo=HALF_PAST_FIVE))
    with db.read() as session:
        assert session.scalars(select(Row.id).order_by(Row.at)).all() == ["sooner", "later"]
        asked = select(Row.id).where(Row.at < datetime(2026, 11, 20, 14, 15, tzinfo=HALF_PAST_FIVE))
        assert session.scalars(asked).all() == ["sooner"]


def test_a_time_without_a_zone_is_refused_at_the_door(db):
    with pytest.raises((StatementError, ValueError), match="naive"):
        keep(db, id="a", at=datetime(2026, 11, 20, 9, 0))  # noqa: DTZ001 - what the test is about
