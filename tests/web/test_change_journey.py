"""Changing and cancelling working orders in a real browser, by keyboard: asked once with numbers, told in rows."""

import pytest
from playwright.sync_api import expect

from tests.web.api.conftest import instrument
from tests.web.journeys import begun, first_person, served
from tests.web.trading import Desk
from tests.web.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]
RESTING = {"purpose": "manual", "state": "open", "side": "BUY", "price_type": "LIMIT", "price": 100}


@pytest.fixture
def address(tmp_path):
    """A web over a desk with working orders in two accounts and no engine: nothing moves."""
    with begun(tmp_path / "desk") as services:
        first_person(services)
        desk = Desk(services)
        desk.save(instrument(services))
        desk.order(desk.account("Zerodha main"), 130, **RESTING)
        desk.order(desk.account("Dhan family", mode="live"), 65, **RESTING)
    with served(tmp_path / "desk") as address:
        yield address


def test_orders_are_changed_and_cancelled_by_keyboard_and_every_page_keeps_nobody_out(visitor):
    page = visitor.page
    change_the_first(visitor)
    page.goto("/orders")
    visitor.tab_to("Cancel selected")
    visitor.press("Enter")
    expect(page.get_by_role("heading", name="Which orders?")).to_be_visible()
    visitor.look("cancel-nothing-ticked")
    page.go_back()
    visitor.tab_to("Select BUY NIFTY")
    visitor.press("Space")
    page.get_by_role("button", name="Cancel selected").press("Enter")
    expect(page.get_by_role("heading", name="Cancel 1 order in 1 account?")).to_be_visible()
    visitor.look("cancel-selected")
    visitor.tab_to("Keep it")
    visitor.press("Enter")
    expect(page.get_by_role("heading", name="Journal")).to_be_visible()
    page.goto("/orders")
    cancel_all(visitor)
    refused = [fault for fault in visitor.faults if "422" in fault]
    assert len(refused) == 2, "a price off the tick, and nothing ticked: the browser notes both"
    assert [fault for fault in visitor.faults if fault not in refused] == []


def change_the_first(visitor: Visitor) -> None:
    page = visitor.page
    page.goto("/orders")
    page.get_by_role("row", name="Zerodha main").get_by_role("link", name="NIFTY").first.click()
    page.get_by_role("link", name="Change").click()
    expect(page.get_by_role("heading", name="Change buy NIFTY")).to_be_visible()
    visitor.look("change")
    page.get_by_label("Price", exact=True).fill("100.01")
    visitor.tab_to("Change the order")
    visitor.press("Enter")
    expect(page.get_by_text("not a multiple of the tick")).to_be_visible()
    visitor.look("change-refused")
    page.get_by_label("Price", exact=True).fill("101")
    visitor.press("Enter")
    expect(page.get_by_role("cell", name="130 LIMIT at 101")).to_be_visible()
    visitor.look("changed")


def cancel_all(visitor: Visitor) -> None:
    """In a dialog: the focus stays in it, and Escape gives it back."""
    page = visitor.page
    opener = page.get_by_role("link", name="Cancel all working here")
    opener.press("Enter")
    question = page.get_by_role("dialog", name="Cancel 2 orders in 2 accounts?")
    expect(question).to_be_visible()
    visitor.look("cancel-all")
    visitor.press("Escape")
    expect(question).to_be_hidden()
    expect(opener).to_be_focused()
    visitor.press("Enter")
    expect(question).to_be_visible()
    visitor.tab_to("Cancel 2 orders")
    visitor.press("Enter")
    expect(page.get_by_role("status").filter(has_text="0 cancelled, 2 on the way")).to_be_visible()
    visitor.look("cancelled-together")
    visitor.tab_to("NIFTY 24 Dec 26")
