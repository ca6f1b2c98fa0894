"""A new user's first hour, in a real browser against the real processes: web, engine and two paper brokers."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from app.commands.demo import always_open
from tests.commands.running import Process
from tests.paper.running import PaperServer
from tests.web.journeys import SAYS, begun, served
from tests.web.typing_in import until_previewed
from tests.web.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]

BROKERS = ("paper-alpha", "paper-beta")
FLY = (("BUY", "CE", "OTM6"), ("BUY", "PE", "OTM6"), ("SELL", "CE", "ATM"), ("SELL", "PE", "ATM"))
SPOT = 26_000  # where the synthetic market begins: a feed believes no leap at once
ORDERS_OF_A_WAY = 8  # four legs of 28 lots, each split in two
PRICE = '[data-cell^="ltp:NFO"]'  # a figure that is neither profit nor loss to the eye


@dataclass
class World:
    paper: PaperServer
    folder: Path
    address: str
    engine: Process | None = None

    def orders(self) -> list[int]:
        return [len(self.paper.books(name)["orders"]) for name in BROKERS]

    def kill_engine(self) -> None:
        if self.engine is not None:
            self.engine.kill()

    def start_engine(self) -> None:
        self.engine = Process(self.folder, "engine", MIRRORDESK_INSTANCE=str(self.folder))
        self.engine.wait_until_it_says(SAYS["engine"])


@pytest.fixture
def world(tmp_path):
    folder = tmp_path / "desk"
    with begun(folder) as services:
        always_open(services)
    listed = [{"name": name, "cash": "100000000"} for name in BROKERS]
    with PaperServer(brokers=listed, start="now", sessions="always") as paper, served(folder) as address:
        world = World(paper, folder, address)
        try:
            world.start_engine()
            yield world
        finally:
            world.kill_engine()


@pytest.fixture
def visitor(chromium, world):
    visitor = Visitor(chromium, world.address)
    yield visitor
    visitor.close()


def test_from_the_first_visit_to_a_flat_book(visitor, world):
    create_the_admin(visitor)
    for name in BROKERS:
        add_account(visitor, world, name)
    visitor.page.goto("/accounts")
    visitor.look("accounts")
    write_strategy(visitor)
    run_url = preview_and_run(visitor, world)
    watch_it_everywhere(visitor, run_url)
    lose_the_engine(visitor, world, run_url)
    exit_from_two_tabs(visitor, world, run_url)
    run_and_exit_by_keyboard(visitor, world)
    build_by_rules_and_run(visitor, world)
    look_at_the_rest(visitor)
    assert visitor.faults == []


def create_the_admin(visitor: Visitor) -> None:
    page = visitor.page
    page.goto("/")
    expect(page).to_have_url(re.compile("/first-run"))
    visitor.look("first-run")
    page.get_by_label("Name").fill("asha")
    page.get_by_label("Password").fill("seven lanterns by the canal")
    page.get_by_role("button", name="Create the admin").click()
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
    visitor.look("dashboard-empty")
    for name in ("accounts", "strategies", "runs", "orders", "positions"):
        page.goto(f"/{name}")
        visitor.look(f"{name}-empty")


def add_account(visitor: Visitor, world: World, name: str) -> None:
    """The guided test is watched to its end; it comes by itself, step by step."""
    page, broker = visitor.page, world.paper[name]
    page.goto("/accounts/new")
    page.get_by_label("Name", exact=True).fill(name.removeprefix("paper-").title())
    page.get_by_label("This account is").select_option("paper")
    page.get_by_label("Server address").fill(broker.rest_url)
    page.get_by_label("Stream address").fill(broker.ws_url)
    page.get_by_label("API key").fill(broker.api_key)
    if name == BROKERS[0]:
        visitor.look("account-new")
    page.get_by_role("button", name="Save and test the connection").click()
    test = page.locator("#connection-test")
    expect(test).to_be_visible()
    visitor.mark()
    expect(test.get_by_text("Stream: passed")).to_be_visible()
    expect(test.get_by_role("button", name="Test again")).to_be_visible()
    expect(test.get_by_text("failed")).to_have_count(0)
    visitor.assert_not_loaded_again()
    if name == BROKERS[0]:
        visitor.look("account-tested")


def read_the_payoff(page: Page) -> None:
    """It follows what is typed, and the arrow keys read it price by price."""
    expect(page.get_by_role("heading", name="Payoff of NIFTY")).to_be_visible()
    expect(page.locator("dl.strip", has_text="Max loss")).not_to_contain_text("Unlimited")
    words = page.locator("#payoff output")
    before = words.text_content()
    page.get_by_label("Read it at a price").press("ArrowRight")
    expect(words).not_to_have_text(before)


def write_strategy(visitor: Visitor) -> None:
    page = visitor.page
    page.goto("/strategies")
    page.get_by_role("link", name="New strategy").first.click()
    page.wait_for_url("**/strategies/new")
    page.get_by_role("textbox", name="Name").fill("Iron fly")
    for _ in range(len(FLY) - page.locator("#legs tr").count()):
        page.get_by_role("button", name="Add a leg").click()
    for row, (action, kind, strike) in zip(page.locator("#legs tr").all(), FLY, strict=True):
        row.get_by_label("Action").select_option(action)
        row.get_by_label("Kind").select_option(kind)
        row.get_by_label("Lots").fill("28")
        row.get_by_label("Underlying").fill("NIFTY")
        row.get_by_label("Strike").fill(strike)
    for box in page.locator(".shares").get_by_role("checkbox").all():
        box.check()
    read_the_payoff(page)
    visitor.look("builder")
    page.get_by_role("button", name="Save and preview a run").click()


def preview_and_run(visitor: Visitor, world: World) -> str:
    page = visitor.page
    expect(page.get_by_role("heading", name="Preview of Iron fly")).to_be_visible()
    run = page.get_by_role("button", name="Run: send 16 orders in 2 accounts")
    until_previewed(page, run)
    expect(page.get_by_text("28 lots · 1,820 = 1,755 + 65")).to_have_count(2 * len(FLY))
    margins = page.locator('td[data-label="Estimated margin"]')
    assert [bool(re.search(r"₹[\d,]+\.\d\d", text)) for text in margins.all_text_contents()] == [True, True]
    visitor.look("preview")
    form = run.locator("xpath=ancestor::form").evaluate("form => form.outerHTML")
    run.dblclick(no_wait_after=True)
    page.wait_for_url(re.compile("/runs/"))
    visitor.mark()
    run_url = page.url
    expect_entered(page)
    expect_state(page, "Open")
    visitor.assert_not_loaded_again()
    visitor.look("run-open")
    page.go_back()
    page.evaluate(SEND_AGAIN, form)
    expect(page).to_have_url(run_url)
    assert world.orders() == [ORDERS_OF_A_WAY] * 2
    page.goto("/runs")
    expect(page.locator("#runs tbody tr")).to_have_count(1)
    return run_url


def expect_entered(page: Page) -> None:
    """Every leg in every account, in whole."""
    filled = page.locator('.panel > table td[data-label="Filled"]', has_text="1,820/1,820")
    expect(filled).to_have_count(2 * len(FLY), timeout=30_000)


def expect_state(page: Page, word: str) -> None:
    expect(page.locator("#run").get_by_role("status").first).to_have_text(word, timeout=30_000)


SEND_AGAIN = """html => {
  const box = document.createElement("div");
  box.innerHTML = html;
  document.body.append(box);
  box.querySelector("form").submit();
}"""


def watch_it_everywhere(visitor: Visitor, run_url: str) -> None:
    page = visitor.page
    for path, cell in (("/", "pnl:day"), (run_url, "pnl:run:"), ("/positions", "pnl:position:")):
        page.goto(path)
        visitor.see_it_move(page.locator(f'[data-cell^="{cell}"]').first)
        expect(page.locator("[data-feed-badge]")).to_contain_text("Live")
        expect(page.locator("[data-cell][data-stale]")).to_have_count(0)
    visitor.look("positions")
    page.goto("/")
    visitor.look("dashboard")
    page.goto("/orders")
    expect(page.locator("#orders").get_by_text("Filled", exact=True)).not_to_have_count(0)
    visitor.look("orders")
    page.locator('#orders td[data-label="Order"] a').first.click()
    page.wait_for_url("**/orders/*")
    visitor.look("order")


def lose_the_engine(visitor: Visitor, world: World, run_url: str) -> None:
    """Killed, it is missed: the badge, a banner, and figures that look frozen."""
    page = visitor.page
    page.goto(run_url)
    figure = page.locator('[data-cell^="pnl:run:"]')
    visitor.see_it_move(figure)
    lively = colour(page.locator(f"{PRICE}:not([data-stale])"))
    world.kill_engine()
    banner = page.locator("#live-banner")
    expect(banner).to_contain_text("The engine is silent since", timeout=40_000)
    expect(page.locator("[data-engine-badge]")).to_have_attribute("data-state", "off")
    assert colour(page.locator(PRICE)) != lively
    visitor.look("engine-lost")
    world.start_engine()
    expect(banner).to_be_empty(timeout=60_000)
    expect(page.locator("[data-engine-badge]")).to_have_attribute("data-state", "live")
    visitor.see_it_move(figure)
    assert world.orders() == [ORDERS_OF_A_WAY] * 2


def colour(cells: Locator) -> str:
    return cells.first.evaluate("cell => getComputedStyle(cell).color")


def exit_from_two_tabs(visitor: Visitor, world: World, run_url: str) -> None:
    page, other = visitor.page, visitor.new_tab()
    other.goto(run_url)
    for tab in (other, page):
        tab.bring_to_front()
        tab.get_by_role("link", name="Exit all 8 positions in 2 accounts").click()
        expect(tab.get_by_role("dialog")).to_be_visible()
    visitor.look("exit-dialog")
    other.evaluate("document.querySelector('dialog[open] form').requestSubmit()")
    page.get_by_role("dialog").get_by_role("button", name="Exit 8 positions in 2 accounts").dblclick(no_wait_after=True)
    expect_state(page, "Closed")
    other.close()
    assert world.orders() == [2 * ORDERS_OF_A_WAY] * 2
    expect(page.locator(".strip", has_text="P&L, realised and open").locator(".cell")).to_have_text(re.compile("₹"))
    expect(page.locator(".strip > div", has_text="Positions held").locator("dd")).to_have_text("0")
    visitor.look("run-closed")
    page.goto("/")
    expect(page.locator('[data-cell="pnl:realised:paper"]')).to_have_text(re.compile(r"[+−]₹"))
    expect(page.locator(".tile", has_text="Open positions").locator(".tile-figure")).to_have_text("0")


def run_and_exit_by_keyboard(visitor: Visitor, world: World) -> None:
    page = visitor.page
    visitor.press("g", "s")
    expect(page.get_by_role("heading", name="Strategies")).to_be_visible()
    visitor.tab_to("Preview and run Iron fly")
    visitor.press("Enter")
    until_previewed(page, page.get_by_role("button", name="Run: send"))
    visitor.tab_to("Run: send")
    visitor.press("Enter")
    expect_entered(page)
    expect_state(page, "Open")
    visitor.tab_to("Exit all 8 positions")
    visitor.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    visitor.tab_to("Exit 8 positions")
    visitor.press("Enter")
    expect_state(page, "Closed")
    assert world.orders() == [4 * ORDERS_OF_A_WAY] * 2


def build_by_rules_and_run(visitor: Visitor, world: World) -> None:
    """A template fills the builder; its legs are moved, doubled and left to the market, one waits for its price; its
    old version comes back."""
    page = visitor.page
    world.paper.tell("market", name="NIFTY", pin=SPOT)
    page.goto("/strategies/templates")
    visitor.look("templates")
    page.get_by_role("button", name="Use Bull call spread").click()
    rows = page.locator("#legs tr")
    expect(rows).to_have_count(2)
    page.wait_for_load_state()
    rows.nth(1).get_by_role("button", name="Move this leg up").press("Enter")
    rows.nth(0).get_by_role("button", name="Duplicate this leg").press("Enter")
    expect(rows).to_have_count(3)
    assert [row.get_by_label("Strike").input_value() for row in rows.all()] == ["OTM3", "OTM3", "ATM"]
    rows.nth(1).get_by_role("button", name="Remove this leg").click()
    leave_to_the_market(rows.nth(0), rows.nth(1))
    wait_and_come_again(rows.nth(0))
    page.locator(".shares").get_by_role("checkbox").first.check()
    visitor.look("builder-by-rules")
    page.get_by_role("button", name="Save and preview a run").click()
    until_previewed(page, page.locator("#contracts-title"))
    expect(page.get_by_text("Waits until its price moved 10 points up")).to_be_visible()
    expect(page.get_by_text("Not sent with the others: 1 leg")).to_be_visible()
    expect(page.get_by_text(re.compile(r"delta 0\.\d+.* s old"))).to_be_visible()
    visitor.look("preview-by-rules")
    page.get_by_role("button", name="Run: send 1 order in 1 account").click()
    expect_state(page, "Open")
    expect(page.get_by_text(re.compile(r"Waits for NFO:NIFTY\w+ at or above [\d.]+, counted from"))).to_be_visible()
    visitor.look("run-waiting")
    world.paper.tell("market", name="NIFTY", pin=SPOT + 120)
    expect(page.get_by_text(re.compile(r"Entered when NFO:NIFTY\w+ was at or above"))).to_be_visible()
    page.get_by_role("link", name="Version 1").click()
    expect(page.get_by_text("premium nearest 60")).to_be_visible()
    visitor.look("version")
    page.go_back()
    page.get_by_role("link", name="Exit all 2 positions").click()
    page.get_by_role("dialog").get_by_role("button", name="Exit 2 positions").click()
    expect_state(page, "Closed")


def leave_to_the_market(first: Locator, second: Locator) -> None:
    first.get_by_label("Chosen by").select_option("premium")
    first.get_by_label("Strike").fill("60")
    second.get_by_label("Chosen by").select_option("delta")
    second.get_by_label("Strike").fill("0.5")
    second.get_by_label("Counted in").select_option("units")
    second.get_by_label("Lots").fill("65")
    second.get_by_label("Price", exact=True).select_option("LIMIT")
    second.get_by_label("From").select_option("ask")
    second.get_by_label("Limit").fill("1")
    second.get_by_label("Follow the market").fill("1")
    second.get_by_label("Every s").fill("1")
    second.get_by_label("Then it").select_option("market")


def wait_and_come_again(row: Locator) -> None:
    row.get_by_text("Wait, range, enter again").click()
    row.get_by_label("Wait for a move of").fill("10")
    row.get_by_label("Move counted").select_option("points")
    row.get_by_label("Leg stop").fill("200")
    row.get_by_label("Enter again, times").fill("2")
    row.get_by_label("How", exact=True).select_option("at_cost")


def look_at_the_rest(visitor: Visitor) -> None:
    page = visitor.page
    pages = ("strategies", "runs", "settings", "settings/security", "settings/users", "settings/tokens", "docs")
    for path in pages:
        page.goto(f"/{path}")
        visitor.look(path.replace("/", "-"))
    page.get_by_role("button", name="asha: appearance and sign-out").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/sign-in"))
    visitor.look("sign-in")
