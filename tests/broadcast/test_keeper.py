"""The newest of an account's books: numbered, stored and told once where they differ, not at all where they don't."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest

from app.broadcast.cached import CachedAccounts
from app.broadcast.keeper import AccountSnapshotChanged, Keeper
from app.broadcast.parts import Part, held_rows, order_rows
from app.venues.types import OrderStatus
from tests.broadcast.conftest import KeepingLink
from tests.broadcast.test_parts import held, order
from tests.feed.hands import HandClock
from tests.portfolio.rows import NOW, Desk

FRESH = timedelta(seconds=10)


class Reader:
    """A keeper over a database, as one engine has it; another engine is another one over the same database."""

    def __init__(self, db, clock=None) -> None:
        self.db = db
        self.clock = clock or HandClock(NOW)
        self.link = KeepingLink()
        self.events: list[AccountSnapshotChanged] = []
        self.keeper = Keeper(db, self.link, self.clock, self.events.append)
        self.cached = CachedAccounts(db)

    def positions(self, *reports, account="a1"):
        self.clock.forward(2)
        self.keeper.took(account, Part.POSITIONS, held_rows(reports), self.clock.now(), FRESH)

    def orders(self, *reports, at=None):
        self.keeper.took("a1", Part.ORDERS, order_rows(reports), at or self.clock.now(), FRESH)

    def told(self):
        self.keeper.step()
        return self.link.take("snapshot")

    def part(self, part=Part.POSITIONS):
        return self.cached.of(["a1"])["a1"][part]


@pytest.fixture
def reader(db):
    desk = Desk(db)
    desk.account("a1")
    desk.account("a2")
    return Reader(db)


def test_a_change_is_stored_before_it_is_told_and_nothing_is_told_while_nothing_changes(reader):
    reader.positions(held(75))
    (told,) = reader.told()
    assert (told["owner"], told["account_id"], told["seq"], list(told["parts"])) == ("u1", "a1", 1, ["positions"])
    assert [row["quantity"] for row in told["parts"]["positions"]["rows"]] == ["75"]
    assert reader.part().rows == told["parts"]["positions"]["rows"]
    reader.positions(held(75))
    assert reader.told() == []
    assert reader.part().seq == 1


def test_a_reading_that_changes_nothing_still_makes_the_part_younger(reader):
    reader.positions(held(75))
    reader.told()
    reader.positions(held(75))
    reader.told()
    assert reader.part().read_at == reader.clock.now()
    reader.clock.forward(11)
    assert reader.part().is_stale(reader.clock.now())


def test_only_the_rows_that_differ_are_told_with_the_ids_of_those_that_went(reader):
    reader.orders(order("v1"), order("v2"))
    reader.told()
    reader.orders(order("v2", price="99"), order("v3"))
    (told,) = reader.told()
    assert [row["id"] for row in told["parts"]["orders"]["rows"]] == ["v2", "v3"]
    assert (told["parts"]["orders"]["gone"], told["seq"]) == (["v1"], 2)


def test_what_several_parts_have_is_one_change_and_each_account_counts_for_itself(reader):
    reader.positions(held(75))
    reader.orders(order("v1"))
    reader.positions(held(75), account="a2")
    told = {one["account_id"]: one for one in reader.told()}
    assert {name: one["seq"] for name, one in told.items()} == {"a1": 1, "a2": 1}
    assert set(told["a1"]["parts"]) == {"positions", "orders"}


def test_a_pushed_order_is_told_at_the_next_turn_and_a_book_that_was_on_its_way_does_not_take_it_back(reader):
    reader.orders(order("v1"))
    reader.told()
    asked_at = reader.clock.now()
    reader.clock.forward(1)
    reader.keeper.pushed("a1", order("v1", OrderStatus.FILLED, 150))
    (told,) = reader.told()
    assert (told["parts"]["orders"]["source"], told["parts"]["orders"]["rows"][0]["status"]) == ("push", "filled")
    reader.orders(order("v1"), at=asked_at)
    assert reader.told() == []
    assert reader.part(Part.ORDERS).rows[0]["status"] == "filled"
    reader.clock.forward(1)
    reader.orders(order("v1", OrderStatus.FILLED, 150))
    assert reader.told() == []


def test_whoever_is_pushed_an_order_waits_for_nobody(reader):
    reader.orders(order("v1"))
    reader.told()
    with reader.keeper._lock:
        telling = threading.Thread(target=reader.keeper.pushed, args=("a1", order("v1", OrderStatus.FILLED, 150)))
        telling.start()
        telling.join(10)
        assert not telling.is_alive()
    (told,) = reader.told()
    assert told["parts"]["orders"]["rows"][0]["status"] == "filled"


def test_numbers_go_on_rising_in_the_next_engine_which_tells_only_what_differs(reader, db):
    reader.positions(held(75))
    reader.told()
    reader.positions(held(75, "10"))
    reader.told()
    after = Reader(db, reader.clock)
    after.positions(held(75, "10"))
    assert after.told() == []
    after.positions(held(150))
    (told,) = after.told()
    assert told["seq"] == 3
    assert after.cached.counts(["a1"])["a1"].polls == {"positions": 4}


def test_pages_are_told_whether_quantities_moved_or_only_figures(reader):
    reader.positions(held(75))
    reader.told()
    reader.positions(held(75, "12"))
    reader.told()
    reader.positions(held(0))
    reader.told()
    assert [set(event.held) for event in reader.events] == [{Part.POSITIONS}, set(), {Part.POSITIONS}]


def test_failures_are_counted_and_take_nothing_away(reader):
    reader.positions(held(75))
    reader.keeper.failed("a1", "The server did not answer.")
    reader.told()
    count = reader.cached.counts(["a1"])["a1"]
    assert (count.errors, count.last_error, count.last_success_at) == (
        1,
        "The server did not answer.",
        reader.clock.now(),
    )
    assert [Decimal(row["quantity"]) for row in reader.part().rows] == [75]


def test_an_account_that_is_not_there_is_passed_over(reader):
    reader.positions(held(75), account="nobody")
    reader.keeper.failed("nobody", "gone")
    assert reader.told() == []
