"""The desk's positions beside the venue's."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import event, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.execution.models import Order
from app.portfolio.carry import carry_forward
from app.portfolio.models import CarriedPosition, VenuePosition
from app.portfolio.positions import Agreement
from app.portfolio.service import PortfolioService
from app.portfolio.snapshots import Snapshots
from app.venues.types import HoldingReport, PositionReport, Symbol
from tests.databases import away
from tests.portfolio.rows import NIFTY, NOW, YESTERDAY, Desk, note

SOON = NOW + timedelta(seconds=5)


def position(quantity, symbol=NIFTY, product="NRML", exchange="NFO", **rest):
    exact = {name: Decimal(str(value)) for name, value in rest.items()}
    return PositionReport(Symbol(exchange, symbol), product, Decimal(quantity), **exact)


def read(desk, account_id, *reports, at=SOON):
    Snapshots(desk.db).positions(account_id, reports, at)


def seen(desk, now=SOON, **which):
    return PortfolioService(desk.db).positions(desk.owner_id, now, **which)


def one(desk, **which):
    (only,) = seen(desk, **which)
    return only


def test_positions_come_from_what_the_desk_filled(any_desk):
    any_desk.account("a1")
    any_desk.fill("a1", 75, 100)
    any_desk.fill("a1", -25, 120)
    found = one(any_desk)
    assert (found.quantity, found.held.position.average_price) == (50, 100)
    assert found.total(Decimal(110)) == 500 + 500
    assert found.agreement is Agreement.NOT_COMPARED


def test_a_venue_that_holds_the_same_agrees(any_desk):
    any_desk.account("a1")
    any_desk.fill("a1", 75, 100)
    read(any_desk, "a1", position(75, average_price=100, last_price="101.5", pnl="112.5"))
    found = one(any_desk)
    assert found.agreement is Agreement.EQUAL
    assert (found.venue.last_price, found.venue.seen_at) == (Decimal("101.5"), SOON)


def test_a_difference_shows_both_quantities(desk):
    desk.account("a1")
    desk.fill("a1", 75, 100)
    read(desk, "a1", position(50))
    found = one(desk)
    assert (found.agreement, found.quantity, found.venue_quantity) == (Agreement.DIFFERS, 75, 50)


def test_a_position_that_a_read_book_does_not_show_differs(desk):
    desk.account("a1")
    desk.fill("a1", 75, 100)
    read(desk, "a1")
    found = one(desk)
    assert (found.agreement, found.venue_quantity) == (Agreement.DIFFERS, 0)


def test_what_only_the_venue_has_is_external_and_closed_rows_are_not_shown(desk):
    desk.account("a1")
    read(desk, "a1", position(10, "SBIN", "MIS", "NSE"), position(0, "TCS", "MIS", "NSE"))
    found = one(desk)
    assert (found.agreement, found.key.symbol, found.quantity) == (Agreement.EXTERNAL, "SBIN", 0)


def test_a_book_read_before_the_last_fill_says_nothing_about_it(desk):
    desk.account("a1")
    desk.fill("a1", 75, 100)
    read(desk, "a1", at=NOW - timedelta(seconds=1))
    assert one(desk).agreement is Agreement.NOT_COMPARED


def test_a_new_reading_replaces_the_old_one_whole(desk):
    desk.account("a1")
    desk.account("a2")
    read(desk, "a2", position(5, "TCS"))
    read(desk, "a1", position(10, "SBIN"), position(20, "INFY"))
    read(desk, "a1", position(30, "INFY"))
    assert [(found.key.symbol, found.venue_quantity) for found in seen(desk)] == [("INFY", 30), ("TCS", 5)]


def test_a_reading_that_fails_halfway_changes_nothing(desk):
    desk.account("a1")
    read(desk, "a1", position(10, "SBIN"))
    with pytest.raises(IntegrityError):
        read(desk, "a1", position(1), PositionReport(Symbol("NFO", NIFTY), "NRML", None))
    assert [found.key.symbol for found in seen(desk)] == ["SBIN"]


def test_shares_that_moved_into_the_depository_still_agree(desk):
    desk.account("a1")
    about = {"exchange": "NSE", "symbol": "SBIN", "product": "CNC"}
    desk.fill("a1", 10, 800, at=YESTERDAY, **about)
    read(desk, "a1")
    assert one(desk).agreement is Agreement.NOT_COMPARED
    Snapshots(desk.db).holdings("a1", [HoldingReport(Symbol("NSE", "SBIN"), "CNC", Decimal(25))], SOON)
    assert one(desk).agreement is Agreement.EQUAL
    Snapshots(desk.db).holdings("a1", [HoldingReport(Symbol("NSE", "SBIN"), "CNC", Decimal(9))], SOON)
    assert one(desk).agreement is Agreement.DIFFERS


def test_someone_elses_positions_are_not_seen(desk):
    desk.account("a1")
    desk.fill("a1", 75, 100)
    other = Desk(desk.db, "u2")
    other.account("b1")
    read(other, "b1", position(5))
    assert [found.key.account_id for found in seen(desk)] == ["a1"]
    assert [found.key.account_id for found in seen(other)] == ["b1"]
    assert seen(other, account_id="a1") == []


def test_todays_profit_counts_from_midnight_in_india(desk):
    desk.account("a1")
    desk.fill("a1", 75, 100, at=YESTERDAY)
    desk.fill("a1", -25, 110, at=YESTERDAY)
    desk.fill("a1", -25, 120)
    found = one(desk)
    assert found.today(Decimal(115)) == 25 * 20 + 25 * 15
    assert found.total(Decimal(115)) == 25 * 10 + 25 * 20 + 25 * 15


def test_what_was_closed_today_is_shown_and_what_was_closed_earlier_is_not(desk):
    desk.account("a1")
    desk.fill("a1", 75, 100, at=YESTERDAY)
    desk.fill("a1", -75, 110, at=YESTERDAY)
    assert seen(desk) == []
    desk.fill("a1", 75, 100, symbol="OTHER")
    desk.fill("a1", -75, 110, symbol="OTHER")
    assert one(desk).today(None) == 750


def test_legs_are_followed_since_their_beginning(desk):
    desk.account("a1")
    desk.fill("a1", 75, 100, at=YESTERDAY, account_run_id="r1", leg_run_id="l1")
    desk.fill("a1", -75, 90, at=YESTERDAY, account_run_id="r1", leg_run_id="l2")
    desk.fill("a1", 75, 80, account_run_id="r1", leg_run_id="l2")
    desk.fill("a1", 75, 80, account_run_id="r2", leg_run_id="l3")
    legs = {leg.leg_run_id: leg for leg in PortfolioService(desk.db).legs(desk.owner_id, ["r1"], NOW)}
    assert set(legs) == {"l1", "l2"}
    assert legs["l1"].held.position.quantity == 75
    assert legs["l2"].held.position.realised == 750


def test_a_fill_a_correction_and_a_new_day_reach_a_service_that_already_answered(desk):
    desk.account("a1")
    service = PortfolioService(desk.db)
    order_id = desk.fill("a1", 75, 100)
    (before,) = service.positions(desk.owner_id, SOON)
    assert before.today(Decimal(110)) == 750
    with desk.db.write() as session:
        session.execute(update(Order).where(Order.id == order_id).values(average_price=Decimal(102), updated_at=SOON))
        session.add(note(order_id, SOON))
    (after,) = service.positions(desk.owner_id, SOON)
    assert after.today(Decimal(110)) == 600
    desk.fill("a1", -75, 112, at=SOON)
    (closed,) = service.positions(desk.owner_id, SOON)
    assert closed.today(None) == 750
    assert service.positions(desk.owner_id, SOON + timedelta(days=1)) == []


@pytest.mark.parametrize("times", [1, 2])
def test_what_changed_is_not_forgotten_when_the_database_fails(any_desk, times):
    any_desk.account("a1")
    any_desk.fill("a1", 75, 100)
    service = PortfolioService(any_desk.db)
    service.positions(any_desk.owner_id, SOON)
    any_desk.fill("a1", 25, 100)
    any_desk.fill("a1", 5, 100, symbol="OTHER")
    with away(any_desk.db, "orders"):
        for _ in range(times):
            with pytest.raises(DBAPIError):
                service.positions(any_desk.owner_id, SOON)
    assert {found.quantity for found in service.positions(any_desk.owner_id, SOON)} == {100, 5}
    any_desk.fill("a1", -100, 100)
    assert {found.quantity for found in service.positions(any_desk.owner_id, SOON)} == {0, 5}


def test_carrying_forward_changes_no_figure(any_desk):
    any_desk.account("a1")
    long_ago = NOW - timedelta(days=9)
    any_desk.fill("a1", 75, 100, at=long_ago)
    any_desk.fill("a1", -25, 110, at=long_ago)
    any_desk.fill("a1", 75, 50, at=long_ago, symbol="CLOSED")
    any_desk.fill("a1", -75, 60, at=long_ago, symbol="CLOSED")
    any_desk.fill("a1", -10, 120)
    service = PortfolioService(any_desk.db)
    before = service.positions(any_desk.owner_id, SOON)
    assert carry_forward(any_desk.db, NOW)
    assert not carry_forward(any_desk.db, NOW)
    assert service.positions(any_desk.owner_id, SOON) == before
    assert PortfolioService(any_desk.db).positions(any_desk.owner_id, SOON) == before
    with any_desk.db.read() as session:
        assert session.query(CarriedPosition).count() == 1
    assert carry_forward(any_desk.db, NOW + timedelta(days=2))
    (later,) = service.positions(any_desk.owner_id, NOW + timedelta(days=2))
    assert (later.quantity, later.total(Decimal(100))) == (40, 250 + 200)


def test_what_is_held_by_hand_is_carried_though_a_run_holds_as_much_the_other_way(any_desk):
    any_desk.account("a1")
    long_ago = NOW - timedelta(days=9)
    any_desk.fill("a1", 75, 100, at=long_ago)
    any_desk.fill("a1", -75, 100, at=long_ago, account_run_id="r1")
    service = PortfolioService(any_desk.db)
    assert carry_forward(any_desk.db, NOW)
    any_desk.fill("a1", 50, 100, account_run_id="r1")
    any_desk.fill("a1", -5, 100)
    (found,) = service.positions(any_desk.owner_id, SOON)
    assert (found.quantity, found.held.by_hand) == (45, 70)


def test_four_queries_whatever_the_number_of_accounts(desk):
    for number in range(30):
        desk.account(f"a{number}")
        desk.fill(f"a{number}", 75, 100)
    with desk.db.write() as session:
        session.add_all(
            VenuePosition(
                account_id=f"a{number}", exchange="NFO", symbol=NIFTY, product="NRML", quantity=Decimal(75), seen_at=NOW
            )
            for number in range(30)
        )
    service, asked = PortfolioService(desk.db), []
    service.positions(desk.owner_id, SOON)

    def note(_connection, _cursor, statement, *_rest):
        asked.append(statement)

    event.listen(desk.db.reader, "before_cursor_execute", note)
    assert len(service.positions(desk.owner_id, SOON)) == 30
    assert len([statement for statement in asked if statement.startswith("SELECT")]) <= 4
