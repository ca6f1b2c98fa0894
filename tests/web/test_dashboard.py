"""The first page: the way to a first run, and what needs a person."""

import re
from decimal import Decimal

import pytest

from app.accounts.health import Sighting
from app.accounts.models import HealthState
from app.execution.models import Order
from tests.web.trading import Desk, timeless


def tiles(page: str) -> dict[str, str]:
    """What each tile says, by its label: words and figures without the marks around them."""
    found = {}
    shown = page.split('<section class="tiles"')[1].partition("</section>")[0]
    for tile in shown.split('<div class="tile">')[1:]:
        label, figure = (
            " ".join(re.sub(r"<[^>]+>", "", part).split())
            for part in re.findall(r'tile-(?:label|figure)">(.*?)</div>', tile, re.DOTALL)
        )
        found[label] = figure
    return found


@pytest.fixture
def traded(admin, services):
    """`traded("live", 200)`: an account of a mode that made so much today, and is flat."""
    desk = Desk(services)

    def trade(mode: str, made: int, currency: str = "INR"):
        account = desk.account(f"{mode} {desk.count(Order)}", mode=mode)
        with desk.db.write() as session:
            session.merge(account).currency = currency
        for side, price in (("BUY", 100), ("SELL", 100 + made)):
            desk.order(account, 1, side=side, symbol="SBIN", exchange="NSE", average_price=Decimal(price))

    return trade


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


def test_the_first_page_costs_a_dozen_reads_however_many_accounts_there_are(admin, services, reads, still):
    desk = Desk(services)
    desk.run(*[desk.account(f"Account {number}") for number in range(12)])
    with still():
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


def test_what_live_accounts_make_is_said_plainly(admin, traded):
    traded("live", 200)
    page = admin.get("/").text
    assert tiles(page) == {
        "Today": "▲ +₹200.00", "Open": "₹0.00", "Realised today": "▲ +₹200.00", "Open positions": "0",
    }  # fmt: skip
    assert 'data-cell="pnl:day:live"' in page


def test_what_paper_accounts_make_wears_the_badge_of_paper(admin, traded):
    traded("paper", 200)
    page = admin.get("/").text
    assert tiles(page)["Today PAPER"] == tiles(page)["Realised today PAPER"] == "▲ +₹200.00"
    assert 'data-cell="pnl:day:paper"' in page
    assert 'data-cell="pnl:day:live"' not in page


def test_live_and_paper_are_two_figures_live_first_and_never_one(admin, traded):
    traded("paper", 5000)
    traded("live", -30)
    traded("live", 10)
    page = admin.get("/").text
    assert tiles(page) == {
        "Today": "Live ▼ −₹20.00 Paper ▲ +₹5,000.00", "Open": "Live ₹0.00 Paper ₹0.00",
        "Realised today": "Live ▼ −₹20.00 Paper ▲ +₹5,000.00", "Open positions": "Live 0 Paper 0",
    }  # fmt: skip
    for what in ("day", "open", "realised"):
        assert page.index(f'data-cell="pnl:{what}:live"') < page.index(f'data-cell="pnl:{what}:paper"')
        assert f'data-cell="pnl:{what}"' not in page
    assert "4,980" not in page


def test_each_mode_has_its_own_currency(admin, traded):
    traded("live", 20, "USDT")
    traded("paper", 30)
    assert tiles(admin.get("/").text)["Today"] == "Live ▲ +20.00 USDT Paper ▲ +₹30.00"
    traded("live", 30)
    assert tiles(admin.get("/").text)["Today"] == "Live – Paper ▲ +₹30.00", "two currencies are not added up"


def test_an_account_that_was_switched_off_is_shown_while_it_made_something(admin, services, traded):
    traded("live", 200)
    idle = Desk(services).account("Idle", mode="paper")
    with services.db.write() as session:
        session.merge(idle).enabled = False
    assert tiles(admin.get("/").text)["Today"] == "▲ +₹200.00"
    Desk(services).order(idle, 1)
    assert tiles(admin.get("/").text)["Open positions"] == "Live 0 Paper 1"


def test_a_run_in_live_and_paper_accounts_shows_a_figure_of_each(admin, services):
    desk = Desk(services)
    run = desk.run(desk.account("Demo", mode="paper"), desk.account("Real", mode="live"))
    page = admin.get("/").text.split('id="runs-title"')[1].split("</section>")[0]
    assert "LIVE + PAPER" in page
    assert page.index(f'data-cell="pnl:run_in:live:{run.id}"') < page.index(f'data-cell="pnl:run_in:paper:{run.id}"')
    assert f'data-cell="pnl:run:{run.id}"' not in page
