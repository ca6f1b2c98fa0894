"""An account's books in a real browser: they move by themselves, and ten browsers ask the venue nothing."""

import pytest
from playwright.sync_api import expect

from app import wiring
from app.web import create_app
from tests.engine.desks import IRON_FLY, PASSWORD, TestDesk
from tests.paper.running import PaperServer
from tests.waiting import until
from tests.web.journeys import signed_in
from tests.web.sse import serving

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]

SOON = 60_000
OF_PAGES = {"funds": "funds", "positionbook": "positions", "tradebook": "trades"}  # the venue's endpoints, our parts
PAGES = ("/", "/positions", "/accounts", "/trades", "/holdings", "/orders")


@pytest.fixture
def desk(tmp_path):
    with PaperServer([{"name": name, "mode": "live"} for name in ("alpha", "beta")], start="now") as paper:
        made = TestDesk(tmp_path / "instance", paper)
        try:
            made.start()
            yield made
        finally:
            made.stop()


@pytest.fixture
def address(desk):
    services = wiring.build(desk.settings, "web")
    with serving(create_app(services)) as port:
        yield f"http://127.0.0.1:{port}"
    services.close()


@pytest.fixture
def visitor(chromium, address):
    with signed_in(chromium, address, "trader", PASSWORD) as visitor:
        yield visitor


def test_books_of_accounts_are_shown_move_and_cost_one_reading(visitor, desk):
    page, alpha = visitor.page, desk.accounts["alpha"]
    run = desk.run(desk.strategy(IRON_FLY))
    desk.until_state(run, "open", timeout=60)
    page.goto(f"/accounts/{alpha}")
    trades = page.locator("section", has=page.get_by_role("heading", name="Trades"))
    expect(trades.get_by_role("rowheader")).to_have_count(4, timeout=SOON)
    positions = page.locator("section", has=page.get_by_role("heading", name="Positions"))
    expect(positions.get_by_role("rowheader")).to_have_count(4, timeout=SOON)
    visitor.look("account-books")
    visitor.mark()
    desk.paper["alpha"].place(symbol=desk.option, quantity=65)
    expect(trades.get_by_role("rowheader")).to_have_count(5, timeout=SOON)
    visitor.assert_not_loaded_again()
    page.goto("/trades")
    expect(page.get_by_role("rowheader")).to_have_count(9, timeout=SOON)
    expect(page.get_by_text("placed elsewhere")).to_have_count(1)
    visitor.look("trades")
    page.get_by_label("Account").select_option(label="alpha")
    expect(page.get_by_role("rowheader")).to_have_count(5)
    with page.expect_download() as file:
        page.get_by_role("link", name="CSV").click()
    assert file.value.path().read_text().count("\n") == 6
    page.goto("/holdings")
    visitor.look("holdings")
    ten_browsers_read_what_one_reading_brought(visitor, desk)
    assert visitor.faults == []


def ten_browsers_read_what_one_reading_brought(visitor, desk):
    """Each with connections of its own; those beyond a person's streams show the same and stand still."""
    state = visitor.context.storage_state()
    open_ = [visitor.context.browser.new_context(base_url=visitor.address, storage_state=state) for _ in range(10)]
    before, counted = calls(desk), readings(desk)
    for number, browser in enumerate(open_):
        browser.new_page().goto(PAGES[number % len(PAGES)], wait_until="domcontentloaded")
    until(lambda: readings(desk)["positions"] >= counted["positions"] + 3, 120)

    def beyond_the_readings():
        """Calls that brought no reading, but for one that is under way."""
        after, now = calls(desk), readings(desk)
        more = {name: after[name] - before[name] - (now[part] - counted[part]) for name, part in OF_PAGES.items()}
        return {name: count for name, count in more.items() if abs(count) > 1}

    until(lambda: beyond_the_readings() == {}, every=0.5)
    for browser in open_:
        browser.close()


def calls(desk):
    counters = desk.paper.state("alpha")["counters"]
    return {endpoint: counters.get(endpoint, 0) for endpoint in OF_PAGES}


def readings(desk):
    alpha = desk.accounts["alpha"]
    return dict(desk.services.cached.counts([alpha])[alpha].polls)
