"""The first page: the way to a first run, and what needs a person."""

from app.accounts.health import Sighting
from app.accounts.models import HealthState
from tests.web.trading import Desk, timeless


def test_an_empty_desk_shows_the_way_to_the_first_run(admin):
    page = admin.get("/").text
    assert "Setting up: 0 of 3" in page
    assert "/accounts/new" in page


def test_each_step_that_is_done_leads_to_the_next(admin, services):
    desk = Desk(services)
    account = desk.account()
    assert "/strategies/new" in admin.get("/").text
    strategy_id = desk.strategy(account)
    assert "Setting up: 2 of 3" in admin.get("/").text
    desk.run(account, strategy_id=strategy_id)
    assert "Setting up" not in admin.get("/").text


def test_what_needs_a_person_is_said_with_a_link(admin, services):
    desk = Desk(services)
    account = desk.account()
    run = desk.run(account, trouble="Leg 1 filled 1755 of 1820. What was filled is held: decide.")
    order = desk.order(account, state="unknown", venue_order_id=None)
    page = admin.get("/").text
    assert "2 things need a person" in page
    assert "What was filled is held: decide." in page
    assert f"/runs/{run.id}" in page
    assert f"/orders/{order.id}" in page
    assert "It is not sent again" in page


def test_an_account_that_is_not_logged_in_needs_a_person(admin, services):
    desk = Desk(services)
    desk.account("Angel")
    services.health.record(
        desk.account("Upstox").id, Sighting(state=HealthState.NOT_LOGGED_IN, error="Session expired")
    )
    page = admin.get("/").text
    assert "Broker not logged in" in page
    assert "Session expired" in page


def test_the_refresh_shows_what_the_first_paint_shows(admin, services):
    desk = Desk(services)
    desk.run(desk.account())
    part = admin.get("/dashboard/live", fragment=True).text
    assert "Iron condor" in part
    assert 'data-room="dashboard accounts positions runs"' in part
    assert timeless(part).strip() in timeless(admin.get("/").text)


def test_the_first_page_costs_a_dozen_reads_however_many_accounts_there_are(admin, services, reads):
    desk = Desk(services)
    desk.run(*[desk.account(f"Account {number}") for number in range(12)])
    admin.get("/")
    with reads() as seen:
        admin.get("/")
    assert len(seen) <= 12


def test_a_live_position_is_among_the_biggest_whatever_paper_holds(admin, services):
    desk = Desk(services)
    demo, real = desk.account("Demo", mode="paper"), desk.account("Real", mode="live")
    for number in range(9):
        desk.order(demo, quantity=6500, symbol=f"STOCK{number}")
    desk.order(demo, quantity=75, side="BUY")
    desk.order(real, quantity=75)
    part = admin.get("/").text.split('id="top-title"')[1]
    assert part.index("mode-live") < part.index("mode-paper")
    assert "−75" in part.split("</tr>")[1]
