"""Trades made outside the desk, as the pages tell them, and what a person decides about them there."""

from decimal import Decimal

import pytest

from app.accounts.health import Sighting
from app.accounts.models import HealthState
from app.execution.models import Order
from app.strategies.models import AccountRun, Run
from tests.web.test_positions import read
from tests.web.trading import Desk


@pytest.fixture
def desk(admin, services) -> Desk:
    return Desk(services)


def leg_of(services, desk: Desk, run: Run) -> str:
    return services.strategies.leg_runs(desk.owner_id, run.id)[0].id


def test_a_run_says_what_remains_at_the_broker_and_offers_to_accept_it(admin, services, desk):
    account = desk.account("One")
    run = desk.run(account)
    told = "Traded outside the desk: BUY 1820 at ≈10:42 (order v7)."
    desk.difference(account, -1820, 0, reason=told, foreign_price=Decimal("150"))
    page = admin.get(f"/runs/{run.id}").text
    assert "At the broker 0 of 1,820 remain" in page
    assert told in page
    leg_id = leg_of(services, desk, run)
    question = admin.get(f"/outside/legs/{leg_id}").text
    assert (
        "1,820 are booked as this leg&#39;s exit at" in question or "1,820 are booked as this leg's exit at" in question
    )
    admin.submit(f"/outside/legs/{leg_id}", quantity="1820")
    assert "remain" not in admin.get(f"/runs/{run.id}").text
    with desk.db.read() as session:
        (booked,) = session.query(Order).filter_by(leg_run_id=leg_id, purpose="exit").all()
    assert (booked.state, booked.filled_quantity, booked.average_price) == ("filled", 1820, Decimal(150))
    assert booked.venue_order_id is None


def test_a_quantity_that_was_not_shown_books_nothing(admin, services, desk):
    account = desk.account("One")
    run = desk.run(account)
    desk.difference(account, -1820, 0)
    before = desk.count(Order)
    admin.submit(f"/outside/legs/{leg_of(services, desk, run)}", quantity="65")
    assert "look again, nothing was changed" in admin.get(f"/runs/{run.id}").text
    assert desk.count(Order) == before


def test_an_external_position_is_shown_with_both_numbers_and_adopted_as_a_run(admin, services, desk):
    account = desk.account("One")
    read(services, account, 195)
    row = desk.difference(account, 0, 195)
    page = admin.get("/positions").text
    assert "The desk filled 0, the venue holds 195." in page
    assert "not touched" in page
    assert "195 bought become a run of their own" in admin.get(f"/outside/differences/{row.id}").text
    admin.submit(f"/outside/differences/{row.id}", quantity="195")
    with desk.db.read() as session:
        run, part = session.query(Run).one(), session.query(AccountRun).one()
    assert (run.state, part.state) == ("open", "open")
    assert "Adopted from the broker" in desk_order(desk).reason
    assert admin.get(f"/outside/differences/{row.id}", status=404)
    assert "Adopted: " in admin.get("/runs").text
    assert "Adopted positions" not in admin.get("/strategies").text


def desk_order(desk: Desk) -> Order:
    with desk.db.read() as session:
        return session.query(Order).one()


def test_a_manual_position_closed_at_the_broker_is_accepted_on_its_own(admin, services, desk):
    account = desk.account("One")
    desk.order(account, 65, side="BUY", purpose="manual")
    read(services, account)
    row = desk.difference(account, 65, 0)
    assert "65 are booked as closed outside the desk" in admin.get(f"/outside/differences/{row.id}").text
    admin.submit(f"/outside/differences/{row.id}", quantity="65")
    read(services, account)
    assert "Same at the venue" in admin.get("/positions").text


def test_an_external_order_is_adopted_once(admin, desk):
    account = desk.account("One")
    row = desk.foreign(account, venue_order_id="v9", status="open", filled_quantity=Decimal(0))
    page = admin.get("/orders").text
    assert "who made them is not known" in page
    assert "Adopt" in page
    assert "nothing is sent now" in admin.get(f"/outside/orders/{row.seq}").text.lower()
    admin.submit(f"/outside/orders/{row.seq}")
    assert desk_order(desk).venue_order_id == "v9"
    admin.submit(f"/outside/orders/{row.seq}")
    assert "is the desk" in admin.get("/orders").text
    assert desk.count(Order) == 1


def test_an_external_order_that_ended_without_a_fill_is_not_offered(admin, desk):
    account = desk.account("One")
    row = desk.foreign(account, status="cancelled", filled_quantity=Decimal(0))
    assert f"/outside/orders/{row.seq}" not in admin.get("/orders").text
    assert "nothing to adopt" in admin.get(f"/outside/orders/{row.seq}").text


def test_a_viewer_is_not_asked_to_decide(admin, invited, services, desk):
    account = desk.account("One")
    run = desk.run(account)
    desk.difference(account, -1820, 0)
    viewer = invited("viewer", "Vera")
    viewer.get(f"/outside/legs/{leg_of(services, desk, run)}", status=403)


def test_an_order_that_closed_what_a_run_holds_is_not_adopted_past_it(admin, desk):
    account = desk.account("One")
    desk.run(account)
    row = desk.foreign(account, side="BUY", status="filled", filled_quantity=Decimal(130))
    before = desk.count(Order)
    admin.submit(f"/outside/orders/{row.seq}")
    assert "accept the broker" in admin.get("/orders").text
    assert desk.count(Order) == before


def test_an_account_without_a_login_says_what_to_do(admin, services, desk):
    account = desk.account("One")
    services.health.record(account.id, Sighting(HealthState.NOT_LOGGED_IN, error="Invalid openalgo apikey"))
    assert "Log in to the broker at http://127.0.0.1:5000" in admin.get(f"/accounts/{account.id}").text
