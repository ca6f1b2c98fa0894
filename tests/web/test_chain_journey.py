"""The option chain in a real browser over the real processes: it moves, keeps the focus, and hands its legs on."""

import re

import pytest
from playwright.sync_api import expect

from tests.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]

UNDERLYINGS = ("NFO:BANKNIFTY", "NFO:FINNIFTY", "BFO:SENSEX")
FOCUSED = "document.activeElement.getAttribute('aria-label')"


def known(text: str) -> bool:
    return re.search(r"\d", text) is not None


def until_filled(page) -> None:
    """Prices, volatility, and the sums are there; open interest of yesterday comes one call after the other."""
    expect(page.locator("#chain tr.atm")).to_have_count(1, timeout=60_000)
    for name in ("spot", "iv", "pcr", "max_pain", "straddle"):
        cell = page.locator(f'.chain-sums [data-cell^="{name}:sum@"]')
        until(lambda cell=cell: known(cell.text_content()), timeout=60)
    until(lambda: known(page.locator("#chain tr.atm .ce [data-cell*=':oic@']").text_content()), timeout=90)


def test_a_chain_moves_and_its_legs_reach_the_builder_and_the_ticket(visitor, market):
    page = visitor.page
    until(lambda: page.goto("/chain") and page.locator("#chain").count(), timeout=60)  # the masters are read once

    until_filled(page)
    visitor.look("chain-oi")
    watch_it_keep_focus_and_scroll(visitor)
    follow_the_money(page, market.paper)
    pick_legs(visitor)
    see_the_other_chains(page)
    assert visitor.faults == [], "\n".join(visitor.faults)


def watch_it_keep_focus_and_scroll(visitor) -> None:
    page = visitor.page
    region = page.get_by_role("region", name="Option chain of NIFTY")
    region.evaluate("one => one.scrollTop = 300")
    button = page.locator("#chain tr.atm .pe .picks button").first
    button.focus()
    region.evaluate("one => one.scrollTop = 200")
    label = page.evaluate(FOCUSED)
    ltp = page.locator("#chain tr.atm .pe [data-cell*=':ltp@']")
    visitor.see_it_move(ltp)
    assert page.evaluate(FOCUSED) == label
    assert region.evaluate("one => one.scrollTop") == 200
    page.keyboard.press("ArrowDown")
    assert page.evaluate(FOCUSED) != label


def follow_the_money(page, paper) -> None:
    """The index jumps: the mark goes along, and the strikes with it when it leaves their middle."""
    before = int(page.locator("#chain tr.atm").get_attribute("data-strike"))
    paper.tell("market", name="NIFTY", pin=before + 550)
    expect(page.locator("#chain tr.atm")).to_have_attribute("data-strike", str(before + 550), timeout=30_000)
    rows = page.locator("#chain tr[data-strike]")
    until(lambda: rows.count() == 21 and rows.nth(10).get_attribute("data-strike") == str(before + 550), timeout=60)


def pick_legs(visitor) -> None:
    page = visitor.page
    page.locator("#chain tr.atm .ce .picks button").first.focus()
    page.keyboard.press("s")
    expect(page.locator("#basket").get_by_text("1 leg")).to_be_visible()
    cell = page.locator("#chain tr.atm .pe[data-keys]")
    cell.hover()
    cell.get_by_role("button", name="Buy").click()
    expect(page.locator("#basket").get_by_text("2 legs")).to_be_visible()
    page.get_by_role("button", name=re.compile("One lot more")).first.click()
    expect(page.locator("#basket tbody td.num").first).to_have_text("2")
    page.get_by_role("link", name="Greeks").click()
    expect(page.locator("#basket").get_by_text("2 legs")).to_be_visible()
    until(lambda: known(page.locator("#chain tr.atm .ce [data-cell*=':delta@']").text_content()), timeout=60)
    visitor.look("chain-greeks")
    page.locator("#basket").get_by_role("link", name="Trade").first.click()
    expect(page.get_by_label("Quantity")).to_have_value("2")
    assert page.locator("input[name=side][value=SELL]").is_checked()
    page.go_back()
    page.get_by_role("button", name="Open the builder").click()
    expect(page.get_by_role("heading", name="New strategy")).to_be_visible()
    expect(page.locator("#legs tr")).to_have_count(2)
    assert page.locator("[name=legs-0-lots]").input_value() == "2"
    assert page.locator("[name=legs-0-action]").input_value() == "SELL"


def see_the_other_chains(page) -> None:
    for place in UNDERLYINGS:
        chain = page.get_by_role("region", name=f"Option chain of {place.partition(':')[2]}")
        until(lambda place=place, chain=chain: page.goto(f"/chain?underlying={place}") and chain.count(), timeout=60)
        until_filled(page)
    assert len(until(lambda: volatilities(page), timeout=60, every=5)) == 11  # seldom: calls are counted


def volatilities(page) -> list[str]:
    """Of the calls around the money, as the API tells them; none while one of them is not known."""
    answer = page.request.get("/api/v1/chain?underlying=SENSEX&strikes=5")
    assert answer.status == 200, answer.text()
    told = [row["call"]["implied_volatility"] for row in answer.json()["strikes"]]
    return told if all(told) else []
