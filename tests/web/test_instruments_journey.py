"""Instruments in a real browser: found by keyboard from any page, overruled with a reason, taken in from a file."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from app.core.clock import day_in_india
from tests.instruments.conftest import ListedBy, chain, equity, future
from tests.web.journeys import begun, first_person, served
from tests.web.trading import Desk

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def address(tmp_path):
    """A web over a desk whose lists were read, and no engine."""
    with begun(tmp_path / "desk") as services:
        first_person(services)
        Desk(services).account("Zerodha main")
        now = services.clock.now()
        expiry = day_in_india(now) + timedelta(days=3)
        lists = {
            "NFO": [*chain("NIFTY", expiry, 24000, 24500, 100), future("NIFTY", expiry)],
            "NSE": [equity(name) for name in ("RELIANCE", "SBIN", "NIFTYBEES")],
        }
        services.instruments.sync(ListedBy(lists), list(lists), now, "openalgo", "zerodha")
    with served(tmp_path / "desk") as address:
        yield address


def test_finding_overruling_and_taking_in(visitor):
    find_by_keyboard(visitor)
    overrule(visitor)
    take_in_a_file(visitor)
    look_at_the_rest(visitor)
    assert [fault for fault in visitor.faults if "status of 422" not in fault] == []  # a refused form is one


def find_by_keyboard(visitor):
    page = visitor.page
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
    expect(page.locator("html")).not_to_have_attribute("data-live", "wait")  # the scripts are there
    market = page.locator(".topbar [data-market]").first
    expect(market).to_contain_text("NSE F&O")
    width = page.locator(".markets").bounding_box()["width"]
    visitor.press("/")
    box = page.get_by_role("searchbox")
    expect(box).to_be_focused()
    page.keyboard.type("nifty 24200")
    lines, answered = page.locator("#finder [data-found]"), page.locator("#finder [data-for]")
    expect(answered).to_have_attribute("data-for", "nifty 24200")
    expect(lines).to_have_count(2)
    visitor.look("finder")
    visitor.press("ArrowDown", "ArrowDown")
    expect(lines.nth(1).locator("a").first).to_be_focused()
    visitor.press("ArrowRight")
    expect(lines.nth(1).locator("a").nth(1)).to_be_focused()
    visitor.press("ArrowUp", "ArrowUp")
    expect(box).to_be_focused()
    page.keyboard.type(" pe")
    expect(answered).to_have_attribute("data-for", "nifty 24200 pe")
    expect(lines).to_have_count(1)
    visitor.press("Escape")
    expect(page.locator("#finder")).to_be_hidden()
    visitor.press("/", "Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("24,200 PE")
    page.wait_for_load_state()
    assert page.locator(".markets").bounding_box()["width"] == pytest.approx(width, abs=1)


def overrule(visitor):
    page = visitor.page
    visitor.look("contract")
    page.get_by_role("link", name="Overrule the freeze quantity").click()
    page.get_by_label("Value").fill("900")
    page.get_by_label("Source").fill("Broker's page")
    page.get_by_role("button", name="Let it count").click()
    expect(page.get_by_text("Say why: everyone sees it")).to_be_visible()
    page.get_by_label("Reason").fill("Its limit is lower")
    page.get_by_role("button", name="Let it count").click()
    expect(page.get_by_text("It counts from that day on")).to_be_visible()
    expect(page.get_by_role("row", name="NFO NIFTY freeze quantity 900")).to_contain_text("Counts")
    visitor.look("values")
    page.get_by_role("link", name="End the override of NFO NIFTY freeze quantity").click()
    page.get_by_label("Why it ends").fill("Lifted")
    page.get_by_role("button", name="End it").click()
    expect(page.get_by_text("It stays in the history.")).to_be_visible()


def take_in_a_file(visitor):
    page = visitor.page
    table = "kind,exchange,subject,value,effective_from,source\nday,NSE,,closed Test day,{day},Circular 7\n"
    page.get_by_role("link", name="Import CSV").click()
    page.get_by_label("or its text").fill(table.format(day="the 14th"))
    page.get_by_label("Reason").fill("The list of next year")
    page.get_by_role("button", name="Look at what it would change").click()
    expect(page.get_by_text("Line 2, effective_from")).to_be_visible()
    page.get_by_label("CSV file").set_input_files(
        {"name": "days.csv", "mimeType": "text/csv", "buffer": table.format(day="2026-12-14").encode()}
    )
    page.get_by_role("button", name="Look at what it would change").click()
    expect(page.get_by_text("New: 1. Changed: 0.")).to_be_visible()
    visitor.look("import-preview")
    page.get_by_role("button", name="Let 1 value count").click()
    expect(page.get_by_text("1 value counts now.")).to_be_visible()
    page.goto("/instruments/calendar?month=2026-12")
    expect(page.get_by_role("row", name="Mon 14 Dec 2026")).to_contain_text("Test day")
    visitor.look("calendar")


def look_at_the_rest(visitor):
    page = visitor.page
    page.goto("/instruments?q=nifty")
    page.goto("/instruments/masters")
    visitor.look("masters")
    page.get_by_role("row", name="NFO").get_by_role("link").first.click()
    expect(page.get_by_text("13 contracts added")).to_be_visible()
    page.get_by_role("link", name="Masters").click()
    page.get_by_role("button", name="Sync now").click()
    expect(page.get_by_text("Reading…")).to_be_visible()
    page.locator(".markets").click()
    expect(page.locator("#markets")).to_be_visible()
    visitor.look("markets-open")
