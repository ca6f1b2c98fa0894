"""A chart in a real browser against the real processes: it moves by itself and leaves the person where they are."""

import time

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]

SBIN = "/chart?exchange=NSE&symbol=SBIN&interval=1m&on=supertrend&on=ema"


def test_a_chart_moves_by_itself_and_leaves_the_person_where_they_are(visitor, market):
    page, paper = visitor.page, market.paper
    page.goto(SBIN)
    legend, chart = page.locator("#chart-legend"), page.locator("#chart")
    expect(legend).to_contain_text("Supertrend 10, 3", timeout=60_000)
    expect(page.locator("#chart-state")).to_contain_text("read from the venue at")
    visitor.mark()
    chart.focus()
    page.evaluate("scrollTo(0, 120)")
    before = legend.text_content()
    expect(legend).not_to_have_text(before, timeout=30_000)
    assert page.evaluate("document.activeElement.id") == "chart"
    assert page.evaluate("scrollY") == 120
    visitor.press("ArrowLeft", "ArrowLeft")
    stands = legend.locator("span").first
    there = stands.text_content()
    visitor.press("ArrowLeft")
    expect(stands).not_to_have_text(there)
    visitor.press("Home", "+", "-", "End")
    visitor.assert_not_loaded_again()
    asked, since = paper.state("alpha")["counters"]["history"], time.monotonic()
    for _ in range(3):
        visitor.new_tab().goto(SBIN)
    minutes = 1 + (time.monotonic() - since) // 60  # that may have ended meanwhile
    assert paper.state("alpha")["counters"]["history"] - asked <= minutes
    visitor.look("chart")
    page.get_by_role("link", name="Table").click()
    expect(page.get_by_role("heading", name="Candles of SBIN", exact=True)).to_be_visible()
    visitor.look("chart-table")
    page.goto("/chart")
    visitor.look("chart-find")
    assert visitor.faults == []
