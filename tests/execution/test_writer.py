"""The journal's one thread: commits are shared, errors are not."""

import threading
from decimal import Decimal

import pytest
from sqlalchemy import func, select, text

from app.execution.models import VenueOrder
from app.execution.writer import Writer, Written
from tests.execution.journaling import row
from tests.waiting import until


class Heard:
    def __init__(self, name: str) -> None:
        self.name = name


def note(desk, name):
    """A unit of work that leaves a row behind."""

    def unit(session):
        now = desk.clock.now()
        row = VenueOrder(
            account_id=desk.account_id, venue_order_id=name, exchange="NFO", symbol="X", side="BUY",
            quantity=Decimal(65), price_type="MARKET", product="NRML", status="open", first_seen_at=now,
            last_seen_at=now,
        )  # fmt: skip
        session.add(row)
        session.flush()
        return Written(name, [Heard(name)])

    return unit


def broken(_session):
    raise ValueError("a wrong unit")


def count(desk) -> int:
    with desk.db.read() as session:
        return session.scalar(select(func.count()).select_from(VenueOrder))


@pytest.fixture
def held(desk):
    """The journal's thread kept busy until `go` is set, so that what is submitted meanwhile becomes one batch."""
    busy, go = threading.Event(), threading.Event()

    def wait(_session):
        busy.set()
        go.wait(10)
        return Written()

    desk.writer.submit(wait)
    until(busy.is_set)
    yield go
    go.set()


def test_what_arrives_during_a_commit_shares_the_next_one(desk, held):
    commits = []
    together = desk.writer._together
    desk.writer._together = lambda batch, follow: commits.append(len(batch)) or together(batch, follow)
    futures = [desk.writer.submit(note(desk, f"n{number}")) for number in range(20)]
    held.set()
    assert [future.result(10) for future in futures] == [f"n{number}" for number in range(20)]
    assert max(commits) >= 19
    assert count(desk) == 20


def test_what_is_no_news_waits_for_no_answer_on_its_way(desk):
    asked = []
    desk.writer.awaited = lambda: asked.append(1) or 99
    desk.writer.write(note(desk, "a step"))
    assert asked == []
    news = note(desk, "news")
    news.together = lambda session, units: [unit(session) for unit in units]
    desk.writer.write(news)
    assert asked


def test_a_failing_unit_takes_nobody_with_it(desk, held):
    before, wrong, after = (desk.writer.submit(unit) for unit in (note(desk, "a"), broken, note(desk, "b")))
    held.set()
    assert (before.result(10), after.result(10)) == ("a", "b")
    with pytest.raises(ValueError, match="a wrong unit"):
        wrong.result(10)
    assert count(desk) == 2


def test_half_a_unit_is_never_kept(desk, held):
    def half(session):
        note(desk, "half")(session)
        raise ValueError("after the row")

    wrong, right = desk.writer.submit(half), desk.writer.submit(note(desk, "whole"))
    held.set()
    assert right.result(10) == "whole"
    assert isinstance(wrong.exception(10), ValueError)
    assert count(desk) == 1


def test_events_are_heard_after_the_commit_and_once_although_the_unit_ran_twice(desk, held):
    seen = []
    desk.bus.subscribe(Heard, lambda event: seen.append((event.name, count(desk))))
    desk.writer.submit(note(desk, "a"))
    desk.writer.submit(broken)
    held.set()
    until(lambda: seen)
    desk.settle()
    assert seen == [("a", 1)]


def test_a_deaf_listener_stops_nothing(desk):
    desk.bus.subscribe(Heard, lambda event: 1 / 0)
    assert desk.do(note(desk, "a")) == "a"
    assert desk.do(note(desk, "b")) == "b"


def test_closing_finishes_what_is_queued(desk):
    writer = Writer(desk.db, desk.bus)
    futures = [writer.submit(note(desk, f"n{number}")) for number in range(50)]
    writer.close()
    assert all(future.done() for future in futures)
    assert count(desk) == 50


def test_a_durable_unit_makes_its_whole_batch_durable(desk, held):
    levels = []

    def level(session):
        levels.append(session.scalar(text("PRAGMA synchronous")))
        return Written()

    desk.writer.submit(level)
    last = desk.writer.submit(level, durable=True)
    held.set()
    last.result(10)
    assert levels == [2, 2]  # FULL


def test_an_update_is_in_the_journal_when_the_future_says_so(desk):
    order_id = desk.sent()
    desk.intake.push(desk.account_id, row(filled=65))
    desk.settle()
    assert desk.order(order_id).filled_quantity == 65
