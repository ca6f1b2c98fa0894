"""Watching the market in a real browser over the real processes: a list that moves, the depth of a contract, an alert
that the market fires, and the message that stays until it is acknowledged.
"""

import re

import pytest
from playwright.sync_api import expect

from tests.waiting import until
from tests.web.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]

SYMBOL = "NSE:SBIN"


def test_from_an_empty_list_to_an_alert_that_was_acknowledged(visitor, market):
    make_a_list(visitor)
    look_closely(visitor)
    set_an_alert(visitor)
    market.paper.tell("market", name="SBIN", shift=3)
    be_told_and_acknowledge(visitor)
    assert visitor.faults == []


def make_a_list(visitor: Visitor) -> None:
    page = visitor.page
    page.goto("/watch")
    visitor.look("watch-empty")
    page.get_by_role("textbox", name="New list").fill("Morning")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("heading", name="Morning")).to_be_visible()
    at = page.url
    add = page.get_by_role("button", name="Add SBIN on NSE")
    until(lambda: page.goto(f"{at}?q=sbi") and add.count(), timeout=60)  # the masters are read once
    page.goto(at)
    page.get_by_role("searchbox", name="Add a symbol").fill("sbin")
    add.click()
    expect(page.locator(f'[data-cell="ltp:{SYMBOL}"]')).not_to_have_text("–")
    page.get_by_text("Paste symbols").click()
    page.get_by_role("textbox", name="Symbols").fill("NSE:TCS NSE_INDEX:NIFTY NOSUCH")
    page.get_by_role("button", name="Add them").click()
    expect(page.get_by_text("2 symbols added.")).to_be_visible()
    for kind in ("ltp", "bid", "vol", "pct"):
        expect(page.locator(f'[data-cell="{kind}:NSE:TCS"]')).not_to_have_text("–")
    visitor.see_it_move(page.locator(f'[data-cell="ltp:{SYMBOL}"]'))
    visitor.look("watch")
    page.get_by_role("link", name="SBIN", exact=True).focus()
    visitor.press("ArrowDown", "Alt+ArrowUp")
    expect(page.locator("[data-row]").first).to_have_text("TCS")
    expect(page.get_by_role("link", name="TCS", exact=True)).to_be_focused()
    visitor.press("b")
    expect(page.get_by_role("heading", name="Order ticket")).to_be_visible()
    expect(page.get_by_text("TCS on NSE")).to_be_visible()
    page.go_back()


def look_closely(visitor: Visitor) -> None:
    page = visitor.page
    page.get_by_role("link", name="SBIN", exact=True).click()
    expect(page.get_by_role("heading", name="SBIN", exact=True)).to_be_visible()
    for kind in ("bp1", "aq5", "bt", "spread"):
        expect(page.locator(f'[data-cell="{kind}:{SYMBOL}"]')).to_have_text(re.compile(r"\d"))
    bar = page.locator(f'[data-cell="bs1:{SYMBOL}"]')
    expect(bar).to_have_js_property("tagName", "METER")
    page.wait_for_function(f"document.querySelector('[data-cell=\"bs5:{SYMBOL}\"]').value > 0")
    visitor.see_it_move(page.locator(f'[data-cell="bq1:{SYMBOL}"]'))
    visitor.look("quote")


def set_an_alert(visitor: Visitor) -> None:
    page = visitor.page
    page.get_by_role("link", name="Alert", exact=True).click()
    page.get_by_label("Condition").select_option("moves up")
    page.get_by_label("Level").fill("2")
    page.get_by_label("Note").fill("sell half")
    visitor.look("alert-form")
    page.get_by_role("button", name="Switch it on").click()
    expect(page.locator("#alerts").get_by_text("rises by 2%")).to_be_visible()
    # the engine took its reference: what is counted from stands in the row
    expect(page.locator("#alerts")).to_contain_text(re.compile(r"rises by 2% from [\d.]+"))


def be_told_and_acknowledge(visitor: Visitor) -> None:
    page = visitor.page
    toast = page.locator("#toasts").get_by_text("SBIN rose by 2%")
    expect(toast).to_be_visible()
    expect(page.locator("#alerts tbody").last).to_contain_text("SBIN rose by 2%")
    expect(page.locator("#alerts").get_by_text("Fired", exact=True).last).to_be_visible()
    expect(page.locator("#unread")).to_contain_text("1")
    visitor.look("alerts")
    page.goto("/")
    expect(page.get_by_text("sell half")).to_be_visible()
    visitor.look("dashboard-alert")
    page.get_by_role("link", name="Notifications").first.click()
    page.wait_for_url("**/notifications")
    visitor.look("notifications")
    page.get_by_role("button", name=re.compile("Acknowledge: An alert fired")).click()
    expect(page.get_by_text("sell half")).to_have_count(0)
    expect(page.locator("#unread")).to_be_empty()
    page.goto("/")
    expect(page.get_by_text("sell half")).to_have_count(0)
